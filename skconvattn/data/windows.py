"""Windows of series as the rows at which they start, never as a matrix of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Windows:
    """Pairs of a window and the horizon after it, over one or many series.

    Attributes
    ----------
    series : ndarray of shape (n_rows, n_channels)
        All series one after the other, float32, each followed by ``horizon`` rows whose target is
        NaN. The first channel is the target, then come past covariates, whose values after the
        window are unknown, then the ``n_known`` future covariates, known over the horizon too.
    starts : ndarray of shape (n_windows,)
        Row at which each window begins, int32.
    window_length : int
        Time steps of a window.
    horizon : int
        Steps ahead. Targets that are NaN, missing or after the end of a series, have weight zero.
    n_known : int
        Number of future covariates.
    separate_targets : bool
        Whether the last column, which is no input, has the targets: where values are missing, they
        are filled in the first channel and NaN in the last column.
    """

    series: np.ndarray
    starts: np.ndarray
    window_length: int
    horizon: int
    n_known: int = 0
    separate_targets: bool = False

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Arrays of a compiled program."""
        return self.series, self.starts

    @property
    def signature(self) -> tuple[Any, ...]:
        """Properties of the data that determine a compiled program."""
        return (
            "windows",
            self.window_length,
            self.horizon,
            self.series.shape[1],
            self.n_known,
            self.separate_targets,
        )

    @classmethod
    def over(
        cls,
        series: Sequence[np.ndarray],
        window_length: int,
        horizon: int,
        *,
        n_past: int = 0,
        separate_targets: bool = False,
    ) -> Windows:
        """Take every window that is followed by at least one step.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints, n_channels)
            One or many series; channels as in :attr:`series`.
        window_length : int
            Time steps of a window.
        horizon : int
            Steps ahead.
        n_past : int
            Number of past covariates.
        separate_targets : bool
            Whether the last column, which is no input, has the targets.

        Returns
        -------
        Windows
            ``n_timepoints - window_length`` windows of each series, in order of time.
        """
        rows, starts, offset = [], [], 0
        target = -1 if separate_targets else 0
        for values in series:
            tail = np.zeros((horizon, values.shape[1]), dtype=np.float32)
            tail[:, target] = np.nan
            rows += [values.astype(np.float32, copy=False), tail]
            starts.append(offset + np.arange(max(0, len(values) - window_length)))
            offset += len(values) + horizon
        return cls(
            series=np.concatenate(rows),
            starts=np.concatenate(starts).astype(np.int32),
            window_length=window_length,
            horizon=horizon,
            n_known=series[0].shape[1] - 1 - n_past - separate_targets,
            separate_targets=separate_targets,
        )

    def batch(self, indices: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return inputs, targets and weights of some windows.

        Parameters
        ----------
        indices : ndarray of shape (batch,)
            Indices of the windows in ``starts``.

        Returns
        -------
        inputs : list of ndarray
            The windows, (batch, window_length, n_channels), and the future covariates over the
            horizon, (batch, horizon, n_known), if there are any.
        targets : ndarray of shape (batch, horizon, 1)
            Zero where missing.
        weights : ndarray of shape (batch, horizon)
            Zero where the target is missing, else one.
        """
        length = self.window_length + self.horizon
        rows = self.series[self.starts[indices][:, None] + np.arange(length)]
        window, future = rows[:, : self.window_length], rows[:, self.window_length :]
        targets = future[..., -1:] if self.separate_targets else future[..., :1]
        if self.separate_targets:
            window, future = window[..., :-1], future[..., :-1]
        inputs = [window, future[..., -self.n_known :]] if self.n_known else [window]
        present = np.isfinite(targets[..., 0])
        return inputs, np.nan_to_num(targets), present.astype(np.float32)
