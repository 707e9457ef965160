"""How many steps of a calendar the check of time stamps in a file takes, before it takes them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd

from skconvattn.data.frequencies import frequency_offset
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.persistence.attributes import require

_SECONDS_PER_DAY = 86_400
# Between the first time stamp of a fit and those of any series, in days and in steps: 400 years.
_LONGEST, _MOST_STEPS = 400 * 366, 110_000
# Calendars of which one step takes as long as so many others.
_SLOW: tuple[tuple[type, int], ...] = (
    (pd.offsets.FY5253, 20),
    (pd.offsets.FY5253Quarter, 20),
    (pd.offsets.CustomBusinessHour, 4),
    (pd.offsets.CustomBusinessDay, 2),
)
_FIXED = (pd.offsets.Tick, pd.offsets.Day, pd.offsets.Week, type(None))


def calendar_of(timeline: Timeline) -> Any:
    """Return the calendar of a grid of dates; None where all of its steps have one length."""
    offset = frequency_offset(timeline.freq) if timeline.kind == "datetime" else None
    return None if isinstance(offset, _FIXED) else offset


def check_reach(timeline: Timeline, index: pd.DatetimeIndex) -> int:
    """Refuse time stamps that lie too many steps of a calendar from the origin of a grid.

    Parameters
    ----------
    timeline : Timeline
        The grid, of a calendar.
    index : pandas.DatetimeIndex
        At least one time stamp, in increasing order.

    Returns
    -------
    int
        What it costs to find the steps of the time stamps, as a number of steps.

    Raises
    ------
    ValueError
        If there are too many.
    """
    stamps = [_seconds(stamp) for stamp in (pd.Timestamp(timeline.origin), index[0], index[-1])]
    span = (max(stamps) - min(stamps)) / _SECONDS_PER_DAY
    n_steps = span / _days_per_step(timeline.freq)
    require(span <= _LONGEST and n_steps <= _MOST_STEPS, "time stamps are far from their origin")
    offset = calendar_of(timeline)
    weight = next((weight for kind, weight in _SLOW if isinstance(offset, kind)), 1)
    return int(weight * n_steps)


def _seconds(stamp: pd.Timestamp) -> int:
    """Return whole seconds of the clock on the wall, of any year."""
    return int(stamp.tz_localize(None).as_unit("s").asm8.astype("int64"))


@lru_cache(maxsize=64)
def _days_per_step(freq: str | None) -> float:
    """Return the shortest of some steps of a calendar, in days."""
    offset: Any = frequency_offset(freq)
    firsts = [offset.rollforward(day) for day in pd.date_range("2001-01-01", periods=7, unit="s")]
    shortest = min((first + offset - first).total_seconds() for first in firsts)
    require(shortest > 0, f"{freq!r} steps back in time")
    return float(shortest) / _SECONDS_PER_DAY
