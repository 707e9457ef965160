"""The seasonal period of a series, from its index or from its values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.irregular import guessed_offset

# Seasons of steps that follow the calendar, in steps; pandas's aliases without their anchor.
_PERIODS = {
    "Y": 1, "YE": 1, "YS": 1, "BYE": 1, "BYS": 1,
    "Q": 4, "QE": 4, "QS": 4, "BQE": 4, "BQS": 4,
    "M": 12, "ME": 12, "MS": 12, "BME": 12, "BMS": 12, "CBME": 12, "CBMS": 12,
    "SME": 24, "SMS": 24, "B": 5,
}  # fmt: skip
# Seasons of one day, in hours and half hours, and the weeks that show how the days differ.
DAYS = (24, 48)
FEWEST_WEEKS = 4
_DAY = 86_400
_WEEK = 7 * _DAY
# Least correlation with a season before by which a series without a frequency has a season.
_MIN_CORRELATION = 0.3


def seasonal_period(y: pd.Series) -> int:
    """Find how many time steps a season has.

    An index with a frequency gives the calendar's season, by the length of its steps and not by
    how the frequency is spelled: 12 for months, 24 for hours, 48 for half hours, 7 for days, 6 for
    the days of a six-day week, 52 for weeks. Without one, the highest peak of the autocorrelation
    does.

    Parameters
    ----------
    y : pandas.Series
        A series in order of time.

    Returns
    -------
    int
        Time steps of a season; 1 where there is none, or where the series is shorter than two.
    """
    period = _from_frequency(y.index)
    if period is None:
        values = y.astype(np.float64).reset_index(drop=True)
        period = _from_autocorrelation(values.interpolate(limit_direction="both").to_numpy())
    return period if 2 * period <= len(y) else 1


def season_of_calendar(index: pd.Index) -> int:
    """Return the time steps of the season that steps of this length have, however few there are.

    Parameters
    ----------
    index : pandas.Index
        Time stamps.

    Returns
    -------
    int
        Time steps; 1 where the index has no frequency, or one without a season.
    """
    return _from_frequency(index) or 1


def further_periods(period: int, n_timepoints: int) -> tuple[int, ...]:
    """Return longer seasons beside one of a day of hours or half hours: human activity has weeks.

    Parameters
    ----------
    period : int
        Time steps of a season.
    n_timepoints : int
        Length of the series, of which a longer season needs four.
    """
    week = 7 * period
    return (week,) if period in DAYS and n_timepoints >= FEWEST_WEEKS * week else ()


def _from_frequency(index: pd.Index) -> int | None:
    offset = getattr(index, "freq", None)
    if offset is None and isinstance(index, pd.DatetimeIndex):
        offset = guessed_offset(index)
    if offset is None:
        return None
    seconds = _seconds(offset)
    if seconds is not None:
        return _from_length(seconds)
    if isinstance(offset, pd.tseries.offsets.CustomBusinessDay):
        period = int(np.busdaycalendar(offset.weekmask).weekmask.sum())
    else:
        period = _PERIODS.get(offset.name.split("-")[0], 0)
    if not period:
        return None
    return period // offset.n if period % offset.n == 0 else 1


def _seconds(offset: Any) -> float | None:
    """Return the length of a step, if all steps are as long but for changes of the clocks."""
    offsets = pd.tseries.offsets
    if isinstance(offset, offsets.Week):
        return float(offset.n * _WEEK)
    if isinstance(offset, offsets.Day):
        return float(offset.n * _DAY)
    if isinstance(offset, offsets.Tick):
        return pd.Timedelta(offset).total_seconds()
    return None


def _from_length(seconds: float) -> int:
    """Return the season of steps of one length: a day, a week, or a year of 52 weeks."""
    for season, steps in ((_DAY, _DAY / seconds), (_WEEK, _WEEK / seconds)):
        if seconds < season:
            return round(steps) if steps == round(steps) else 1
    weeks = seconds / _WEEK
    return round(52 / weeks) if weeks == round(weeks) and 52 % weeks == 0 else 1


def _from_autocorrelation(values: np.ndarray) -> int:
    """Return the lag of the highest peak of the autocorrelation, differenced against trend."""
    n_timepoints = len(values)
    if n_timepoints < 8:
        return 1
    if np.isnan(values).any():  # no value at all
        return 1
    steps = np.diff(values)
    steps = steps - steps.mean()
    power = np.abs(np.fft.rfft(steps, 2 * len(steps))) ** 2
    correlation = np.fft.irfft(power)[: n_timepoints // 3 + 1]
    if correlation[0] <= 0:
        return 1
    correlation = correlation / correlation[0]
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[peaks >= 2]
    if len(peaks) == 0:
        return 1
    best = int(peaks[np.argmax(correlation[peaks])])
    return best if correlation[best] > _MIN_CORRELATION else 1
