"""Values and shocks that stand out of a series, replaced by what the rest of it suggests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.explaining import explained_by
from skconvattn.forecasting.series.robust import (
    CHANGES,
    HALF_WIDTH,
    LARGER_CHANGES,
    allowed_distance,
    running_median,
)

# More runs of outliers than this, or this share of the series, are how the series behaves.
_FEWEST_RUNS, _SHARE_OF_RUNS = 3, 0.02


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


def _is_usual(outlying: np.ndarray) -> bool:
    """Whether outliers come in too many runs to be accidents."""
    n_runs = int(np.sum(outlying[1:] & ~outlying[:-1])) + int(outlying[0])
    return n_runs > max(_FEWEST_RUNS, _SHARE_OF_RUNS * len(outlying))
