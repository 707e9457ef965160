"""From histories to the arrays that the network sees, and over the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.covariates import RegressorEncoder
from skconvattn.forecasting.series.history import History, Panel
from skconvattn.forecasting.series.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Channels:
    """Which channels the network sees of a target.

    In this order: the target; known up to the present only: all targets where they are mixed, a
    mark where the target is missing, past regressors; known ahead: regressors, calendar, which of
    the targets this is where they are mixed, and the position in the season for a learned cycle.

    Attributes
    ----------
    encoder : RegressorEncoder
        Of the regressors.
    n_targets : int
        Targets of each series.
    mixed : bool
        Whether each target sees the others.
    marked : bool
        Whether missing values of the target are marked.
    cycle : int
        Time steps of a learned cycle, 0 for none.
    timeline : Timeline
        Grid of the time stamps.
    """

    encoder: RegressorEncoder
    n_targets: int
    mixed: bool
    marked: bool
    cycle: int
    timeline: Timeline

    @property
    def n_past(self) -> int:
        """Channels known up to the present only, beside the target."""
        return self._n_own_past + self.encoder.past_channels_count

    @property
    def n_known(self) -> int:
        """Channels known ahead."""
        return (
            self.encoder.known_channels_count
            + (self.n_targets if self.mixed else 0)
            + (self.cycle > 0)
        )

    def arrays(self, panel: Panel) -> list[np.ndarray]:
        """Return channels of all targets of all series, series by series.

        Parameters
        ----------
        panel : Panel
            Histories.

        Returns
        -------
        list of ndarray of shape (n_timepoints, 1 + n_past + n_known)
            Float32, without missing values.
        """
        return [array for history in panel.histories for array in self.of(history)]

    def of(self, history: History) -> list[np.ndarray]:
        """Return the channels of each target of a series; see :meth:`arrays`."""
        filled, missing = history.scaled_targets()
        regressors = self.encoder.past_channels(history.X, len(filled))
        known = self.encoder.known_channels(history.X, history.y.index)
        return [
            np.concatenate(
                [
                    filled[:, [i]],
                    *([filled] if self.mixed else []),
                    *([missing[:, [i]].astype(np.float32)] if self.marked else []),
                    regressors,
                    self._complete(known, history.y.index, i),
                ],
                axis=1,
            )
            for i in range(self.n_targets)
        ]

    def ahead(self, X: pd.DataFrame | None, stamps: pd.Index) -> list[np.ndarray]:
        """Return the channels known ahead, of each target.

        Parameters
        ----------
        X : pandas.DataFrame or None
            Rows at ``stamps``; rows that no forecast depends on may be missing values.
        stamps : pandas.Index of length n_steps
            Time stamps of the steps ahead.

        Returns
        -------
        list of ndarray of shape (n_steps, n_known)
            Float32.
        """
        known = self.encoder.known_channels(X, stamps)
        return [self._complete(known, stamps, i) for i in range(self.n_targets)]

    def seen_next(self, rows: np.ndarray, forecasts: np.ndarray, known: np.ndarray) -> None:
        """Write forecasts into the steps that a further forecast is made from.

        Parameters
        ----------
        rows : ndarray of shape (n_series * n_targets, n_steps, 1 + n_past + n_known)
            Changed in place; channels of which nothing is known stay.
        forecasts : ndarray of shape (n_series * n_targets, n_steps)
            Of all targets.
        known : ndarray of shape (n_series * n_targets, n_steps, n_known)
            Channels known ahead.
        """
        rows[..., 0] = forecasts
        first = 1
        if self.mixed:
            together = forecasts.reshape(-1, self.n_targets, forecasts.shape[1])
            together = together.transpose(0, 2, 1)
            rows[..., 1 : 1 + self.n_targets] = np.repeat(together, self.n_targets, axis=0)
            first += self.n_targets
        if self.marked:
            rows[..., first] = 0.0
        if known.shape[-1]:
            rows[..., -known.shape[-1] :] = known

    @property
    def _n_own_past(self) -> int:
        return (self.n_targets if self.mixed else 0) + self.marked

    def _complete(self, known: np.ndarray, index: pd.Index, target: int) -> np.ndarray:
        parts: list[Any] = [known]
        if self.mixed:
            which = np.zeros((len(index), self.n_targets), dtype=np.float32)
            which[:, target] = 1.0
            parts.append(which)
        if self.cycle:
            position = self.timeline.steps(index) % self.cycle
            parts.append(position[:, None].astype(np.float32))
        return np.concatenate(parts, axis=1)
