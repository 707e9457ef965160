"""Quantiles of all series over a horizon, in units of y, from a fitted forecast and a panel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from skconvattn.forecasting import agreement
from skconvattn.forecasting.fitted import last_window
from skconvattn.forecasting.series.history import History, Panel, split_panel
from skconvattn.forecasting.series.timeline import listed

# Ranges of a series by which quantiles may lie outside of it, and what is added, over the length;
# the range of a shorter one says too little.
_REACH, _REACH_OF_SHORT, _SHORT = 0.77, 3.0, 10


@dataclass(frozen=True, eq=False)
class LastInputs:
    """What the forecasts of every target are made from.

    Attributes
    ----------
    windows : ndarray of shape (n_series * n_targets, window_length, n_channels)
        The last window of each target that ends with a value; float32.
    future : ndarray of shape (n_series * n_targets, n_ahead + longest gap, n_future)
        Future covariates of the steps after each window; float32.
    gaps : ndarray of shape (n_series * n_targets,)
        Missing values after each window: steps that are forecast, but were not asked for.
    """

    windows: np.ndarray
    future: np.ndarray
    gaps: np.ndarray

    def asked(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs of the steps after the gaps: (n, n_ahead, n_values)."""
        steps = self.steps(outputs.shape[1] - int(self.gaps.max())) - 1
        return outputs[np.arange(len(outputs))[:, None], steps]

    def steps(self, n_ahead: int) -> np.ndarray:
        """Return how many steps after its window each forecast is: (n, n_ahead)."""
        return self.gaps[:, None] + np.arange(1, n_ahead + 1)


@dataclass(frozen=True, eq=False)
class PanelForecast:
    """Forecasts of every series of a panel.

    Attributes
    ----------
    fitted : FittedForecast or a record like it
        Record of the fit.
    panel : Panel
        Series up to their ends.
    stamps : tuple of pandas.Index of length n_stamps
        Time stamps of the horizon, one index per series.
    X : pandas.DataFrame or None
        Covariates over the horizon.
    """

    fitted: Any
    panel: Panel
    stamps: tuple[pd.Index, ...]
    X: pd.DataFrame | None

    @classmethod
    def relative(cls, fitted: Any, panel: Panel, fh: np.ndarray, X: pd.DataFrame | None) -> Self:
        """Forecast steps after the end of each series: (n_steps,)."""
        timeline = fitted.channels.timeline
        ends = [history.y.index[-1] for history in panel.histories]
        known = {end: timeline.relative(end, fh) for end in set(ends)}
        return cls(fitted, panel, tuple(known[end] for end in ends), X)

    @classmethod
    def absolute(cls, fitted: Any, panel: Panel, stamps: pd.Index, X: pd.DataFrame | None) -> Self:
        """Forecast the same time stamps of all series."""
        return cls(fitted, panel, (stamps,) * len(panel.keys), X)

    def quantiles(self, levels: np.ndarray) -> np.ndarray:
        """Forecast quantiles.

        Parameters
        ----------
        levels : ndarray of shape (n_levels,)
            Quantile levels, strictly between 0 and 1.

        Returns
        -------
        ndarray of shape (n_series, n_stamps, n_targets, n_levels)
            Quantiles in units of ``y``, float64.
        """
        steps = self.steps_ahead()  # (n_series, n_stamps)
        # The median, last, tells how far the other quantiles may reach.
        levels = np.append(levels, 0.5)
        scaled = np.empty((*steps.shape, self.panel.n_targets, len(levels)))
        if (steps > 0).any():
            ahead = self._ahead(steps, levels)
            for i, j in zip(*np.nonzero(steps > 0), strict=True):
                scaled[i, j] = ahead[i, :, steps[i, j] - 1]
        if (steps <= 0).any():
            self._fill_in_sample(steps, levels, scaled)
        values = []
        for i, (history, own_steps, one) in enumerate(
            zip(self.panel.histories, steps, scaled, strict=True)
        ):
            found = history.scaling.reverse(one.swapaxes(1, 2)).swapaxes(1, 2)
            found = _within_reach(found, history, own_steps)
            if (at_rest := history.at_rest).any():
                found = _staying(found, history.values, at_rest, own_steps, levels)
            past = own_steps <= 0
            # Level shifts that were undone come back.
            found[past] = history.shifts[own_steps[past] - 1].back(found[past])
            if history.effects is not None:
                effects = self.effects(i, own_steps)[:, None]
                found = history.effects.restored(found.swapaxes(1, 2), effects).swapaxes(1, 2)
            values.append(self.fitted.bounded(found[..., :-1]))
        return np.stack(values)

    def steps_ahead(self) -> np.ndarray:
        """Return how far after the end of each series its stamps lie: (n_series, n_stamps)."""
        timeline = self.fitted.channels.timeline
        known: dict[Any, np.ndarray] = {}
        steps = []
        for history, stamps in zip(self.panel.histories, self.stamps, strict=True):
            last = history.y.index[-1:]
            key = (last[0], id(stamps))
            if key not in known:
                known[key] = timeline.steps(stamps) - timeline.steps(last)[0]
            steps.append(known[key])
        return np.stack(steps)

    def effects(self, number: int, steps: np.ndarray) -> np.ndarray:
        """Return the effects of covariates on a series.

        Parameters
        ----------
        number : int
            Index of the series, which has effects.
        steps : ndarray of shape (n_stamps,)
            Steps ahead of the end; those up to 0 are in-sample.

        Returns
        -------
        ndarray of shape (n_stamps, n_targets)
            Effects.
        """
        effects = self.panel.histories[number].effects
        assert effects is not None
        found = np.zeros((len(steps), self.panel.n_targets))
        found[steps <= 0] = effects.past[steps[steps <= 0] - 1]
        if (steps > 0).any():
            # Covariates are the same for all targets.
            last, row = self.last_inputs, number * self.panel.n_targets
            channels = last.future[row, last.gaps[row] + steps[steps > 0] - 1]
            found[steps > 0] = effects.at(channels)
        return found

    @cached_property
    def last_inputs(self) -> LastInputs:
        """What the forecasts of steps ahead are made from."""
        steps = self.steps_ahead()  # (n_series, n_stamps)
        fitted, length = self.fitted, self.fitted.window.length
        given = {} if self.X is None else split_panel(self.X)
        windows, futures, gaps = [], [], []
        for (key, history), asked in zip(self.panel, steps, strict=True):
            missing = history.trailing_gaps(together=fitted.channels.mixed)
            longest = int(missing.max())
            arrays = fitted.channels.of(history.known_tail(length + longest))
            later = self._future_of(history, given.get(key), asked, int(steps.max()), longest)
            for array, ahead, gap in zip(arrays, later, missing, strict=True):
                end = len(array) - gap
                windows.append(last_window(array[:end], length))
                in_gap = array[end:, array.shape[1] - ahead.shape[1] :]
                futures.append(np.concatenate([in_gap, ahead]))
                gaps.append(gap)
        n_steps = max(len(each) for each in futures)
        padded = [np.pad(each, ((0, n_steps - len(each)), (0, 0))) for each in futures]
        return LastInputs(np.stack(windows), np.stack(padded), np.array(gaps))

    def in_sample_positions(
        self, steps: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Iterate over the in-sample steps of each series.

        Yields
        ------
        number : int
            Index of the series.
        positions : ndarray of shape (n_past,)
            Positions in the series.
        past : ndarray of shape (n_past,)
            Where they are among the stamps.
        """
        for i, history in enumerate(self.panel.histories):
            past = np.flatnonzero(steps[i] <= 0)
            positions = steps[i, past] + len(history.y) - 1
            agreement.check_in_sample(positions, history.y.index)
            yield i, positions, past

    def framed(self, values: np.ndarray, columns: Any) -> pd.DataFrame:
        """Return values of shape (n_series, n_stamps, n_columns) as a frame of sktime's format."""
        keys = self.panel.keys
        if keys == ((),):
            return pd.DataFrame(values[0], index=self.stamps[0], columns=columns)
        return pd.DataFrame(
            values.reshape(-1, values.shape[-1]),
            index=panel_index(keys, self.stamps, self.panel.names),
            columns=columns,
        )

    def _ahead(self, steps: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Forecast up to the furthest step: (n_series, n_targets, n_ahead, n_levels)."""
        fitted, panel = self.fitted, self.panel
        last = self.last_inputs
        beside = fitted.beside(panel, last.future.shape[1])
        outputs = fitted.ahead(last.windows, last.future, fitted.map_index(panel), beside)
        outputs = last.asked(outputs)
        counts, rows = last.steps(outputs.shape[1]), np.arange(len(outputs))
        windows = last.windows[..., 0]
        quantiles = fitted.intervals.quantiles(outputs, windows, counts, levels, rows)
        return quantiles.reshape(len(steps), panel.n_targets, *quantiles.shape[1:])

    def _future_of(
        self,
        history: History,
        X: pd.DataFrame | None,
        asked: np.ndarray,
        n_ahead: int,
        gap: int,
    ) -> list[np.ndarray]:
        """Return the future covariates of one series, a list over its targets.

        ``gap`` is how many steps before the horizon are forecast as well.
        """
        fitted = self.fitted
        encoder, horizon = fitted.channels.encoder, fitted.window.horizon
        if not fitted.n_future:
            return [np.zeros((n_ahead, 0), dtype=np.float32)] * fitted.channels.n_targets
        stamps = fitted.channels.timeline.after(history.y.index[-1], n_ahead)
        if not (encoder.future or encoder.static):
            return fitted.channels.ahead(None, stamps)
        furthest = max(int(asked.max()), 0)
        # Forecasts after the first horizon depend on all steps of the horizons before.
        needed_before = furthest - (furthest + gap - 1) % horizon - 1
        counts = np.arange(1, n_ahead + 1)
        needed = stamps[np.isin(counts, asked) | (counts <= needed_before)]
        frame = agreement.future_rows(X, encoder.future, needed).reindex(stamps)
        assert history.X is not None
        # The row before carries its values on where later ones are missing.
        before = history.X.iloc[-1:]
        if before.isna().any(axis=None):
            before = history.X.ffill().iloc[-1:]
        for column in encoder.static:
            frame[column] = before[column].iloc[0]
        columns = [*encoder.future, *encoder.static]
        frame = pd.concat([before[columns], frame[columns]])
        _warn_of_missing(frame.loc[needed, list(encoder.future)], encoder.with_missing)
        channels = fitted.channels.ahead(frame, before.index.append(stamps))
        return [each[1:] for each in channels]

    def _fill_in_sample(self, steps: np.ndarray, levels: np.ndarray, scaled: np.ndarray) -> None:
        """Forecast in-sample steps, each one step ahead of the window before it, in place."""
        fitted, panel = self.fitted, self.panel
        asked, windows, futures, series, origins = [], [], [], [], []
        for i, positions, past in self.in_sample_positions(steps):
            for target, array in enumerate(fitted.channels.of(panel.histories[i])):
                window, future = fitted.in_sample(array, positions)
                windows.append(window)
                futures.append(future)
                asked.append((i, target, past))
                series.append(np.full(len(past), i * panel.n_targets + target))
                origins.append(positions - 1)
        rows, of_rows = np.concatenate(windows), np.concatenate(series)
        map_index = fitted.map_index(panel)
        maps = None if map_index is None else map_index[of_rows]
        beside = fitted.beside_past(panel, of_rows, np.concatenate(origins), 1)
        outputs = fitted.one_step(rows, np.concatenate(futures), maps, beside)[:, None]
        one = np.ones(1, dtype=int)
        quantiles = fitted.intervals.quantiles(outputs, rows[..., 0], one, levels, of_rows)[:, 0]
        ends = np.cumsum([len(past) for _, _, past in asked])
        for (i, target, past), values in zip(asked, np.split(quantiles, ends[:-1]), strict=True):
            scaled[i, past, target] = values


def _within_reach(values: np.ndarray, history: History, steps: np.ndarray) -> np.ndarray:
    """Bound quantiles, (n_stamps, n_targets, n_levels), by the range of what has been seen.

    The last one is the median. They reach about one range beyond the series, or beyond the median
    where that is outside; more where the series is short, or the horizon is longer than it.
    """
    low, high = history.repaired.min(axis=0)[:, None], history.repaired.max(axis=0)[:, None]
    n = len(history.y)
    ranges = _REACH + _REACH_OF_SHORT / n if n >= _SHORT else _REACH_OF_SHORT
    reach = ranges * np.sqrt(np.maximum(steps / n, 1.0))[:, None, None]
    middle = values[..., -1:]
    span = reach * (high - low)
    return np.clip(values, np.minimum(low, middle) - span, np.maximum(high, middle) + span)


def _staying(
    quantiles: np.ndarray,
    values: np.ndarray,
    at_rest: np.ndarray,
    steps: np.ndarray,
    levels: np.ndarray,
) -> np.ndarray:
    r"""Return quantiles, (n_stamps, n_targets, n_levels), of targets that may stay at rest.

    After :math:`m` steps at one value, a change within the next :math:`h` has a probability of
    :math:`h / (m + h)` (that of a constant rate with the prior density :math:`1 / \lambda`), up or
    down. Quantiles beyond it are the value; the others stay within what has been seen.
    """
    ahead = np.maximum(steps, 0)[:, None]
    leaving = ahead / np.maximum(at_rest + ahead, 1)  # (n_stamps, n_targets)
    likely = leaving[..., None] / 2 >= np.minimum(levels, 1 - levels)
    low, high = np.nanmin(values, axis=0)[:, None], np.nanmax(values, axis=0)[:, None]
    staying = np.where(likely, np.clip(quantiles, low, high), values[-1][:, None])
    below = np.minimum(staying, values[-1][:, None])
    above = np.maximum(staying, values[-1][:, None])
    ordered = np.where(levels < 0.5, below, np.where(levels > 0.5, above, values[-1][:, None]))
    changed = (at_rest > 0) & (steps > 0)[:, None]
    return np.where(changed[..., None], ordered, quantiles)


def _warn_of_missing(frame: pd.DataFrame, expected: Sequence[Any]) -> None:
    """Name missing values of covariates that had none in the fit."""
    for column in frame.columns.difference(list(expected)):
        missing = frame.index[frame[column].isna()]
        if len(missing):
            warnings.warn(
                f"X[{column!r}] is missing at {listed(missing)}, where a forecast depends on it; "
                "its last value before is carried on: give a value there for a better forecast.",
                UserWarning,
                stacklevel=2,
            )


def panel_index(
    keys: Sequence[tuple[Any, ...]], stamps: Sequence[pd.Index], names: Sequence[Any]
) -> pd.MultiIndex:
    """Return the index of a panel in which each series has as many time stamps, of its own."""
    n_steps = len(stamps[0])
    levels = [
        pd.Index([key[level] for key in keys]).repeat(n_steps) for level in range(len(keys[0]))
    ]
    if all(each is stamps[0] for each in stamps):
        times = stamps[0].take(np.tile(np.arange(n_steps), len(keys)))
    else:
        times = stamps[0].append(list(stamps[1:]))
    return pd.MultiIndex.from_arrays([*levels, times], names=list(names) or None)
