"""The interval model multiplies the factors of its docstring, and keeps them for new data."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.intervals import HeldOutErrors, IntervalModel, conformal_level, conformal_quantile
from skconvattn.intervals.noise import mean_change
from skconvattn.intervals.residuals import ConformalQuantiles, ResidualQuantiles
from skconvattn.networks import PointOutput, QuantileOutput

KEYS = (("a",), ("b",))


def _errors(output, n_windows=40, n_series=2, horizon=3, seed=0):
    rng = np.random.default_rng(seed)
    series = np.repeat(np.arange(n_series), n_windows // n_series)
    residuals = rng.normal(size=(n_windows, horizon, output.n_values))
    windows = rng.normal(size=(n_windows, 8))
    return HeldOutErrors.of(output, residuals, windows, series, 4)


def _model(output, **settings):
    targets = [np.sin(np.arange(40.0)), 3 * np.cos(np.arange(40.0))]
    return IntervalModel.fit(_errors(output), period=4, keys=KEYS, targets=targets, **settings)


def test_the_conformal_level_is_the_rank_of_the_finite_sample():
    errors = np.arange(1.0, 20.0)  # 19 errors: each is the quantile at its own twentieth
    for rank in range(1, 20):
        level = float(conformal_level(rank / 20, 19))
        assert np.quantile(errors, level, method="inverted_cdf") == rank
    assert conformal_level(0.99, 19) == 1.0


def test_lower_quantiles_mirror_upper_ones_and_the_median_is_between():
    errors = np.random.default_rng(0).normal(size=39)
    for level in (0.05, 0.3, 0.45):
        upper = conformal_quantile(-errors, 1 - level)
        assert conformal_quantile(errors, level) == -upper
    assert conformal_quantile(errors, 0.5) == np.median(errors)
    assert conformal_quantile(np.array([1.0, 2.0]), 0.5) == 1.5


def test_the_quantile_of_a_point_forecast_is_the_product_of_all_factors():
    model = _model(PointOutput())
    rng = np.random.default_rng(1)
    windows, outputs = rng.normal(size=(4, 8)), rng.normal(size=(4, 2, 1))
    steps, levels, series = np.array([1, 3]), np.array([0.1, 0.5, 0.95]), np.array([1, 0, 1, 1])

    found = model.quantiles(outputs, windows, steps, levels, series)

    assert isinstance(model.calibration, ResidualQuantiles)
    local = mean_change(windows, 4)
    noise = model.locality * local + (1 - model.locality) * model.changes[series]
    scale = model.factors[series] * noise
    offsets = model.calibration.offsets(levels, steps)  # (n_steps, n_levels)
    np.testing.assert_allclose(found, outputs + scale[:, None, None] * offsets)
    np.testing.assert_allclose(found[..., 1], outputs[..., 0])


def test_trained_quantiles_are_kept_or_corrected():
    output = QuantileOutput((0.1, 0.5, 0.9))
    windows = np.random.default_rng(1).normal(size=(2, 8))
    outputs = np.sort(np.random.default_rng(2).normal(size=(2, 3, 3)), axis=-1)
    steps, levels = np.arange(1, 4), np.array(output.levels)

    kept = _model(output).quantiles(outputs, windows, steps, levels)
    corrected = _model(output, conformal=True)

    np.testing.assert_allclose(kept, outputs)
    assert isinstance(corrected.calibration, ConformalQuantiles)
    shifts = corrected.scales(windows)[:, None, None] * corrected.calibration.shifts
    expected = np.maximum.accumulate(outputs + shifts, axis=-1)
    np.testing.assert_allclose(corrected.quantiles(outputs, windows, steps, levels), expected)


def test_each_row_may_have_steps_of_its_own():
    model = _model(PointOutput())
    windows, outputs = np.ones((2, 8)) * np.arange(8), np.zeros((2, 1, 1))
    levels = np.array([0.9])
    together = model.quantiles(outputs, windows, np.array([[1], [3]]), levels)
    for row, step in enumerate((1, 3)):
        alone = model.quantiles(outputs[:1], windows[:1], np.array([step]), levels)
        np.testing.assert_allclose(together[row], alone[0])


def test_new_series_have_errors_in_proportion_to_their_changes():
    model = _model(PointOutput())
    later = model.on((("b",), ("new",)), [np.arange(50.0), 2 * np.arange(50.0)])
    np.testing.assert_array_equal(later.factors, [model.factors[1], 1.0])
    assert later.changes[1] == pytest.approx(2 * later.changes[0])
    assert later.calibration is model.calibration


def test_series_of_another_number_of_targets_start_without_factors():
    model = _model(PointOutput())
    wide = model.on((("a",),), [np.arange(9.0), np.arange(9.0)])
    np.testing.assert_array_equal(wide.factors, [1.0, 1.0])


def test_smaller_earlier_errors_count_as_large_as_later_ones(monkeypatch):
    # More errors would leave less to the prior growth with the step ahead.
    monkeypatch.setattr("skconvattn.intervals.residuals._PRIOR_ERRORS", 0.0)
    made = _errors(PointOutput(), n_series=1)
    # A line that rises by 1 per step and 4 per season has the same scale whatever the locality.
    changes, level = np.full(40, 2.5), np.zeros(40)
    later = HeldOutErrors(made.output, made.residuals, changes, made.series, level)
    small = HeldOutErrors(made.output, made.residuals / 10, changes, made.series, level)
    settings = {"period": 4, "keys": ((),), "targets": [np.arange(40.0)]}
    alone = IntervalModel.fit(later, **settings)
    both = IntervalModel.fit(later, earlier=small, **settings)
    assert isinstance(alone.calibration, ResidualQuantiles)
    assert isinstance(both.calibration, ResidualQuantiles)
    np.testing.assert_allclose(both.calibration.sigma, alone.calibration.sigma, rtol=1e-6)
