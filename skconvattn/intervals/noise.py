"""The noise scale of a window, and the number of independent errors in overlapping windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_LOCALITIES = np.array([0.5, 0.65, 0.8, 0.95])


def noise_floor(target: np.ndarray, period: int) -> float:
    """Return the mean absolute change of a target over a season, positive.

    Parameters
    ----------
    target : ndarray of shape (n_timepoints,)
        Values on the scale of the network.
    period : int
        Time steps of a season.
    """
    values = target.astype(np.float64)
    lag = period if len(values) > period else 1
    change = np.abs(values[lag:] - values[:-lag])
    return max(float(np.nanmean(change)) if len(change) else 0.0, 1e-9)


def mean_change(windows: np.ndarray, period: int) -> np.ndarray:
    """Return the mean absolute change in windows, over one step and over one season, averaged.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, window_length)
        Windows of the target, or whole series.
    period : int
        Time steps of a season; a window that is not longer has changes over one step alone.

    Returns
    -------
    ndarray of shape (n_windows,)
        Mean changes, not negative; 0 for windows of one time step.
    """
    if windows.shape[1] < 2:
        return np.zeros(len(windows))
    lags = (1, period if windows.shape[1] > period else 1)
    changes = [np.abs(windows[:, lag:] - windows[:, :-lag]) for lag in lags]
    return np.mean([change.mean(axis=1, dtype=np.float64) for change in changes], axis=0)


def overall_change(target: np.ndarray, period: int) -> float:
    """Return the mean change in a whole series, positive; see :func:`mean_change`."""
    return max(float(mean_change(target[None], period)[0]), 1e-9)


def window_level(windows: np.ndarray, period: int) -> np.ndarray:
    """Return the mean of the last season of each window: (n_windows,)."""
    return windows[:, -period:].mean(axis=1, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LevelShare:
    r"""How far the size of errors follows the level of a series.

    Where a share :math:`\lambda` of a forecast comes from logarithms, errors are taken to be
    proportional to the level :math:`v` as far as that,

    .. math:: (1 - \lambda)\, c + \lambda\, \kappa\, (v + a), \qquad
              \kappa = \bar c / \overline{v + a},

    instead of to the changes :math:`c` alone.

    Attributes
    ----------
    shares : ndarray of shape (n_series * n_targets,)
        :math:`\lambda`.
    offsets : ndarray of shape (n_series * n_targets,)
        :math:`a`, what is added to scaled values for values that are zero at zero.
    ratios : ndarray of shape (n_series * n_targets,)
        :math:`\kappa`.
    """

    shares: np.ndarray
    offsets: np.ndarray
    ratios: np.ndarray

    @classmethod
    def none(cls, n_targets: int) -> LevelShare:
        """Return that of series whose errors do not follow the level."""
        return cls(np.zeros(n_targets), np.zeros(n_targets), np.zeros(n_targets))

    @classmethod
    def measured(
        cls, shares: np.ndarray, offsets: np.ndarray, targets: Sequence[np.ndarray], period: int
    ) -> LevelShare:
        """Measure the ratio of changes to the level of targets, each of shape (n_timepoints,)."""
        changes = np.array([overall_change(target, period) for target in targets])
        levels = np.array([float(np.mean(target)) for target in targets]) + offsets
        usable = (shares > 0) & (levels > 0)
        ratios = np.where(usable, changes / np.where(usable, levels, 1.0), 0.0)
        return cls(np.where(usable, shares, 0.0), offsets, ratios)

    def of(self, rows: np.ndarray) -> LevelShare:
        """Return that of some targets by their index; none for those with a negative index."""
        known = rows >= 0
        return LevelShare(*(np.where(known, each[rows], 0.0) for each in vars(self).values()))

    def mixed(self, changes: np.ndarray, level: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Return mean changes, (n_windows,), as far replaced by multiples of the level."""
        by_level = self.ratios[series] * np.maximum(level + self.offsets[series], 0.0)
        return changes + self.shares[series] * (by_level - changes)


def mixed_scale(local: np.ndarray, overall: Any, locality: float) -> np.ndarray:
    """Return noise scales from the changes in windows, (n,), and in all data; positive."""
    return locality * local + (1 - locality) * overall


def locality_of(
    residuals: np.ndarray, local: np.ndarray, overall: np.ndarray, n_first: int
) -> float:
    r"""Return how far the size of errors follows the changes in their own window.

    Errors follow their window where noise grows with the level or comes in bursts; where noise is
    steady, the change in a window is an estimate from few time steps, and makes intervals too wide
    or too narrow by chance. Each locality :math:`k`, with the scales
    :math:`s_w = k\, l_w + (1 - k) o_w`, has the weight of the likelihood of later errors, normal
    with the size of the earlier ones,

    .. math:: \exp\Bigl(-\frac{n_\mathrm{eff}}{n} \sum_{wh} \Bigl[\log (s_w \sigma_h)
              + \frac{e_{wh}^2}{2 s_w^2 \sigma_h^2}\Bigr]\Bigr),

    in which :math:`n_\mathrm{eff}` is the effective number of the :math:`n` overlapping windows;
    the weighted mean is returned. A short history seldom shows that noise grows, and intervals that
    do not follow the noise fail at the end, where forecasts are made: the locality is at least 0.5.

    Parameters
    ----------
    residuals : ndarray of shape (n_windows, horizon)
        Actual minus forecast; NaN where no value was observed.
    local, overall : ndarray of shape (n_windows,)
        Mean change in each window, and in all data of its series.
    n_first : int
        Number of earlier windows.

    Returns
    -------
    float
        Locality, from 0.5 to 0.95; a window without any change still has a scale.
    """
    tiny = np.finfo(np.float64).tiny
    likelihoods = []
    for share in _LOCALITIES:
        scales = mixed_scale(local, overall, share)
        errors = residuals / scales[:, None]
        earlier, later = errors[:n_first], errors[n_first:]
        known = np.isfinite(earlier).sum(axis=0)
        squares = np.where(np.isfinite(errors), errors, 0.0) ** 2
        # Where a series was constant before, earlier errors are zero, and later ones would be
        # infinitely unlikely under every locality.
        least = np.maximum(1e-6 * squares.mean(axis=0), tiny)
        variance = np.maximum(squares[:n_first].sum(axis=0) / np.maximum(known, 1), least)
        judged = np.isfinite(later) & (known > 0)
        logs = (
            np.log(scales[n_first:, None])
            + (np.log(variance) + np.where(judged, later, 0.0) ** 2 / variance) / 2
        )
        fraction = effective_windows(later).mean() / max(len(later), 1) if judged.any() else 0.0
        likelihoods.append(-fraction * logs[judged].sum())
    weights = np.exp(np.array(likelihoods) - max(likelihoods))
    return float(weights @ _LOCALITIES / weights.sum())


def effective_windows(errors: np.ndarray) -> np.ndarray:
    r"""Return the effective number of errors of overlapping windows, by step ahead.

    Errors of a good forecast :math:`h` steps ahead are correlated over fewer than :math:`h`
    windows. The variance of their mean square, which sets the width of intervals, is that of

    .. math:: n_h = \frac{n}{1 + 2 \sum_{k=1}^{h-1} (1 - k/n)\, \rho_{hk}^2}

    independent normal errors (Bartlett, 1946), with the correlation :math:`\rho_{hk}` of errors
    :math:`k` windows apart, about zero. At twelve steps ahead, a tenth of the windows of a random
    walk count, and most of those of white noise.

    Parameters
    ----------
    errors : ndarray of shape (n_windows, horizon)
        Scaled errors, windows in the order of time; NaN where no value was observed.

    Returns
    -------
    ndarray of shape (horizon,)
        Effective numbers, between 1 and the number of errors, not rising with the step.
    """
    present = np.isfinite(errors)
    filled = np.where(present, errors, 0.0)
    counts = np.maximum(present.sum(axis=0), 1)
    square = np.maximum((filled**2).sum(axis=0) / counts, np.finfo(np.float64).tiny)
    total = np.zeros(errors.shape[1])
    for lag in range(1, min(errors.shape)):
        pairs = (present[lag:] & present[:-lag])[:, lag:].sum(axis=0)
        product = (filled[lag:, lag:] * filled[:-lag, lag:]).sum(axis=0) / np.maximum(pairs, 1)
        total[lag:] += (1 - lag / counts[lag:]).clip(0) * np.clip(
            product / square[lag:], -1, 1
        ) ** 2
    return np.minimum.accumulate(np.maximum(counts / (1 + 2 * total), 1.0))
