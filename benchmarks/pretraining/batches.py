"""Batches of simulated windows for the pretrained network."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.data.patches import PATCH, cycle_length, read_patches, window_steps
from skconvattn.simulation import simulate

# Seasons of days, hours, weeks, half hours and business days; None is drawn.
_LESS_USUAL = (
    *((7,), (7,), (24,), (24,), (168,), (168,), (24, 168), (52,), (52,), (48,), (5,)),
    *(None, None),
)
# Parts of a batch: share, and seasons of which one is drawn for the part.
PARTS = (
    (0.32, ((12,),)),
    (0.17, ((4,),)),
    (0.17, ((1,),)),
    (0.34, _LESS_USUAL),
)
# Other seasons are drawn up to this length.
LONGEST_OTHER = 60
# Chances that a part forecasts the first, second, ... patch after its windows.
PLACES_OF_SHORT = (0.7, 0.22, 0.05, 0.03)
PLACES_OF_LONG = (0.3, 0.2, 0.14, 0.12, 0.06, 0.06, 0.06, 0.06)
# Steps that most forecasts ask for, and the weight of those beyond.
USUAL_STEPS, WEIGHT_BEYOND = {1: 6, 4: 8}, 0.35
# Share of windows with gaps.
GAPS = 0.1


def simulated_batch(
    seed: tuple[int, ...], batch_size: int, kinds: tuple[float, ...]
) -> tuple[Any, np.ndarray]:
    """Simulate one batch.

    Parameters
    ----------
    seed : tuple of int
        Seed of everything in the batch.
    batch_size : int
        Windows of the batch.
    kinds : tuple of float of length 3
        Shares of the kinds of models that are simulated.

    Returns
    -------
    inputs : dict of str to ndarray
        What the network takes; see :meth:`~skconvattn.data.patches.Patches.inputs`.
    targets : ndarray of shape (batch_size, 2 * PATCH)
        Scaled values and their weights in the loss.
    """
    rng = np.random.default_rng(seed)
    sizes = (np.cumsum([0, *[share for share, _ in PARTS]]) * batch_size).round()
    parts = [
        _windows(rng, int(size), _drawn_periods(rng, periods), kinds)
        for size, (_, periods) in zip(np.diff(sizes), PARTS, strict=True)
    ]
    inputs = [np.concatenate(arrays) for arrays in zip(*(one for one, _ in parts), strict=True)]
    named = dict(zip(("aligned", "recent", "features", "valid"), inputs, strict=True))
    return named, np.concatenate([targets for _, targets in parts])


def _drawn_periods(rng: np.random.Generator, periods: Any) -> tuple[int, ...]:
    chosen = periods[rng.integers(len(periods))]
    return (int(rng.integers(2, LONGEST_OTHER + 1)),) if chosen is None else chosen


def _windows(
    rng: np.random.Generator, n: int, periods: tuple[int, ...], kinds: tuple[float, ...]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw windows with their targets, two of every series."""
    period = periods[-1]
    length, cycle = window_steps(period), cycle_length(period)
    chances = PLACES_OF_SHORT if cycle == PATCH else PLACES_OF_LONG
    numbers = rng.choice(len(chances), 2, p=chances)
    latest = int(rng.integers(0, 2 * PATCH))
    total = length + latest + PATCH * (int(numbers.max()) + 1)
    series = simulate(rng, -(-n // 2), total, periods, kinds)
    halves = []
    for number, begin, rows in zip(numbers, (0, latest), (n - n // 2, n // 2), strict=True):
        own = series[:rows, begin:]
        windows = own[:, :length].copy()
        windows[np.arange(length) < length - _known(rng, rows, period)[:, None]] = np.nan
        _leave_gaps(rng, windows)
        future = length + PATCH * number
        truth = own[:, future : future + PATCH]
        patches = read_patches(windows, period, int(number))
        weights = np.where(
            PATCH * number + np.arange(PATCH) < USUAL_STEPS.get(period, 96), 1.0, WEIGHT_BEYOND
        )
        with np.errstate(over="ignore"):
            scaled = (truth - patches.base) / patches.scale
        weighted = patches.scale / patches.unit * weights / weights.sum()
        targets = np.concatenate([np.clip(scaled, -1e3, 1e3), weighted], axis=1)
        halves.append(([x.astype("float32") for x in patches.inputs()], targets))
    inputs = [np.concatenate(pair) for pair in zip(halves[0][0], halves[1][0], strict=True)]
    inputs[3] = inputs[3].astype(bool)
    return inputs, np.concatenate([halves[0][1], halves[1][1]]).astype("float32")


def _known(rng: np.random.Generator, n: int, period: int) -> np.ndarray:
    """Draw how many values of each window are known: (n,)."""
    length = window_steps(period)
    full = {1: 0.1, 4: 0.3}.get(period, 0.5)
    least = min(max(6, 2 * period), length)
    if period == 1:
        longer = np.exp(rng.uniform(np.log(6), np.log(length + 1), n)).astype(int)
    else:
        longer = rng.integers(least, length + 1, n)
    shorter = np.exp(rng.uniform(np.log(5), np.log(length + 1), n)).astype(int)
    known = np.where(rng.random(n) < full, length, longer)
    return np.where(rng.random(n) < 0.1, shorter, known)


def _leave_gaps(rng: np.random.Generator, windows: np.ndarray) -> None:
    """Take some values out of some windows, never the last one."""
    some = (rng.random(len(windows)) < GAPS) * rng.uniform(0.0, 0.3, len(windows))
    missing = rng.random(windows.shape) < some[:, None]
    missing[:, -1] = False
    windows[missing] = np.nan
