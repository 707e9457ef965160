"""The part of a forecaster that answers: point forecasts, quantiles and samples as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from skconvattn.forecasting import agreement
from skconvattn.forecasting.forecasts import Learned, last_window
from skconvattn.forecasting.series.history import History, Panel, split_panel

if TYPE_CHECKING:
    from sktime.forecasting.base import ForecastingHorizon


class PredictingForecaster(BaseForecaster):
    """Forecasts from a panel of histories and what was learned."""

    _learned: Learned
    _panel_seen: Panel
    _changes: np.ndarray
    _spreads: np.ndarray
    _index_names: tuple[Any, ...]

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.DataFrame:
        stamps, values = self._quantile_values(fh, X, np.array([0.5]))
        return self._framed(values[..., 0], stamps, self._panel_seen.first.y.columns)

    def _predict_quantiles(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        stamps, values = self._quantile_values(fh, X, np.asarray(alpha, dtype=np.float64))
        columns = self._get_columns(method="predict_quantiles", alpha=alpha)
        return self._framed(values.reshape(*values.shape[:2], -1), stamps, columns)

    def _quantile_values(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, levels: np.ndarray
    ) -> tuple[pd.Index, np.ndarray]:
        """Forecast all series.

        Returns
        -------
        stamps : pandas.Index of length n_steps
            Time stamps of the horizon.
        values : ndarray of shape (n_series, n_steps, n_targets, n_levels)
            In the units of ``y``, float64.
        """
        learned, panel = self._learned, self._panel_seen
        stamps = self._stamps(fh)
        steps = self._steps_ahead(stamps)  # (n_series, n_steps)
        n_series, n_steps, n_targets = *steps.shape, panel.n_targets
        outputs = np.empty((n_series, n_targets, n_steps, learned.head.output.n_values))
        scales = np.empty((n_series, n_targets, n_steps))
        if (steps > 0).any():
            ahead, noise = self._ahead(steps, X)
            for i, j in zip(*np.nonzero(steps > 0), strict=True):
                outputs[i, :, j], scales[i, :, j] = ahead[i, :, steps[i, j] - 1], noise[i]
        if (steps <= 0).any():
            self._inside(steps, outputs, scales)
        each_step = np.broadcast_to(np.maximum(steps, 1)[:, None], scales.shape)
        quantiles = learned.quantiles(
            outputs.reshape(-1, outputs.shape[-1]), scales.ravel(), each_step.ravel(), levels
        ).reshape(*scales.shape, len(levels))
        values = [
            history.scaling.reverse(one.transpose(1, 2, 0))
            for history, one in zip(panel.histories, quantiles, strict=True)
        ]
        return stamps, np.stack(values).transpose(0, 1, 3, 2)

    def _stamps(self, fh: ForecastingHorizon) -> pd.Index:
        """Return the time stamps of a horizon."""
        cutoff = self.cutoff
        if fh.is_relative and self._panel_seen.keys != ((),):
            # The stamps of a panel bring no frequency that sktime could count with.
            return self._learned.channels.timeline.relative(cutoff[0], fh.to_numpy())
        return fh.to_absolute_index(cutoff)

    def _ahead(self, steps: np.ndarray, X: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
        """Forecast up to the furthest step.

        Returns
        -------
        outputs : ndarray of shape (n_series, n_targets, n_ahead, n_levels)
            On the scale of the network.
        scales : ndarray of shape (n_series, n_targets)
            Noise scales.
        """
        learned, panel = self._learned, self._panel_seen
        windows = last_windows(panel, learned)
        outputs = learned.ahead(windows, self._known_of_all(steps, X), learned.places_of(panel))
        scales = learned.scales(windows, self._changes, self._spreads)
        shape = (len(steps), panel.n_targets)
        return outputs.reshape(*shape, *outputs.shape[1:]), scales.reshape(shape)

    def _known_of_all(self, steps: np.ndarray, X: pd.DataFrame | None) -> np.ndarray:
        """Return what is known ahead: (n_series * n_targets, n_ahead, n_known), float32."""
        given = {} if X is None else split_panel(X)
        known: list[np.ndarray] = []
        for (key, history), asked in zip(self._panel_seen, steps, strict=True):
            known += self._known_ahead(history, given.get(key), asked, int(steps.max()))
        return np.stack(known)

    def _known_ahead(
        self, history: History, X: pd.DataFrame | None, asked: np.ndarray, n_ahead: int
    ) -> list[np.ndarray]:
        """Return the channels known ahead of one series, a list over its targets."""
        learned = self._learned
        encoder, horizon = learned.channels.encoder, learned.cut.horizon
        if not learned.n_known:
            return [np.zeros((n_ahead, 0), dtype=np.float32)] * learned.channels.n_targets
        stamps = learned.channels.timeline.after(history.y.index[-1], n_ahead)
        frame = None
        if encoder.known or encoder.static:
            furthest = max(int(asked.max()), 0)
            # Forecasts after the first horizon build on all steps of the ones before.
            built_on = furthest - (furthest - 1) % horizon - 1
            counts = np.arange(1, n_ahead + 1)
            needed = stamps[np.isin(counts, asked) | (counts <= built_on)]
            frame = agreement.known_at(X, encoder.known, needed).reindex(stamps)
            if encoder.static:
                assert history.X is not None
                last = history.X.iloc[-1]
                for column in encoder.static:
                    frame[column] = last[column]
        return learned.channels.ahead(frame, stamps)

    def _inside(self, steps: np.ndarray, outputs: np.ndarray, scales: np.ndarray) -> None:
        """Forecast past steps, each one step ahead of the window before it; writes results."""
        learned, panel = self._learned, self._panel_seen
        asked, windows, futures = [], [], []
        maps = learned.places_of(panel)
        of_rows = []
        for i, history in enumerate(panel.histories):
            places_inside = np.flatnonzero(steps[i] <= 0)
            positions = steps[i, places_inside] + len(history.y) - 1
            agreement.check_inside(positions, history.y.index)
            for target, array in enumerate(learned.channels.of(history)):
                window, future = learned.inside(array, positions)
                windows.append(window)
                futures.append(future)
                asked.append((i, target, places_inside))
                if maps is not None:
                    of_rows.append(np.full(len(positions), maps[i * panel.n_targets + target]))
        forecasts = learned.one_step(
            np.concatenate(windows),
            np.concatenate(futures),
            np.concatenate(of_rows) if of_rows else None,
        )
        first = 0
        for (i, target, inside), window in zip(asked, windows, strict=True):
            rows = slice(first, first + len(inside))
            outputs[i, target, inside] = forecasts[rows]
            place = np.full(len(inside), i * panel.n_targets + target)
            scales[i, target, inside] = learned.scales(
                window, self._changes[place], self._spreads[place]
            )
            first += len(inside)

    def _steps_ahead(self, stamps: pd.Index) -> np.ndarray:
        """Return how far ahead of the end of each series stamps lie: (n_series, n_stamps)."""
        timeline = self._learned.channels.timeline
        wanted = timeline.steps(stamps)
        ends: dict[Any, int] = {}
        for history in self._panel_seen.histories:
            last = history.y.index[-1:]
            if last[0] not in ends:
                ends[last[0]] = int(timeline.steps(last)[0])
        return np.stack([wanted - ends[h.y.index[-1]] for h in self._panel_seen.histories])

    def _framed(self, values: np.ndarray, stamps: pd.Index, columns: Any) -> pd.DataFrame:
        """Return values of shape (n_series, n_steps, n_columns) as sktime wants them."""
        keys = self._panel_seen.keys
        if keys == ((),):
            return pd.DataFrame(values[0], index=stamps, columns=columns)
        return pd.DataFrame(
            values.reshape(-1, values.shape[-1]),
            index=panel_index(keys, stamps, self._index_names),
            columns=columns,
        )


def last_windows(panel: Panel, learned: Learned) -> np.ndarray:
    """Return the last window of each target: (n_series * n_targets, window_length, n_channels)."""
    length = learned.cut.window_length
    return np.stack(
        [
            last_window(array, length)
            for history in panel.histories
            for array in learned.channels.of(history.tail(length))
        ]
    )


def panel_index(
    keys: Sequence[tuple[Any, ...]], stamps: pd.Index, names: Sequence[Any]
) -> pd.MultiIndex:
    """Return the index of a panel in which each series has the same time stamps."""
    n_steps = len(stamps)
    levels = [
        pd.Index([key[level] for key in keys]).repeat(n_steps) for level in range(len(keys[0]))
    ]
    times = stamps.take(np.tile(np.arange(n_steps), len(keys)))
    return pd.MultiIndex.from_arrays([*levels, times], names=list(names))
