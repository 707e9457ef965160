"""The channels of all series as training sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skconvattn.data import Windows
from skconvattn.forecasting.fitted import last_window
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.history import History, Panel
from skconvattn.forecasting.series.windowing import WindowSpec


@dataclass(frozen=True, eq=False)
class TrainingSeries:
    """The channels of all series in training.

    Attributes
    ----------
    arrays : tuple of ndarray of shape (n_timepoints, n_channels)
        Channels of every target of every series, and the targets again in a last column where
        values are missing; float32.
    n_past : int
        Number of channels of past covariates, which follow the first channel, the target.
    separate_targets : bool
        Whether the last column, which is no input, has the targets.
    keys : tuple of tuple
        Names of the series.
    n_repeated : tuple of int
        How often the first values of each array were repeated in front of them.
    """

    arrays: tuple[np.ndarray, ...]
    n_past: int
    separate_targets: bool
    keys: tuple[tuple[Any, ...], ...] = ((),)
    n_repeated: tuple[int, ...] = ()

    @classmethod
    def of(cls, panel: Panel, channels: Channels, window: WindowSpec) -> TrainingSeries:
        """Return the channels of a panel as training sees them.

        Parameters
        ----------
        panel : Panel
            Series on the scale of the network.
        channels : Channels
            Channels of the network's input.
        window : WindowSpec
            Window and horizon; series no longer than a window repeat their first values in front.
        """
        pairs = [part for history in panel.histories for part in _with_actual(history, channels)]
        separate = any(bool(np.isnan(actual).any()) for _, actual in pairs)
        arrays, n_repeated = [], []
        for array, actual in pairs:
            whole = np.concatenate([array, actual], axis=1) if separate else array
            n_own = len(whole)
            if n_own <= window.length:
                whole = last_window(whole, window.length + max(1, n_own // 2))
            arrays.append(whole)
            n_repeated.append(len(whole) - n_own)
        return cls(
            tuple(arrays),
            n_past=channels.n_past,
            separate_targets=separate,
            keys=panel.keys,
            n_repeated=tuple(n_repeated),
        )

    @property
    def n_targets(self) -> int:
        """Number of targets of each series."""
        return len(self.arrays) // len(self.keys)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps of each series."""
        return tuple(len(array) for array in self.arrays)

    def windows(self, window: WindowSpec) -> Windows:
        """Return every window that is followed by at least one step."""
        return Windows.over(
            self.arrays,
            window.length,
            window.horizon,
            n_past=self.n_past,
            separate_targets=self.separate_targets,
        )


def _with_actual(history: History, channels: Channels) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return channels and values, NaN where missing, of each target up to its last value."""
    filled, missing = history.scaled_targets()
    actual = np.where(missing, np.nan, filled).astype(np.float32)
    ends = len(actual) - history.trailing_gaps(together=channels.mixed)
    return [
        (array[:end], actual[:end, [i]])
        for i, (array, end) in enumerate(zip(channels.of(history), ends, strict=True))
    ]
