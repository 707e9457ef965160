"""Gaps, gross outliers and level shifts of a series, replaced by what the rest of it suggests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

# Values on either side of which the median is the local level.
_HALF_WIDTH = 3
# An outlier is farther from the local level than this many standard deviations of the others,
# estimated robustly, and than this many of the larger changes from one step to the next.
_DEVIATIONS, _CHANGES = 8.0, 4.0
_LARGER_CHANGES = 0.9
# More runs of outliers than this, or this share of the series, are how the series behaves.
_FEWEST_RUNS, _SHARE_OF_RUNS = 3, 0.02
# More level shifts than this are how the series behaves; a short series says too little of it.
_MOST_SHIFTS, _SHORTEST_WITH_SHIFTS = 3, 28
# Share of a level shift that happens in one step, at least.
_SHARP = 0.6
# Shorter series are not judged.
_FEWEST = 2 * _HALF_WIDTH + 2
# A covariate within these quantiles of its own values does not explain an outlier.
_ORDINARY = 0.05


@dataclass(frozen=True, eq=False)
class Repaired:
    """A series without gaps, outliers and level shifts.

    Attributes
    ----------
    values : ndarray of shape (n_timepoints,)
        Finite values, all on the level of the last one.
    moved : ndarray of shape (n_timepoints,)
        What was added at each time step because the level shifted later.
    """

    values: np.ndarray
    moved: np.ndarray


def repaired(values: np.ndarray, period: int, covariates: pd.DataFrame | None = None) -> Repaired:
    """Replace missing values, pull in outliers, and undo level shifts.

    The series is split into a season, the median of each of its positions, and a local level, the
    running median of the rest. A value, or up to three in a row, that stands alone is an outlier,
    and is replaced by what level and season suggest, or, at the end, by the farthest value that is
    none. Where the level moves for good from one step to the next, all earlier values are moved
    along. Time steps at which a covariate is extraordinary too are left alone: they can be
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
    unmoved = np.zeros(len(values))
    if len(present) == 0:
        return Repaired(np.zeros_like(values), unmoved)
    missing = np.isnan(values)
    filled = np.interp(np.arange(len(values)), present, values[present])
    if len(filled) < _FEWEST:
        return Repaired(filled, unmoved)
    # A level shift distorts the season, and a season hides a level shift.
    moved = unmoved
    for _ in range(2):
        season = _season(filled + moved, period)
        rest = values + moved - season
        bridged = np.interp(np.arange(len(values)), present, rest[present]) + season - moved
        filled = np.where(missing, bridged, values)
        given = filled + moved
        clean = _without_outliers(given, season, missing, covariates)
        moved = moved + _level_shifts(clean - season, given - season, missing, covariates)
        if clean is given and not (moved.any() or missing.any()):
            # Nothing to repair: the second round would find the same.
            return Repaired(given, moved)
    season = _season(filled + moved, period)
    return Repaired(_without_outliers(filled + moved, season, missing, covariates), moved)


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
    moved = np.abs(given - clean)[1 - _HALF_WIDTH :]
    if len(given) >= _HALF_WIDTH and (moved > 0).any():
        usual = np.quantile(np.abs(np.diff(clean, axis=0)), _LARGER_CHANGES, axis=0)
        gross[1 - _HALF_WIDTH :] = moved > 2 * _CHANGES * usual
    return gross


def _season(filled: np.ndarray, period: int) -> np.ndarray:
    """Return the median of each position of the season, without level: (n_timepoints,)."""
    n = len(filled)
    if period == 1 or n < 2 * period:
        return np.zeros(n)
    rest = filled - _running_median(filled, period // 2)
    n_whole = -(-n // period)
    padded = np.concatenate([rest, np.full(n_whole * period - n, np.nan)])
    # Missing values come last: of each position, the middle one or two of those before.
    ordered = np.sort(padded.reshape(n_whole, period), axis=0)
    counts, columns = np.sum(~np.isnan(ordered), axis=0), np.arange(period)
    positions = (ordered[(counts - 1) // 2, columns] + ordered[counts // 2, columns]) / 2
    return np.resize(positions - positions.mean(), n)


def _without_outliers(
    filled: np.ndarray, season: np.ndarray, missing: np.ndarray, covariates: pd.DataFrame | None
) -> np.ndarray:
    """Return values, those too far from the local level replaced by it."""
    rest = filled - season
    level = _running_median(rest, _HALF_WIDTH)
    distance = np.where(missing, 0.0, rest - level)
    allowed = _allowed(rest, distance[~missing])
    outlying = np.abs(distance) > allowed
    for end in (outlying, outlying[::-1]):
        if end[:_HALF_WIDTH].all():
            # Three in a row at an end of the series are a level shift.
            end[: np.argmin(end)] = False
    if not outlying.any() or _is_usual(outlying):
        return filled
    outlying &= ~_explained(np.flatnonzero(outlying), covariates)
    # At the end, a value may be the first of a new level: it keeps what would be usual of it.
    kept = np.where(np.arange(len(rest)) > len(rest) - _HALF_WIDTH, allowed, 0.0)
    return np.where(outlying, level + np.clip(distance, -kept, kept) + season, filled)


def _allowed(rest: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return how far from the local level a value can be by chance: (n_timepoints,)."""
    deviation = 1.4826 * _median(np.abs(distance))
    changes = np.abs(np.diff(rest, prepend=rest[0]))
    # Where a series has just begun to move, changes around a value tell more than those of all.
    width = 2 * _HALF_WIDTH
    mirrored = np.concatenate([changes[width:0:-1], changes, changes[-2 : -width - 2 : -1]])
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, 2 * width + 1)
    around = _median(windows)
    larger = np.maximum(np.quantile(changes, _LARGER_CHANGES), around)
    return np.asarray(np.maximum(_DEVIATIONS * deviation, _CHANGES * larger))


def _level_shifts(
    rest: np.ndarray, given: np.ndarray, missing: np.ndarray, covariates: pd.DataFrame | None
) -> np.ndarray:
    """Return what has to be added at each time step to undo level shifts: (n_timepoints,).

    ``rest`` has no outliers, ``given`` has them: the last values may be back on the level
    before a shift, and are then no outliers.
    """
    width, n = 2 * _HALF_WIDTH + 1, len(rest)
    unmoved = np.zeros(n)
    if n < _SHORTEST_WITH_SHIFTS:
        return unmoved
    distance = rest - _running_median(rest, _HALF_WIDTH)
    allowed = _allowed(rest, distance[~missing])
    steps = np.diff(rest, prepend=rest[0])
    found: list[tuple[int, float]] = []
    for t in np.flatnonzero(np.abs(steps) > allowed / 2):
        before, after = rest[max(t - width, 0) : t], rest[t : t + width]
        if min(len(before), len(after)) < _HALF_WIDTH:
            continue
        slopes = [_slope(part) for part in (before, after) if len(part) == width]
        slope = min(slopes, key=abs, default=0.0)
        shift = _median(after) - _median(before) - slope * (len(before) + len(after)) / 2
        # Most of the change happens in one step, and it is no part of a trend.
        distance_between = (
            (after.min() - before.max()) if shift > 0 else (before.min() - after.max())
        )
        if abs(shift) > allowed[t] and distance_between > 0 and steps[t] / shift > _SHARP:
            found.append((int(t), float(shift)))
    last = n - _HALF_WIDTH + 1 + int(np.argmax(np.abs(np.diff(given[-_HALF_WIDTH:]))))
    back = given[last] - given[last - 1]
    if abs(back) > allowed[last] and any(abs(back + s) < (1 - _SHARP) * abs(s) for _, s in found):
        found = [(t, shift) for t, shift in found if t < last - 1] + [(last, float(back))]
    if not found or len(found) > _MOST_SHIFTS:
        return unmoved
    explained = _explained(np.array([t for t, _ in found]), _changes_of(covariates))
    for position, shift in found:
        if not (explained[position] if explained.any() else False):
            unmoved[:position] += shift
    return unmoved


def _changes_of(covariates: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return by how much covariates change from one time step to the next."""
    if covariates is None:
        return None
    codes = {
        i: pd.factorize(covariates.iloc[:, i])[0]
        if not pd.api.types.is_numeric_dtype(covariates.dtypes.iloc[i])
        else covariates.iloc[:, i].astype(np.float64)
        for i in range(covariates.shape[1])
    }
    return pd.DataFrame(codes, index=covariates.index).diff()


def _is_usual(outlying: np.ndarray) -> bool:
    """Whether outliers come in too many runs to be accidents."""
    n_runs = int(np.sum(outlying[1:] & ~outlying[:-1])) + int(outlying[0])
    return n_runs > max(_FEWEST_RUNS, _SHARE_OF_RUNS * len(outlying))


def _explained(positions: np.ndarray, covariates: pd.DataFrame | None) -> np.ndarray:
    """Return at which time steps any covariate has a rare value: (n_timepoints,), or False."""
    if covariates is None or covariates.shape[1] == 0:
        return np.zeros(1, dtype=bool)
    explained = np.zeros(len(covariates), dtype=bool)
    for column in covariates.columns:
        values = covariates[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            ranks = values.rank(pct=True, method="average").to_numpy(np.float64, na_value=0.5)
            rare = np.minimum(ranks, 1.0 - ranks) < _ORDINARY
        else:
            shares = values.map(values.value_counts(normalize=True))
            rare = shares.to_numpy(np.float64, na_value=1.0) < _ORDINARY
        explained[positions] |= rare[positions]
    return explained


def _running_median(values: np.ndarray, half_width: int) -> np.ndarray:
    """Return the median of the values around each; at the ends, of a line through the outer ones.

    A median of fewer values on one side lags behind a trend: it is moved along the median change.
    """
    n, width = len(values), 2 * half_width + 1
    if half_width == 0:
        return values
    if n < width:
        return np.full(n, _median(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    inner = _median(windows)
    front, back = np.arange(-half_width, 0), np.arange(1, half_width + 1)
    # Longer than the window, so that two outliers at the end do not turn the line.
    slopes = [_slope(values[: 2 * width]), _slope(values[-2 * width :])]
    return np.concatenate([inner[0] + front * slopes[0], inner, inner[-1] + back * slopes[1]])


def _slope(values: np.ndarray) -> float:
    """Return the median of the slopes between all pairs of values (Theil, 1950; Sen, 1968)."""
    first, last = _pairs(len(values))
    return float(_median((values[last] - values[first]) / (last - first)))


@lru_cache(maxsize=8 * _FEWEST)
def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of all pairs of n values, the earlier one first."""
    return np.triu_indices(n, 1)


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median along the last axis, with the bits of ``numpy.median``.

    Series are short and many: what NumPy checks before takes longer than the median.
    """
    n = values.shape[-1]
    upper = n // 2
    ordered = np.partition(values, [n - 1, upper, (n - 1) // 2] if n else 0)
    middle = (ordered[..., (n - 1) // 2] + ordered[..., upper]) / 2
    # Missing values come last.
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))
