"""Gaps, outliers and level shifts, and what is none of these."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn.forecasting.series.outliers import gross_at_the_end
from skconvattn.forecasting.series.repairing import repaired
from skconvattn.forecasting.series.target_scaling import TargetScaling


def _monthly(n=108, seed=0):
    t = np.arange(n)
    return 100 + 0.5 * t + 10 * np.sin(t * np.pi / 6) + np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("position", [0, 3, 50, 95, 103, 106, 107])
@pytest.mark.parametrize("value", [1600.0, -1e6])
def test_a_value_that_stands_alone_is_pulled_in(position, value):
    y = _monthly()
    y[position] = value

    found = repaired(y, 12).values

    assert abs(found[position] - _monthly()[position]) < 25
    others = np.arange(len(y)) != position
    np.testing.assert_array_equal(found[others], y[others])


def test_three_values_in_a_row_are_an_accident_inside_and_a_level_shift_at_the_end():
    inside, last = _monthly(), _monthly()
    inside[60:63] *= 0.1
    last[-3:] += 100

    accident, shift = repaired(inside, 12), repaired(last, 12)

    assert np.abs(accident.values - _monthly())[60:63].max() < 25
    assert not accident.shifts.any
    np.testing.assert_allclose(shift.shifts.added[:-3], 100, atol=8)
    np.testing.assert_array_equal(shift.values[-3:], last[-3:])


@pytest.mark.parametrize("ago", [5, 9, 12, 18, 60])
@pytest.mark.parametrize("shift", [100.0, -60.0])
def test_a_level_shift_is_undone(ago, shift):
    y = _monthly()
    y[-ago:] += shift

    found = repaired(y, 12)

    np.testing.assert_allclose(found.shifts.added[:-ago], shift, atol=10)
    assert not found.shifts[-ago:].any
    np.testing.assert_allclose(found.values, _monthly() + shift, atol=10)


def test_a_level_that_comes_back_two_steps_before_the_end_is_back():
    y = _monthly()
    y[-8:-2] *= 0.3

    found = repaired(y, 12).values

    np.testing.assert_array_equal(found[-2:], y[-2:])
    assert np.abs(found - _monthly()).max() < 25


@pytest.mark.parametrize(
    "y",
    [
        np.random.default_rng(0).normal(size=200).cumsum(),
        np.random.default_rng(0).standard_t(3, size=200).cumsum(),
        100 * np.exp(0.1 * np.arange(108)),
        np.where(np.random.default_rng(0).random(300) < 0.15, 3.0, 0.0),
        np.random.default_rng(0).poisson(4, 300).astype(float),
        _monthly() * np.where(np.arange(108) % 12 == 11, 3.0, 1.0),
    ],
    ids=["walk", "heavy tails", "growth", "rare demand", "counts", "one high month"],
)
def test_what_is_no_accident_is_left_alone(y):
    found = repaired(y, 12)

    np.testing.assert_array_equal(found.values, y)
    assert not found.shifts.any


def test_many_outliers_are_how_a_series_behaves():
    y = _monthly()
    y[np.arange(5, 108, 9)] *= 5

    np.testing.assert_array_equal(repaired(y, 12).values, y)


def test_an_outlier_that_a_covariate_explains_is_kept():
    y = _monthly()
    y[[40, 80]] += 300
    promotion = pd.DataFrame({"promotion": np.isin(np.arange(108), [40, 80]).astype(float)})
    named = promotion.replace({"promotion": {0.0: "no", 1.0: "yes"}})

    np.testing.assert_array_equal(repaired(y, 12, promotion).values, y)
    np.testing.assert_array_equal(repaired(y, 12, named.astype("category")).values, y)
    usual = pd.DataFrame({"price": np.random.default_rng(0).normal(size=108)})
    assert repaired(y, 12, usual).values[40] < y[40] - 200


def test_a_shift_that_a_covariate_explains_is_kept():
    y = _monthly()
    y[70:] += 100
    rule = pd.DataFrame({"rule": (np.arange(108) >= 70).astype(float)})

    assert not repaired(y, 12, rule).shifts.any
    assert repaired(y, 12).shifts.any


def test_a_gap_has_its_season():
    y = _monthly()
    gap = y.copy()
    gap[40:60] = np.nan

    found = repaired(gap, 12).values

    assert np.abs(found - y)[40:60].mean() < 2.0
    known = ~np.isnan(gap)
    np.testing.assert_array_equal(found[known], y[known])


def test_nothing_and_almost_nothing_have_a_value():
    np.testing.assert_array_equal(repaired(np.full(20, np.nan), 12).values, 0.0)
    lonely = np.full(20, np.nan)
    lonely[7] = 3.0
    np.testing.assert_allclose(repaired(lonely, 12).values, 3.0)


def test_a_late_sale_in_a_flat_series_does_not_count_as_its_level():
    y = np.zeros(96)
    y[-1] = 5.0

    np.testing.assert_array_equal(repaired(y, 12).values, 0.0)


def test_scaled_logarithms_come_back():
    rng = np.random.default_rng(0)
    values = np.stack([np.exp(rng.normal(size=50)), rng.normal(size=50)], axis=1)
    scaling = TargetScaling.of(values, np.array([True, False]))

    scaled = scaling.precise(values)

    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0)
    np.testing.assert_allclose(scaling.reverse(scaled), values, rtol=1e-12)
    assert scaling.apply(values).dtype == np.float32
    # A later value need not be positive.
    assert np.isfinite(scaling.precise(np.array([[-1.0, 0.0]]))).all()
    assert np.isfinite(scaling.reverse(np.array([[1e6, 0.0]]))).all()


def test_targets_on_their_own_scale_are_unchanged():
    values = np.arange(6.0).reshape(3, 2)
    scaling = TargetScaling.identity(2)

    np.testing.assert_array_equal(scaling.precise(values), values)
    np.testing.assert_array_equal(scaling.reverse(values), values)


def test_gross_outliers_at_the_end_are_told_from_what_may_be_a_new_level():
    values = np.random.default_rng(0).normal(size=(60, 3)) + 50
    values[-1] = [53.0, 90.0, 5000.0]
    clean = np.stack([repaired(column, 1).values for column in values.T], axis=1)

    gross = gross_at_the_end(values, clean)

    assert gross[-1].tolist() == [False, True, True]
    assert not gross[:-1].any()
    assert not gross_at_the_end(values[:2], values[:2]).any()


def test_missing_values_at_the_end_are_no_outliers():
    values = np.random.default_rng(0).normal(size=(60, 1)) + 50
    clean = values.copy()
    values[-2:] = np.nan

    assert not gross_at_the_end(values, clean).any()


@pytest.mark.parametrize("ago", [4, 7, 20, 50])
@pytest.mark.parametrize("ratio", [0.3, 3.0, 1000.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_series_that_changes_as_a_whole_keeps_the_shape_of_its_season(ago, ratio, sign):
    y = sign * _monthly()
    y[-ago:] *= ratio

    found = repaired(y, 12)

    np.testing.assert_allclose(found.shifts.factors[:-ago], ratio, rtol=0.05)
    assert not found.shifts[-ago:].any
    np.testing.assert_allclose(found.values, sign * ratio * _monthly(), rtol=0.05)
    np.testing.assert_allclose(found.shifts.back(found.values), y, rtol=1e-9)


def test_shifts_of_both_kinds_are_undone_one_after_the_other():
    y = _monthly(144)
    y[50:] += 200
    y[100:] *= 0.25

    found = repaired(y, 12)

    np.testing.assert_allclose(found.values, 0.25 * (_monthly(144) + 200), rtol=0.1)
    np.testing.assert_allclose(found.shifts.back(found.values), y, rtol=1e-9)


@pytest.mark.parametrize("period", [1, 4, 12])
@pytest.mark.parametrize("sizes", [[0.5, 0.2, 0.2, 0.4], [0.4, 0.2, 0.2, 0.3, 0.5], [2.0] * 6])
def test_a_shock_that_the_series_recovers_from_is_no_part_of_it(period, sizes):
    t = np.arange(108)
    smooth = 100 + 0.3 * t + (10 * np.sin(2 * np.pi * t / period) if period > 1 else 0.0)
    calm = smooth + np.random.default_rng(0).normal(size=108)
    y = calm.copy()
    y[70 : 70 + len(sizes)] *= sizes

    found = repaired(y, period).values

    assert np.abs(found - calm).max() < 12
    others = (t < 70) | (t >= 70 + len(sizes))
    np.testing.assert_array_equal(found[others], y[others])


def test_a_level_that_lasts_for_a_year_is_moved_and_not_replaced():
    y = _monthly()
    y[50:62] += 80

    found = repaired(y, 12)

    assert found.shifts.any
    np.testing.assert_allclose(found.shifts.back(found.values), y, rtol=1e-9)


@pytest.mark.parametrize("n_before", [1, 7, 90])
def test_what_is_missing_before_the_first_value_changes_no_other(n_before):
    y = _monthly(60)
    y[[20, 50]] = [900.0, np.nan]
    y[40:] *= 0.3

    found, expected = repaired(np.r_[np.full(n_before, np.nan), y], 12), repaired(y, 12)

    np.testing.assert_array_equal(found.values[n_before:], expected.values)
    np.testing.assert_array_equal(found.shifts.factors[n_before:], expected.shifts.factors)
    assert np.isfinite(found.values).all()
    # What may have been before has the season, on the level of the beginning.
    assert np.ptp(found.values[:n_before]) < np.ptp(expected.values[:24])


@pytest.mark.parametrize("n", [1, 3, 7, 11])
def test_a_series_that_begins_in_its_first_season_is_repaired(n):
    found = repaired(np.r_[np.full(30, np.nan), np.arange(5.0, 5 + n)], 12)

    np.testing.assert_array_equal(found.values, np.r_[np.full(30, 5.0), np.arange(5.0, 5 + n)])
