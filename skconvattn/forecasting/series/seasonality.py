"""The seasonal period of a series, from its index or from its values."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Seasons by the base frequency of an index, in time steps; pandas's aliases without their anchor.
_PERIODS = {
    "Y": 1, "YE": 1, "YS": 1, "BYE": 1, "BYS": 1,
    "Q": 4, "QE": 4, "QS": 4, "BQE": 4, "BQS": 4,
    "M": 12, "ME": 12, "MS": 12, "BME": 12, "BMS": 12,
    "W": 52, "D": 7, "B": 5, "h": 24, "min": 1440, "s": 86400,
}  # fmt: skip
# Least correlation with a season before by which a series without a frequency has a season.
_MIN_CORRELATION = 0.3


def seasonal_period(y: pd.Series) -> int:
    """Find how many time steps a season has.

    An index with a frequency gives the calendar's season: 12 for months, 24 for hours, 48 for half
    hours, 7 for days. Without one, the highest peak of the autocorrelation does.

    Parameters
    ----------
    y : pandas.Series
        A series in order of time.

    Returns
    -------
    int
        Time steps of a season; 1 where there is none, or where the series is no longer than two.
    """
    period = _from_frequency(y.index)
    if period is None:
        values = y.astype(np.float64).reset_index(drop=True)
        period = _from_autocorrelation(values.interpolate(limit_direction="both").to_numpy())
    return period if 2 * period < len(y) else 1


def _from_frequency(index: pd.Index) -> int | None:
    frequency = getattr(index, "freq", None)
    if frequency is None and isinstance(index, pd.DatetimeIndex) and len(index) >= 3:
        frequency = pd.infer_freq(index)
    if frequency is None:
        return None
    offset = pd.tseries.frequencies.to_offset(frequency)
    alias = offset.name.split("-")[0] if hasattr(offset, "name") else str(offset)
    period = _PERIODS.get(alias)
    if period is None:
        return None
    return max(1, period // offset.n) if period % offset.n == 0 else 1


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
