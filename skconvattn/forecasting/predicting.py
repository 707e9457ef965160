"""Quantiles of all series over a horizon, in units of y, from a fitted forecast and a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting import agreement
from skconvattn.forecasting.fitted import FittedForecast, last_windows
from skconvattn.forecasting.series.history import History, Panel, split_panel


@dataclass(frozen=True, eq=False)
class PanelForecast:
    """Forecasts of every series of a panel at the same time stamps.

    Attributes
    ----------
    fitted : FittedForecast
        Record of the fit.
    panel : Panel
        Series up to their ends.
    stamps : pandas.Index of length n_stamps
        Time stamps of the horizon.
    X : pandas.DataFrame or None
        Covariates over the horizon.
    """

    fitted: FittedForecast
    panel: Panel
    stamps: pd.Index
    X: pd.DataFrame | None

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
        scaled = np.empty((*steps.shape, self.panel.n_targets, len(levels)))
        if (steps > 0).any():
            ahead = self._ahead(steps, levels)
            for i, j in zip(*np.nonzero(steps > 0), strict=True):
                scaled[i, j] = ahead[i, :, steps[i, j] - 1]
        if (steps <= 0).any():
            self._fill_in_sample(steps, levels, scaled)
        values = [
            history.scaling.reverse(one.swapaxes(1, 2)).swapaxes(1, 2)
            for history, one in zip(self.panel.histories, scaled, strict=True)
        ]
        return np.stack(values)

    def steps_ahead(self) -> np.ndarray:
        """Return how far after the end of each series stamps lie: (n_series, n_stamps)."""
        timeline = self.fitted.channels.timeline
        wanted = timeline.steps(self.stamps)
        ends: dict[Any, int] = {}
        for history in self.panel.histories:
            last = history.y.index[-1:]
            if last[0] not in ends:
                ends[last[0]] = int(timeline.steps(last)[0])
        return np.stack([wanted - ends[h.y.index[-1]] for h in self.panel.histories])

    def future(self, steps: np.ndarray) -> np.ndarray:
        """Return future covariates: (n_series * n_targets, n_ahead, n_future), float32."""
        given = {} if self.X is None else split_panel(self.X)
        channels: list[np.ndarray] = []
        for (key, history), asked in zip(self.panel, steps, strict=True):
            channels += self._future_of(history, given.get(key), asked, int(steps.max()))
        return np.stack(channels)

    def framed(self, values: np.ndarray, columns: Any) -> pd.DataFrame:
        """Return values of shape (n_series, n_stamps, n_columns) as a frame of sktime's format."""
        keys = self.panel.keys
        if keys == ((),):
            return pd.DataFrame(values[0], index=self.stamps, columns=columns)
        return pd.DataFrame(
            values.reshape(-1, values.shape[-1]),
            index=panel_index(keys, self.stamps, self.panel.names),
            columns=columns,
        )

    def _ahead(self, steps: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Forecast up to the furthest step: (n_series, n_targets, n_ahead, n_levels)."""
        fitted, panel = self.fitted, self.panel
        windows = last_windows(panel, fitted)
        outputs = fitted.ahead(windows, self.future(steps), fitted.map_index(panel))
        counts, rows = np.arange(1, outputs.shape[1] + 1), np.arange(len(windows))
        quantiles = fitted.intervals.quantiles(outputs, windows[..., 0], counts, levels, rows)
        return quantiles.reshape(len(steps), panel.n_targets, *quantiles.shape[1:])

    def _future_of(
        self, history: History, X: pd.DataFrame | None, asked: np.ndarray, n_ahead: int
    ) -> list[np.ndarray]:
        """Return the future covariates of one series, a list over its targets."""
        fitted = self.fitted
        encoder, horizon = fitted.channels.encoder, fitted.window.horizon
        if not fitted.n_future:
            return [np.zeros((n_ahead, 0), dtype=np.float32)] * fitted.channels.n_targets
        stamps = fitted.channels.timeline.after(history.y.index[-1], n_ahead)
        frame = None
        if encoder.future or encoder.static:
            furthest = max(int(asked.max()), 0)
            # Forecasts after the first horizon depend on all steps of the horizons before.
            needed_before = furthest - (furthest - 1) % horizon - 1
            counts = np.arange(1, n_ahead + 1)
            needed = stamps[np.isin(counts, asked) | (counts <= needed_before)]
            frame = agreement.future_rows(X, encoder.future, needed).reindex(stamps)
            if encoder.static:
                assert history.X is not None
                last = history.X.iloc[-1]
                for column in encoder.static:
                    frame[column] = last[column]
        return fitted.channels.ahead(frame, stamps)

    def _fill_in_sample(self, steps: np.ndarray, levels: np.ndarray, scaled: np.ndarray) -> None:
        """Forecast in-sample steps, each one step ahead of the window before it, in place."""
        fitted, panel = self.fitted, self.panel
        asked, windows, futures, series = [], [], [], []
        for i, history in enumerate(panel.histories):
            past = np.flatnonzero(steps[i] <= 0)
            positions = steps[i, past] + len(history.y) - 1
            agreement.check_in_sample(positions, history.y.index)
            for target, array in enumerate(fitted.channels.of(history)):
                window, future = fitted.in_sample(array, positions)
                windows.append(window)
                futures.append(future)
                asked.append((i, target, past))
                series.append(np.full(len(past), i * panel.n_targets + target))
        rows, of_rows = np.concatenate(windows), np.concatenate(series)
        map_index = fitted.map_index(panel)
        maps = None if map_index is None else map_index[of_rows]
        outputs = fitted.one_step(rows, np.concatenate(futures), maps)[:, None]
        one = np.ones(1, dtype=int)
        quantiles = fitted.intervals.quantiles(outputs, rows[..., 0], one, levels, of_rows)[:, 0]
        ends = np.cumsum([len(past) for _, _, past in asked])
        for (i, target, past), values in zip(asked, np.split(quantiles, ends[:-1]), strict=True):
            scaled[i, past, target] = values


def panel_index(
    keys: Sequence[tuple[Any, ...]], stamps: pd.Index, names: Sequence[Any]
) -> pd.MultiIndex:
    """Return the index of a panel in which each series has the same time stamps."""
    n_steps = len(stamps)
    levels = [
        pd.Index([key[level] for key in keys]).repeat(n_steps) for level in range(len(keys[0]))
    ]
    times = stamps.take(np.tile(np.arange(n_steps), len(keys)))
    return pd.MultiIndex.from_arrays([*levels, times], names=list(names) or None)
