"""Windows of series, as starts into one array: never as a matrix of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Windows:
    """Pairs of a window and the horizon that follows, over one or many series.

    Attributes
    ----------
    series : ndarray of shape (n_rows, n_channels)
        All series one after the other, float32, each followed by ``horizon`` rows whose target is
        NaN. The first channel is the target, the others are known regressors.
    starts : ndarray of shape (n_windows,)
        Row at which each window begins, int32.
    window_length : int
        Time steps of a window.
    horizon : int
        Steps ahead. Targets that are NaN, past the end of a series, have weight zero.
    """

    series: np.ndarray
    starts: np.ndarray
    window_length: int
    horizon: int

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts)

    @property
    def n_known(self) -> int:
        """Number of known regressors."""
        return self.series.shape[1] - 1

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Arrays that a compiled program works on."""
        return self.series, self.starts

    @property
    def signature(self) -> tuple[Any, ...]:
        """What of the data determines a compiled program."""
        return ("windows", self.window_length, self.horizon, self.series.shape[1])

    @classmethod
    def over(cls, series: Sequence[np.ndarray], window_length: int, horizon: int) -> Windows:
        """Take every window that is followed by at least one step.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints, n_channels)
            One or many series, the target in the first channel.
        window_length : int
            Time steps of a window.
        horizon : int
            Steps ahead.

        Returns
        -------
        Windows
            ``n_timepoints - window_length`` windows of each series, in order of time.
        """
        rows, starts, offset = [], [], 0
        for values in series:
            tail = np.zeros((horizon, values.shape[1]), dtype=np.float32)
            tail[:, 0] = np.nan
            rows += [values.astype(np.float32, copy=False), tail]
            starts.append(offset + np.arange(len(values) - window_length))
            offset += len(values) + horizon
        return cls(
            series=np.concatenate(rows),
            starts=np.concatenate(starts).astype(np.int32),
            window_length=window_length,
            horizon=horizon,
        )

    def batch(self, indices: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return inputs, targets and weights of some windows.

        Parameters
        ----------
        indices : ndarray of shape (batch,)
            Windows, as positions in ``starts``.

        Returns
        -------
        inputs : list of ndarray
            The windows, (batch, window_length, n_channels), and the known regressors over the
            horizon, (batch, horizon, n_known), if there are any.
        targets : ndarray of shape (batch, horizon, 1)
            Zero where missing.
        weights : ndarray of shape (batch, horizon)
            Zero where the target is missing, else one.
        """
        length = self.window_length + self.horizon
        rows = self.series[self.starts[indices][:, None] + np.arange(length)]
        window, future = rows[:, : self.window_length], rows[:, self.window_length :]
        inputs = [window, future[..., 1:]] if self.n_known else [window]
        present = np.isfinite(future[..., 0])
        return inputs, np.nan_to_num(future[..., :1]), present.astype(np.float32)
