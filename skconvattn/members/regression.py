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
# Standard deviations above what chance explains that effects have to explain.
_DOUBT = 2.0
# By how much minus twice the log-likelihood has to be lower where effects are proportional: where
# the level of a series hardly changes, both are the same.
_FAVOUR = 6.0
# What is left of a constant covariate is rounding.
_CONSTANT = 1e-6
# A value that nearly determines its own fit says nothing of others.
_MOST_LEVERAGE = 0.95
_TINY = float(np.finfo(np.float64).tiny)


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
    period = period if period <= len(values) // 2 else 1
    known = ~np.isnan(values)
    if not channels.shape[1] or known.sum() < period + 1 + _FEWEST:
        return none
    size = np.abs(values[known]).max()
    if not size > 0:
        return none
    found = [_supported(values / size, channels, period)]
    if values[known].min() > 0:
        logs = np.log(values / size)
        found.append(_supported(logs, channels, period))
        # The density of the values is that of their logarithms, divided by the values.
        found[1].lack += float(2 * logs[known].sum()) + _FAVOUR
    best = min(found, key=lambda each: each.lack)
    proportional = len(found) > 1 and best is found[1]
    return Regression(best.coefficients * (1.0 if proportional else size), proportional)


@dataclass(eq=False)
class _Found:
    """Coefficients, and how badly they fit: minus twice a log-likelihood of left-out steps."""

    coefficients: np.ndarray
    lack: float


def _supported(values: np.ndarray, channels: np.ndarray, period: int) -> _Found:
    """Return the coefficients of the smoothing whose left-out errors are smallest."""
    present = ~np.isnan(values)
    errors = _one_step_errors(values, channels, period)[:, present]  # (n_levels, n_known, ...)
    found = [_by_ridge(one, channels.shape[1]) for one in errors]
    return min(found, key=lambda each: each.lack)


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
                part, noise = kept * (2 - kept), float(np.mean(errors_left_out**2))
                chance = part.sum() + _DOUBT * np.sqrt(2 * part.sum())
                share = 1.0 - chance * noise / max(float(part @ explained), _TINY)
                best = (errors_left_out, share, vt.T @ (s / (s**2 + penalty) * (u.T @ own)))
    errors_left_out, share, coefficients = best
    lack = len(own) * np.log(max(float(np.mean(errors_left_out**2)), _TINY))
    return _Found(max(share, 0.0) * coefficients, float(lack))


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
