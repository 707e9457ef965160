"""Frequencies of dates as text, with the calendar of business days that pandas's names leave out.

pandas calls every custom business day ``"C"``, whatever days are worked on and whatever the
holidays are. Here the name goes on with both: ``"C@Mon Tue Wed Thu Fri Sat@2022-12-26"``.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_SEPARATOR = "@"
# pandas has no longer names, and needs quadratic time for long ones.
_LONGEST_NAME = 40
_CUSTOM: tuple[Any, ...] = (
    pd.offsets.CustomBusinessDay,
    pd.offsets.CustomBusinessMonthEnd,
    pd.offsets.CustomBusinessMonthBegin,
)


def frequency_name(offset: Any) -> str | None:
    """Return the name of a frequency, from which :func:`frequency_offset` makes it again.

    Parameters
    ----------
    offset : pandas.DateOffset or None
        A frequency.

    Returns
    -------
    str or None
        Name, with weekdays and holidays behind ``@`` for custom business days; None for None.
    """
    if offset is None or not isinstance(offset, _CUSTOM):
        return None if offset is None else str(offset.freqstr)
    calendar = offset.calendar
    worked = [
        name for name, is_worked in zip(WEEKDAYS, calendar.weekmask, strict=True) if is_worked
    ]
    return _SEPARATOR.join(
        [offset.freqstr, " ".join(worked), " ".join(map(str, calendar.holidays))]
    )


def check_length(name: str | None) -> None:
    """Refuse text that is too long for the name of a frequency, before pandas reads it.

    Parameters
    ----------
    name : str or None
        A name of pandas, of dates or of periods, or one of :func:`frequency_name`.

    Raises
    ------
    ValueError
        If it is longer than any name.
    """
    plain = (name or "").partition(_SEPARATOR)[0]
    if len(plain) > _LONGEST_NAME:
        raise ValueError(f"{plain[:_LONGEST_NAME]!r}... is not the name of a frequency")


@lru_cache(maxsize=64)
def frequency_offset(name: str | None) -> Any:
    """Return the frequency of a name.

    Parameters
    ----------
    name : str or None
        A name of pandas, or one of :func:`frequency_name`.

    Returns
    -------
    pandas.DateOffset or None
        The frequency; None for None.

    Raises
    ------
    ValueError
        If the name is none of a frequency.
    """
    check_length(name)
    plain, *calendar = (name or "").split(_SEPARATOR)
    with warnings.catch_warnings():
        # Periods have names of their own, "M" for example, of which pandas before 3.0 warns here.
        warnings.simplefilter("ignore", FutureWarning)
        offset = pd.tseries.frequencies.to_offset(plain or None)
    if not calendar:
        return offset
    if not isinstance(offset, _CUSTOM) or len(calendar) != 2:
        raise ValueError(f"{name!r} is not the name of a frequency")
    weekdays, holidays = calendar
    return type(offset)(
        offset.n,
        weekmask=weekdays,
        holidays=[np.datetime64(day, "D") for day in holidays.split()],
    )


def described(name: str | None) -> str:
    """Return the name of a frequency as a message gives it.

    Parameters
    ----------
    name : str or None
        A name of :func:`frequency_name`.

    Returns
    -------
    str
        Code of pandas that makes the frequency.
    """
    calendar = (name or "").split(_SEPARATOR)[1:]
    if not calendar:
        return repr(name)
    offset = frequency_offset(name)
    n = f"{offset.n}, " if offset.n != 1 else ""
    weekdays, holidays = calendar
    listed = f", holidays={holidays.split()!r}" if holidays else ""
    return f"pandas.offsets.{type(offset).__name__}({n}weekmask={weekdays!r}{listed})"
