"""Paths of exponential smoothing in state-space form."""

from __future__ import annotations

import numpy as np

from skconvattn.simulation.draws import log_uniform, noise, seasons, switched

# Share of trends that rise, of years to months and of shorter steps: more of what people count
# grows than shrinks.
_RISING, _RISING_SHORT = 0.85, 0.62
# Longest season of steps of a month and more.
_MONTHS = 12


def smoothing_paths(
    rng: np.random.Generator, n: int, n_timepoints: int, periods: tuple[int, ...]
) -> np.ndarray:
    r"""Simulate additive exponential smoothing with a damped trend and autocorrelated errors.

    .. math::

        y_t &= \ell_{t-1} + \phi b_{t-1} + s_{t-m} + e_t, \qquad
        e_t = \rho e_{t-1} + \varepsilon_t \\
        \ell_t &= \ell_{t-1} + \phi b_{t-1} + \alpha e_t, \quad
        b_t = \phi b_{t-1} + \beta e_t, \quad s_t = s_{t-m} + \gamma (1 - \alpha) e_t

    with parameters drawn per series (Hyndman et al., 2008, "Forecasting with Exponential
    Smoothing").

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n, n_timepoints : int
        Number of series, and their time steps.
    periods : tuple of int
        Time steps of the seasons; of the shorter ones only the last changes.

    Returns
    -------
    ndarray of shape (n, n_timepoints)
        Paths around zero, on a scale on which seasons are between 0.01 and 0.8.
    """
    period = periods[-1]
    alpha = _level_gains(rng, n, period)
    beta = alpha * log_uniform(rng, 0.005, 0.4, n) * switched(rng, 0.6, n)
    phi = np.where(switched(rng, 0.4, n), 1.0, rng.uniform(0.8, 0.99, n))
    gamma = log_uniform(rng, 0.01, 0.6, n) * switched(rng, 0.8, n)
    sigma = log_uniform(rng, 0.01, 0.4, n)
    memory = np.where(switched(rng, 0.3, n), rng.uniform(-0.4, 0.9, n), 0.0)
    slope = initial_slopes(rng, n, period)
    cycle = np.ascontiguousarray((seasons(rng, n, period) * _season_sizes(rng, n)[:, None]).T)
    errors = np.ascontiguousarray((noise(rng, n, n_timepoints, period) * sigma[:, None]).T)
    fixed = fixed_seasons(rng, n, n_timepoints, periods[:-1])
    level, before, kept = np.zeros(n), np.zeros(n), gamma * (1 - alpha)
    values = np.empty((n_timepoints, n))
    for t in range(n_timepoints):
        phase = t % period
        error = errors[t] + memory * before
        slope = phi * slope
        level = level + slope
        values[t] = level + cycle[phase] + error
        level = level + alpha * error
        slope = slope + beta * error
        cycle[phase] += kept * error
        before = error
    return values.T + fixed


def initial_slopes(rng: np.random.Generator, n: int, period: int) -> np.ndarray:
    """Draw trends per time step, of a size per season that is alike for all periods: (n,)."""
    per_step = (12 / period) ** 0.6
    long_steps = period <= _MONTHS
    largest = 0.08 if long_steps else 0.03
    size = log_uniform(rng, 0.0015, largest, n) * per_step * np.abs(rng.standard_normal(n))
    rising = switched(rng, _RISING if long_steps else _RISING_SHORT, n)
    size *= np.where(rising, 1.0, -0.7)
    return np.where(switched(rng, 0.85 if long_steps else 0.7, n), size, 0.0)


def _level_gains(rng: np.random.Generator, n: int, period: int) -> np.ndarray:
    """Draw how much of an error the level keeps, more of longer steps: (n,).

    Sums over longer steps remember less of the noise of each, and more of the level.
    """
    share = {1: 0.85, 4: 0.75, 12: 0.5}.get(period, 0.35)
    low, high = log_uniform(rng, 0.01, 1.0, n), rng.uniform(0.3, 1.15, n)
    return np.where(switched(rng, share, n), high, low)


def fixed_seasons(
    rng: np.random.Generator, n: int, n_timepoints: int, periods: tuple[int, ...]
) -> np.ndarray:
    """Draw further seasons that do not change: (n, n_timepoints)."""
    total = np.zeros((n, n_timepoints))
    for period in periods:
        season = seasons(rng, n, period) * _season_sizes(rng, n)[:, None]
        total += season[:, np.arange(n_timepoints) % period]
    return total


def _season_sizes(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(switched(rng, 0.85, n), log_uniform(rng, 0.01, 0.8, n), 0.0)
