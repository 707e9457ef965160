"""The finite-sample quantiles of split conformal prediction, from which all intervals are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def conformal_level(level: Any, n_errors: Any) -> Any:
    r"""Return the level of an empirical quantile that future errors stay below often enough.

    Of :math:`n` exchangeable errors, the empirical quantile at

    .. math:: \lceil (n + 1)\, \alpha \rceil / n

    is not exceeded by a further one with a probability of :math:`\alpha` at least; Vovk et al.
    (2005), "Algorithmic Learning in a Random World". Levels above :math:`n / (n + 1)` get the
    largest error.

    Parameters
    ----------
    level : float or ndarray
        Probability :math:`\alpha`, between 0 and 1.
    n_errors : float or ndarray
        Number :math:`n` of independent errors, positive.

    Returns
    -------
    float or ndarray
        Level for ``numpy.quantile(..., method="inverted_cdf")``, between 0 and 1.
    """
    # Rounding in (n + 1) alpha must not push the level to the next error.
    return np.clip((n_errors + 1) * level / n_errors - 1e-9, 0.0, 1.0)


def conformal_quantile(
    errors: np.ndarray,
    level: float,
    n_errors: float | None = None,
    weights: np.ndarray | None = None,
) -> float:
    """Return a quantile of errors with its finite-sample correction, away from the median.

    Levels above one half are corrected upwards by :func:`conformal_level`, those below it
    downwards as its mirror image, and the median is the mean of both, as in Romano, Patterson and
    Candès (2019), "Conformalized Quantile Regression".

    Parameters
    ----------
    errors : ndarray of shape (n,)
        Residuals, actual minus forecast.
    level : float
        Strictly between 0 and 1.
    n_errors : float, optional
        Effective number of independent errors; their number by default.
    weights : ndarray of shape (n,), optional
        Weights of the errors, not all zero; equal by default.

    Returns
    -------
    float
        The quantile.
    """
    n_errors = len(errors) if n_errors is None else n_errors
    if level < 0.5:
        return -conformal_quantile(-errors, 1 - level, n_errors, weights)
    if level == 0.5:
        upper, lower = (_at(sign * errors, 0.5, weights) for sign in (1, -1))
        return (upper - lower) / 2
    return _at(errors, float(conformal_level(level, n_errors)), weights)


def quantile_shifts(errors: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return the shift of each quantile by which its share of the actual values lies below it.

    Parameters
    ----------
    errors : ndarray of shape (n_samples, n_steps, n_levels)
        Actual minus quantile; the steps of a sample are pooled and count as one error.
    weights : ndarray of shape (n_samples,)
        Sample weights, not all zero.
    levels : sequence of float
        Quantile levels.

    Returns
    -------
    ndarray of shape (n_levels,)
        Conformal quantile of the errors of each level.
    """
    n_samples, n_steps, n_levels = errors.shape
    pooled = errors.reshape(-1, n_levels).astype(np.float64)
    per_step = np.repeat(weights.astype(np.float64), n_steps)
    by_level = zip(pooled.T, levels, strict=True)
    return np.array(
        [conformal_quantile(each, level, n_samples, per_step) for each, level in by_level]
    )


def _at(errors: np.ndarray, level: float, weights: np.ndarray | None) -> float:
    return float(np.quantile(errors, level, method="inverted_cdf", weights=weights))
