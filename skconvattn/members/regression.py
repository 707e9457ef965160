r"""Effects of covariates on a series, by regression with the errors of exponential smoothing.

A series that wanders cannot be regressed on covariates as it is. The one-step errors of exponential
smoothing at fixed parameters are linear in the series, and nearly independent: those of the series
are regressed on those of the covariates, after Ord, Koehler and Snyder (1997), "Estimation and
prediction for a class of dynamic nonlinear statistical models", with the first state among the
regressors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Smoothing of the level that is tried, and that of the season.
_LEVELS, _SEASON = np.array([0.05, 0.2, 0.5]), 0.1
# Penalties on coefficients, as multiples of the mean square of a covariate's errors.
_PENALTIES = np.logspace(-4, 1, 11)
# Most time steps that are read, from the end; fewest beyond what describes the first state.
_LONGEST, _FEWEST = 3000, 12
# Most time steps of a season, each of which is a regressor.
_LONGEST_SEASON = 400
# Standard deviations above what chance explains that effects have to explain.
_DOUBT = 2.0
# By how much minus twice a log-likelihood has to be lower where effects are proportional: where the
# level of a series hardly changes, both are the same.
_FAVOUR = 6.0
# Largest ratio of squared errors with effects that multiply to those with effects that are added.
_SMALLER = 0.9
# What is left of a constant covariate is rounding.
_CONSTANT = 1e-6
# A value that nearly determines its own fit says nothing of others.
_MOST_LEVERAGE = 0.95
_TINY = float(np.finfo(np.float64).tiny)
# Errors of logarithms beyond which their size in units of the series does not matter.
_FARTHEST = 50.0


@dataclass(frozen=True, eq=False)
class Regression:
    """Effects of covariates on one series.

    Attributes
    ----------
    coefficients : ndarray of shape (n_channels,)
        What one unit of a covariate adds to the series, or to its logarithm.
    proportional : bool
        Whether effects multiply the series.
    """

    coefficients: np.ndarray
    proportional: bool = False


def regression(values: np.ndarray, channels: np.ndarray, period: int) -> Regression:
    """Measure effects, as far as errors of left-out time steps support them beyond chance.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints,)
        Series; NaN where missing.
    channels : ndarray of shape (n_timepoints, n_channels)
        Covariates.
    period : int
        Time steps of a season, 1 for none.

    Returns
    -------
    Regression
        Effects, of which all coefficients are zero where none is supported.
    """
    values, channels = values[-_LONGEST:], channels[-_LONGEST:].astype(np.float64)
    none = Regression(np.zeros(channels.shape[1]))
    period = period if period <= min(len(values) // 2, _LONGEST_SEASON) else 1
    known = ~np.isnan(values)
    if not channels.shape[1] or known.sum() < period + 1 + _FEWEST:
        return none
    size = np.abs(values[known]).max()
    if not size > 0:
        return none
    values = values / size
    added = _supported(values, channels, period)
    if values[known].min() > 0:
        logs = np.log(values)
        multiplied = _supported(logs, channels, period)
        if _is_proportional(added.errors, multiplied.errors, logs[known]):
            return Regression(multiplied.coefficients, proportional=True)
    return Regression(added.coefficients * size)


def _is_proportional(added: np.ndarray, multiplied: np.ndarray, logs: np.ndarray) -> bool:
    """Whether effects multiply a series, by left-out errors of values and of logarithms.

    They have to be likelier, and their errors have to be smaller in units of the series too: skewed
    noise is likelier on logarithms whatever effects do. All arrays have the shape (n_known,).
    """
    # The density of the values is that of their logarithms, divided by the values.
    likelier = 2 * logs.sum() + len(logs) * np.log(_mean_square(multiplied) / _mean_square(added))
    in_units = np.exp(logs) * -np.expm1(-np.clip(multiplied, -_FARTHEST, _FARTHEST))
    smaller = _mean_square(in_units) < _SMALLER * _mean_square(added)
    return bool(smaller and likelier < -_FAVOUR)


def _mean_square(errors: np.ndarray) -> float:
    return max(float(np.mean(errors**2)), _TINY)


@dataclass(frozen=True, eq=False)
class _Found:
    """Coefficients, and the errors of steps that were left out, (n_known,)."""

    coefficients: np.ndarray
    errors: np.ndarray


def _supported(values: np.ndarray, channels: np.ndarray, period: int) -> _Found:
    """Return the coefficients of the smoothing whose left-out errors are smallest."""
    present = ~np.isnan(values)
    errors = _one_step_errors(values, channels, period)[:, present]  # (n_levels, n_known, ...)
    found = [_by_ridge(one, channels.shape[1]) for one in errors]
    return min(found, key=lambda each: _mean_square(each.errors))


def _by_ridge(errors: np.ndarray, n_channels: int) -> _Found:
    r"""Regress errors of a series, the first column, on those of its covariates, the next ones.

    The other columns are the errors that come from the first state, which is not penalised. The
    penalty is that with the smallest errors of left-out steps, and coefficients are shrunk as a
    positive-part James-Stein estimator shrinks them, with more doubt since the penalty was chosen:
    by

    .. math:: \max\bigl(0, 1 - (1 + 2 \sqrt{2 / d})\, d\, \sigma^2 / S\bigr)

    with the sum of squares :math:`S` that :math:`d` effective covariates explain, and the mean
    square :math:`\sigma^2` of left-out errors.
    """
    state, _ = np.linalg.qr(errors[:, 1 + n_channels :])
    left = errors[:, : 1 + n_channels] - state @ (state.T @ errors[:, : 1 + n_channels])
    own, others = left[:, 0], left[:, 1:]
    sizes = np.linalg.norm(others, axis=0)
    constant = sizes <= _CONSTANT * np.linalg.norm(errors[:, 1 : 1 + n_channels], axis=0)
    leverage = (state**2).sum(axis=1)
    best = (_left_out(own, leverage), 1.0, np.zeros(n_channels))
    if not constant.all():
        u, s, vt = np.linalg.svd(np.where(constant, 0.0, others), full_matrices=False)
        explained = (u.T @ own) ** 2
        for penalty in _PENALTIES * float(np.mean(sizes[~constant] ** 2)):
            kept = s**2 / (s**2 + penalty)
            errors_left_out = _left_out(own - (u * kept) @ (u.T @ own), leverage + u**2 @ kept)
            if (errors_left_out**2).sum() < (best[0] ** 2).sum():
                part, noise = kept * (2 - kept), _mean_square(errors_left_out)
                chance = part.sum() + _DOUBT * np.sqrt(2 * part.sum())
                share = 1.0 - chance * noise / max(float(part @ explained), _TINY)
                best = (errors_left_out, share, vt.T @ (s / (s**2 + penalty) * (u.T @ own)))
    errors_left_out, share, coefficients = best
    return _Found(max(share, 0.0) * coefficients, errors_left_out)


def _left_out(errors: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Return errors as they would be if each step had been left out of the regression."""
    return errors / (1.0 - np.minimum(leverage, _MOST_LEVERAGE))


def _one_step_errors(values: np.ndarray, channels: np.ndarray, period: int) -> np.ndarray:
    """Return errors of smoothing by level: (n_levels, n_timepoints, 1 + n_channels + n_states).

    The columns are the series, its covariates, a line, and each part of the first state, all
    smoothed alike; a missing value of the series leaves the states of all as they are.
    """
    n = len(values)
    present = ~np.isnan(values)
    first = np.zeros((n, period if period > 1 else 0))
    line = np.linspace(-1, 1, n)
    series = np.column_stack([np.where(present, values, 0.0), channels, line])
    series = np.concatenate([series, np.ones((n, 1)), first], axis=1)
    # A season from the start on is the same as a column that repeats it.
    if period > 1:
        series[np.arange(n), series.shape[1] - period + np.arange(n) % period] = 1.0
        series = np.delete(series, -1, axis=1)
    level = np.zeros((len(_LEVELS), series.shape[1]))
    season = np.zeros((period, len(_LEVELS), series.shape[1]))
    errors = np.empty((n, len(_LEVELS), series.shape[1]))
    for t in range(n):
        place = t % period
        error = series[t] - level - (season[place] if period > 1 else 0.0)
        errors[t] = error
        if present[t]:
            level += _LEVELS[:, None] * error
            if period > 1:
                season[place] += _SEASON * error
    return errors.transpose(1, 0, 2)
