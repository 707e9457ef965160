"""Values and shocks that stand out of a series, replaced by what the rest of it suggests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.explaining import explained_by
from skconvattn.forecasting.series.robust import (
    CHANGES,
    DEVIATIONS,
    HALF_WIDTH,
    LARGER_CHANGES,
    allowed_distance,
    median,
    running_median,
)

# More runs of outliers than this, or this share of the series, are how the series behaves.
_FEWEST_RUNS, _SHARE_OF_RUNS = 3, 0.02
# Most values of a shock that the series recovers from, and the shortest series that has one.
_SHOCK, _SHORTEST = 6, 36
# Its values are this multiple of the usual changes from step to step away from the level, and the
# levels before and after it differ by less than this share of that.
_USUAL_CHANGES, _CHANGES_OF_SHOCKS = 0.75, 6.0
_RECOVERED = 0.4


def without_outliers(
    filled: np.ndarray, season: np.ndarray, missing: np.ndarray, covariates: pd.DataFrame | None
) -> np.ndarray:
    """Return values, those too far from the local level replaced by it."""
    rest = filled - season
    level = running_median(rest, HALF_WIDTH)
    distance = np.where(missing, 0.0, rest - level)
    allowed = allowed_distance(rest, distance[~missing])
    outlying = np.abs(distance) > allowed
    for end in (outlying, outlying[::-1]):
        if end[:HALF_WIDTH].all():
            # Three in a row at an end of the series are a level shift.
            end[: np.argmin(end)] = False
    if not outlying.any() or _is_usual(outlying):
        return filled
    outlying &= ~explained_by(np.flatnonzero(outlying), covariates)
    # At the end, a value may be the first of a new level: it keeps what would be usual of it.
    kept = np.where(np.arange(len(rest)) > len(rest) - HALF_WIDTH, allowed, 0.0)
    return np.where(outlying, level + np.clip(distance, -kept, kept) + season, filled)


def without_shocks(
    filled: np.ndarray, season: np.ndarray, missing: np.ndarray, covariates: pd.DataFrame | None
) -> np.ndarray:
    """Return values, those of shocks that the series has recovered from replaced by its level.

    A shock is a run of three to six values far from the running median of thirteen, between values
    that agree on the level: far as against all changes from step to step, and those around it.
    Changes within the run say nothing of what is usual.
    """
    n = len(filled)
    if n < _SHORTEST:
        return filled
    rest = filled - season
    level = running_median(rest, _SHOCK)
    distance = np.abs(np.where(missing, 0.0, rest - level))
    changes = np.abs(np.diff(rest))
    usual = _CHANGES_OF_SHOCKS * np.quantile(changes, _USUAL_CHANGES)
    deviation = 1.4826 * median(distance[~missing])
    outlying = distance > max(DEVIATIONS * deviation, usual)
    for begin, end in _runs(outlying):
        before, after = max(begin - 2 * _SHOCK, 0), end + 2 * _SHOCK
        around = np.concatenate([changes[before : begin - 1], changes[end:after]])
        # What lasts longer, or until an end, is a level.
        if not (HALF_WIDTH <= end - begin <= _SHOCK <= begin and end <= n - _SHOCK):
            outlying[begin:end] = False
            continue
        left, right = (
            median(part) for part in (rest[begin - HALF_WIDTH : begin], rest[end:][:HALF_WIDTH])
        )
        size = median(distance[begin:end])
        usual = _CHANGES_OF_SHOCKS * np.quantile(around, _USUAL_CHANGES)
        if size < usual or abs(right - left) > _RECOVERED * size:
            outlying[begin:end] = False
    if not outlying.any() or _is_usual(outlying):
        return filled
    outlying &= ~explained_by(np.flatnonzero(outlying), covariates)
    return np.where(outlying, level + season, filled)


def gross_at_the_end(given: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Return which of the last values are outliers of which nothing should be kept.

    Parameters
    ----------
    given : ndarray of shape (n_timepoints, n_targets)
        Values; NaN where missing.
    clean : ndarray of shape (n_timepoints, n_targets)
        The same, repaired.

    Returns
    -------
    ndarray of shape (n_timepoints, n_targets), bool
        True for values among the last two that were moved by several of the larger changes from
        one step to the next.
    """
    gross = np.zeros(given.shape, dtype=bool)
    moved = np.abs(given - clean)[1 - HALF_WIDTH :]
    if len(given) >= HALF_WIDTH and (moved > 0).any():
        usual = np.quantile(np.abs(np.diff(clean, axis=0)), LARGER_CHANGES, axis=0)
        gross[1 - HALF_WIDTH :] = moved > 2 * CHANGES * usual
    return gross


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """Return where runs of marked time steps begin and end."""
    borders = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    return [(int(begin), int(end)) for begin, end in borders.reshape(-1, 2)]


def _is_usual(outlying: np.ndarray) -> bool:
    """Whether outliers come in too many runs to be accidents."""
    n_runs = int(np.sum(outlying[1:] & ~outlying[:-1])) + int(outlying[0])
    return n_runs > max(_FEWEST_RUNS, _SHARE_OF_RUNS * len(outlying))
