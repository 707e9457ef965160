"""Shifts of the level of a series, by a sum or as a whole, and how they are undone."""

from __future__ import annotations

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


def level_shifts(
    rest: np.ndarray, given: np.ndarray, missing: np.ndarray, covariates: pd.DataFrame | None
) -> np.ndarray:
    """Return what has to be added at each time step to undo level shifts: (n_timepoints,).

    ``rest`` has no outliers, ``given`` has them: the last values may be back on the level
    before a shift, and are then no outliers.
    """
    width, n = 2 * HALF_WIDTH + 1, len(rest)
    unmoved = np.zeros(n)
    if n < _SHORTEST:
        return unmoved
    distance = rest - running_median(rest, HALF_WIDTH)
    allowed = allowed_distance(rest, distance[~missing])
    steps = np.diff(rest, prepend=rest[0])
    found: list[tuple[int, float]] = []
    for t in np.flatnonzero(np.abs(steps) > allowed / 2):
        before, after = rest[max(t - width, 0) : t], rest[t : t + width]
        if min(len(before), len(after)) < HALF_WIDTH:
            continue
        slopes = [slope_of(part) for part in (before, after) if len(part) == width]
        slope = min(slopes, key=abs, default=0.0)
        shift = median(after) - median(before) - slope * (len(before) + len(after)) / 2
        # Most of the change happens in one step, and it is no part of a trend.
        distance_between = (
            (after.min() - before.max()) if shift > 0 else (before.min() - after.max())
        )
        if abs(shift) > allowed[t] and distance_between > 0 and steps[t] / shift > _SHARP:
            found.append((int(t), float(shift)))
    last = n - HALF_WIDTH + 1 + int(np.argmax(np.abs(np.diff(given[-HALF_WIDTH:]))))
    back = given[last] - given[last - 1]
    if abs(back) > allowed[last] and any(abs(back + s) < (1 - _SHARP) * abs(s) for _, s in found):
        found = [(t, shift) for t, shift in found if t < last - 1] + [(last, float(back))]
    if not found or len(found) > _MOST_SHIFTS:
        return unmoved
    explained = explained_by(np.array([t for t, _ in found]), changes_of(covariates))
    for position, shift in found:
        if not (explained[position] if explained.any() else False):
            unmoved[:position] += shift
    return unmoved
