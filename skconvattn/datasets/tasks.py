"""Toy tasks: adding two marked numbers, finding the maximum, averaging pulses of one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Heights of pulses, and the time steps that one takes.
_LOWEST, _HIGHEST = 1.0, 25.0
_WIDTH = 10


class Task(NamedTuple):
    """Series, targets, and the time steps that matter.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_channels, n_timepoints)
        Series, float32.
    y : ndarray of shape (n_samples,) or (n_samples, n_timepoints)
        Targets, float32.
    steps : ndarray of shape (n_samples, n_steps)
        Time steps on which the target depends.
    """

    X: np.ndarray
    y: np.ndarray
    steps: np.ndarray


def make_adding(
    n_samples: int = 1000, n_timepoints: int = 20, random_state: int | None = None
) -> Task:
    """Generate series in which the two numbers after a delimiter are to be added.

    The task of the package ``attention``: the first channel holds numbers from 0 to 1, the second
    marks two time steps as delimiters; the target is the sum of the numbers that follow them.

    Parameters
    ----------
    n_samples : int
        Number of series.
    n_timepoints : int
        Time steps, at least 5.
    random_state : int or None
        Seed.

    Returns
    -------
    Task
        Two channels; ``steps`` has the two positions added.

    Raises
    ------
    ValueError
        If the series are too short for two delimiters and the numbers after them.

    Examples
    --------
    >>> task = make_adding(n_samples=3, random_state=0)
    >>> rows = np.arange(3)[:, None]
    >>> bool(np.allclose(task.X[rows, 0, task.steps].sum(axis=1), task.y))
    True
    """
    _check_length(n_timepoints, 5, "two delimiters with a number after each")
    rng = np.random.default_rng(random_state)
    # A delimiter and its number never overlap others: draw in a shorter series and spread out.
    drawn = np.stack([rng.choice(n_timepoints - 2, 2, replace=False) for _ in range(n_samples)])
    delimiters = np.sort(drawn, axis=1) + np.array([0, 1])
    X = np.zeros((n_samples, 2, n_timepoints), dtype=np.float32)
    X[:, 0] = rng.random((n_samples, n_timepoints))
    rows = np.arange(n_samples)[:, None]
    X[rows, 1, delimiters] = 1.0
    steps = delimiters + 1
    return Task(X, X[rows, 0, steps].sum(axis=1), steps)


def make_maximum(
    n_samples: int = 1000, n_timepoints: int = 20, random_state: int | None = None
) -> Task:
    """Generate series whose maximum is to be found, the second task of the package ``attention``.

    Parameters
    ----------
    n_samples : int
        Number of series.
    n_timepoints : int
        Time steps, at least 1.
    random_state : int or None
        Seed.

    Returns
    -------
    Task
        One channel of numbers from 0 to 1; ``steps`` has the position of the largest.

    Examples
    --------
    >>> task = make_maximum(n_samples=3, random_state=0)
    >>> bool((task.X.max(axis=(1, 2)) == task.y).all())
    True
    """
    _check_length(n_timepoints, 1, "a maximum")
    rng = np.random.default_rng(random_state)
    X = rng.random((n_samples, 1, n_timepoints), dtype=np.float32)
    return Task(X, X.max(axis=(1, 2)), X[:, 0].argmax(axis=1)[:, None])


def make_pulses(
    n_samples: int = 1000, n_timepoints: int = 100, random_state: int | None = None
) -> Task:
    """Generate series of two triangles and two rectangles whose heights are to be averaged.

    In the target, a sequence of the same length, pulses of one shape have the mean of their two
    heights: the output at a pulse depends on another one far away, which attention finds and a
    convolution does not. The task is that of François Fleuret's deep learning course, lecture on
    attention mechanisms.

    Parameters
    ----------
    n_samples : int
        Number of series.
    n_timepoints : int
        Time steps, at least 40 (four pulses of 10).
    random_state : int or None
        Seed.

    Returns
    -------
    Task
        One channel; ``y`` of shape (n_samples, n_timepoints); ``steps`` has the centres of the
        pulses, triangles first.

    Examples
    --------
    >>> task = make_pulses(n_samples=3, random_state=0)
    >>> task.X.shape, task.y.shape, task.steps.shape
    ((3, 1, 100), (3, 100), (3, 4))
    """
    _check_length(n_timepoints, 4 * _WIDTH, "four pulses")
    rng = np.random.default_rng(random_state)
    free = n_timepoints - 4 * _WIDTH
    gaps = np.sort(rng.integers(0, free + 1, size=(n_samples, 4)), axis=1)
    starts = gaps + _WIDTH * np.arange(4)
    # Which of the four pulses in time are the triangles differs from series to series.
    starts = rng.permuted(starts, axis=1)
    heights = rng.uniform(_LOWEST, _HIGHEST, size=(n_samples, 4))
    means = heights.reshape(n_samples, 2, 2).mean(axis=2).repeat(2, axis=1)
    X, y = (_draw_pulses(starts, h, n_timepoints) for h in (heights, means))
    return Task(X[:, None], y, starts + _WIDTH // 2)


def _draw_pulses(starts: np.ndarray, heights: np.ndarray, n_timepoints: int) -> np.ndarray:
    """Draw two triangles and two rectangles per series: (n_samples, n_timepoints), float32."""
    ramp = 1 - np.abs(np.arange(_WIDTH) - (_WIDTH - 1) / 2) / (_WIDTH / 2)
    shapes = np.stack([ramp, ramp, np.ones(_WIDTH), np.ones(_WIDTH)])  # (4, width)
    drawn = np.zeros((len(starts), n_timepoints), dtype=np.float32)
    steps = starts[:, :, None] + np.arange(_WIDTH)  # (n_samples, 4, width)
    drawn[np.arange(len(starts))[:, None, None], steps] = heights[:, :, None] * shapes
    return drawn


def _check_length(n_timepoints: int, least: int, what: str) -> None:
    if n_timepoints < least:
        raise ValueError(
            f"n_timepoints={n_timepoints} has no room for {what}; use n_timepoints >= {least}."
        )
