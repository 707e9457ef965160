"""Forecasts of attention that was trained on simulated series, of series never seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skconvattn.members.pretrained_network import PretrainedNetwork, pretrained_network
from skconvattn.members.seasonal_attention import SeasonalAttention

# Past origins, one of the shortest seasons apart, at which several seasons are compared; the power
# of their errors, and equal errors that these are averaged with.
_N_JUDGED, _SHARPNESS, _EQUAL_ERRORS = 8, 4.0, 1.0
# Numbers in the windows that are kept at the same time.
_AT_ONCE = 2**20


@dataclass(frozen=True)
class Pretrained:
    r"""Zero-shot forecasts: attention over one season, or an average over several.

    .. math:: \hat y = \sum_m w_m\, \hat y_m, \qquad w_m \propto e_m^{-4}

    for seasons of :math:`m` time steps with mean absolute errors :math:`e_m` at past origins.

    Parameters
    ----------
    periods : tuple of int
        Time steps of each season, in increasing order; 1 for none.
    mean : bool
        Whether points are means instead of medians.
    network : PretrainedNetwork, optional
        The network, after further training; that of the package by default.
    """

    periods: tuple[int, ...]
    mean: bool = False
    network: PretrainedNetwork | None = None

    @property
    def seasons(self) -> list[SeasonalAttention]:
        """Attention over each season."""
        return [SeasonalAttention(period, self.network) for period in self.periods]

    @property
    def n_read(self) -> int:
        """Time steps before an origin that may be read, for all of the average."""
        longest = self.periods[-1]
        compared = (_N_JUDGED + 1) * longest if len(self.periods) > 1 else 0
        return self.seasons[-1].n_read + compared

    def quantiles_at(
        self, series: Sequence[np.ndarray], origins: Sequence[np.ndarray], n_ahead: int
    ) -> list[np.ndarray]:
        """Forecast from origins, each from the values up to it.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series; NaN where missing.
        origins : sequence of ndarray of shape (n_origins,)
            Positions of the last value before each forecast; -1 before the first value.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        list of ndarray of shape (n_origins, n_ahead, n_levels)
            Quantiles of each series at the levels of :func:`pretrained_network`.
        """
        if len(self.periods) == 1:
            return _quantiles_at(self.seasons[0], series, origins, n_ahead)
        compared = min(n_ahead, self.periods[-1])
        judged = [
            _judged(asked, compared, self.periods[0], int(np.isfinite(one).argmax()))
            for one, asked in zip(series, origins, strict=True)
        ]
        own = [_quantiles_at(season, series, origins, n_ahead) for season in self.seasons]
        past = [_quantiles_at(season, series, judged, compared) for season in self.seasons]
        mixed = []
        for i, (one, asked) in enumerate(zip(series, origins, strict=True)):
            errors = np.stack([_errors(one, judged[i], each[i]) for each in past])
            weights = _weights(errors, judged[i] + compared, asked)  # (n_seasons, n_origins)
            mixed.append(sum(w[:, None, None] * q[i] for w, q in zip(weights, own, strict=True)))
        return mixed

    def forecasts_at(
        self, series: Sequence[np.ndarray], origins: Sequence[np.ndarray], n_ahead: int
    ) -> list[np.ndarray]:
        """Forecast medians, or means, from origins: a list of (n_origins, n_ahead).

        Parameters are those of :meth:`quantiles_at`.
        """
        n_read = self.seasons[-1].n_read * (1 if len(self.periods) == 1 else 1 + _N_JUDGED)
        counts = np.cumsum([len(asked) * n_read for asked in origins])
        first, found = 0, []
        while first < len(series):
            # Windows and quantiles of many series at once would take gigabytes.
            seen = counts[first - 1] if first else 0
            last = max(int(np.searchsorted(counts, seen + _AT_ONCE, side="right")), first + 1)
            part = self.quantiles_at(series[first:last], origins[first:last], n_ahead)
            found += [self._points(each) for each in part]
            first = last
        return found

    def attention(self, series: np.ndarray, n_ahead: int) -> np.ndarray:
        """Return how much forecasts from the end of a series attend to its time steps.

        Parameters
        ----------
        series : ndarray of shape (n_timepoints,)
            A series; NaN where missing.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        ndarray of shape (min(n_timepoints, time steps of the longest window),)
            Weights with a sum of one, of the last time steps. Of several seasons, the average.
        """
        origin, longest = np.array([len(series) - 1]), self.seasons[-1].n_read
        total = np.zeros(longest)
        for season in self.seasons:
            total[-season.n_read :] += season.attention(season.windows(series, origin), n_ahead)[0]
        return total[-min(len(series), longest) :] / len(self.seasons)

    def _points(self, quantiles: np.ndarray) -> np.ndarray:
        levels = pretrained_network().levels
        if not self.mean:
            return quantiles[..., len(levels) // 2]
        # The integral of the quantile function, constant around each level.
        ends = np.convolve(levels, [0.5, 0.5], mode="valid")
        return quantiles @ np.diff(np.concatenate([[0.0], ends, [1.0]]))


def _quantiles_at(
    season: SeasonalAttention,
    series: Sequence[np.ndarray],
    origins: Sequence[np.ndarray],
    n_ahead: int,
) -> list[np.ndarray]:
    """Forecast with one season, all windows of all series together."""
    counts = [len(asked) for asked in origins]
    windows = [season.windows(one, asked) for one, asked in zip(series, origins, strict=True)]
    quantiles = season.quantiles(np.concatenate(windows), n_ahead)
    return np.split(quantiles, np.cumsum(counts)[:-1])


def _judged(origins: np.ndarray, n_ahead: int, step: int, first: int) -> np.ndarray:
    """Return the origins at which seasons are compared for forecasts from others: increasing.

    None is before ``first``, the position of the first known value.
    """
    back = n_ahead + step * np.arange(_N_JUDGED)
    judged = np.unique(np.asarray(origins)[:, None] - back)
    return judged[judged >= first]


def _errors(series: np.ndarray, origins: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Return the mean absolute error from each origin: (n_origins,); NaN where nothing is known."""
    n_ahead = quantiles.shape[1]
    padded = np.concatenate([series, np.full(n_ahead, np.nan)])
    actual = padded[origins[:, None] + np.arange(1, n_ahead + 1)]
    error = np.abs(actual - quantiles[..., quantiles.shape[2] // 2])
    known = np.isfinite(error)
    counts = known.sum(axis=1)
    total = np.where(known, error, 0.0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _weights(errors: np.ndarray, known_at: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Weigh seasons at origins by errors that were known there: (n_seasons, n_origins)."""
    usable = np.isfinite(errors).all(axis=0) & (known_at <= np.asarray(origins)[:, None])
    # The latest ones, as many as an origin at the end has.
    rank = np.cumsum(usable[:, ::-1], axis=1)[:, ::-1]
    usable &= rank <= _N_JUDGED
    counts = usable.sum(axis=1)
    filled = np.where(np.isfinite(errors), errors, 0.0)
    means = filled @ usable.T / np.maximum(counts, 1) + np.finfo(np.float64).tiny
    logs = np.log(means) * counts / (counts + _EQUAL_ERRORS)
    logs = np.where(counts > 0, logs - logs.min(axis=0), 0.0)
    weights = np.exp(-_SHARPNESS * logs)
    return weights / weights.sum(axis=0)
