"""Gaps, gross outliers and level shifts of a series, replaced by what the rest of it suggests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.level_shifts import Shifts, level_shifts
from skconvattn.forecasting.series.outliers import without_outliers, without_shocks
from skconvattn.forecasting.series.robust import HALF_WIDTH, running_median

# Shorter series are not judged.
_SHORTEST = 2 * HALF_WIDTH + 2


@dataclass(frozen=True, eq=False)
class Repaired:
    """A series without gaps, outliers and level shifts.

    Attributes
    ----------
    values : ndarray of shape (n_timepoints,)
        Finite values, all on the level of the last one.
    shifts : Shifts
        How each time step was moved because the level shifted later.
    """

    values: np.ndarray
    shifts: Shifts


def repaired(values: np.ndarray, period: int, covariates: pd.DataFrame | None = None) -> Repaired:
    """Replace missing values, pull in outliers, and undo level shifts.

    The series is split into a season, the median of each of its positions, and a local level, the
    running median of the rest. A value, or up to three in a row, that stands alone is an outlier,
    and is replaced by what level and season suggest, or, at the end, by the farthest value that is
    none. So are three to six in a row by which the level falls or rises and comes back. Where the
    level moves for good from one step to the next, all earlier values are moved along: by the
    difference of both levels, or, if season and noise have changed as the level has, by their
    ratio. Time steps at which a covariate is extraordinary too are left alone: they can be
    explained. Gaps are interpolated linearly between their neighbours after the season is
    subtracted.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints,)
        A series; NaN where missing.
    period : int
        Time steps of a season, 1 for none.
    covariates : pandas.DataFrame of shape (n_timepoints, n_covariates), optional
        Covariates at the same time steps.

    Returns
    -------
    Repaired
        The series; zeros for one without any value.
    """
    present = np.flatnonzero(~np.isnan(values))
    unmoved = Shifts.none(len(values))
    if len(present) == 0:
        return Repaired(np.zeros_like(values), unmoved)
    if present[0] > 0:
        known = None if covariates is None else covariates.iloc[present[0] :]
        return _begun_earlier(repaired(values[present[0] :], period, known), present[0], period)
    missing = np.isnan(values)
    filled = np.interp(np.arange(len(values)), present, values[present])
    if len(filled) < _SHORTEST:
        return Repaired(filled, unmoved)
    # A level shift distorts the season, and a season hides a level shift.
    moved = unmoved
    for _ in range(2):
        season = _season(moved.of(filled), period)
        rest = moved.of(values) - season
        bridged = np.interp(np.arange(len(values)), present, rest[present]) + season
        filled = np.where(missing, moved.back(bridged), values)
        given = moved.of(filled)
        clean = without_outliers(given, season, missing, covariates)
        clean = without_shocks(clean, season, missing, covariates)
        moved = moved.followed_by(level_shifts(clean, given, season, period, missing, covariates))
        if clean is given and not (moved.any or missing.any()):
            # Nothing to repair: the second round would find the same.
            return Repaired(given, moved)
    given = moved.of(filled)
    season = _season(given, period)
    clean = without_outliers(given, season, missing, covariates)
    return Repaired(without_shocks(clean, season, missing, covariates), moved)


def _begun_earlier(later: Repaired, n_before: int, period: int) -> Repaired:
    """Return a repaired series with what may have been before its first value: its season."""
    cycle = np.resize(_season(later.values, period), period)
    before = later.values[0] - cycle[0] + cycle[np.arange(-n_before, 0) % period]
    padded = (
        np.pad(x, (n_before, 0), mode="edge") for x in (later.shifts.factors, later.shifts.added)
    )
    return Repaired(np.concatenate([before, later.values]), Shifts(*padded))


def _season(filled: np.ndarray, period: int) -> np.ndarray:
    """Return the median of each position of the season, without level: (n_timepoints,)."""
    n = len(filled)
    if period == 1 or n < 2 * period:
        return np.zeros(n)
    rest = filled - running_median(filled, period // 2)
    n_whole = -(-n // period)
    padded = np.concatenate([rest, np.full(n_whole * period - n, np.nan)])
    # Missing values come last: of each position, the middle one or two of those before.
    ordered = np.sort(padded.reshape(n_whole, period), axis=0)
    counts, columns = np.sum(~np.isnan(ordered), axis=0), np.arange(period)
    positions = (ordered[(counts - 1) // 2, columns] + ordered[counts // 2, columns]) / 2
    return np.resize(positions - positions.mean(), n)
