"""Paths of a trend that turns, a season and autocorrelated noise."""

from __future__ import annotations

import numpy as np

from skconvattn.simulation.draws import log_uniform, noise, seasons, switched
from skconvattn.simulation.smoothing import fixed_seasons, initial_slopes

# Most turns of a trend.
_MOST_TURNS = 4


def structural_paths(
    rng: np.random.Generator, n: int, n_timepoints: int, periods: tuple[int, ...]
) -> np.ndarray:
    """Simulate sums of a piecewise linear trend, a season that grows or shrinks, waves and noise.

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
    period, steps = periods[-1], np.arange(n_timepoints)
    values = initial_slopes(rng, n, period)[:, None] * steps
    for number in range(_MOST_TURNS):
        turned = switched(rng, 0.5 / (number + 1), n)[:, None]
        since = np.maximum(steps - rng.integers(n_timepoints, size=(n, 1)), 0)
        values += turned * initial_slopes(rng, n, period)[:, None] * since
    # Business cycles: waves far longer than the season.
    length = period * rng.uniform(2.5, 12, (n, 1)) + 6
    wave = np.sin(2 * np.pi * (steps / length + rng.random((n, 1))))
    values += switched(rng, 0.3, n)[:, None] * log_uniform(rng, 0.02, 0.5, n)[:, None] * wave
    size = log_uniform(rng, 0.01, 0.8, n) * switched(rng, 0.85, n)
    change = rng.uniform(-0.6, 0.6, n) * switched(rng, 0.3, n)
    growth = np.exp(change[:, None] * (steps / max(n_timepoints - 1, 1) - 0.5))
    values += size[:, None] * growth * seasons(rng, n, period)[:, steps % period]
    values += fixed_seasons(rng, n, n_timepoints, periods[:-1])
    errors = np.ascontiguousarray(noise(rng, n, n_timepoints, period).T)
    memory = np.where(switched(rng, 0.5, n), rng.uniform(0.0, 0.95, n), 0.0)
    kept = np.sqrt(1 - memory**2)
    for t in range(1, n_timepoints):
        errors[t] = memory * errors[t - 1] + kept * errors[t]
    return values + errors.T * log_uniform(rng, 0.005, 0.4, n)[:, None]
