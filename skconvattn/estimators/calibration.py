"""Quantiles of a regression, moved to where held-out samples say they belong."""

from __future__ import annotations

import numpy as np


def quantile_shifts(
    errors: np.ndarray, weights: np.ndarray, levels: tuple[float, ...]
) -> np.ndarray:
    r"""Measure how far quantiles are off on samples that training did not see.

    Each level is moved by a quantile of its own errors :math:`e_i = y_i - \hat q(x_i)`, taken at

    .. math:: \lceil (n + 1) \alpha \rceil / n \quad (\alpha > \tfrac12), \qquad
              \lfloor (n + 1) \alpha \rfloor / n \quad (\alpha < \tfrac12),

    and for the median at its middle, as Romano, Patterson and Candès (2019), "Conformalized
    Quantile Regression", do it for intervals. Of :math:`n` samples, levels below
    :math:`1 / (n + 1)` or above :math:`n / (n + 1)` get the outermost error.

    Parameters
    ----------
    errors : ndarray of shape (n_samples, n_steps, n_levels)
        Truth less quantile; the steps of a sample are pooled and count as one sample.
    weights : ndarray of shape (n_samples,)
        Sample weights, not all zero.
    levels : tuple of float
        Quantile levels.

    Returns
    -------
    ndarray of shape (n_levels,)
        What is added to each level.
    """
    n_samples, n_steps, _ = errors.shape
    spread = np.repeat(weights.astype(np.float64), n_steps)
    return np.array(
        [
            _shift(errors[..., i].astype(np.float64).ravel(), spread, level, n_samples)
            for i, level in enumerate(levels)
        ]
    )


def _shift(errors: np.ndarray, weights: np.ndarray, level: float, n_samples: int) -> float:
    if level < 0.5:
        return -_shift(-errors, weights, 1 - level, n_samples)
    if level == 0.5:
        return (_at(errors, weights, 0.5) - _at(-errors, weights, 0.5)) / 2
    # Rounding must not push a level to the next error.
    return _at(errors, weights, min(1.0, (n_samples + 1) * level / n_samples - 1e-9))


def _at(errors: np.ndarray, weights: np.ndarray, level: float) -> float:
    return float(np.quantile(errors, level, method="inverted_cdf", weights=weights))
