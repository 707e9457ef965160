"""Patches of a series, aligned with the steps to forecast, in units of its season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Time steps per patch, number of patches one cycle apart that are aligned with the forecast, and of
# patches that end at the origin.
PATCH, N_ALIGNED, N_RECENT = 12, 8, 2
# Numbers that describe an aligned patch, a recent patch and the whole window.
ALIGNED_WIDTH, RECENT_WIDTH, N_FEATURES = 2 * PATCH + 3, 4 * PATCH, 12 + PATCH
# Unit of a change between seasons, as a share of the standard deviation, at least.
_LEAST_UNIT = 0.05
# Changes between seasons that a mean needs.
_LEAST_CHANGES = 4


def cycle_length(period: int) -> int:
    """Return the shortest whole number of seasons that is no shorter than a patch."""
    return period * -(-PATCH // period)


def window_steps(period: int) -> int:
    """Return how many time steps before an origin are read."""
    return N_ALIGNED * cycle_length(period)


def patch_starts(period: int, number: int) -> tuple[list[int], list[int]]:
    """Return where patches begin, counted from the step after the origin, so below zero.

    Parameters
    ----------
    period : int
        Time steps of a season.
    number : int
        Which patch is forecast: 0 for steps 1 to ``PATCH``.

    Returns
    -------
    aligned : list of int of length N_ALIGNED
        Starts of the patches at the phases of the forecast; the oldest may begin up to a patch
        before the window.
    recent : list of int of length N_RECENT
        Starts of the patches that end at the origin.
    """
    cycle = cycle_length(period)
    # The latest patch lies as few cycles back as it can.
    latest = PATCH * number - cycles_ahead(period, number) * cycle
    aligned = [latest - (N_ALIGNED - 1 - place) * cycle for place in range(N_ALIGNED)]
    return aligned, [-(N_RECENT - place) * PATCH for place in range(N_RECENT)]


def cycles_ahead(period: int, number: int) -> int:
    """Return how many cycles a patch that is forecast reaches beyond the origin, rounded up."""
    return -(-PATCH * (number + 1) // cycle_length(period))


@dataclass(frozen=True, eq=False)
class Patches:
    """What a network reads of windows to forecast one patch after each.

    Attributes
    ----------
    aligned : ndarray of shape (n, N_ALIGNED, ALIGNED_WIDTH)
        Patches at the phases of the forecast, one per cycle in order of time: values, indicators of
        known values, and mean, share of known values and standard deviation of the cycle.
    recent : ndarray of shape (n, N_RECENT, RECENT_WIDTH)
        Patches that end at the origin, the latest last: values, which are known, and the same one
        cycle earlier.
    features : ndarray of shape (n, N_FEATURES)
        Numbers that describe the window and the place of the forecast, and the seasonal naive
        forecast.
    valid : ndarray of shape (n, N_ALIGNED + N_RECENT), bool
        Patches of which a value is known.
    base : ndarray of shape (n, PATCH)
        Seasonal naive forecast, in units of the series.
    scale : ndarray of shape (n, 1)
        Standard deviation of the window, in units of the series.
    unit : ndarray of shape (n, 1)
        Mean absolute change between seasons, as in MASE, in units of the series.
    """

    aligned: np.ndarray
    recent: np.ndarray
    features: np.ndarray
    valid: np.ndarray
    base: np.ndarray
    scale: np.ndarray
    unit: np.ndarray

    def inputs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what the network takes."""
        return self.aligned, self.recent, self.features, self.valid


def read_patches(windows: np.ndarray, period: int, number: int) -> Patches:
    """Describe windows before an origin for the forecast of one patch after it.

    Parameters
    ----------
    windows : ndarray of shape (n, window_steps(period))
        Values that end at the origin; NaN where unknown.
    period : int
        Time steps of a season.
    number : int
        Which patch: 0 for steps 1 to ``PATCH``.

    Returns
    -------
    Patches
        Float64, scaled by centre and standard deviation of each window.
    """
    cycle, n = cycle_length(period), len(windows)
    known = np.isfinite(windows)
    filled = np.where(known, windows, 0.0)
    centre, scale, unit = _sizes(windows, filled, known, period)
    values = np.where(known, (filled - centre) / scale, 0.0)
    of_aligned, of_recent = patch_starts(period, number)
    aligned = _aligned(values, known, cycle, of_aligned)
    recent = _recent(values, known, cycle, of_recent)
    n_known = known.sum(axis=1)
    features = np.empty((n, N_FEATURES))
    with np.errstate(over="ignore"):
        size = np.log(scale[:, 0] / np.maximum(np.abs(centre[:, 0]), 1e-300) + 1e-3)
    features[:, 0] = np.clip(size, -7.0, 4.0)
    features[:, 1] = np.clip(np.log(unit[:, 0] / scale[:, 0]), -4.0, 4.0)
    features[:, 2] = np.log(np.maximum(n_known, 1) / windows.shape[1])
    features[:, 3] = (np.where(known, windows, np.inf) > 0).all(axis=1)
    features[:, 4] = values.mean(axis=1) * windows.shape[1] / np.maximum(n_known, 1)
    features[:, 5:8] = [period == 1, period == 4, period == 12]
    features[:, 8] = np.log(cycle / PATCH)
    features[:, 9] = np.log(period) / 2
    features[:, 10] = cycles_ahead(period, number) - 1
    features[:, 11] = number % 8 / 4
    valid = np.concatenate(
        [aligned[:, :, PATCH : 2 * PATCH].any(axis=2), recent[:, :, PATCH : 2 * PATCH].any(axis=2)],
        axis=1,
    )
    base = _seasonal_naive(filled, known, centre, period, number)
    features[:, 12:] = (base - centre) / scale
    return Patches(aligned, recent, features, valid, base, scale, unit)


def _sizes(
    windows: np.ndarray, filled: np.ndarray, known: np.ndarray, period: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centre, standard deviation and mean change between seasons: (n, 1) each."""
    counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = filled.sum(axis=1, keepdims=True) / counts
    last = known[:, -period:].sum(axis=1, keepdims=True)
    centre = np.where(
        last > 0, filled[:, -period:].sum(axis=1, keepdims=True) / np.maximum(last, 1), mean
    )
    deviations = np.where(known, filled - mean, 0.0)
    largest = np.maximum(np.abs(deviations).max(axis=1, keepdims=True), 1e-300)
    scale = largest * np.sqrt(((deviations / largest) ** 2).sum(axis=1, keepdims=True) / counts)
    scale = scale + 1e-6 * np.abs(mean) + np.finfo(np.float64).tiny
    both = known[:, period:] & known[:, :-period]
    changes = np.where(both, np.abs(filled[:, period:] - filled[:, :-period]), 0.0)
    n_changes = both.sum(axis=1, keepdims=True)
    unit = np.where(
        n_changes >= _LEAST_CHANGES,
        changes.sum(axis=1, keepdims=True) / np.maximum(n_changes, 1),
        scale,
    )
    return centre, scale, np.maximum(unit, _LEAST_UNIT * scale)


def _aligned(values: np.ndarray, known: np.ndarray, cycle: int, starts: list[int]) -> np.ndarray:
    """Cut patches at the phases of the forecast, each with what describes its cycle."""
    n, length = values.shape
    aligned = np.zeros((n, N_ALIGNED, ALIGNED_WIDTH))
    padded, given = (np.pad(x, ((0, 0), (PATCH, 0))) for x in (values, known))
    for place, begin in enumerate(starts):
        start = length + PATCH + begin
        aligned[:, place, :PATCH] = padded[:, start : start + PATCH]
        aligned[:, place, PATCH : 2 * PATCH] = given[:, start : start + PATCH]
        end = length - (N_ALIGNED - 1 - place) * cycle
        own, inside = values[:, end - cycle : end], known[:, end - cycle : end]
        counts = inside.sum(axis=1)
        total = np.maximum(counts, 1)
        mean = own.sum(axis=1) / total
        spread = np.sqrt((np.where(inside, own - mean[:, None], 0.0) ** 2).sum(axis=1) / total)
        aligned[:, place, 2 * PATCH :] = np.stack([mean, counts / cycle, spread], axis=1)
    return aligned


def _recent(values: np.ndarray, known: np.ndarray, cycle: int, starts: list[int]) -> np.ndarray:
    """Cut the last patches, each beside the one of the cycle before."""
    n, length = values.shape
    recent = np.zeros((n, N_RECENT, RECENT_WIDTH))
    for place, begin in enumerate(starts):
        parts = []
        for back in (0, cycle):
            steps = slice(length + begin - back, length + begin - back + PATCH)
            parts += [values[:, steps], known[:, steps]]
        recent[:, place] = np.concatenate(parts, axis=1)
    return recent


def _seasonal_naive(
    filled: np.ndarray, known: np.ndarray, centre: np.ndarray, period: int, number: int
) -> np.ndarray:
    """Return the last known value at the phase of each step: (n, PATCH)."""
    n, length = filled.shape
    # (n, seasons, period), the latest season last
    by_season, have = (x.reshape(n, length // period, period) for x in (filled, known))
    latest = length // period - 1 - np.argmax(have[:, ::-1], axis=1)  # (n, period)
    last = np.take_along_axis(by_season, latest[:, None], axis=1)[:, 0]
    last = np.where(have.any(axis=1), last, centre)
    phases = (PATCH * number + np.arange(PATCH)) % period
    return last[:, phases]
