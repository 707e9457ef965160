"""Backtests without refitting: all windows of a moving cutoff in one call of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import convert_to
from sktime.forecasting.base._base import _format_moving_cutoff_predictions

from skconvattn.forecasting.agreement import as_seen
from skconvattn.forecasting.fitted import Beside, FittedForecast
from skconvattn.forecasting.series.history import History, Panel
from skconvattn.intervals.residuals import ConformalQuantiles


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts of one series from many cutoffs, with weights that stay as they are.

    Attributes
    ----------
    fitted : FittedForecast
        Record of the fit.
    history : History
        The series up to the last cutoff.
    positions : ndarray of shape (n_cutoffs,)
        Cutoffs, as positions in the history.
    steps : ndarray of shape (n_steps,)
        Steps ahead, from 1.
    future : ndarray of shape (n_cutoffs, n_targets, n_ahead, n_future)
        Future covariates after each cutoff.
    """

    fitted: FittedForecast
    history: History
    positions: np.ndarray
    steps: np.ndarray
    future: np.ndarray

    @classmethod
    def of(
        cls, fitted: FittedForecast, panel: Panel, y: Any, cv: Any, X: pd.DataFrame | None
    ) -> Backtest | None:
        """Return the backtest; None where forecasts have to be made cutoff by cutoff.

        These cases are panels, cutoffs within the history or after a gap, missing values, whose
        filling may look ahead, in-sample steps, missing covariates, and a median that is corrected
        by the noise up to each cutoff.

        Parameters
        ----------
        fitted : FittedForecast
            Record of the fit.
        panel : Panel
            Series up to their ends.
        y : object
            Further values.
        cv : sktime splitter
            Splitter whose windows end at the cutoffs, with the horizon.
        X : pandas.DataFrame or None
            Covariates.
        """
        fh = cv.get_fh()
        if panel.keys != ((),) or not fh.is_relative:
            return None
        if isinstance(fitted.intervals.calibration, ConformalQuantiles):
            return None
        steps = np.asarray(fh.to_numpy(), dtype=int)
        if not isinstance(y, pd.DataFrame) or steps.min() < 1 or y.isna().to_numpy().any():
            return None
        y = as_seen(y, panel)
        windows = [window for window, _ in cv.split(y)]
        if not windows or not _consecutive(windows) or panel.first.missing.any():
            return None
        timeline, end = fitted.channels.timeline, panel.first.y.index[-1:]
        first_step = int(timeline.steps(y.index[windows[0][:1]])[0])
        ends = timeline.steps(y.index[[window[-1] for window in windows]])
        last_seen = int(timeline.steps(end)[0])
        if first_step > last_seen + 1 or ends[0] < last_seen:
            return None
        seen = y.iloc[windows[0][0] : windows[-1][-1] + 1]
        if panel.first.X is not None and (X is None or len(seen.index.difference(X.index))):
            return None
        history = panel.first.extended(seen, X, timeline, fitted.channels.encoder)
        # What later values tell about outliers is not known at earlier cutoffs.
        if not np.array_equal(history.repaired, history.unexplained):
            return None
        positions = ends - int(timeline.steps(history.y.index[:1])[0])
        future = _future_after(fitted, history, X, positions, int(steps.max()))
        return None if future is None else cls(fitted, history, positions, steps, future)

    @property
    def cutoffs(self) -> list[pd.Index]:
        """Time stamp of each cutoff, as an index of length one."""
        return [self.history.y.index[[position]] for position in self.positions]

    def formatted(self, mtype: str, store: Any) -> Any:
        """Return the forecasts in the container of ``y``, as sktime's ``update_predict`` does.

        Parameters
        ----------
        mtype : str
            sktime's name of the container.
        store : dict
            What sktime remembers of its conversion.
        """
        converted = [
            convert_to(forecast, mtype, store=store, store_behaviour="freeze")
            for forecast in self.forecasts()
        ]
        return _format_moving_cutoff_predictions(converted, self.cutoffs)

    def forecasts(self) -> list[pd.DataFrame]:
        """Return the forecast from each cutoff, in units of ``y``."""
        timeline, columns = self.fitted.channels.timeline, self.history.y.columns
        return [
            pd.DataFrame(one, index=timeline.relative(cutoff[0], self.steps), columns=columns)
            for one, cutoff in zip(self._values(), self.cutoffs, strict=True)
        ]

    def _values(self) -> np.ndarray:
        """Forecast from each position: (n_cutoffs, n_steps, n_targets) in units of ``y``."""
        fitted, n_cutoffs = self.fitted, len(self.positions)
        arrays = np.stack(fitted.channels.of(self.history))  # (n_targets, n_timepoints, n_channels)
        length = fitted.window.length
        front = np.repeat(arrays[:, :1], length, axis=1)
        rows = self.positions[:, None] + 1 + np.arange(length)
        windows = np.concatenate([front, arrays], axis=1)[:, rows].swapaxes(0, 1)
        n_windows = n_cutoffs * len(arrays)
        map_index = None
        if fitted.maps is not None:
            map_index = np.tile(fitted.maps.of([()], len(arrays)), n_cutoffs)
        outputs = fitted.ahead(
            windows.reshape(n_windows, *windows.shape[2:]),
            self.future.reshape(n_windows, *self.future.shape[2:]),
            map_index,
            self._beside(len(arrays)),
        )
        point = fitted.head.output.point(outputs)[:, self.steps - 1]
        values = point.reshape(n_cutoffs, -1, len(self.steps)).transpose(0, 2, 1)
        return fitted.bounded(self._restored(self.history.scaling.reverse(values)))

    def _restored(self, values: np.ndarray) -> np.ndarray:
        """Return forecasts with the effects of covariates."""
        effects = self.history.effects
        if effects is None:
            return values
        return effects.restored(values, effects.at(self.future[:, 0, self.steps - 1]))

    def _beside(self, n_targets: int) -> Beside | None:
        """Forecast by the univariate members from each position, the targets of one together."""
        number = np.tile(np.arange(n_targets), len(self.positions))
        origins = np.repeat(self.positions, n_targets)
        panel = Panel(((),), (self.history,))
        return self.fitted.beside_past(panel, number, origins, self.future.shape[2])


def _future_after(
    fitted: FittedForecast,
    history: History,
    X: pd.DataFrame | None,
    positions: np.ndarray,
    n_ahead: int,
) -> np.ndarray | None:
    """Return future covariates after each cutoff; None where some rows are not given."""
    channels = fitted.channels
    if not fitted.n_future:
        return np.zeros((len(positions), channels.n_targets, n_ahead, 0), dtype=np.float32)
    later = channels.timeline.after(history.y.index[-1], n_ahead)
    stamps = history.y.index.append(later)[int(positions[0]) + 1 :]
    stamps = stamps[: int(positions[-1] - positions[0]) + n_ahead]
    frame = None
    if channels.encoder.columns:
        assert history.X is not None
        assert X is not None
        frame = X.combine_first(history.X)
        if len(stamps.difference(frame.index)):
            return None
        frame = frame.loc[stamps]
    rows = np.arange(n_ahead) + (positions - positions[0])[:, None]
    return np.stack([future[rows] for future in channels.ahead(frame, stamps)], axis=1)


def _consecutive(windows: list[np.ndarray]) -> bool:
    """Whether each window continues the window before it without a gap."""
    whole = all((np.diff(window) == 1).all() for window in windows)
    ends = [int(window[-1]) for window in windows]
    starts = [int(window[0]) for window in windows]
    return whole and all(
        end <= later and start <= end + 1
        for end, later, start in zip(ends, ends[1:], starts[1:], strict=False)
    )
