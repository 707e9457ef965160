"""Time stamps as integers, one per time step, for any kind of index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.data.frequencies import described, frequency_name, frequency_offset
from skconvattn.forecasting.series import irregular

# Stamps listed in a message before the rest is counted.
_MAX_LISTED = 5


@dataclass(frozen=True)
class Timeline:
    """A regular grid of time stamps.

    Attributes
    ----------
    kind : {"number", "period", "datetime"}
        Kind of index.
    origin : str or int
        Stamp of step 0; for periods, the offset of steps that are several periods long; 0 for
        numbers, which need none.
    freq : str or None
        Frequency of datetimes and periods, as pandas spells it; of custom business days as
        :func:`~skconvattn.data.frequencies.frequency_name` does.
    """

    kind: str
    origin: str | int = 0
    freq: str | None = None

    @classmethod
    def of(cls, index: pd.Index, label: str = "y") -> Timeline:
        """Find the grid of an index, which has to be regular.

        Parameters
        ----------
        index : pandas.Index
            Increasing stamps, without gaps.
        label : str, default="y"
            Name of the series in messages.

        Returns
        -------
        Timeline
            Its grid.

        Raises
        ------
        ValueError
            If stamps are missing, or lie on no regular grid; the message says what to do.
        """
        timeline = cls(_kind(index))
        if isinstance(index, pd.PeriodIndex):
            timeline = cls(
                "period", origin=int(index.asi8[0]) % _multiple(index), freq=index.freqstr
            )
        elif isinstance(index, pd.DatetimeIndex):
            timeline = cls("datetime", origin=index[0].isoformat(), freq=_frequency(index, label))
        timeline._check_gaps(index, label)
        return timeline

    def steps(self, index: pd.Index) -> np.ndarray:
        """Return the step of each stamp.

        Parameters
        ----------
        index : pandas.Index of length n
            Stamps on the grid, in any order.

        Returns
        -------
        ndarray of shape (n,)
            Int64.

        Raises
        ------
        ValueError
            If stamps do not lie on the grid.
        """
        if self.kind != _kind(index):
            raise ValueError(
                f"The time stamps {listed(index)} are of another kind than those of y in fit; "
                f"give {self.kind}s."
            )
        if self.kind == "number":
            return np.asarray(index.to_numpy(), dtype=np.int64)
        if self.kind == "period":
            periods = pd.PeriodIndex(index)
            if periods.freqstr != self.freq:
                raise self._off_grid(index)
            # A step of "2M" is two periods, and begins at every other one.
            n_periods = _multiple(periods)
            distance = np.asarray(periods.asi8, dtype=np.int64) - int(self.origin)
            if (distance % n_periods != 0).any():
                raise self._off_grid(index[distance % n_periods != 0])
            return distance // n_periods
        return self._datetime_steps(pd.DatetimeIndex(index))

    def counts(self, distances: pd.Index) -> np.ndarray:
        """Return distances in time as numbers of steps.

        Parameters
        ----------
        distances : pandas.Index of length n
            Numbers of steps, which stay as they are, or durations.

        Returns
        -------
        ndarray of shape (n,)
            Int64.

        Raises
        ------
        ValueError
            If the steps have no fixed duration, or a duration is no whole number of steps.
        """
        if not isinstance(distances, pd.TimedeltaIndex):
            return np.asarray(distances.to_numpy(), dtype=np.int64)
        offset = self._offset
        length = _duration(offset)
        if length is None or (distances % length != pd.Timedelta(0)).any():
            raise ValueError(
                f"fh={[str(each) for each in distances]} gives durations that are no whole steps "
                f"of the frequency {described(self.freq)} of y; give numbers of steps, for example "
                "fh=[1, 2, 3]."
            )
        return np.asarray(distances // length, dtype=np.int64)

    def after(self, last: Any, n_steps: int) -> pd.Index:
        """Return the stamps that follow one on the grid.

        Parameters
        ----------
        last : object
            A stamp: number, pandas.Period or pandas.Timestamp.
        n_steps : int
            Number of stamps.

        Returns
        -------
        pandas.Index of length n_steps
            Stamps.
        """
        if self.kind == "number":
            return pd.Index(last + np.arange(1, n_steps + 1))
        if self.kind == "period":
            return pd.period_range(last, periods=n_steps + 1, freq=self.freq)[1:]
        return pd.date_range(last, periods=n_steps + 1, freq=self._offset)[1:]

    def relative(self, stamp: Any, steps: np.ndarray) -> pd.Index:
        """Return the stamps that lie some steps after one, or before it where negative.

        Parameters
        ----------
        stamp : object
            A stamp: number, pandas.Period or pandas.Timestamp.
        steps : ndarray of shape (n_steps,)
            Whole numbers.
        """
        first = min(int(steps.min()), 0)
        around: pd.Index
        if self.kind == "number":
            return pd.Index(stamp + steps)
        if self.kind == "period":
            around = pd.period_range(end=stamp, periods=1 - first, freq=self.freq)
        else:
            around = pd.date_range(end=stamp, periods=1 - first, freq=self._offset)
        last = max(int(steps.max()), 0)
        stamps = around.append(self.after(stamp, last)).take(steps - first)
        return self.with_frequency(stamps) if (np.diff(steps) == 1).all() else stamps

    def with_frequency(self, index: pd.Index) -> pd.Index:
        """Return an index with the frequency of the grid, where it has dates on the grid.

        sktime guesses the frequency from the few stamps of an update: three business days in a
        row look like days.
        """
        if self.freq is None or not isinstance(index, pd.DatetimeIndex):
            return index
        try:
            return pd.DatetimeIndex(list(index), freq=self._offset, name=index.name)
        except ValueError:  # off the grid
            return index

    def whole(self, index: pd.Index) -> pd.Index:
        """Return an increasing index on the grid with the stamps added that it leaves out."""
        ends = self.steps(index[[0, -1]])
        n_between = int(ends[1] - ends[0])
        if n_between == len(index) - 1:
            return index
        return index[:1].append(self.after(index[0], n_between))

    def _datetime_steps(self, index: pd.DatetimeIndex) -> np.ndarray:
        origin = pd.Timestamp(self.origin)
        if (origin.tz is None) != (index.tz is None):
            raise ValueError(
                f"The time stamps {listed(index)} are {'not ' if index.tz is None else ''}in a "
                "time zone, unlike those of y in fit; use tz_localize to bring them together."
            )
        if index.tz is not None:
            origin = origin.tz_convert(index.tz)
        length = _fixed_length(self._offset)
        if length is not None:
            distance = index - origin
            if (distance % length != pd.Timedelta(0)).any():
                raise self._off_grid(index)
            return np.asarray(distance // length, dtype=np.int64)
        first, last = min(origin, index.min()), max(origin, index.max())
        # From the origin on in both directions: the grid of "2D" depends on where it begins.
        grid: pd.Index = pd.date_range(origin, last, freq=self._offset)
        n_before = 0
        if first < origin:
            before = pd.date_range(end=origin, start=first, freq=self._offset)
            n_before = len(before) - 1
            grid = before[:-1].append(grid)
        positions = grid.get_indexer(index)
        if (positions < 0).any():
            raise self._off_grid(index[positions < 0])
        return np.asarray(positions, dtype=np.int64) - n_before

    def _off_grid(self, index: pd.Index) -> ValueError:
        return ValueError(
            f"The time stamps {listed(index)} do not follow the frequency {described(self.freq)} "
            "of y in fit; give stamps of this frequency."
        )

    @property
    def _offset(self) -> Any:
        """The frequency as pandas counts with it."""
        return frequency_offset(self.freq)

    def _check_gaps(self, index: pd.Index, label: str) -> None:
        if len(index) < 2:
            return
        distances = np.diff(self.steps(index))
        if (distances == 1).all():
            return
        if (distances == distances[0]).all() and (remedy := self._in_larger_steps(distances[0])):
            raise ValueError(f"{label} {remedy}.")
        after = index[:-1][distances > 1]
        raise ValueError(
            f"{label} has gaps after {listed(after)}; give a row for every time stamp, for example "
            f"with {self._remedy()}, which marks the others as missing."
        )

    def _in_larger_steps(self, n: int) -> str | None:
        """Say how to call several of this grid's steps one step, where that can be said."""
        if self.kind == "number":
            return (
                f"has time stamps that count by {n}; number its steps, for example with "
                f"y.set_axis(y.index // {n})"
            )
        if self.kind == "period" and self.freq and not self.freq[0].isdigit():
            grid = f"pandas.period_range(y.index[0], periods=len(y), freq='{n}{self.freq}')"
            return (
                f"has a value every {n} periods of {self.freq!r} only; give it periods of that "
                f"length, for example with y.set_axis({grid})"
            )
        return None

    def _remedy(self) -> str:
        if self.kind == "datetime":
            return f"y.asfreq({described(self.freq)})"
        if self.kind == "period":
            return f"y.reindex(pandas.period_range(y.index[0], y.index[-1], freq={self.freq!r}))"
        return "y.reindex(range(y.index[0], y.index[-1] + 1))"


def _frequency(index: pd.DatetimeIndex, label: str) -> str:
    """Return the frequency of an index, guessed where it has none."""
    if index.freq is not None:
        return str(frequency_name(index.freq))
    if len(index) < 3:
        raise ValueError(
            f"{label} has {len(index)} time stamps without a frequency; give at least 3, or an "
            "index with one, for example with y.asfreq('D')."
        )
    if (frequency := irregular.guessed_frequency(index)) is not None:
        return frequency
    raise ValueError(
        f"{label} has time stamps at no regular distance, from {index[0]} to {index[-1]}; "
        f"{irregular.remedy(index)}."
    )


def _fixed_length(offset: Any) -> pd.Timedelta | None:
    """Return the duration of a step, in universal time; None where steps differ in duration."""
    return None if isinstance(offset, pd.offsets.Day) else _duration(offset)


def _duration(offset: Any) -> pd.Timedelta | None:
    """Return the duration of a step, by the clock; None for steps of the calendar."""
    if isinstance(offset, pd.offsets.Day | pd.offsets.Week):
        return pd.Timedelta(days=offset.n * (7 if isinstance(offset, pd.offsets.Week) else 1))
    return pd.Timedelta(offset) if isinstance(offset, pd.offsets.Tick) else None


def _multiple(index: pd.PeriodIndex) -> int:
    """Return the number of periods per step: two for "2M"."""
    offset = index.freq
    return 1 if offset is None else int(offset.n)


def _kind(index: pd.Index) -> str:
    if isinstance(index, pd.PeriodIndex):
        return "period"
    if isinstance(index, pd.DatetimeIndex):
        return "datetime"
    if pd.api.types.is_integer_dtype(index.dtype):
        return "number"
    raise ValueError(
        f"The time stamps {listed(index)} are of type {index.dtype}; give whole numbers, periods "
        "or dates, for example with pandas.date_range."
    )


def listed(stamps: pd.Index | Sequence[Any]) -> str:
    """Return the first few of some time stamps, and how many more there are, for a message."""
    shown = ", ".join(str(stamp) for stamp in stamps[:_MAX_LISTED])
    rest = len(stamps) - _MAX_LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown
