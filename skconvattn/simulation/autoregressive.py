"""Paths of seasonal ARIMA models."""

from __future__ import annotations

import numpy as np

from skconvattn.simulation.draws import log_uniform, noise, seasons, switched
from skconvattn.simulation.smoothing import fixed_seasons, initial_slopes


def autoregressive_paths(
    rng: np.random.Generator, n: int, n_timepoints: int, periods: tuple[int, ...]
) -> np.ndarray:
    r"""Simulate SARIMA models of random orders up to (2, 1, 1)(1, 1, 1).

    .. math::

        (1 - \phi_1 B - \phi_2 B^2)(1 - \Phi B^m)(1 - B)^d (1 - B^m)^D y_t
        = (1 + \theta B)(1 + \Theta B^m)\, \varepsilon_t

    with stationary and invertible coefficients drawn per series, as Oreshkin et al. (2026,
    "Zero-shot Forecasting by Simulation Alone", arXiv 2601.00970) learn from, beside a
    deterministic trend and season.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n, n_timepoints : int
        Number of series, and their time steps.
    periods : tuple of int
        Time steps of the seasons.

    Returns
    -------
    ndarray of shape (n, n_timepoints)
        Paths around zero.
    """
    period = periods[-1]
    errors = noise(rng, n, n_timepoints, period)
    if period > 1:
        seasonal = switched(rng, 0.7, n)
        errors = _recursed(
            errors,
            [(period, rng.uniform(-0.3, 0.9, n) * switched(rng, 0.6, n) * seasonal)],
            [(period, rng.uniform(-0.8, 0.2, n) * switched(rng, 0.6, n) * seasonal)],
        )
    # Partial autocorrelations within (-1, 1) give stationary coefficients.
    first, second = rng.uniform(-0.5, 0.95, n), rng.uniform(-0.8, 0.6, n) * switched(rng, 0.5, n)
    present = switched(rng, 0.75, n)
    values = _recursed(
        errors,
        [(1, first * (1 - second) * present), (2, second * present)],
        [(1, rng.uniform(-0.8, 0.6, n) * switched(rng, 0.6, n))],
    )
    scale = log_uniform(rng, 0.01, 0.4, n)[:, None]
    values *= scale / (values.std(axis=1, keepdims=True) + 1e-9)
    integrated = switched(rng, 0.7, n)
    values[integrated] = np.cumsum(values[integrated], axis=1) * rng.uniform(
        0.15, 1.0, (integrated.sum(), 1)
    )
    if period > 1:
        twice = np.flatnonzero(switched(rng, 0.3, n))
        summed = values[twice] * log_uniform(rng, 0.05, 1.0, len(twice))[:, None]
        for start in range(period, n_timepoints, period):
            end = min(start + period, n_timepoints)
            summed[:, start:end] += summed[:, start - period : end - period]
        values[twice] = summed
    season = seasons(rng, n, period) * log_uniform(rng, 0.01, 0.8, n)[:, None]
    season *= switched(rng, 0.6, n)[:, None]
    steps = np.arange(n_timepoints)
    trend = initial_slopes(rng, n, period)[:, None] * steps
    return (
        values
        + season[:, steps % period]
        + trend
        + fixed_seasons(rng, n, n_timepoints, periods[:-1])
    )


def _recursed(
    inputs: np.ndarray, past: list[tuple[int, np.ndarray]], errors: list[tuple[int, np.ndarray]]
) -> np.ndarray:
    """Apply autoregressive and moving-average coefficients, given with their lags."""
    x = np.ascontiguousarray(inputs.T)
    values = x.copy()
    for lag, coefficients in errors:
        values[lag:] += coefficients * x[:-lag]
    for t in range(1, len(values)):
        for lag, coefficients in past:
            if lag <= t:
                values[t] += coefficients * values[t - lag]
    return values.T
