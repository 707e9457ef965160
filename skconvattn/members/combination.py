"""The combination of a model's forecasts with exponential smoothing, by their errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.members.smoothing import Smoothing

# What a forecast is averaged from.
MEMBERS = ("smoothing", "log smoothing", "linear", "network")

# Power of the error by which the two forecasts are weighted.
_SHARPNESS = 8.0
# Independent errors of the panel that a series' own errors are averaged with.
_PRIOR_ERRORS = 3.0
# Added to the logarithm of the ratio of both errors, divided by the number of independent ones, in
# favour of smoothing, for which nothing had to be fitted.
_PRIOR_LOG_RATIO = 2.2
# Errors count at most as this multiple of the median error.
_MOST_ERROR = 5.0
# Windows after which an error counts half, if there are as many.
_HALF_LIFE = 70
# Smaller shares are none.
_LEAST_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Combination:
    r"""Weighted average of a model and exponential smoothing, for each target of each series.

    .. math:: \hat y = a_s\, \hat y_\mathrm{smoothing} + (1 - a_s)\, \hat y_\mathrm{model}, \qquad
              \frac{a_s}{1 - a_s} = \Bigl(e^{2.2 / n}\,
              \frac{e_\mathrm{model}}{e_\mathrm{smoothing}}\Bigr)^8

    with mean absolute errors :math:`e` on windows that neither was fitted on, of which
    :math:`n` do not overlap in all series; see :func:`smoothing_shares`.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series.
    smoothing : Smoothing
        Weighted settings of exponential smoothing, one row per target of each series.
    shares : ndarray of shape (n_series * n_targets,)
        :math:`a_s`.
    """

    keys: tuple[tuple[Any, ...], ...]
    smoothing: Smoothing
    shares: np.ndarray

    def on(self, keys: tuple[tuple[Any, ...], ...], smoothing: Smoothing) -> Combination:
        """Return the combination for other series, with the shares of those that are known.

        Parameters
        ----------
        keys : tuple of tuple
            Names of the series; new ones get the median share.
        smoothing : Smoothing
            Their weighted settings.
        """
        n_targets = len(smoothing.weights) // len(keys)
        of_series = self.shares.reshape(len(self.keys), -1)
        usual = np.full(n_targets, np.median(self.shares))
        known = (
            dict(zip(self.keys, of_series, strict=True)) if of_series.shape[1] == n_targets else {}
        )
        shares = np.concatenate([known.get(key, usual) for key in keys])
        return replace(self, keys=keys, smoothing=smoothing, shares=shares)


def smoothing_shares(
    of_model: np.ndarray,
    of_smoothing: np.ndarray,
    series: np.ndarray,
    blocks: np.ndarray,
    n_series: int,
    *,
    squared: bool = False,
) -> np.ndarray:
    """Weigh exponential smoothing against a model.

    In a panel the logarithm of the ratio of both errors is drawn towards its mean over all series,
    the more so the fewer independent errors a series has.

    Parameters
    ----------
    of_model, of_smoothing : ndarray of shape (n_windows, horizon)
        Residuals on the same windows, those of a series in order of time; NaN where unknown.
    series : ndarray of shape (n_windows,)
        Index of the series of each window.
    blocks : ndarray of shape (n_windows,)
        Index of a block of time as long as the horizon, by which errors are independent.
    n_series : int
        Number of series.
    squared : bool
        Whether errors are squared instead of absolute, for forecasts of the mean.

    Returns
    -------
    ndarray of shape (n_series,)
        Shares of exponential smoothing between 0 and 1; 1 where nothing could be compared.
    """
    known = np.isfinite(of_model) & np.isfinite(of_smoothing)
    compared = known.any(axis=1)
    counts = np.maximum(known.sum(axis=1), 1)
    both, power = np.stack([of_model, of_smoothing]), 2 if squared else 1
    # (2, n_windows)
    sizes = np.where(known, np.abs(both) ** power, 0.0).sum(axis=2) / counts
    logs, n_errors = np.zeros(n_series), np.zeros(n_series)
    for number in np.unique(series[compared]):
        rows = np.flatnonzero((series == number) & compared)
        own = sizes[:, rows]
        cap = _MOST_ERROR * np.median(own.min(axis=0))
        own = np.minimum(own, cap) if cap > 0 and not squared else own
        weights = 0.5 ** (np.arange(len(rows))[::-1] / _HALF_LIFE)
        means = np.maximum(own @ weights, 1e-9 * own.max() + np.finfo(np.float64).tiny)
        n_errors[number] = len(np.unique(blocks[rows]))
        logs[number] = np.log(means[0] / means[1]) / power
    if not n_errors.any():
        return np.ones(n_series)
    if n_series > 1:
        typical = np.average(logs, weights=n_errors)
        logs = (n_errors * logs + _PRIOR_ERRORS * typical) / (n_errors + _PRIOR_ERRORS)
    logs += _PRIOR_LOG_RATIO / n_errors.sum()
    shares = 1.0 / (1.0 + np.exp(np.clip(-_SHARPNESS * logs, -500, 500)))
    shares[shares < _LEAST_SHARE], shares[shares > 1 - _LEAST_SHARE] = 0.0, 1.0
    return shares


def network_share(of_start: np.ndarray, of_network: np.ndarray, blocks: np.ndarray) -> float:
    r"""Return the share of a trained network that its errors support beyond chance.

    With the mean gain :math:`\bar d` over :math:`B` blocks of time left out and its standard error
    :math:`s`, the share is that of the positive-part James-Stein estimator,

    .. math:: \max\Bigl(0, 1 - \frac{B + 1}{B - 1} \frac{s^2}{\bar d^2}\Bigr)
              \quad \text{if } \bar d > 0.

    Parameters
    ----------
    of_start, of_network : ndarray of shape (n_windows,)
        Loss of each window before and after training.
    blocks : ndarray of shape (n_windows,)
        Index of the block of each window.

    Returns
    -------
    float
        Share between 0 and 1; 0 where fewer than two blocks were left out.
    """
    _, number, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    n_blocks = len(counts)
    if n_blocks < 2:
        return 0.0
    gains = np.bincount(number, weights=of_start - of_network)
    mean, variance = gains.mean(), gains.var(ddof=1) / n_blocks
    if not mean > 0:
        return 0.0
    return float(max(0.0, 1.0 - (n_blocks + 1) / (n_blocks - 1) * variance / mean**2))
