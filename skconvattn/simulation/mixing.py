"""Simulated series of all kinds, with accidents, on linear and logarithmic scale."""

from __future__ import annotations

import numpy as np

from skconvattn.simulation.autoregressive import autoregressive_paths
from skconvattn.simulation.draws import log_uniform, switched
from skconvattn.simulation.smoothing import smoothing_paths
from skconvattn.simulation.structural import structural_paths

# The models of which paths are drawn, and the share of each.
_KINDS = (smoothing_paths, autoregressive_paths, structural_paths)
SHARES = (0.55, 0.25, 0.2)
# Share of series that are counts, and of seasons that pass before a series begins.
_COUNTS = 0.04
# Logarithms beyond this are cut off.
_MOST_LOG = 6.0


def simulate(
    rng: np.random.Generator,
    n: int,
    n_timepoints: int,
    periods: tuple[int, ...],
    shares: tuple[float, ...] = SHARES,
) -> np.ndarray:
    """Simulate series as forecasters meet them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all draws.
    n, n_timepoints : int
        Number of series, and their time steps.
    periods : tuple of int
        Time steps of the seasons, in increasing order; ``(1,)`` for none.
    shares : tuple of float of length 3
        Shares of exponential smoothing, SARIMA and structural models.

    Returns
    -------
    ndarray of shape (n, n_timepoints)
        Finite values: paths of exponential smoothing, SARIMA and structural models, some with level
        shifts and outliers, some as exponential functions of the path, a few as counts.
    """
    counts = rng.multinomial(n, shares)
    burn_in = min(2 * periods[-1], 48)
    paths = [
        model(rng, own, n_timepoints + burn_in, periods)[:, burn_in:]
        for model, own in zip(_KINDS, counts, strict=True)
        if own
    ]
    values = rng.permutation(np.concatenate(paths))
    values += _accidents(rng, values)
    return _scaled(rng, values)


def _accidents(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Draw level shifts and outliers, in units of the changes of each series."""
    n, n_timepoints = values.shape
    unit = np.abs(np.diff(values, axis=1)).mean(axis=1, keepdims=True) if n_timepoints > 1 else 0.0
    total = np.zeros(values.shape)
    # Twice in a hundred series of 80 steps: rare enough to trust the latest level.
    for rate, size, lasting in ((0.25 / 80, 5.0, True), (0.8 / 80, 6.0, False)):
        struck = (rng.random(values.shape) < rate) & switched(rng, 0.3, n)[:, None]
        row, step = np.nonzero(struck)
        sizes = np.zeros(values.shape)
        sizes[row, step] = rng.standard_normal(len(row)) * size
        total += (np.cumsum(sizes, axis=1) if lasting else sizes) * unit
    return total


def _scaled(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Take series to the scale on which they are observed."""
    n = len(values)
    centred = values - values.mean(axis=1, keepdims=True)
    exponential = np.exp(np.clip(centred, -_MOST_LOG, _MOST_LOG))
    largest = np.maximum(np.abs(values).max(axis=1, keepdims=True), 0.3)
    # Most linear series are far enough from zero to be positive, some are not.
    offset = np.exp(rng.uniform(0.0, 3.0, (n, 1))) * largest * switched(rng, 0.9, n)[:, None]
    series = np.where(switched(rng, 0.6, n)[:, None], exponential, values + offset)
    counted = np.flatnonzero(switched(rng, _COUNTS, n))
    if len(counted):
        mean = log_uniform(rng, 0.05, 20.0, len(counted))[:, None]
        rate = np.minimum(exponential[counted] * mean, 1e4)
        shape = log_uniform(rng, 0.3, 10.0, len(counted))[:, None]
        series[counted] = rng.poisson(rate * rng.gamma(shape, 1 / shape, rate.shape))
    return series * log_uniform(rng, 1e-2, 1e5, n)[:, None]
