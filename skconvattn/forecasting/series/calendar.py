"""Calendar features of time stamps: positions in the day, the week and the year, and holidays."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.irregular import guessed_offset

# Position in a cycle, from 0 to 1, of each feature.
_POSITIONS: dict[str, Callable[[pd.DatetimeIndex], Any]] = {
    "hour_of_day": lambda i: (i.hour + i.minute / 60 + i.second / 3600) / 24,
    "day_of_week": lambda i: (i.dayofweek + i.hour / 24) / 7,
    "day_of_month": lambda i: (i.day - 1) / i.days_in_month,
    "week_of_year": lambda i: (i.isocalendar().week.to_numpy(np.float64) - 1) / 53,
    "month_of_year": lambda i: (i.month - 1) / 12,
    "quarter_of_year": lambda i: (i.quarter - 1) / 4,
    "day_of_year": lambda i: (i.dayofyear - 1) / 366,
}
# Names of features that are one on some days: holidays of a country, or dates.
_COUNTRY, _DATES = "holidays of ", "dates "
CALENDAR_FEATURES = ("weekend", *_POSITIONS)
# Informative features at each frequency: cycles longer than a step and not longer than needed.
_AUTOMATIC = {
    "h": ("hour_of_day", "day_of_week", "weekend"),
    "min": ("hour_of_day", "day_of_week", "weekend"),
    "s": ("hour_of_day", "day_of_week"),
    "D": ("day_of_week", "day_of_month", "day_of_year"),
    "B": ("day_of_week", "day_of_month", "day_of_year"),
    "C": ("day_of_week", "day_of_month", "day_of_year"),
    "W": ("week_of_year",),
    "M": ("month_of_year",),
    "Q": ("quarter_of_year",),
}


def calendar_features_for(features: Any, index: pd.Index) -> tuple[str, ...]:
    """Resolve a choice of calendar features.

    Parameters
    ----------
    features : sequence of str, "auto" or None
        Names from :data:`CALENDAR_FEATURES`; "auto" chooses by the frequency of the index.
    index : pandas.Index
        Time stamps of the fit.

    Returns
    -------
    tuple of str
        Names.

    Raises
    ------
    ValueError
        If a name is unknown, or the index has no calendar.
    """
    if features is None:
        return ()
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        raise ValueError(
            f"calendar_features={features!r} needs dates, but y has an index of "
            f"{type(index).__name__}; give y a DatetimeIndex or PeriodIndex, or use "
            "calendar_features=None."
        )
    if isinstance(features, str) and features == "auto":
        return _AUTOMATIC.get(_base_frequency(index), ())
    names = (features,) if isinstance(features, str) else tuple(features)
    unknown = [name for name in names if name not in CALENDAR_FEATURES]
    if unknown:
        raise ValueError(
            f"calendar_features={features!r} names {unknown}; use 'auto' or names from "
            f"{list(CALENDAR_FEATURES)}."
        )
    return names


def holiday_features_for(holidays: Any, index: pd.Index) -> tuple[str, ...]:
    """Resolve a choice of holidays.

    Parameters
    ----------
    holidays : str, sequence of dates, or None
        Code of a country, with a subdivision after a hyphen if asked for, such as "DE-BY", or
        dates.
    index : pandas.Index
        Time stamps of the fit.

    Returns
    -------
    tuple of str
        The name of a feature, which says all that its channel needs; empty for None.

    Raises
    ------
    ValueError
        If time stamps are not days or parts of days, a code is unknown, or values are not dates.
    ImportError
        If a country is named and the package ``holidays`` is not installed.
    """
    if holidays is None:
        return ()
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) or _is_coarse(index):
        raise ValueError(
            f"holidays={holidays!r} needs days or shorter steps, but y has other time stamps; use "
            "holidays=None, and give the number of holidays per step as a column of X."
        )
    if isinstance(holidays, str):
        _days_of(holidays, 2024)
        return (_COUNTRY + holidays,)
    try:
        days = pd.DatetimeIndex(pd.to_datetime(list(holidays))).strftime("%Y-%m-%d")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"holidays={holidays!r} are not dates; give the code of a country, such as 'DE', or "
            "dates, such as ['2024-12-25']."
        ) from error
    return (_DATES + " ".join(sorted(set(days))),)


def n_calendar_channels(features: tuple[str, ...]) -> int:
    """Return the number of channels of calendar features."""
    return sum(2 if name in _POSITIONS else 1 for name in features)


def calendar_names(features: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the channels of calendar features."""
    names: list[str] = []
    for name in features:
        if name in _POSITIONS:
            names += [f"sin({name})", f"cos({name})"]
        else:
            names.append("dates" if name.startswith(_DATES) else name)
    return tuple(names)


def calendar_channels(index: pd.Index, features: tuple[str, ...]) -> np.ndarray:
    r"""Return calendar features of time stamps.

    A position :math:`p` in a cycle becomes :math:`\sin 2\pi p` and :math:`\cos 2\pi p`, so that
    the end of a cycle lies beside its beginning.

    Parameters
    ----------
    index : pandas.DatetimeIndex or pandas.PeriodIndex of length n
        Time stamps; in their own time zone.
    features : tuple of str
        Names from :data:`CALENDAR_FEATURES`.

    Returns
    -------
    ndarray of shape (n, n_channels)
        Two channels per cycle, one for "weekend" and one for holidays, float64.
    """
    stamps = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else pd.DatetimeIndex(index)
    channels = []
    for name in features:
        if name == "weekend":
            channels.append(np.asarray(stamps.dayofweek >= 5, dtype=np.float64))
            continue
        if name not in _POSITIONS:
            channels.append(_on_days(stamps, name).astype(np.float64))
            continue
        angle = 2 * np.pi * np.asarray(_POSITIONS[name](stamps), dtype=np.float64)
        channels += [np.sin(angle), np.cos(angle)]
    return np.stack(channels, axis=1) if channels else np.zeros((len(index), 0))


def _on_days(stamps: pd.DatetimeIndex, name: str) -> np.ndarray:
    """Whether each time stamp lies on one of the days that a feature names: (n,)."""
    days = stamps.tz_localize(None).normalize()
    if name.startswith(_DATES):
        named = name.removeprefix(_DATES).split()
    else:
        code = name.removeprefix(_COUNTRY)
        named = [day for year in days.year.unique() for day in _days_of(code, int(year))]
    return np.asarray(days.isin(pd.DatetimeIndex(named)))


@lru_cache(maxsize=256)
def _days_of(code: str, year: int) -> tuple[str, ...]:
    """Return the holidays of a country in a year."""
    try:
        from holidays import country_holidays
    except ImportError as error:
        raise ImportError(
            f"holidays={code!r} needs the package holidays; install it with pip install "
            "'skconvattn[holidays]', or give the dates themselves."
        ) from error
    country, _, subdivision = code.partition("-")
    try:
        found = country_holidays(country, subdiv=subdivision or None, years=year)
    # What the package raises for a code that it does not know.
    except NotImplementedError as error:
        raise ValueError(
            f"holidays={code!r} is no country that the package holidays knows; give a code such as "
            "'DE' or 'US-CA', or the dates themselves."
        ) from error
    return tuple(str(day) for day in sorted(found))


def _is_coarse(index: pd.DatetimeIndex | pd.PeriodIndex) -> bool:
    """Whether steps are longer than a day."""
    return _base_frequency(index) not in ("D", "B", "C", "h", "min", "s", "ms", "us", "ns", "")


def _base_frequency(index: pd.DatetimeIndex | pd.PeriodIndex) -> str:
    offset = getattr(index, "freq", None)
    if offset is None and isinstance(index, pd.DatetimeIndex):
        offset = guessed_offset(index)
    if offset is None:
        return ""
    name = offset.name.split("-")[0]
    return {"ME": "M", "MS": "M", "BME": "M", "BMS": "M", "QE": "Q", "QS": "Q"}.get(name, name)
