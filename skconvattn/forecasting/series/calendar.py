"""Calendar features of time stamps: their positions in the day, the week and the year."""

from __future__ import annotations

from collections.abc import Callable
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
        Two channels per cycle and one for "weekend", float64.
    """
    stamps = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else pd.DatetimeIndex(index)
    channels = []
    for name in features:
        if name == "weekend":
            channels.append(np.asarray(stamps.dayofweek >= 5, dtype=np.float64))
            continue
        angle = 2 * np.pi * np.asarray(_POSITIONS[name](stamps), dtype=np.float64)
        channels += [np.sin(angle), np.cos(angle)]
    return np.stack(channels, axis=1) if channels else np.zeros((len(index), 0))


def _base_frequency(index: pd.DatetimeIndex | pd.PeriodIndex) -> str:
    offset = getattr(index, "freq", None)
    if offset is None and isinstance(index, pd.DatetimeIndex):
        offset = guessed_offset(index)
    if offset is None:
        return ""
    name = offset.name.split("-")[0]
    return {"ME": "M", "MS": "M", "BME": "M", "BMS": "M", "QE": "Q", "QS": "Q"}.get(name, name)
