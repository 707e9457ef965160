"""Forecasts of windows by pretrained attention over the seasons of one length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skconvattn.data.patches import (
    PATCH,
    cycle_length,
    patch_starts,
    read_patches,
    window_steps,
)
from skconvattn.members.pretrained_network import PretrainedNetwork, pretrained_network

# Patches that are forecast from a window directly, as in training; later ones from forecasts.
_DIRECT_SHORT, _DIRECT_LONG = 4, 8
# Forecasts stay within this many ranges of the window, however often they go on from forecasts.
_MOST_RANGES = 3.0


@dataclass(frozen=True)
class SeasonalAttention:
    """Zero-shot forecasts of windows: no parameter depends on the series.

    Parameters
    ----------
    period : int
        Time steps of a season.
    network : PretrainedNetwork, optional
        The network; that of the package by default.
    """

    period: int
    network: PretrainedNetwork | None = None

    @property
    def n_read(self) -> int:
        """Time steps before an origin that are read."""
        return window_steps(self.period)

    def quantiles(self, windows: np.ndarray, n_ahead: int) -> np.ndarray:
        """Forecast the steps after windows.

        Parameters
        ----------
        windows : ndarray of shape (n, n_read)
            Values up to the origin; NaN where unknown, also before the first value.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        ndarray of shape (n, n_ahead, n_levels)
            Quantiles at the levels of :func:`pretrained_network`, in units of the series.
        """
        network = self.network or pretrained_network()
        blocks: list[np.ndarray] = []
        lower, upper = _bounds(windows)
        while (left := n_ahead - PATCH * len(blocks)) > 0:
            numbers = range(min(self.n_direct, -(-left // PATCH)))
            own = [
                np.clip(network(read_patches(windows, self.period, number))[0], lower, upper)
                for number in numbers
            ]
            blocks += own
            # Steps beyond are forecast from medians.
            medians = [block[..., len(network.levels) // 2] for block in own]
            windows = np.concatenate([windows, *medians], axis=1)[:, -self.n_read :]
        return np.concatenate(blocks, axis=1)[:, :n_ahead]

    def attention(self, windows: np.ndarray, n_ahead: int) -> np.ndarray:
        """Return how much forecasts attend to each time step that is read.

        Parameters
        ----------
        windows : ndarray of shape (n, n_read)
            Values up to the origin; NaN where unknown.
        n_ahead : int
            Steps ahead, over whose patches attention is averaged.

        Returns
        -------
        ndarray of shape (n, n_read)
            Weights with a sum of one; that of a patch is spread evenly over its known values.
        """
        numbers = range(min(-(-n_ahead // PATCH), self.n_direct))
        known, total = np.isfinite(windows), np.zeros(windows.shape)
        network = self.network or pretrained_network()
        for number in numbers:
            weights = network(read_patches(windows, self.period, number))[1]
            starts = [start for part in patch_starts(self.period, number) for start in part]
            for start, of_patch in zip(starts, weights.T, strict=True):
                begin = max(self.n_read + start, 0)
                inside = known[:, begin : self.n_read + start + PATCH]
                counts = np.maximum(inside.sum(axis=1), 1)
                total[:, begin : self.n_read + start + PATCH] += (
                    inside * (of_patch / counts)[:, None]
                )
        return total / np.maximum(total.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)

    def windows(self, series: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Return the values before origins, (n_origins, n_read), NaN before the first value."""
        length = self.n_read
        padded = np.concatenate([np.full(length, np.nan), series])
        return np.lib.stride_tricks.sliding_window_view(padded, length)[np.asarray(origins) + 1]

    @property
    def n_direct(self) -> int:
        """Patches that are forecast from a window directly."""
        return _DIRECT_SHORT if cycle_length(self.period) == PATCH else _DIRECT_LONG


def _bounds(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest forecast of each window: (n, 1, 1) each."""
    known = np.isfinite(windows)
    low = np.where(known, windows, np.inf).min(axis=1)
    high = np.where(known, windows, -np.inf).max(axis=1)
    reach = _MOST_RANGES * (high - low)
    # Of a window without any value nothing is known.
    lower, upper = (
        np.where(high < low, -np.inf, low - reach),
        np.where(high < low, np.inf, high + reach),
    )
    return lower[:, None, None], upper[:, None, None]
