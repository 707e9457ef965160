"""Attention is given to the time steps that it belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    PretrainedForecaster,
)
from skconvattn.data.patches import window_steps
from skconvattn.datasets import make_maximum
from skconvattn.inspection import attention_weights
from skconvattn.inspection.weights import spread_over_time

Y = load_airline()


@pytest.fixture(scope="module")
def forecaster():
    return ConvAttentionForecaster(filters=4, units=4, epochs=3, random_state=0).fit(Y, fh=[1, 2])


def test_the_weight_of_a_pooled_step_is_spread_over_what_it_covers():
    pooled = np.array([[0.6, 0.3, 0.1]])

    spread = spread_over_time(pooled, n_timepoints=5, width=2)

    np.testing.assert_allclose(spread, [[0.3, 0.3, 0.15, 0.15, 0.1]])


def test_positions_that_do_not_cover_the_series_are_refused():
    with pytest.raises(
        ValueError, match="attention over 2 positions of 2 time steps does not cover"
    ):
        spread_over_time(np.ones((1, 2)) / 2, n_timepoints=8, width=2)


@pytest.mark.parametrize(("pool_size", "strides"), [(1, 1), (2, 1), (3, 2)])
def test_the_weights_of_a_series_sum_to_one(pool_size, strides):
    X = np.random.default_rng(0).normal(size=(12, 2, 17))
    regressor = ConvAttentionRegressor(
        filters=3,
        units=3,
        epochs=1,
        pool_size=pool_size,
        strides=strides,
        random_state=0,
        members=["network"],
    ).fit(X, X[:, 0, 0])

    weights = attention_weights(regressor, X)

    assert weights.shape == (12, 17)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)


def test_weights_are_those_of_the_keras_model(forecaster):
    weights = attention_weights(forecaster, member="network")

    history = forecaster.panel_.first
    window = history.scaled_targets()[0][-forecaster.window_length_ :][None]
    pooled = forecaster.fitted_model_.attention([window])[0]
    np.testing.assert_allclose(weights.to_numpy(), np.repeat(pooled / 2, 2))
    assert weights.index.equals(Y.index[-forecaster.window_length_ :])


@pytest.mark.parametrize("member", ["pretrained", "network"])
def test_another_history_gives_the_attention_of_its_last_window(forecaster, member):
    weights = attention_weights(forecaster, Y[:-30], member=member)

    assert weights.index[-1] == Y.index[-31]
    assert not np.allclose(weights, attention_weights(forecaster, member=member))


def test_pretrained_attention_is_the_same_for_every_seed_and_estimator():
    given = {"epochs": 0, "filters": 2, "units": 2}
    weights = [
        attention_weights(ConvAttentionForecaster(random_state=seed, **given).fit(Y, fh=[1, 12]))
        for seed in (0, 1)
    ]
    alone = attention_weights(PretrainedForecaster().fit(Y, fh=[1, 12]))

    pd.testing.assert_series_equal(weights[0], weights[1])
    pd.testing.assert_series_equal(weights[0], alone)
    assert alone.index.equals(Y.index[-window_steps(12) :])
    assert alone.sum() == pytest.approx(1.0)


def test_pretrained_attention_moves_to_the_season_that_is_repeated():
    season, noise = np.random.default_rng(0).normal(size=(2, 12))
    values = np.concatenate([np.random.default_rng(1).normal(size=36), season, season])
    index = pd.period_range("2020-01", periods=60, freq="M")
    y = pd.Series(values + 0.001 * np.resize(noise, 60), index=index)
    weights = attention_weights(PretrainedForecaster().fit(y, fh=range(1, 13)))

    # An even average gives two of five years .4.
    assert weights.iloc[-24:].sum() > 0.44


def test_a_short_series_has_no_weight_before_it_began():
    weights = attention_weights(PretrainedForecaster().fit(Y[:20], fh=[1]))

    assert weights.index.equals(Y.index[:20])
    assert weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("parameters", "member", "message"),
    [
        ({}, "smoothing", r"member='smoothing' is not known"),
        ({"pretrained": False}, "pretrained", r"use member='network'"),
    ],
)
def test_members_without_attention_are_refused(parameters, member, message):
    forecaster = ConvAttentionForecaster(epochs=0, filters=2, units=2, **parameters)
    with pytest.raises(ValueError, match=message):
        attention_weights(forecaster.fit(Y, fh=[1]), member=member)


def test_a_forecaster_that_trains_no_network_has_no_attention_of_one():
    with pytest.raises(ValueError, match="PretrainedForecaster trains no network"):
        attention_weights(PretrainedForecaster().fit(Y, fh=[1]), member="network")


def test_attention_finds_the_largest_value():
    task = make_maximum(400, 12, random_state=0)
    regressor = ConvAttentionRegressor(
        kernel_size=1,
        pool_size=1,
        linear_skip=False,
        epochs=60,
        random_state=0,
        members=["network"],
    ).fit(task.X, task.y)

    weights = attention_weights(regressor, task.X)

    at_the_maximum = np.take_along_axis(weights, task.steps, axis=1).mean()
    assert at_the_maximum > 3 * weights.mean()


@pytest.mark.parametrize(
    ("estimator", "X", "error", "message"),
    [
        ("forecaster", Y[:3], ValueError, "X has 3 time steps, less than the window"),
        ("forecaster", [1, 2], TypeError, "give a forecaster its history as a pandas.Series"),
        ("something", None, TypeError, "which has no attention to show"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(forecaster, estimator, X, error, message):
    given = {"member": "network"} if estimator == "forecaster" else {}
    with pytest.raises(error, match=message):
        attention_weights(forecaster if given else object(), X, **given)


def test_a_classifier_is_asked_for_its_series():
    X, y = np.random.default_rng(0).normal(size=(10, 6)), np.repeat([0, 1], 5)
    classifier = ConvAttentionClassifier(
        filters=2, units=2, epochs=1, random_state=0, members=["network"]
    ).fit(X, y)

    with pytest.raises(ValueError, match="X is missing: a ConvAttentionClassifier keeps no series"):
        attention_weights(classifier)


def test_forecasters_with_regressors_attend_to_them_as_well():
    X = pd.DataFrame({"x": np.arange(len(Y), dtype=float)}, index=Y.index)
    forecaster = ConvAttentionForecaster(filters=2, units=2, epochs=1, random_state=0)

    weights = attention_weights(forecaster.fit(Y, X=X, fh=[1]))

    assert weights.sum() == pytest.approx(1.0)
