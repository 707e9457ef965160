"""Patches are aligned with the steps that are forecast, for every season and any gaps."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.data.patches import (
    N_ALIGNED,
    N_RECENT,
    PATCH,
    cycle_length,
    read_patches,
    window_steps,
)

PERIODS = [1, 2, 4, 5, 7, 12, 13, 24, 52, 168]


def _window(period: int, n_later: int = 0) -> np.ndarray:
    """A season repeated without noise: (window_steps(period) + n_later,)."""
    season = np.random.default_rng(period).normal(size=period)
    return np.resize(season, window_steps(period) + n_later)


@pytest.mark.parametrize("number", [0, 1, 3, 7])
@pytest.mark.parametrize("period", PERIODS)
def test_of_a_season_that_repeats_every_aligned_patch_is_the_patch_to_come(period, number):
    length = window_steps(period)
    later = PATCH * (number + 1)
    series = _window(period, later)
    patches = read_patches(series[None, :length], period, number)
    future = series[length + later - PATCH :][:PATCH]

    np.testing.assert_allclose(patches.base[0], future)
    for patch in patches.aligned[0]:
        known = patch[PATCH : 2 * PATCH] > 0
        centre = series[length - period : length].mean()
        np.testing.assert_allclose(
            patch[:PATCH][known] * patches.scale[0] + centre, future[known], atol=1e-9
        )
    # Only the oldest patch may reach back before the window.
    assert patches.aligned[0, 1:, PATCH : 2 * PATCH].all()


@pytest.mark.parametrize("period", PERIODS)
def test_recent_patches_end_at_the_origin_beside_those_of_the_cycle_before(period):
    window = np.random.default_rng(0).normal(size=(1, window_steps(period)))
    patches = read_patches(window, period, 0)
    cycle, centre = cycle_length(period), window[0, -period:].mean()
    values = (window[0] - centre) / patches.scale[0]

    for place, patch in enumerate(patches.recent[0]):
        end = len(values) - (N_RECENT - 1 - place) * PATCH
        np.testing.assert_allclose(patch[:PATCH], values[end - PATCH : end])
        earlier = values[end - PATCH - cycle : end - cycle]
        np.testing.assert_allclose(patch[2 * PATCH : 3 * PATCH], earlier)


@pytest.mark.parametrize("period", [1, 4, 12, 24])
def test_shape_is_read_in_units_of_the_window(period):
    window = np.random.default_rng(1).normal(size=(3, window_steps(period))) + 10
    one, other = read_patches(window, period, 0), read_patches(1000 * window, period, 0)

    for given, scaled in zip(one.inputs(), other.inputs(), strict=True):
        np.testing.assert_allclose(scaled, given, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.scale, 1000 * one.scale)
    np.testing.assert_allclose(other.unit, 1000 * one.unit)


def test_unknown_values_are_marked_and_carry_no_number():
    window = np.random.default_rng(2).normal(size=(1, window_steps(12)))
    window[0, :40] = np.nan
    window[0, -10] = np.nan
    patches = read_patches(window, 12, 0)

    assert patches.valid[0].tolist() == [False] * 3 + [True] * (N_ALIGNED + N_RECENT - 3)
    assert (patches.aligned[0, :3, :PATCH] == 0).all()
    assert patches.aligned[0, -1, 2] == patches.aligned[0, -1, PATCH + 2] == 0


def test_a_missing_value_of_the_last_season_is_taken_from_the_season_before():
    window = np.random.default_rng(2).normal(size=(1, window_steps(12)))
    window[0, -10] = np.nan
    base = read_patches(window, 12, 0).base[0]

    assert base[2] == window[0, -22]
    np.testing.assert_array_equal(np.delete(base, 2), np.delete(window[0, -12:], 2))


@pytest.mark.parametrize("value", [np.nan, 7.0, 0.0])
def test_windows_without_values_or_changes_give_finite_numbers(value):
    patches = read_patches(np.full((1, window_steps(12)), value), 12, 0)

    assert all(np.isfinite(each).all() for each in patches.inputs())
    assert np.isfinite(patches.base).all()
    assert (patches.scale > 0).all()
