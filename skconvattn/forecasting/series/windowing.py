"""The length of windows, and their split into a training and a held-out part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skconvattn.forecasting.series.seasonality import further_periods

# Fewest held-out windows for early stopping and calibration.
_MIN_HELD_OUT = 4
# Most held-out windows; of more, on a long series, every nth is taken.
_MAX_HELD_OUT = 2048
# Longest automatic window: in longer ones, a further season costs more than it tells.
_MAX_AUTO_WINDOW = 336


@dataclass(frozen=True)
class WindowSpec:
    """Window and horizon of a forecaster on a series.

    Attributes
    ----------
    length : int
        Time steps of a window.
    horizon : int
        Steps ahead that are forecast directly.
    """

    length: int
    horizon: int

    def split(self, n_timepoints: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
        """Split windows so that no target of the training part is held out.

        Parameters
        ----------
        n_timepoints : int
            Length of the series.
        fraction : float
            Share of the series held out at its end; at least one horizon is.

        Returns
        -------
        training : ndarray of shape (n_training,)
            Windows by their first time step, whose whole horizon lies before the held-out part.
        held_out : ndarray of shape (n_held_out,)
            Windows that end where the held-out part begins or later. Both are empty if the series
            is too short for a split.
        """
        n_held_out = max(round(fraction * n_timepoints), self.horizon, _MIN_HELD_OUT)
        boundary = n_timepoints - n_held_out
        n_training = boundary - self.length - self.horizon + 1
        if n_training < max(_MIN_HELD_OUT, n_held_out // 4):
            return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
        held_out = np.arange(boundary - self.length, n_timepoints - self.length)
        return np.arange(n_training), _thinned(held_out)

    def split_all(self, lengths: Sequence[int], fraction: float) -> tuple[np.ndarray, np.ndarray]:
        """Split the windows of many series; those of series too short are all for training.

        Parameters
        ----------
        lengths : sequence of int
            Time steps of each series.
        fraction : float
            Share of each series held out at its end.

        Returns
        -------
        training, held_out : ndarray
            Indices of windows among those of all series; ``held_out`` is empty if no series is long
            enough.
        """
        training, held_out = [], []
        for length, first in zip(lengths, self._first_windows(lengths), strict=True):
            learned, later = self.split(length, fraction)
            if len(later) == 0:
                learned = np.arange(max(0, length - self.length))
            training.append(first + learned)
            held_out.append(first + later)
        return np.concatenate(training), _thinned(np.concatenate(held_out))

    def series_of(self, windows: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """Return the index of the series of each window."""
        return np.searchsorted(self._first_windows(lengths), windows, side="right") - 1

    def _first_windows(self, lengths: Sequence[int]) -> np.ndarray:
        """Return the index of the first window of each series; of the next if it has none."""
        counts = np.maximum(np.asarray(lengths) - self.length, 0)
        return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _thinned(held_out: np.ndarray) -> np.ndarray:
    return held_out[:: max(1, -(-len(held_out) // _MAX_HELD_OUT))]


def window_length_for(n_timepoints: int, horizon: int, period: int) -> int:
    """Choose a window from season and horizon.

    Two seasons, or one and a half horizons if these are longer, in whole seasons; a week
    where the season is a day and the series has four of them; half of what the series has left
    beside the horizon if it is short.

    Parameters
    ----------
    n_timepoints : int
        Length of the series, at least 2.
    horizon : int
        Steps ahead.
    period : int
        Time steps of a season, 1 for none.

    Returns
    -------
    int
        Time steps of a window, at least 1.
    """
    wanted = wanted_window_length(horizon, period)
    wanted = max(wanted, *further_periods(period, n_timepoints), 1)
    longest = max(1, (n_timepoints - min(horizon, n_timepoints // 3)) // 2)
    length = min(wanted, longest)
    return max(length // period, 1) * period if length >= period else length


def wanted_window_length(horizon: int, period: int) -> int:
    """Return the window that season and horizon ask for, however short the series is."""
    wanted = max(2 * period, int(1.5 * horizon), 8 if period == 1 else 1)
    return min(wanted, max(_MAX_AUTO_WINDOW, period))


def checked_window_length(window_length: int, n_timepoints: int) -> int:
    """Return a given window length, if it leaves anything to train on.

    Raises
    ------
    ValueError
        If no window is followed by a step.
    """
    if window_length >= n_timepoints:
        raise ValueError(
            f"window_length={window_length} leaves no training window in {n_timepoints} time "
            f"steps; use window_length <= {n_timepoints - 1}."
        )
    return int(window_length)
