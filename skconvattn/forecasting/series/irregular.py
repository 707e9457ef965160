"""Frequencies of dates that come without one, and what to do about dates that follow none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from skconvattn.data.frequencies import WEEKDAYS, frequency_name, frequency_offset

# Stamps read to guess the frequency of an index that has gaps, and places where they are read.
_GUESSED_FROM = 5
_MOST_PLACES = 20
# Frequencies that pandas does not infer.
_NOT_INFERRED = ("SMS", "SME")
# Weeks after which a weekday without a stamp counts as one that is not worked on.
_LEAST_WEEKS = 3
# What stamps are rounded to where clocks are a little off, the finest first.
_ROUNDED_TO = ("s", "min", "h", "D")
_PERIODS = ("Y", "Q", "M", "W", "D", "h", "min")
# Where nothing fits: the usual steps in days, the longest last.
_STEPS = {"min": 1 / 1440, "h": 1 / 24, "D": 1, "W": 7, "MS": 31, "QS": 92, "YS": 366}


def guessed_frequency(index: pd.DatetimeIndex) -> str | None:
    """Guess the frequency of dates, of which some may be left out.

    Parameters
    ----------
    index : pandas.DatetimeIndex of length at least 3
        Increasing dates.

    Returns
    -------
    str or None
        Name, as :func:`~skconvattn.data.frequencies.frequency_name` gives it, of the frequency
        that leaves out the fewest dates; None if all dates lie on the grid of no frequency.
    """
    if frequency := pd.infer_freq(index):
        return frequency
    # Sub-daily indices of a place with daylight saving are regular in universal time only.
    if index.tz is not None and (frequency := pd.infer_freq(index.tz_convert("UTC"))):
        return frequency
    sizes = {name: size for name in _candidates(index) if (size := _grid_size(index, name))}
    return min(sizes, key=lambda name: sizes[name]) if sizes else None


def guessed_offset(index: pd.DatetimeIndex) -> Any:
    """Guess the frequency of dates, as an offset of pandas.

    Parameters
    ----------
    index : pandas.DatetimeIndex
        Increasing dates.

    Returns
    -------
    pandas.DateOffset or None
        The frequency; None where there is none, or fewer than 3 dates.
    """
    return frequency_offset(guessed_frequency(index)) if len(index) >= 3 else None


def remedy(index: pd.DatetimeIndex) -> str:
    """Say how to bring dates at no regular distance to a frequency.

    Parameters
    ----------
    index : pandas.DatetimeIndex of length at least 3
        Increasing dates.

    Returns
    -------
    str
        Half a sentence with code that works on a series with this index.
    """
    if index.tz is None:
        distance = (index[1:] - index[:-1]).min()
        for unit in _ROUNDED_TO:
            rounded = index.round(unit)
            shift = max((rounded - index).max(), (index - rounded).max())
            if rounded.is_unique and 10 * shift < distance and guessed_frequency(rounded):
                return f"round them, for example with y.set_axis(y.index.round({unit!r}))"
        for unit in _PERIODS:
            periods = index.to_period(unit)
            if len(periods.unique()) == len(pd.period_range(periods[0], periods[-1])) == len(index):
                return f"give it periods, for example with y.set_axis(y.index.to_period({unit!r}))"
    median = pd.Series(index).diff().median() / pd.Timedelta(days=1)
    unit = next((unit for unit, days in _STEPS.items() if days >= 0.9 * median), "YS")
    return (
        f"bring it to a frequency, for example with y.resample({unit!r}).mean(), or number its "
        "steps with y.reset_index(drop=True)"
    )


def _candidates(index: pd.DatetimeIndex) -> Iterator[str]:
    """Guess frequencies from parts of an index, and from the weekdays that it has."""
    n_parts = max(1, len(index) - _GUESSED_FROM + 1)
    for start in range(0, n_parts, max(1, n_parts // _MOST_PLACES)):
        part = index[start : start + _GUESSED_FROM]
        if len(part) >= 3 and (frequency := pd.infer_freq(part)):
            yield frequency
    for name in _NOT_INFERRED:
        # Not for stamps in the middle of each month, which are half of those of a semi-month.
        if 2 * _grid_size(index, name) < 3 * len(index):
            yield name
    worked = sorted(set(index.dayofweek))
    is_daily = len({stamp.time() for stamp in index[:: max(1, len(index) // 100)]}) == 1
    if is_daily and index[-1] - index[0] >= pd.Timedelta(weeks=_LEAST_WEEKS) and len(worked) < 7:
        weekdays = " ".join(WEEKDAYS[day] for day in worked)
        yield str(frequency_name(pd.offsets.CustomBusinessDay(weekmask=weekdays)))


def _grid_size(index: pd.DatetimeIndex, frequency: str) -> int:
    """Return how many dates a frequency has from the first to the last; 0 if one lies beside it."""
    grid = pd.date_range(index[0], index[-1], freq=frequency_offset(frequency))
    return len(grid) if index.isin(grid).all() else 0
