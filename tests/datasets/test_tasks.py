"""The generated tasks are what their documentation says."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.datasets import make_adding, make_maximum, make_pulses


@pytest.mark.parametrize("n_timepoints", [5, 20])
def test_the_sum_is_that_of_the_numbers_after_the_delimiters(n_timepoints):
    task = make_adding(200, n_timepoints, random_state=0)

    for series, total, steps in zip(task.X, task.y, task.steps, strict=True):
        delimiters = np.flatnonzero(series[1])
        np.testing.assert_array_equal(delimiters + 1, steps)
        assert series[1, steps].sum() == 0
        assert total == pytest.approx(series[0, steps[0]] + series[0, steps[1]])


def test_the_maximum_stands_at_its_step():
    task = make_maximum(50, 7, random_state=0)

    for series, largest, step in zip(task.X[:, 0], task.y, task.steps[:, 0], strict=True):
        assert largest == max(series) == series[step]


def test_pulses_keep_their_place_and_take_the_mean_height_of_their_shape():
    task = make_pulses(100, 60, random_state=0)

    for series, target, centres in zip(task.X[:, 0], task.y, task.steps, strict=True):
        np.testing.assert_array_equal(series > 0, target > 0)
        for pair in (centres[:2], centres[2:]):
            np.testing.assert_allclose(target[pair], np.mean(series[pair]), rtol=1e-5)
        # Rectangles are flat over ten steps, triangles are not.
        start = centres[2] - 5
        assert np.ptp(series[start : start + 10]) == 0
        assert np.ptp(series[centres[0] - 5 : centres[0] + 5]) > 0


@pytest.mark.parametrize("make", [make_adding, make_maximum, make_pulses])
def test_the_same_seed_gives_the_same_task(make):
    for first, second in zip(make(5, random_state=3), make(5, random_state=3), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(make(5, random_state=3).X, make(5, random_state=4).X)


@pytest.mark.parametrize(
    ("make", "least"), [(make_adding, 5), (make_maximum, 1), (make_pulses, 40)]
)
def test_series_too_short_for_the_task_are_refused(make, least):
    make(1, least)
    with pytest.raises(ValueError, match=f"use n_timepoints >= {least}"):
        make(1, least - 1)
