"""Attention is given to the time steps that it belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, ConvAttentionRegressor
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
        filters=3, units=3, epochs=1, pool_size=pool_size, strides=strides, random_state=0
    ).fit(X, X[:, 0, 0])

    weights = attention_weights(regressor, X)

    assert weights.shape == (12, 17)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)


def test_weights_are_those_of_the_keras_model(forecaster):
    weights = attention_weights(forecaster)

    history = forecaster.panel_.first
    window = history.scaled_targets()[0][-forecaster.window_length_ :][None]
    pooled = forecaster.fitted_model_.attention([window])[0]
    np.testing.assert_allclose(weights.to_numpy(), np.repeat(pooled / 2, 2))
    assert weights.index.equals(Y.index[-forecaster.window_length_ :])


def test_another_history_gives_the_attention_of_its_last_window(forecaster):
    weights = attention_weights(forecaster, Y[:-30])

    assert weights.index[-1] == Y.index[-31]
    assert not np.allclose(weights, attention_weights(forecaster))


def test_attention_finds_the_largest_value():
    task = make_maximum(400, 12, random_state=0)
    regressor = ConvAttentionRegressor(
        kernel_size=1, pool_size=1, linear_skip=False, epochs=60, random_state=0
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
    with pytest.raises(error, match=message):
        attention_weights(forecaster if estimator == "forecaster" else object(), X)


def test_a_classifier_is_asked_for_its_series():
    X, y = np.random.default_rng(0).normal(size=(10, 6)), np.repeat([0, 1], 5)
    classifier = ConvAttentionClassifier(filters=2, units=2, epochs=1, random_state=0).fit(X, y)

    with pytest.raises(ValueError, match="X is missing: a ConvAttentionClassifier keeps no series"):
        attention_weights(classifier)


def test_forecasters_with_regressors_attend_to_them_as_well():
    X = pd.DataFrame({"x": np.arange(len(Y), dtype=float)}, index=Y.index)
    forecaster = ConvAttentionForecaster(filters=2, units=2, epochs=1, random_state=0)

    weights = attention_weights(forecaster.fit(Y, X=X, fh=[1]))

    assert weights.sum() == pytest.approx(1.0)
