"""Series that have not begun yet, or have come to rest: long runs of one value at either end."""

from __future__ import annotations

import numpy as np

# Shortest run that says something, and the longest that has to; a season lies between.
_SHORTEST, _LONG = 6, 24
# Values that follow a launch, at least.
_FEWEST_SOLD = 3
# How many times as long as all other runs it is.
_TIMES_OTHERS = 2


def zeros_before_start(values: np.ndarray, period: int) -> int:
    """Return how many zeros come before the first value of a series.

    What was not sold yet is often written down as zero. Zeros at the beginning count as such if
    they last at least a season, and more than twice as long as the series is ever zero again, and
    if most of what follows is sold: the first order of a spare part is no launch.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints,)
        A series; NaN where missing.
    period : int
        Time steps of a season.

    Returns
    -------
    int
        Number of time steps; 0 where the series begins with its first value.
    """
    if not len(values) or values[0] != 0.0:
        return 0
    lengths, of_runs = _runs(values)
    later = values[lengths[0] :]
    n_sold = int(np.sum(np.isfinite(later) & (later != 0.0)))
    others = lengths[1:][of_runs[1:] == 0.0]
    is_launch = n_sold >= max(_FEWEST_SOLD, len(later) / 2)
    is_launch = is_launch and _is_long(lengths[0], others, len(values), period)
    return int(lengths[0]) if is_launch else 0


def steps_at_rest(values: np.ndarray, period: int) -> int:
    """Return for how many time steps a series has been at rest: at its last value.

    A run counts if it lasts at least a season, and more than twice as long as any before.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints,)
        A series; NaN where missing.
    period : int
        Time steps of a season.

    Returns
    -------
    int
        Number of time steps; 0 where the series goes on as it did.
    """
    if len(values) < _SHORTEST or values[-1] != values[-_SHORTEST]:
        return 0
    lengths, _ = _runs(values)
    return int(lengths[-1]) if _is_long(lengths[-1], lengths[:-1], len(values), period) else 0


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of runs of one value, and their values; each missing value is one."""
    begins = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return np.diff(begins, append=len(values)), values[begins]


def _is_long(length: int, others: np.ndarray, n_timepoints: int, period: int) -> bool:
    wanted = max(_SHORTEST, min(period, _LONG))
    longest = int(others.max(initial=0))
    return wanted <= length < n_timepoints and length > _TIMES_OTHERS * longest
