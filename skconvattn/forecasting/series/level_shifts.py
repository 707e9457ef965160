"""Shifts of the level of a series, by a sum or as a whole, and how they are undone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.explaining import changes_of, explained_by
from skconvattn.forecasting.series.robust import (
    HALF_WIDTH,
    allowed_distance,
    median,
    running_median,
    slope_of,
)

# More level shifts than this are how the series behaves; a short series says too little of it.
_MOST_SHIFTS, _SHORTEST = 3, 28
# Share of a level shift that happens in one step, at least.
_SHARP = 0.6
# Logarithm of the ratio of two levels below which it does not matter whether season and noise have
# changed as well.
_LEAST_RATIO = 0.4
# Seasons, and steps where these are fewer, before a shift that say what is usual.
_RECENT_SEASONS, _RECENT_STEPS = 3, 24
# Logarithm of a likelihood ratio that speaks for a series that has changed as a whole, and the
# least noise in changes from step to step as a share of these.
_EVIDENCE, _LEAST_NOISE = 2.0, 0.02


@dataclass(frozen=True, eq=False)
class Shifts:
    """How values are moved along with later shifts of the level.

    Attributes
    ----------
    factors : ndarray of shape (n_timepoints,) or (n_timepoints, n_targets)
        What each value is multiplied by: the ratio of both levels where the series shrank or grew
        as a whole, its season and noise included.
    added : ndarray of the same shape
        What is added afterwards.
    """

    factors: np.ndarray
    added: np.ndarray

    @classmethod
    def none(cls, n_timepoints: int) -> Shifts:
        """Return shifts that leave values as they are."""
        return cls(np.ones(n_timepoints), np.zeros(n_timepoints))

    @property
    def any(self) -> bool:
        """Whether a value is moved."""
        return bool(self.added.any() or (self.factors != 1.0).any())

    def __getitem__(self, rows: slice | np.ndarray) -> Shifts:
        """Return the shifts of some time steps."""
        return Shifts(self.factors[rows], self.added[rows])

    def of(self, values: np.ndarray) -> np.ndarray:
        """Move values to the level of the last one."""
        return self.factors * values + self.added

    def back(self, values: np.ndarray) -> np.ndarray:
        """Move values back to where they were; they may have a further axis."""
        further = (...,) + (None,) * (values.ndim - self.added.ndim)
        return (values - self.added[further]) / self.factors[further]

    def followed_by(self, later: Shifts) -> Shifts:
        """Return both, one after the other."""
        return Shifts(self.factors * later.factors, later.of(self.added))


def level_shifts(
    clean: np.ndarray,
    given: np.ndarray,
    season: np.ndarray,
    period: int,
    missing: np.ndarray,
    covariates: pd.DataFrame | None,
) -> Shifts:
    """Return what undoes level shifts.

    ``clean`` has no outliers, ``given`` has them: the last values may be back on the level
    before a shift, and are then no outliers.
    """
    width, n = 2 * HALF_WIDTH + 1, len(clean)
    unmoved = Shifts.none(n)
    if n < _SHORTEST:
        return unmoved
    whole, rest, given = given, clean - season, given - season
    distance = rest - running_median(rest, HALF_WIDTH)
    allowed = allowed_distance(rest, distance[~missing])
    steps = np.diff(rest, prepend=rest[0])
    found: list[_Shift] = []
    for t in np.flatnonzero(np.abs(steps) > allowed / 2):
        before, after = rest[max(t - width, 0) : t], rest[t : t + width]
        if min(len(before), len(after)) < HALF_WIDTH:
            continue
        slopes = [slope_of(part) for part in (before, after) if len(part) == width]
        slope = min(slopes, key=abs, default=0.0)
        level = median(after)
        shift = level - median(before) - slope * (len(before) + len(after)) / 2
        # Most of the change happens in one step, and it is no part of a trend.
        distance_between = (
            (after.min() - before.max()) if shift > 0 else (before.min() - after.max())
        )
        if abs(shift) > allowed[t] and distance_between > 0 and steps[t] / shift > _SHARP:
            found.append(_Shift(int(t), float(shift), float(level - shift)))
    last = n - HALF_WIDTH + 1 + int(np.argmax(np.abs(np.diff(given[-HALF_WIDTH:]))))
    back = float(given[last] - given[last - 1])
    if abs(back) > allowed[last] and any(
        abs(back + one.size) < (1 - _SHARP) * abs(one.size) for one in found
    ):
        # A shift and the one back undo each other.
        found = [replace(one, before=np.nan) for one in found if one.position < last - 1]
        found.append(_Shift(last, back, np.nan))
    if not found or len(found) > _MOST_SHIFTS:
        return unmoved
    explained = explained_by(np.array([one.position for one in found]), changes_of(covariates))
    undone = unmoved
    borders = [0, *(one.position for one in found), n]
    for one, begin, end in zip(found, borders, borders[2:], strict=False):
        if not (explained.any() and explained[one.position]):
            parts = whole[begin : one.position], whole[one.position : end]
            ratio = _ratio(*parts, one.before + season[one.position :][:width], period)
            undone = undone.followed_by(one.undone(n, ratio))
    return undone


@dataclass(frozen=True)
class _Shift:
    """A level shift: where, by how much, and from which level; NaN where only the sum is known."""

    position: int
    size: float
    before: float

    def undone(self, n_timepoints: int, ratio: float | None) -> Shifts:
        """Return what moves earlier values along, by a ratio of levels if there is one."""
        shifts = Shifts.none(n_timepoints)
        if ratio is None or np.isnan(self.before):
            shifts.added[: self.position] = self.size
        else:
            shifts.factors[: self.position] = ratio
        return shifts


def _ratio(before: np.ndarray, after: np.ndarray, usual: np.ndarray, period: int) -> float | None:
    """Return the ratio of two levels if season and noise have changed by it as well.

    ``usual`` is what would follow without a shift, for series that are shorter than two seasons.
    """
    continued = _continued(before, period)
    usual = usual if continued is None else continued
    compared = after[: len(usual)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(median(compared / usual[: len(compared)]))
    return ratio if _changed_by_ratio(before, after, ratio, period) else None


def _continued(before: np.ndarray, period: int) -> np.ndarray | None:
    """Return the season after the values before a shift, had nothing happened: (period,).

    That is the season before, and what it has usually grown by; None where there is none.
    """
    if period == 1 or len(before) < 2 * period:
        return None
    recent = before[-_RECENT_SEASONS * period :]
    return np.asarray(before[-period:] + median(recent[period:] - recent[:-period]))


def _changed_by_ratio(before: np.ndarray, after: np.ndarray, ratio: float, period: int) -> bool:
    r"""Whether changes from step to step have grown or shrunk as the level has.

    Changes :math:`d_t` are the season's :math:`c_t` and noise of Laplace's distribution with the
    scale :math:`b`; after the shift both have either stayed or changed by the ratio :math:`r`:

    .. math:: \sum_t \frac{|d_t - c_t|}{b} - \frac{|d_t - r\, c_t|}{r\, b} - \log r > 2

    Parameters
    ----------
    before, after : ndarray of shape (n_before,), (n_after,)
        Values up to a level shift and from it on.
    ratio : float
        Level after the shift over that before it.
    period : int
        Time steps of a season; changes of the same positions are compared.
    """
    signs = np.sign(np.concatenate([before, after]))
    if not (ratio > 0 and signs[0] != 0 and (signs == signs[0]).all()):
        return False
    # Of a growing series, changes have grown as well.
    recent = before[-1 - max(_RECENT_SEASONS * period, _RECENT_STEPS) :]
    changes, later = np.diff(recent), np.diff(after)
    if abs(np.log(ratio)) < _LEAST_RATIO or not (len(changes) and len(later)):
        return False
    if len(changes) < 2 * period:
        period = 1
    # From the shift on, changes begin one step later than the last one before it.
    typical = np.array([median(changes[-1 - back :: -period]) for back in range(period)][::-1])
    between = changes[period:] - changes[:-period] if period > 1 else changes - typical
    scale = max(np.abs(between).mean(), _LEAST_NOISE * np.abs(changes).mean())
    if not scale > 0:
        return False
    expected = typical[(1 + np.arange(len(later))) % period]
    stayed = np.abs(later - expected) / scale
    scaled = np.abs(later - ratio * expected) / (ratio * scale) + np.log(ratio)
    return bool((stayed - scaled).sum() > _EVIDENCE)
