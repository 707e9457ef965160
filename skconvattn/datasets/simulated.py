"""Simulated series, as the pretrained forecaster learned from."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.simulation import simulate

# Frequency of time stamps by season; where there is none, steps are counted.
_FREQUENCIES = {1: "Y", 4: "Q", 7: "D", 12: "M", 24: "h", 52: "W", 168: "h"}
_START = "2000-01-01"
# Shortest series, and longest season.
_SHORTEST, _LONGEST_SEASON = 5, 10_000


def simulate_series(
    n_series: int = 1,
    n_timepoints: int = 120,
    seasonal_period: int | Sequence[int] = 12,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Simulate series as forecasters meet them, each from a model of its own.

    Paths of exponential smoothing in state-space form, of seasonal ARIMA models and of trends that
    turn, with parameters drawn at random; with seasons as harmonics or as free values, on linear or
    logarithmic scale; in some with heavy tails, changing variance, level shifts and outliers; a few
    are counts. :class:`~skconvattn.PretrainedForecaster` learned from millions of them.

    Parameters
    ----------
    n_series : int, default=1
        Number of series.
    n_timepoints : int, default=120
        Time steps of each, at least 5.
    seasonal_period : int or sequence of int, default=12
        Time steps of the season, 1 for none; or of several seasons, such as ``(24, 168)``.
    random_state : int or None
        Seed.

    Returns
    -------
    pandas.DataFrame of shape (n_timepoints, n_series)
        One series per column. The index has periods of the frequency that the season suggests, such
        as months for 12, and counts from zero for other seasons.

    Raises
    ------
    ValueError
        If a number is below its least value.
    TypeError
        If a number is not an integer.

    Examples
    --------
    >>> from skconvattn.datasets import simulate_series
    >>> y = simulate_series(3, n_timepoints=48, seasonal_period=12, random_state=0)
    >>> y.shape, str(y.index[0])
    ((48, 3), '2000-01')
    """
    _check("n_series", n_series, 1, None)
    _check("n_timepoints", n_timepoints, _SHORTEST, None)
    periods: list[Any] = list(np.atleast_1d(np.asarray(seasonal_period, dtype=object)))
    if not periods:
        raise ValueError("seasonal_period=() names no season; give 1 for series without one.")
    for period in periods:
        _check("seasonal_period", period, 1, _LONGEST_SEASON)
    seasons = tuple(sorted({int(period) for period in periods}))
    values = simulate(np.random.default_rng(random_state), n_series, n_timepoints, seasons)
    frequency = _FREQUENCIES.get(seasons[-1])
    index: Any = pd.RangeIndex(n_timepoints)
    if frequency is not None:
        index = pd.period_range(_START, periods=n_timepoints, freq=frequency)
    return pd.DataFrame(values.T, index=index)


def _check(name: str, value: Any, least: int, most: int | None) -> None:
    """Refuse a number that is no integer or out of range.

    Raises
    ------
    ValueError, TypeError
        If it is.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={value!r} is not an integer; give one from {least} on.")
    if int(value) < least or (most is not None and int(value) > most):
        allowed = f"from {least} on" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}={value} is out of range; give an integer {allowed}.")
