"""Random parameters and seasons of simulated series."""

from __future__ import annotations

import numpy as np

# Longest season drawn as free values, and most waves of one drawn as harmonics.
_LONGEST_FREE, _MOST_WAVES = 60, 24


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> np.ndarray:
    """Draw numbers whose logarithm is uniform: (n,)."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def switched(rng: np.random.Generator, share: float, n: int) -> np.ndarray:
    """Draw which of n series have something that a share of all has: (n,), bool."""
    return rng.random(n) < share


def seasons(rng: np.random.Generator, n: int, period: int) -> np.ndarray:
    """Draw seasons with a mean of zero and a standard deviation of one.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n : int
        Number of series.
    period : int
        Time steps of the season.

    Returns
    -------
    ndarray of shape (n, period)
        Sums of harmonics, smooth or rough, or free values, of which some or most are zero; zero for
        a period of 1.
    """
    if period < 2:
        return np.zeros((n, period))
    phases = np.arange(period)
    n_waves = max(min(period // 2, _MOST_WAVES), 1)
    waves = np.arange(1, n_waves + 1)
    sizes = rng.standard_normal((n, n_waves)) * waves ** -rng.uniform(0.3, 1.8, (n, 1))
    shifts = rng.uniform(0, 2 * np.pi, (n, n_waves))
    angles = 2 * np.pi * np.outer(waves, phases) / period
    # cos(a + b) of all waves as two products: (n, period)
    season = (sizes * np.cos(shifts)) @ np.cos(angles) - (sizes * np.sin(shifts)) @ np.sin(angles)
    free = rng.standard_normal((n, period)) * (
        rng.random((n, period)) < rng.uniform(0.1, 1, (n, 1))
    )
    chosen = switched(rng, 0.4 if period <= _LONGEST_FREE else 0.1, n)
    season[chosen] = free[chosen]
    # Working days beside days off, busy hours beside the night.
    blocks = np.where(
        (phases + rng.integers(period, size=(n, 1))) % period
        < rng.uniform(0.15, 0.85, (n, 1)) * period,
        1.0,
        0.0,
    )
    chosen = switched(rng, 0.15, n)
    season[chosen] = (
        0.4 * season[chosen] + rng.choice([-2.0, 2.0], (chosen.sum(), 1)) * blocks[chosen]
    )
    season -= season.mean(axis=1, keepdims=True)
    return season / (season.std(axis=1, keepdims=True) + 1e-3)


def noise(rng: np.random.Generator, n: int, n_timepoints: int, period: int) -> np.ndarray:
    """Draw noise with a standard deviation of about one.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n, n_timepoints : int
        Number of series, and their time steps.
    period : int
        Time steps of a season.

    Returns
    -------
    ndarray of shape (n, n_timepoints)
        Normal noise; in some series with heavy tails, with another deviation in each phase of the
        season, or with one that changes over time.
    """
    values = rng.standard_normal((n, n_timepoints))
    heavy = switched(rng, 0.3, n)
    # Student's t with three degrees of freedom, scaled to what most of its values have.
    values[heavy] /= np.sqrt(rng.chisquare(3, (heavy.sum(), n_timepoints)) / 3) * 1.7
    seasonal = switched(rng, 0.2, n)
    by_phase = np.exp(0.5 * rng.standard_normal((seasonal.sum(), period)))
    values[seasonal] *= by_phase[:, np.arange(n_timepoints) % period]
    changing = switched(rng, 0.15, n)
    steps = rng.standard_normal((changing.sum(), n_timepoints)) * 0.5 / np.sqrt(3 * period + 12)
    values[changing] *= np.exp(np.clip(np.cumsum(steps, axis=1), -1.5, 1.5))
    return values
