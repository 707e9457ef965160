"""The channels of the network: arrays over the history of a series and over the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.history import History
from skconvattn.forecasting.series.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels by which the network forecasts a target.

    In this order: the target; past channels: all targets where they are mixed, an indicator of
    missing values, past covariates; future channels: future covariates, calendar, which of the
    targets this is where they are mixed, and the position in the season for a learned cycle.

    Attributes
    ----------
    encoder : CovariateEncoder
        Encoder of the covariates.
    n_targets : int
        Number of targets of each series.
    mixed : bool
        Whether each target is forecast from the past of the others as well.
    has_missing : bool
        Whether an indicator says where values of the target are missing.
    cycle : int
        Time steps of a learned cycle, 0 for none.
    timeline : Timeline
        Grid of the time stamps.
    """

    encoder: CovariateEncoder
    n_targets: int
    mixed: bool
    has_missing: bool
    cycle: int
    timeline: Timeline

    @property
    def n_past(self) -> int:
        """Number of past channels beside the target."""
        return self._n_own_past + (self.encoder.n_past_channels if self.encoder.past else 0)

    @property
    def n_future(self) -> int:
        """Number of future channels."""
        n_covariates = self.encoder.n_future_channels if self._sees_future else 0
        return n_covariates + (self.n_targets if self.mixed else 0) + (self.cycle > 0)

    def of(self, history: History) -> list[np.ndarray]:
        """Return the channels of each target of a series.

        Parameters
        ----------
        history : History
            The series.

        Returns
        -------
        list of ndarray of shape (n_timepoints, 1 + n_past + n_future)
            Float32, without missing values.
        """
        filled, missing = history.scaled_targets()
        past = self._past(history.X, len(filled))
        future = self._future(history.X, history.y.index)
        return [
            np.concatenate(
                [
                    filled[:, [i]],
                    *([filled] if self.mixed else []),
                    *([missing[:, [i]].astype(np.float32)] if self.has_missing else []),
                    past,
                    self._complete(future, history.y.index, i),
                ],
                axis=1,
            )
            for i in range(self.n_targets)
        ]

    def ahead(self, X: pd.DataFrame | None, stamps: pd.Index) -> list[np.ndarray]:
        """Return the future channels of each target.

        Parameters
        ----------
        X : pandas.DataFrame or None
            Rows at ``stamps``; rows that no forecast depends on may be missing values.
        stamps : pandas.Index of length n_steps
            Time stamps of the steps ahead.

        Returns
        -------
        list of ndarray of shape (n_steps, n_future)
            Float32.
        """
        future = self._future(X, stamps)
        return [self._complete(future, stamps, i) for i in range(self.n_targets)]

    def seen_next(self, rows: np.ndarray, forecasts: np.ndarray, future: np.ndarray) -> None:
        """Write forecasts into the steps from which the next horizon is forecast.

        Parameters
        ----------
        rows : ndarray of shape (n_series * n_targets, n_steps, 1 + n_past + n_future)
            Steps, changed in place; past covariates stay as they are.
        forecasts : ndarray of shape (n_series * n_targets, n_steps)
            Forecasts of all targets.
        future : ndarray of shape (n_series * n_targets, n_steps, n_future)
            Future channels.
        """
        rows[..., 0] = forecasts
        first = 1
        if self.mixed:
            together = forecasts.reshape(-1, self.n_targets, forecasts.shape[1])
            together = together.transpose(0, 2, 1)
            rows[..., 1 : 1 + self.n_targets] = np.repeat(together, self.n_targets, axis=0)
            first += self.n_targets
        if self.has_missing:
            rows[..., first] = 0.0
        if future.shape[-1]:
            rows[..., -future.shape[-1] :] = future

    @property
    def _sees_future(self) -> bool:
        return bool(self.encoder.future or self.encoder.static or self.encoder.calendar)

    def _past(self, X: pd.DataFrame | None, n_rows: int) -> np.ndarray:
        """Return channels of past covariates: (n_rows, n_past), float32."""
        if not self.encoder.past:
            return np.zeros((n_rows, 0), dtype=np.float32)
        return self.encoder.past_channels(X, n_rows)

    def _future(self, X: pd.DataFrame | None, index: pd.Index) -> np.ndarray:
        """Return channels of future covariates and the calendar: (n_rows, n_future), float32."""
        if not self._sees_future:
            return np.zeros((len(index), 0), dtype=np.float32)
        return self.encoder.future_channels(X, index)

    @property
    def _n_own_past(self) -> int:
        return (self.n_targets if self.mixed else 0) + self.has_missing

    def _complete(self, future: np.ndarray, index: pd.Index, target: int) -> np.ndarray:
        parts: list[Any] = [future]
        if self.mixed:
            which = np.zeros((len(index), self.n_targets), dtype=np.float32)
            which[:, target] = 1.0
            parts.append(which)
        if self.cycle:
            position = self.timeline.steps(index) % self.cycle
            parts.append(position[:, None].astype(np.float32))
        return np.concatenate(parts, axis=1)
