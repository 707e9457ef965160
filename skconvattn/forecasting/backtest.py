"""Backtests without refitting: all windows of a moving cutoff in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import convert_to
from sktime.forecasting.base._base import BaseForecaster, _format_moving_cutoff_predictions

from skconvattn.forecasting.agreement import as_seen
from skconvattn.forecasting.calibration import ConformalQuantiles
from skconvattn.forecasting.forecasts import Learned
from skconvattn.forecasting.series.history import History, Panel


class BacktestingForecaster(BaseForecaster):
    """The part of a forecaster that ``update_predict`` calls.

    Where the weights stay as they are, the windows of all cutoffs are forecast together, instead
    of one after the other with a copy of the history each.
    """

    _learned: Learned
    _panel_seen: Panel

    def _predict_moving_cutoff(
        self,
        y: Any,
        cv: Any,
        X: Any = None,
        update_params: bool = True,
        reset_forecaster: bool = True,
    ) -> Any:
        moves = None if update_params else self._moves(y, cv, X)
        if moves is None:
            return super()._predict_moving_cutoff(y, cv, X, update_params, reset_forecaster)
        history, positions, steps, known = moves
        values = self._forecast_at(history, positions, steps, known)
        timeline = self._learned.channels.timeline
        cutoffs = [history.y.index[[position]] for position in positions]
        forecasts = [
            convert_to(
                pd.DataFrame(
                    one, index=timeline.relative(cutoff[0], steps), columns=history.y.columns
                ),
                self._y_metadata["mtype"],
                store=self._converter_store_y,
                store_behaviour="freeze",
            )
            for one, cutoff in zip(values, cutoffs, strict=True)
        ]
        if not reset_forecaster:
            self.update(history.y.loc[y.index[0] :], X, update_params=False)
        return _format_moving_cutoff_predictions(forecasts, cutoffs)

    def _moves(
        self, y: Any, cv: Any, X: pd.DataFrame | None
    ) -> tuple[History, np.ndarray, np.ndarray, np.ndarray] | None:
        """Return the whole history and what to forecast; None where one has to go step by step.

        That is so for panels, for cutoffs inside of the history or after a gap, with missing
        values, whose filling may look ahead, for steps inside, where regressors are missing, and
        where the median is corrected by the noise up to each cutoff.
        """
        panel, learned = getattr(self, "_panel_seen", None), getattr(self, "_learned", None)
        fh = cv.get_fh()
        if panel is None or learned is None or panel.keys != ((),) or not fh.is_relative:
            return None
        if isinstance(learned.calibration, ConformalQuantiles):
            return None
        steps = np.asarray(fh.to_numpy(), dtype=int)
        if not isinstance(y, pd.DataFrame) or steps.min() < 1 or y.isna().to_numpy().any():
            return None
        y = as_seen(y, panel)
        windows = [window for window, _ in cv.split(y)]
        if not windows or not _follow(windows):
            return None
        timeline, end = learned.channels.timeline, panel.first.y.index[-1:]
        first_step = int(timeline.steps(y.index[windows[0][:1]])[0])
        ends = timeline.steps(y.index[[window[-1] for window in windows]])
        last_known = int(timeline.steps(end)[0])
        if (
            first_step > last_known + 1
            or ends[0] < last_known
            or panel.first.y.isna().any(axis=None)
        ):
            return None
        seen = y.iloc[windows[0][0] : windows[-1][-1] + 1]
        if panel.first.X is not None and (X is None or len(seen.index.difference(X.index))):
            return None
        history = panel.first.extended(seen, X, timeline)
        positions = ends - int(timeline.steps(history.y.index[:1])[0])
        known = self._known_at(history, X, positions, int(steps.max()))
        return None if known is None else (history, positions, steps, known)

    def _known_at(
        self, history: History, X: pd.DataFrame | None, positions: np.ndarray, n_ahead: int
    ) -> np.ndarray | None:
        """Return what is known after each cutoff: (n_cutoffs, n_targets, n_ahead, n_known)."""
        learned = self._learned
        encoder, channels = learned.channels.encoder, learned.channels
        if not learned.n_known:
            return np.zeros((len(positions), channels.n_targets, n_ahead, 0), dtype=np.float32)
        later = channels.timeline.after(history.y.index[-1], n_ahead)
        stamps = history.y.index.append(later)[int(positions[0]) + 1 :]
        stamps = stamps[: int(positions[-1] - positions[0]) + n_ahead]
        frame = None
        if encoder.columns:
            assert history.X is not None
            assert X is not None
            frame = X.combine_first(history.X)
            if len(stamps.difference(frame.index)):
                return None
            frame = frame.loc[stamps]
        rows = np.arange(n_ahead) + (positions - positions[0])[:, None]
        return np.stack([known[rows] for known in channels.ahead(frame, stamps)], axis=1)

    def _forecast_at(
        self, history: History, positions: np.ndarray, steps: np.ndarray, known: np.ndarray
    ) -> np.ndarray:
        """Forecast from each position: (n_cutoffs, n_steps, n_targets) in the units of ``y``."""
        learned = self._learned
        arrays = np.stack(learned.channels.of(history))  # (n_targets, n_timepoints, n_channels)
        length = learned.cut.window_length
        front = np.repeat(arrays[:, :1], length, axis=1)
        rows = positions[:, None] + 1 + np.arange(length)
        windows = np.concatenate([front, arrays], axis=1)[:, rows].swapaxes(0, 1)
        n_windows = len(positions) * len(arrays)
        places = learned.places_of(self._panel_seen)
        outputs = learned.ahead(
            windows.reshape(n_windows, *windows.shape[2:]),
            known.reshape(n_windows, *known.shape[2:]),
            None if places is None else np.tile(places, len(positions)),
        )
        middle = learned.quantiles(
            outputs[:, steps - 1].reshape(-1, outputs.shape[-1]),
            np.ones(len(outputs) * len(steps)),
            np.tile(steps, len(outputs)),
            np.array([0.5]),
        )
        values = middle.reshape(len(positions), -1, len(steps)).transpose(0, 2, 1)
        return history.scaling.reverse(values)


def _follow(windows: list[np.ndarray]) -> bool:
    """Whether each window goes on from the one before it without a gap."""
    whole = all((np.diff(window) == 1).all() for window in windows)
    ends = [int(window[-1]) for window in windows]
    starts = [int(window[0]) for window in windows]
    return whole and all(
        end <= later and start <= end + 1
        for end, later, start in zip(ends, ends[1:], starts[1:], strict=False)
    )
