"""Exponential smoothing of some series, on values and on logarithms, with one season or another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skconvattn.members.recursion import Recursion, Settings

# Of a series that is much longer, the last one to two times as many time steps are read.
_MOST_READ = 10_000
# A forecast of one setting stays within this many ranges of the series.
_MOST_RANGES = 3.0
# No exponential function overflows below this.
_MOST_LOG = 700.0


@dataclass(frozen=True, eq=False)
class Runs:
    """Series as rows: for each season once as values and, if positive, once as logarithms.

    Attributes
    ----------
    recursions : tuple of Recursion
        States of the rows, one recursion for each season.
    number : ndarray of shape (n_rows,)
        Index of the series of each row.
    slot : ndarray of shape (n_rows,)
        Twice the index of the season, and one more for logarithms.
    lower, upper : ndarray of shape (n_rows,)
        Bounds of forecasts.
    skipped : ndarray of shape (n_series,)
        Time steps at the beginning of each series that are not read.
    """

    recursions: tuple[Recursion, ...]
    number: np.ndarray
    slot: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    skipped: np.ndarray

    @classmethod
    def of(
        cls,
        series: list[np.ndarray],
        periods: tuple[int, ...],
        kinds: tuple[bool, bool],
        grid: Settings,
        origins: Sequence[np.ndarray] | None = None,
    ) -> Runs:
        """Prepare series, of which origins in the distant past are read from the beginning.

        Parameters
        ----------
        series : list of ndarray of shape (n_timepoints,)
            Series that end with a value; NaN where missing.
        periods : tuple of int
            Time steps of each season.
        kinds : (bool, bool)
            Whether values, and logarithms of positive values, are smoothed; values are where
            logarithms cannot be.
        grid : Settings
            Parameters of exponential smoothing.
        origins : sequence of ndarray of shape (n_origins,), optional
            Origins of each series that are asked for; the end by default.
        """
        asked = [len(one) if origins is None else origins[i].min() for i, one in enumerate(series)]
        # Whole multiples, so that a series that grows is seldom read from elsewhere.
        skipped = np.array([max(len(one) // _MOST_READ - 1, 0) * _MOST_READ for one in series])
        skipped = np.where(np.array(asked) < skipped, 0, skipped)
        series = [one[skip:] for one, skip in zip(series, skipped, strict=True)]
        positive = [not (one <= 0).any() for one in series]
        as_logs = [i for i, one in enumerate(positive) if kinds[1] and one]
        as_values = [i for i, one in enumerate(positive) if kinds[0] or not one]
        rows = [series[i] for i in as_values] + [np.log(series[i]) for i in as_logs]
        number = np.tile(as_values + as_logs, len(periods))
        is_log = np.arange(len(rows)) >= len(as_values)
        low, high = (
            np.array([bound(one[~np.isnan(one)], initial=start) for one in series])
            for bound, start in ((np.min, np.inf), (np.max, -np.inf))
        )
        reach = _MOST_RANGES * (high - low)
        return cls(
            recursions=tuple(Recursion(rows, period, grid) for period in periods),
            number=number,
            slot=np.concatenate([2 * i + is_log for i in range(len(periods))]),
            lower=(low - reach)[number],
            upper=(high + reach)[number],
            skipped=skipped,
        )

    @property
    def is_log(self) -> np.ndarray:
        """Whether each row holds logarithms: (n_rows,)."""
        return self.slot % 2 == 1

    @property
    def starts(self) -> np.ndarray:
        """Position of the first value of each row, all of which end together: (n_rows,)."""
        return np.concatenate([one.starts for one in self.recursions])

    @property
    def n_timepoints(self) -> int:
        """Time steps of the longest series."""
        return self.recursions[0].n_timepoints

    @property
    def n_settings(self) -> int:
        """Number of settings of each row."""
        return self.recursions[0].n_settings

    def values(self) -> np.ndarray:
        """Return the values of each row, never logarithms: (n_rows, n_timepoints)."""
        values = np.concatenate([one.values for one in self.recursions])
        values[self.is_log] = np.exp(values[self.is_log])
        return values

    def advance(self, t: int) -> None:
        """Take the values at a time step."""
        for one in self.recursions:
            one.advance(t)

    def take(self, t: int, value: float) -> None:
        """Take a value of the only series at a time step after its end; NaN if it is missing."""
        log = np.log(value) if value > 0 else np.nan
        values = np.where(self.is_log, log, value)
        for one, own in zip(self.recursions, np.split(values, len(self.recursions)), strict=True):
            one.take(t, own)

    def ahead(self, t: int, steps: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Forecast values after a time step: (n_steps, n_rows, n_settings)."""
        n_each = len(self.number) // len(self.recursions)
        parts: list[np.ndarray] = []
        for i, one in enumerate(self.recursions):
            own: Any = slice(None)
            if rows is not None:
                own = rows[(rows >= i * n_each) & (rows < (i + 1) * n_each)] - i * n_each
            parts.append(one.ahead(t, steps, own))
        ahead = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        chosen: Any = slice(None) if rows is None else rows
        logs = self.is_log[chosen]
        if logs.any():
            ahead[:, logs] = np.exp(np.minimum(ahead[:, logs], _MOST_LOG))
        return np.clip(ahead, self.lower[chosen, None], self.upper[chosen, None], out=ahead)

    def visits(
        self, origins: Sequence[np.ndarray]
    ) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
        """Advance the rows, and stop at origins of their series.

        Yields
        ------
        t : int
            A time step that was taken last.
        rows : ndarray of shape (n_rows,)
            Rows, in order, whose series have origins there.
        places : list of ndarray
            Where they are among the origins of the series.
        """
        start = np.empty(len(origins), dtype=int)
        start[self.number] = self.starts
        by_time: dict[int, dict[int, list[int]]] = {}
        for number, asked in enumerate(origins):
            for place, origin in enumerate(asked):
                t = int(origin - self.skipped[number] + start[number])
                by_time.setdefault(t, {}).setdefault(number, []).append(place)
        for t in range(-1, max(by_time, default=-2) + 1):
            if t >= 0:
                self.advance(t)
            here = by_time.get(t)
            if here:
                rows = np.flatnonzero(np.isin(self.number, list(here)))
                yield t, rows, [np.array(here[number]) for number in self.number[rows]]
