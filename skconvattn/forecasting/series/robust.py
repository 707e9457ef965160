"""Local levels by medians, and how far values are from them by chance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Values on either side of which the median is the local level.
HALF_WIDTH = 3
# An outlier is farther from the local level than this many standard deviations of the others,
# estimated robustly, and than this many of the larger changes from one step to the next.
DEVIATIONS, CHANGES = 8.0, 4.0
LARGER_CHANGES = 0.9


def allowed_distance(rest: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return how far from the local level a value can be by chance: (n_timepoints,)."""
    deviation = 1.4826 * median(np.abs(distance))
    changes = np.abs(np.diff(rest, prepend=rest[0]))
    # Where a series has just begun to move, changes around a value tell more than those of all.
    width = 2 * HALF_WIDTH
    mirrored = np.concatenate([changes[width:0:-1], changes, changes[-2 : -width - 2 : -1]])
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, 2 * width + 1)
    around = median(windows)
    larger = np.maximum(np.quantile(changes, LARGER_CHANGES), around)
    return np.asarray(np.maximum(DEVIATIONS * deviation, CHANGES * larger))


def running_median(values: np.ndarray, half_width: int) -> np.ndarray:
    """Return the median of the values around each; at the ends, of a line through the outer ones.

    A median of fewer values on one side lags behind a trend: it is moved along the median change.
    """
    n, width = len(values), 2 * half_width + 1
    if half_width == 0:
        return values
    if n < width:
        return np.full(n, median(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    inner = median(windows)
    front, back = np.arange(-half_width, 0), np.arange(1, half_width + 1)
    # Longer than the window, so that two outliers at the end do not turn the line.
    slopes = [slope_of(values[: 2 * width]), slope_of(values[-2 * width :])]
    return np.concatenate([inner[0] + front * slopes[0], inner, inner[-1] + back * slopes[1]])


def slope_of(values: np.ndarray) -> float:
    """Return the median of the slopes between all pairs of values (Theil, 1950; Sen, 1968)."""
    first, last = _pairs(len(values))
    return float(median((values[last] - values[first]) / (last - first)))


@lru_cache(maxsize=64)
def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of all pairs of n values, the earlier one first."""
    return np.triu_indices(n, 1)


def median(values: np.ndarray) -> np.ndarray:
    """Return the median along the last axis, with the bits of ``numpy.median``.

    Series are short and many: what NumPy checks before takes longer than the median.
    """
    n = values.shape[-1]
    upper = n // 2
    ordered = np.partition(values, [n - 1, upper, (n - 1) // 2] if n else 0)
    middle = (ordered[..., (n - 1) // 2] + ordered[..., upper]) / 2
    # Missing values come last.
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))
