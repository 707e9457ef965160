"""The size of the errors of each series of a panel, relative to the changes in the series."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, polygamma

from skconvattn.intervals.noise import effective_windows

_ROUNDS = 50


def series_scales(
    errors: np.ndarray, of_series: np.ndarray, n_series: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""Measure the size of the errors of each series relative to its noise scale.

    Of two series with changes of the same size, one may be predictable and the other not. The mean
    square :math:`m_s` of a series' scaled errors, of which :math:`n_s` count as independent, is
    shrunk towards that of all series,

    .. math:: f_s^2 = \frac{d_0 s_0^2 + n_s m_s}{d_0 + n_s},

    where the prior degrees of freedom :math:`d_0` and the prior level :math:`s_0^2` are estimated
    from the variance of the logarithms of :math:`m_s` beyond chance, as in Smyth (2004), "Linear
    models and empirical Bayes methods". If there is none, all factors are one.

    Parameters
    ----------
    errors : ndarray of shape (n_windows, horizon)
        Held-out errors in units of the noise scale of their window, the windows of a series in the
        order of time; NaN where no value was observed.
    of_series : ndarray of shape (n_windows,)
        Index of the series of each window.
    n_series : int
        Number of series.

    Returns
    -------
    factors : ndarray of shape (n_series,)
        Factor of each series; one for those without a window.
    cross_fitted : ndarray of shape (n_windows,)
        For each window the factor measured on the other half of its series' windows, which does not
        depend on the errors of the window itself.
    """
    present = np.isfinite(errors)
    squares = np.where(present, errors, 0.0) ** 2
    counts = np.maximum(present.sum(axis=0), 1)
    level = np.maximum(squares.sum(axis=0) / counts, np.finfo(np.float64).tiny)
    rows = [np.flatnonzero(of_series == number) for number in range(n_series)]
    measured = [_mean_square(errors[own], squares[own] / level, present[own]) for own in rows]
    means, n_effective = np.array(measured).T  # (n_series,) each
    shrink = _shrinkage(means, n_effective)
    factors, cross_fitted = np.ones(n_series), np.ones(len(errors))
    if shrink is None:
        return factors, cross_fitted
    degrees, typical = shrink
    for number, own in enumerate(rows):
        if len(own) == 0:
            continue
        total = degrees + n_effective[number]
        factors[number] = (degrees * typical + n_effective[number] * means[number]) / total
        halves = own[: len(own) // 2], own[len(own) // 2 :]
        for half, other in zip(halves, reversed(halves), strict=True):
            mean, _ = _mean_square(errors[other], squares[other] / level, present[other])
            share = n_effective[number] * len(other) / len(own)
            cross_fitted[half] = (degrees * typical + share * mean) / (degrees + share)
    return np.sqrt(factors), np.sqrt(cross_fitted)


def _mean_square(
    errors: np.ndarray, squares: np.ndarray, present: np.ndarray
) -> tuple[float, float]:
    """Return the mean of squares and the effective number of errors; zeros if there are none."""
    if not present.any():
        return 0.0, 0.0
    return float(squares[present].mean()), float(effective_windows(errors).mean())


def _shrinkage(means: np.ndarray, n_effective: np.ndarray) -> tuple[float, float] | None:
    """Return prior degrees of freedom and level; None where series do not differ."""
    known = (n_effective > 0) & (means > 0)
    if known.sum() < 2:
        return None
    half = n_effective[known] / 2
    logs = np.log(means[known]) - digamma(half) + np.log(half)
    beyond_chance = logs.var(ddof=1) - polygamma(1, half).mean()
    if beyond_chance <= 0:
        return None
    degrees = 2 * _inverse_trigamma(beyond_chance)
    typical = float(np.exp(logs.mean() + digamma(degrees / 2) - np.log(degrees / 2)))
    return degrees, typical


def _inverse_trigamma(value: float) -> float:
    """Return where the trigamma function, which falls, has a positive value, by Newton's method."""
    x = 0.5 + 1 / value
    for _ in range(_ROUNDS):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
