"""The recursion of additive exponential smoothing, for many settings and series at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

# Level parameters, trends as (trend over level parameter, damping, drift), and season parameters,
# where -1 stands for none. A drift continues the mean change since the beginning, as in
# Assimakopoulos and Nikolopoulos (2000), "The theta model". Without a season, trends change faster.
_RARE_LEVELS = (0.005, 0.01, 0.02, 0.05, 0.1)
_LEVELS = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
_TRENDS = (
    (0.0, 0.0, 0.0),
    (0.0, 0.0, 0.5),
    (0.0, 0.0, 1.0),
    (0.05, 0.9, 0.0),
    (0.2, 0.9, 0.0),
    (0.05, 0.98, 0.0),
    (0.2, 0.98, 0.0),
    (0.02, 1.0, 0.0),
    (0.1, 1.0, 0.0),
)
_FASTER_TRENDS = ((0.5, 0.9, 0.0), (0.5, 0.98, 0.0), (0.8, 0.9, 0.0), (0.8, 0.98, 0.0))
_SEASONS = (-1.0, 0.02, 0.1, 0.25, 0.5)


@dataclass(frozen=True, eq=False)
class Settings:
    """Parameters of exponential smoothing.

    Attributes
    ----------
    level : ndarray of shape (n_settings,)
        Share of an error by which the level moves.
    trend : ndarray of shape (n_settings,)
        Share of an error by which the trend moves.
    damping : ndarray of shape (n_settings,)
        Factor of the trend from one step to the next; 0 for no trend.
    drift : ndarray of shape (n_settings,)
        Share of the mean change since the beginning that is added per step.
    season : ndarray of shape (n_settings,)
        Share of an error, less that of the level, by which the season moves; negative for none.
    """

    level: np.ndarray
    trend: np.ndarray
    damping: np.ndarray
    drift: np.ndarray
    season: np.ndarray


@lru_cache(maxsize=64)
def settings(period: int, rare: bool = False) -> Settings:
    """Return the settings of exponential smoothing for a season.

    Parameters
    ----------
    period : int
        Time steps of a season, 1 for none.
    rare : bool
        Whether the series is rare demand, the mean of which moves slowly and has no trend.

    Returns
    -------
    Settings
        All combinations of level, trend and season parameters.
    """
    levels: tuple[float, ...] = _RARE_LEVELS if rare else _LEVELS
    trends: tuple[tuple[float, float, float], ...] = _TRENDS
    seasons: tuple[float, ...] = _SEASONS if period > 1 else _SEASONS[:1]
    if rare:
        trends, seasons = _TRENDS[:1], seasons[:2]
    elif period == 1:
        trends = _TRENDS + _FASTER_TRENDS
    rows = [
        (level, level * trend, damping, drift, season)
        for level, (trend, damping, drift), season in product(levels, trends, seasons)
    ]
    return Settings(*np.array(rows).T)


class Recursion:
    r"""Levels, trends and seasons of all settings after each time step of many series.

    With an error :math:`e_t = y_t - \ell_{t-1} - \phi b_{t-1} - s_{t-m}`,

    .. math:: \ell_t = \ell_{t-1} + \phi b_{t-1} + \alpha e_t, \quad
              b_t = \phi b_{t-1} + \beta e_t, \quad
              s_t = s_{t-m} + \gamma (1 - \alpha) e_t.

    A missing value has no error. The first state comes from the first two seasons, or the first
    values. See Hyndman et al. (2008), "Forecasting with Exponential Smoothing".

    Parameters
    ----------
    series : list of ndarray of shape (n_timepoints,)
        Series of any lengths that end with a value; NaN where missing.
    period : int
        Time steps of a season, 1 for none.
    settings : Settings
        Parameters.

    Attributes
    ----------
    values : ndarray of shape (n_series, n_longest)
        The series, which end together; NaN before their beginning.
    starts : ndarray of shape (n_series,)
        Position of the first value of each series.
    """

    def __init__(self, series: list[np.ndarray], period: int, settings: Settings) -> None:
        longest = max(len(one) for one in series)
        self.values = np.full((len(series), longest), np.nan)
        self.starts = np.array([longest - len(one) for one in series])
        for row, start, one in zip(self.values, self.starts, series, strict=True):
            row[start:] = one
        self._settings, self._period = settings, period
        self._of_season = np.maximum(settings.season, 0.0) * (1.0 - settings.level)
        # An intermediate product that no step has to allocate.
        shape = (len(series), len(settings.level))
        self._moved = np.empty(shape)
        self._level, self._trend, self._first_level = (np.zeros(shape) for _ in range(3))
        self._season = np.zeros((period, *shape))
        self._begin(-1)

    @property
    def n_timepoints(self) -> int:
        """Time steps of the longest series."""
        return self.values.shape[1]

    @property
    def n_settings(self) -> int:
        """Number of settings."""
        return len(self._settings.level)

    def advance(self, t: int) -> None:
        """Take the values at a time step."""
        self.take(t, self.values[:, t])
        self._begin(t)

    def take(self, t: int, values: np.ndarray) -> None:
        """Take values, (n_series,), at a time step that may lie after the series."""
        season, settings, moved = self._season[t % self._period], self._settings, self._moved
        self._trend *= settings.damping
        self._level += self._trend
        error = values[:, None] - self._level
        error -= season
        missing = np.isnan(values)
        if missing.any():
            error[missing] = 0.0
        for state, share in (
            (self._level, settings.level),
            (self._trend, settings.trend),
            (season, self._of_season),
        ):
            np.multiply(error, share, out=moved)
            state += moved

    def ahead(self, t: int, steps: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        """Forecast after the time step that was taken last.

        Parameters
        ----------
        t : int
            That time step.
        steps : ndarray of shape (n_steps,)
            Steps ahead, from 1.
        rows : slice or ndarray of shape (n_rows,)
            Index of the series; all by default.

        Returns
        -------
        ndarray of shape (n_steps, n_rows, n_settings)
            Forecasts.
        """
        settings, level = self._settings, self._level[rows]
        damped = _damped_sums(settings.damping, steps)  # (n_steps, n_settings)
        ahead = damped[:, None] * self._trend[rows]
        ahead += level
        if settings.drift.any():
            elapsed = np.maximum(t - self.starts[rows] + 1, 1)[:, None]
            change = (level - self._first_level[rows]) / elapsed * settings.drift
            ahead += steps[:, None, None] * change
        if self._period > 1:
            ahead += self._season[(t + steps) % self._period][:, rows]
        return ahead

    def _begin(self, t: int) -> None:
        """Set the first state of the series that begin after a time step."""
        for row in np.flatnonzero(self.starts == t + 1):
            level, trend, season = _first_state(self.values[row, t + 1 :], self._period)
            self._level[row] = self._first_level[row] = level
            self._trend[row] = np.where(self._settings.damping > 0, trend, 0.0)
            places = (t + 1 + np.arange(self._period)) % self._period
            self._season[places, row] = np.where(self._settings.season >= 0, season[:, None], 0.0)


def _first_state(values: np.ndarray, period: int) -> tuple[float, float, np.ndarray]:
    """Return level and trend before the first value, and the season, (period,)."""
    n_first = min(len(values), 2 * period if period > 1 else 4)
    first = values[:n_first]
    present = np.flatnonzero(~np.isnan(first))
    first = np.interp(np.arange(n_first), present, first[present]) if len(present) else 0 * first
    first = np.nan_to_num(first)
    if period > 1 and len(values) >= 2 * period:
        seasons = first[: n_first // period * period].reshape(-1, period)
        season = (seasons - seasons.mean(axis=1, keepdims=True)).mean(axis=0)
        trend = (seasons[1].mean() - seasons[0].mean()) / period
        return float(seasons[0].mean()), float(trend), season
    last = min(3, n_first - 1)
    trend = (first[last] - first[0]) / max(last, 1)
    return float(first[:3].mean()), float(trend), np.zeros(period)


def _damped_sums(damping: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the sum of the powers of the damping up to each step: (n_steps, n_settings)."""
    powers = np.where(damping > 0, damping ** np.arange(1, steps.max() + 1)[:, None], 0.0)
    return np.cumsum(powers, axis=0)[steps - 1]
