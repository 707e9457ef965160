"""Missing values are filled along their series, left out of statistics, and have indicators."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor
from skconvattn.data.panel import Panel, Preparation

NAN = np.nan
SMALL = {"units": 2, "epochs": 2, "random_state": 0}


def _prepared(values):
    panel = Panel(np.asarray(values, dtype=float)[..., None])
    rows = np.arange(len(panel))
    preparation = Preparation.of(panel, rows, np.ones(len(panel)))
    (series,) = preparation.inputs(panel, rows)
    return preparation, series


@pytest.mark.parametrize(
    ("gaps", "filled"),
    [
        ([1, NAN, NAN, 7], [1, 3, 5, 7]),
        ([NAN, NAN, 2, 4], [2, 2, 2, 4]),
        ([2, 4, NAN, NAN], [2, 4, 4, 4]),
        ([NAN, 5, NAN, NAN], [5, 5, 5, 5]),
        ([0, NAN, 2, NAN], [0, 1, 2, 2]),
        ([1, 2, 3, 4], [1, 2, 3, 4]),
    ],
)
def test_gaps_are_bridged_linearly_and_ends_are_carried(gaps, filled):
    preparation, series = _prepared([gaps, [0, 1, 8, 9], [NAN, 0, 0, 0]])
    found = preparation.scaling.reverse(series[0, :, :1])[:, 0]
    np.testing.assert_allclose(found, filled, atol=1e-6)
    np.testing.assert_array_equal(series[0, :, 1], np.isnan(gaps))


def test_a_series_without_any_value_is_at_the_mean_of_the_others():
    preparation, series = _prepared([[1, 2, 3], [NAN, NAN, NAN]])
    assert preparation.scaling.center[0] == 2
    np.testing.assert_allclose(preparation.scaling.scale[0], np.sqrt(2 / 3))
    np.testing.assert_array_equal(series[1], [[0, 1], [0, 1], [0, 1]])


def test_missing_values_stay_out_of_location_and_scale():
    values = np.random.default_rng(0).normal(size=(30, 5, 2))
    values[np.random.default_rng(1).random(values.shape) < 0.3] = NAN
    preparation = Preparation.of(Panel(values), np.arange(30), np.ones(30))
    np.testing.assert_allclose(preparation.scaling.center, np.nanmean(values, axis=(0, 1)))
    np.testing.assert_allclose(preparation.scaling.scale, np.nanstd(values, axis=(0, 1)))


def test_only_channels_with_gaps_get_an_indicator():
    values = np.random.default_rng(0).normal(size=(40, 3, 6))
    values[3, 1, 2] = NAN
    y = values[:, 0, 0]
    regressor = ConvAttentionRegressor(**SMALL, members=["network"]).fit(values, y)
    assert regressor._preparation_.missing_channels.tolist() == [1]
    assert regressor.fitted_model_.spec.n_channels == 4
    assert regressor.n_features_in_ == 3


def test_gaps_that_training_did_not_have_are_filled_alone():
    values = np.random.default_rng(0).normal(size=(40, 6))
    regressor = ConvAttentionRegressor(**SMALL).fit(values, values[:, 0])
    gaps, bridged = values[:3].copy(), values[:3].copy()
    gaps[:, 2] = NAN
    bridged[:, 2] = (values[:3, 1] + values[:3, 3]) / 2
    np.testing.assert_allclose(regressor.predict(gaps), regressor.predict(bridged), atol=1e-6)


def test_a_classifier_learns_from_what_is_missing():
    rng = np.random.default_rng(0)
    values, y = rng.normal(size=(120, 10)), np.arange(120) % 2
    rows = np.flatnonzero(y)
    values[rows, rng.integers(10, size=len(rows))] = NAN
    settings = {"random_state": 0, "epochs": 100, "learning_rate": 0.02}
    classifier = ConvAttentionClassifier(**settings).fit(values[:80], y[:80])
    assert classifier.score(values[80:], y[80:]) > 0.95


def test_order_and_repetition_do_not_matter_with_gaps():
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(40, 6)), np.arange(40) % 3
    values[rng.random(values.shape) < 0.2] = NAN
    y = np.nansum(values, axis=1)
    picked = rng.permutation(np.repeat(np.arange(40), times))
    weighted = ConvAttentionRegressor(**SMALL).fit(values, y, sample_weight=times)
    repeated = ConvAttentionRegressor(**SMALL).fit(values[picked], y[picked])
    np.testing.assert_array_equal(weighted.predict(values), repeated.predict(values))


def test_series_may_be_unequal_and_have_gaps():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=n) for n in rng.integers(4, 9, size=40)]
    series[0], series[1] = np.array([1.0, 2, NAN]), np.array([1.0, 2])
    preparation = Preparation.of(
        Panel.padded([s[None] for s in series]), np.arange(40), np.ones(40)
    )
    inputs, mask = preparation.inputs(Panel.padded([s[None] for s in series]), np.arange(2))
    # A gap before the end is indicated and filled; the padding after it is zero.
    np.testing.assert_array_equal(mask[:, :4], [[1, 1, 1, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(inputs[:, :4, 1], [[0, 0, 1, 0], [0, 0, 0, 0]])
    assert inputs[0, 2, 0] == inputs[0, 1, 0] != 0
    np.testing.assert_array_equal(inputs[:, 3:], 0)
    regressor = ConvAttentionRegressor(**SMALL).fit(series, np.arange(40.0))
    assert np.isfinite(regressor.predict(series)).all()
    assert regressor.predict(series[:1]) != regressor.predict(series[1:2])


def test_a_channel_that_is_never_there_does_no_harm():
    values = np.random.default_rng(0).normal(size=(40, 2, 6))
    values[:, 1] = NAN
    regressor = ConvAttentionRegressor(**SMALL).fit(values, values[:, 0, 0])
    assert np.isfinite(regressor.predict(values)).all()
