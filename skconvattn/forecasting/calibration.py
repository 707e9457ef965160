"""Intervals from the errors of forecasts on data that training did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True, eq=False)
class ResidualQuantiles:
    r"""Symmetric split-conformal quantiles, by step ahead.

    Errors :math:`e_{wh}` of held-out windows are divided by the noise scale :math:`s_w` of their
    window and by the root mean square :math:`\sigma_h` of their step, which may not fall with
    :math:`h`, and pooled. The forecast at level :math:`\alpha` is

    .. math:: \hat y_{t+h} + \mathrm{sign}(\alpha - \tfrac12)\, s_t\, \sigma_h\,
              Q_{|e|}(|2\alpha - 1|),

    where :math:`Q` is the empirical quantile at the level :math:`\lceil (n + 1) c \rceil / n` of
    split conformal prediction (Vovk et al., 2005, "Algorithmic Learning in a Random World"), with
    half the number of windows as :math:`n`, since neighbours overlap. Beyond the largest level
    that :math:`n` supports, the tail is continued by the normal distribution's.

    Attributes
    ----------
    sigma : ndarray of shape (horizon,)
        Growth of the error with the step ahead.
    errors : ndarray of shape (n_errors,)
        Absolute scaled errors in increasing order.
    n_independent : int
        Windows that count: half of them, since neighbours overlap. With all of them, intervals at
        90 % held 80 % of 20 generated random walks; with half, 87 %.
    """

    sigma: np.ndarray
    errors: np.ndarray
    n_independent: int

    @classmethod
    def of(cls, residuals: np.ndarray, scales: np.ndarray) -> ResidualQuantiles:
        """Measure the errors of held-out windows.

        Parameters
        ----------
        residuals : ndarray of shape (n_windows, horizon)
            Truth less forecast; NaN past the end of the series.
        scales : ndarray of shape (n_windows,)
            Noise scale of each window, positive.

        Returns
        -------
        ResidualQuantiles
            Calibrated quantiles.
        """
        errors = residuals / scales[:, None]
        present = np.isfinite(errors)
        squares = np.where(present, errors, 0.0) ** 2
        counts = present.sum(axis=0)
        sigma = np.sqrt(_not_falling(squares.sum(axis=0) / np.maximum(counts, 1), counts))
        # An error of exactly zero everywhere, as on a constant series, has no shape to learn.
        sigma = np.maximum(sigma, np.finfo(np.float64).tiny)
        pooled = np.abs(errors / sigma)[present]
        return cls(sigma=sigma, errors=np.sort(pooled), n_independent=max(1, len(residuals) // 2))

    def offsets(self, levels: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return what is added to a forecast, in units of the window's noise scale.

        Parameters
        ----------
        levels : ndarray of shape (n_levels,)
            Quantile levels, strictly between 0 and 1.
        steps : ndarray of shape (n_steps,)
            Steps ahead, from 1; beyond the horizon the error grows with the square root.

        Returns
        -------
        ndarray of shape (n_steps, n_levels)
            Offsets, increasing with the level.
        """
        horizon = len(self.sigma)
        inside = self.sigma[np.clip(steps, 1, horizon) - 1]
        growth = inside * np.sqrt(np.maximum(steps / horizon, 1.0))
        coverage = np.abs(2 * levels - 1)
        return growth[:, None] * (np.sign(levels - 0.5) * self._quantile(coverage))[None]

    def _quantile(self, coverage: np.ndarray) -> np.ndarray:
        if len(self.errors) == 0:
            return norm.ppf((1 + coverage) / 2)
        n = self.n_independent
        largest = n / (n + 1)
        # Rounding in 2 alpha - 1 must not push a level to the next error.
        level = np.clip(np.minimum(coverage, largest) * (n + 1) / n - 1e-9, 0.0, 1.0)
        supported = np.quantile(self.errors, level, method="inverted_cdf")
        tail = norm.ppf((1 + coverage) / 2) / norm.ppf(
            (1 + np.minimum(coverage, largest)) / 2 + 1e-12
        )
        return supported * np.where(coverage > largest, tail, 1.0)


def noise_scale(windows: np.ndarray, period: int, floor: float) -> np.ndarray:
    """Return the size of the unforeseen in each window.

    Half is the window's own mean absolute change over a season, half the same over all data: local
    where the noise grows with the level, steady where a window happens to be calm.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, window_length)
        Windows of the target.
    period : int
        Time steps of a season.
    floor : float
        The mean absolute change over all data, positive.

    Returns
    -------
    ndarray of shape (n_windows,)
        Positive scales.
    """
    lag = period if windows.shape[1] > period else 1
    if windows.shape[1] <= lag:
        return np.full(len(windows), floor)
    local = np.abs(windows[:, lag:] - windows[:, :-lag]).mean(axis=1, dtype=np.float64)
    return (local + floor) / 2


def _not_falling(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted isotonic regression of values on their position."""
    from sklearn.isotonic import isotonic_regression

    return isotonic_regression(values, sample_weight=np.maximum(weights, 1e-3))
