r"""Exponential smoothing at fixed parameters, on values and on logarithms, weighted by its errors.

One pass over a series gives the forecasts of all settings at every past origin, so that nothing has
to be fitted: the settings are averaged with weights that fall with their errors at those origins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.members.recursion import settings
from skconvattn.members.runs import Runs
from skconvattn.members.weighing import PastForecasts, smoothing_weights

# Most numbers in the seasons of the series that are advanced together.
_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class Smoothing:
    r"""Weighted exponential smoothing of one series or many.

    The forecast of setting :math:`k` from origin :math:`t` is that of additive Holt-Winters
    smoothing with a damped trend (Gardner, 1985),

    .. math:: \hat y_{k,t+h} = \ell_{k,t} + (\phi_k + \dots + \phi_k^h)\, b_{k,t} + s_{k,t+h-m},

    of the values, or the exponential function of that of the logarithms. A series is forecast by

    .. math:: \hat y_{t+h} = \sum_k a_k\, \hat y_{k,t+h}, \qquad \sum_k a_k = 1

    with weights by their errors at past origins
    (:class:`~skconvattn.members.weighing.RollingOrigins`). Missing values leave level and season
    as they are, and the trend goes on.

    Attributes
    ----------
    periods : tuple of int
        Time steps of the seasons, each of which is tried alone.
    weights : ndarray of shape (n_series, 2 * n_periods, n_settings)
        :math:`a_k` of the settings, for each season on values and on logarithms; the sum over all
        is one.
    rare : bool
        Whether the series are rare demand.
    """

    periods: tuple[int, ...]
    weights: np.ndarray
    rare: bool = False

    @classmethod
    def choose(
        cls,
        series: Sequence[np.ndarray],
        periods: tuple[int, ...],
        horizon: int,
        *,
        kinds: tuple[bool, bool] = (True, True),
        squared: bool = False,
        rare: bool = False,
        n_in_panel: int | None = None,
    ) -> tuple[Smoothing, list[PastForecasts]]:
        """Weigh the settings by their errors at past origins.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series that end with a value; NaN where missing.
        periods : tuple of int
            Time steps of the seasons; 1 for none.
        horizon : int
            Steps ahead.
        kinds : (bool, bool)
            Whether values, and logarithms of positive values, are smoothed; values are where
            logarithms cannot be.
        squared : bool
            Whether errors are squared, for a forecast of the mean, instead of absolute, for one of
            the median.
        rare : bool
            Whether the series are rare demand, whose mean moves slowly.
        n_in_panel : int, optional
            Number of series in the panel that these are a part of; all of it by default.

        Returns
        -------
        smoothing : Smoothing
            Weighted settings.
        past : list of PastForecasts
            Forecasts of each series at past origins.
        """
        grid = settings(max(periods), rare)
        shape = (len(series), 2 * len(periods), len(grid.level))
        weights = np.zeros(shape, dtype=np.float32)
        past: list[Any] = [None] * len(series)
        for part in _parts(series, periods):
            runs = Runs.of([series[i] for i in part], periods, kinds, grid)
            weights[part], of_part = smoothing_weights(
                runs,
                len(part),
                max(periods),
                horizon,
                squared=squared,
                n_in_panel=n_in_panel or len(series),
            )
            for number, one in zip(part, of_part, strict=True):
                past[number] = one
        return cls(periods, weights, rare), past

    @classmethod
    def joined(cls, parts: Sequence[Smoothing]) -> Smoothing:
        """Return the smoothing of the series of all parts, in order."""
        return replace(parts[0], weights=np.concatenate([one.weights for one in parts]))

    @property
    def log_shares(self) -> np.ndarray:
        """Weight of the logarithms in the forecast of each series: (n_series,)."""
        return self.weights[:, 1::2].sum(axis=(1, 2), dtype=np.float64)

    def of(self, numbers: np.ndarray) -> Smoothing:
        """Return the smoothing of some series by their index."""
        return replace(self, weights=self.weights[numbers])

    def of_rows(self, runs: Runs) -> np.ndarray:
        """Return the weights of rows, whose sum is one per series: (n_rows, n_settings)."""
        weights = self.weights.astype(np.float64)
        weights /= weights.sum(axis=(1, 2), keepdims=True)
        return weights[runs.number, runs.slot]

    def forecasts(self, series: Sequence[np.ndarray], n_ahead: int) -> np.ndarray:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series of which the weights are, in the same order; they may have grown.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        ndarray of shape (n_series, n_ahead)
            Forecasts.
        """
        origins = [np.array([len(one) - 1]) for one in series]
        ahead = self.forecasts_at(series, origins, n_ahead)
        return np.concatenate(ahead) if ahead else np.zeros((0, n_ahead))

    def forecasts_at(
        self, series: Sequence[np.ndarray], origins: Sequence[np.ndarray], n_ahead: int
    ) -> list[np.ndarray]:
        """Forecast from past origins, each from the values up to it.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series of which the weights are, in the same order.
        origins : sequence of ndarray of shape (n_origins,)
            Positions of the last value before each forecast; -1 before the first value, where the
            forecast is that of the first state.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        list of ndarray of shape (n_origins, n_ahead)
            Forecasts of each series.
        """
        steps, grid = np.arange(1, n_ahead + 1), settings(max(self.periods), self.rare)
        ahead = [np.zeros((len(asked), n_ahead)) for asked in origins]
        used = [bool(self.weights[:, kind::2].any()) for kind in (0, 1)]
        for part in _parts(series, self.periods):
            asked = [origins[i] for i in part]
            kinds = used[0], used[1]
            runs = Runs.of([series[i] for i in part], self.periods, kinds, grid, asked)
            weights = self.of(part).of_rows(runs)
            for t, rows, places in runs.visits(asked):
                values = runs.ahead(t, steps, rows)  # (n_steps, n_rows, n_settings)
                by_row = np.einsum("hrk,rk->rh", values, weights[rows])
                for row, place, forecast in zip(rows, places, by_row, strict=True):
                    ahead[part[runs.number[row]]][place] += forecast
        return ahead


class SmoothingState:
    """Weighted exponential smoothing of one series that goes on.

    Parameters
    ----------
    smoothing : Smoothing
        Weighted settings of one series.
    series : ndarray of shape (n_timepoints,)
        The series so far; NaN where missing.
    """

    def __init__(self, smoothing: Smoothing, series: np.ndarray) -> None:
        grid = settings(max(smoothing.periods), smoothing.rare)
        used = [bool(smoothing.weights[:, kind::2].any()) for kind in (0, 1)]
        self._runs = Runs.of([series], smoothing.periods, (used[0], used[1]), grid)
        self._weights = smoothing.of_rows(self._runs)
        self._t = -1
        for t in range(self._runs.n_timepoints):
            self._runs.advance(t)
            self._t = t

    def take(self, values: np.ndarray) -> None:
        """Take further values, (n_timepoints,); NaN where missing."""
        for value in values:
            self._t += 1
            self._runs.take(self._t, float(value))

    def ahead(self, n_ahead: int) -> np.ndarray:
        """Forecast the steps after the last value: (n_ahead,)."""
        ahead = self._runs.ahead(self._t, np.arange(1, n_ahead + 1))
        return np.einsum("hrk,rk->h", ahead, self._weights)


def _parts(series: Sequence[np.ndarray], periods: tuple[int, ...]) -> list[np.ndarray]:
    """Return the indices of series in parts that are advanced together."""
    n_settings = len(settings(max(periods)).level)
    at_once = max(1, _AT_ONCE // (2 * sum(periods) * n_settings))
    # Series of similar length wait less for each other.
    order = np.argsort([len(one) for one in series], kind="stable")
    return [order[i : i + at_once] for i in range(0, len(order), at_once)]
