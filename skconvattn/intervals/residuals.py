"""Quantiles of forecast errors on held-out windows, and corrections of trained quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from skconvattn.intervals.conformal import conformal_level, conformal_quantile
from skconvattn.intervals.noise import effective_windows

# Degrees of freedom that even the fewest errors have: one alone would widen intervals by four.
_FEWEST_ERRORS = 2.0
# Independent errors that the prior growth of errors with the step ahead counts as.
_PRIOR_ERRORS = 6.0


@dataclass(frozen=True, eq=False)
class ResidualQuantiles:
    r"""Symmetric quantiles from errors on held-out windows, by step ahead.

    Errors :math:`e_{wh}` of held-out windows are divided by the noise scale :math:`s_w` of their
    window and by the root mean square :math:`\sigma_h` of their step, which may not fall with
    :math:`h`, and pooled. The forecast at level :math:`\alpha` is

    .. math:: \hat y_{t+h} + \mathrm{sign}(\alpha - \tfrac12)\, s_t\, \sigma_h\,
              Q_{|e|}(c)\, \frac{t_{n_h}((1 + c) / 2)}{\Phi^{-1}((1 + c) / 2)},
              \qquad c = |2\alpha - 1|,

    where :math:`Q` is the empirical quantile at the level :math:`\lceil (m + 1) c \rceil / m` of
    split conformal prediction (see :func:`~skconvattn.intervals.conformal_level`) over all
    :math:`m` errors. Beyond the largest level that they support, the tail is continued by the
    normal distribution's. The factor is Student's widening of a normal interval whose scale was
    estimated from :math:`n_h` errors, the effective number of independent errors at that step,
    since held-out windows overlap; see :func:`~skconvattn.intervals.noise.effective_windows`.

    Attributes
    ----------
    sigma : ndarray of shape (horizon,)
        Growth of the error with the step ahead.
    errors : ndarray of shape (n_errors,)
        Absolute scaled errors in increasing order.
    n_effective : ndarray of shape (horizon,)
        Effective number of independent errors at each step, at least 1.
    """

    sigma: np.ndarray
    errors: np.ndarray
    n_effective: np.ndarray

    @classmethod
    def of(
        cls, residuals: np.ndarray, scales: np.ndarray, period: int | None = None
    ) -> ResidualQuantiles:
        """Measure the errors of held-out windows.

        Parameters
        ----------
        residuals : ndarray of shape (n_windows, horizon)
            Actual minus forecast; NaN where no value was observed.
        scales : ndarray of shape (n_windows,)
            Noise scale of each window, positive.
        period : int, optional
            Time steps of a season. Where it is given, the errors count beside a few that grow
            with the number of seasons ahead, or of steps where there is no season, as those of a
            wrong trend do.

        Returns
        -------
        ResidualQuantiles
            Calibrated quantiles.
        """
        errors = residuals / scales[:, None]
        present = np.isfinite(errors)
        squares = np.where(present, errors, 0.0) ** 2
        counts = present.sum(axis=0)
        n_effective = effective_windows(errors)
        means = squares.sum(axis=0) / np.maximum(counts, 1)
        if period is not None and counts[0]:
            growth = np.maximum(np.arange(1, len(means) + 1) / period, 1.0) ** 2
            prior = _PRIOR_ERRORS * means[0] * growth
            means = (n_effective * means + prior) / (n_effective + _PRIOR_ERRORS)
        sigma = _continued(means, counts)
        # An error of exactly zero everywhere, as on a constant series, has no shape to learn.
        sigma = np.maximum(sigma, np.finfo(np.float64).tiny)
        pooled = np.abs(errors / sigma)[present]
        return cls(sigma, errors=np.sort(pooled), n_effective=n_effective)

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
        nearest = np.clip(steps, 1, horizon) - 1
        growth = self.sigma[nearest] * np.sqrt(np.maximum(steps / horizon, 1.0))
        coverage = np.abs(2 * levels - 1)
        size = self._quantile(coverage) * _widening(coverage, self.n_effective[nearest][:, None])
        return growth[:, None] * np.sign(levels - 0.5) * size

    def _quantile(self, coverage: np.ndarray) -> np.ndarray:
        if len(self.errors) == 0:
            return norm.ppf((1 + coverage) / 2)
        n = len(self.errors)
        largest = n / (n + 1)
        level = conformal_level(np.minimum(coverage, largest), n)
        supported = np.quantile(self.errors, level, method="inverted_cdf")
        tail = norm.ppf((1 + coverage) / 2) / norm.ppf(
            (1 + np.minimum(coverage, largest)) / 2 + 1e-12
        )
        return supported * np.where(coverage > largest, tail, 1.0)


@dataclass(frozen=True, eq=False)
class ConformalQuantiles:
    r"""Corrections of trained quantiles, one per level.

    Residuals :math:`y - \hat q_\alpha` of held-out windows are divided by the noise scale of their
    window and pooled over the steps ahead; a level is moved by their conformal quantile at
    :math:`\alpha` (see :func:`~skconvattn.intervals.conformal_quantile`), so that this share of the
    held-out values lies below it. Romano et al. (2019), "Conformalized Quantile Regression", move
    both ends of an interval by one number instead.

    Attributes
    ----------
    shifts : ndarray of shape (n_levels,)
        Shift of each level in units of the noise scale of the window.
    """

    shifts: np.ndarray

    @classmethod
    def of(
        cls, errors: np.ndarray, scales: np.ndarray, levels: tuple[float, ...]
    ) -> ConformalQuantiles:
        """Measure the errors of held-out windows.

        Parameters
        ----------
        errors : ndarray of shape (n_windows, horizon, n_levels)
            Actual minus quantile; NaN where no value was observed.
        scales : ndarray of shape (n_windows,)
            Noise scale of each window, positive.
        levels : tuple of float
            Quantile levels.

        Returns
        -------
        ConformalQuantiles
            The corrections.
        """
        scaled = (errors / scales[:, None, None]).reshape(-1, len(levels))
        scaled = scaled[np.isfinite(scaled).all(axis=1)]
        if len(scaled) == 0:
            return cls(np.zeros(len(levels)))
        # Neighbouring windows overlap: half their number counts.
        n_errors = max(1, len(errors) // 2)
        shifts = [
            conformal_quantile(scaled[:, i], level, n_errors) for i, level in enumerate(levels)
        ]
        return cls(np.array(shifts))

    def applied(self, quantiles: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Return corrected quantiles, which still do not cross.

        Parameters
        ----------
        quantiles : ndarray of shape (n, n_levels)
            Trained quantiles.
        scales : ndarray of shape (n,)
            Noise scales of their windows.

        Returns
        -------
        ndarray of shape (n, n_levels)
            Quantiles, increasing with the level.
        """
        return np.maximum.accumulate(quantiles + scales[:, None] * self.shifts, axis=1)


def _widening(coverage: np.ndarray, n_effective: np.ndarray) -> np.ndarray:
    """Return the factor by which few errors widen intervals: (n_steps, n_levels), at least 1."""
    level = (1 + np.clip(coverage, 1e-6, 1 - 1e-12)) / 2
    return student.ppf(level, np.maximum(n_effective - 1.0, _FEWEST_ERRORS)) / norm.ppf(level)


def _continued(squares: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the root mean square by step, which does not fall: (horizon,).

    Mean squares are smoothed by isotonic regression. Beyond the last step with an error, the root
    grows with the square root of the step, as that of a random walk.
    """
    from sklearn.isotonic import isotonic_regression

    n_known = int(np.flatnonzero(counts).max(initial=-1)) + 1
    weights = np.maximum(counts[:n_known], 1e-3)
    known = isotonic_regression(squares[:n_known], sample_weight=weights)
    last = known[-1] if n_known else 0.0
    ratio = np.arange(n_known + 1, len(squares) + 1) / max(n_known, 1)
    return np.sqrt(np.concatenate([known, last * ratio]))
