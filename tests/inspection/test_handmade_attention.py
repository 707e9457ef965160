"""Attention of a known size arrives at the right time steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn._hyperparameters import hyperparameter
from skconvattn.estimators import BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.inspection import AttentionDisplay, attention_weights
from skconvattn.inspection.weights import received_attention
from skconvattn.networks import Encoding, Network


class RampNetwork(Network):
    """Attention in proportion to 1, 2, 3, ... whatever the series."""

    pool_size: int = hyperparameter(
        default=2, constraints="no_validation", doc="int\nTime steps of a position."
    )
    strides: int = hyperparameter(
        default=1, constraints="no_validation", doc="int\nTime steps of a stride."
    )

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        from keras import ops

        positions = inputs[:, :: self.pool_size * self.strides, 0]
        ramp = np.arange(1.0, positions.shape[1] + 1)
        attention = ops.zeros_like(positions) + (ramp / ramp.sum()).astype("float32")
        return Encoding(ops.mean(inputs, axis=1), attention)


class PairwiseNetwork(Network):
    """Self-attention of one head that is even for all pairs."""

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        from keras import ops

        pairs = ops.matmul(inputs, ops.transpose(inputs, (0, 2, 1)))
        attention = ops.softmax(ops.zeros_like(pairs), axis=-1)
        return Encoding(ops.mean(inputs, axis=1), ops.expand_dims(attention, 1))


class RampRegressor(RampNetwork, BaseNeuralRegressor):
    """Regressor with a ramp of attention."""


class RampForecaster(RampNetwork, BaseNeuralForecaster):
    """Forecaster with a ramp of attention."""


class PairwiseRegressor(PairwiseNetwork, BaseNeuralRegressor):
    """Regressor with self-attention."""


class PairwiseForecaster(PairwiseNetwork, BaseNeuralForecaster):
    """Forecaster with self-attention."""


Y = pd.Series(np.sin(np.arange(40.0)), index=pd.RangeIndex(100, 140))


def fitted_regressor(cls: type, n_timepoints: int, **parameters: Any) -> tuple[Any, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(6, n_timepoints))
    settings = {"epochs": 1, "random_state": 0, "members": ["network"]}
    return cls(**settings, **parameters).fit(X, X[:, 0]), X


@pytest.mark.parametrize(
    ("pool_size", "strides", "expected"),
    [
        # Positions get 1/6, 2/6, 3/6 and cover two, two and one time steps.
        (2, 1, [1 / 12, 1 / 12, 1 / 6, 1 / 6, 1 / 2]),
        # One position in four steps, one in the step that is left.
        (2, 2, [1 / 12, 1 / 12, 1 / 12, 1 / 12, 2 / 3]),
        (1, 1, [1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]),
    ],
)
def test_each_time_step_gets_its_part_of_the_position_that_covers_it(pool_size, strides, expected):
    regressor, X = fitted_regressor(RampRegressor, 5, pool_size=pool_size, strides=strides)

    np.testing.assert_allclose(attention_weights(regressor, X), [expected] * 6, rtol=1e-6)


def test_pooling_is_that_of_the_fit_whatever_the_parameters_say_now():
    regressor, X = fitted_regressor(RampRegressor, 4)
    regressor.set_params(pool_size=1)

    np.testing.assert_allclose(
        attention_weights(regressor, X[:1]), [[1 / 6, 1 / 6, 1 / 3, 1 / 3]], rtol=1e-6
    )


def test_a_forecaster_has_the_weights_of_its_last_window_by_time_stamp():
    forecaster = RampForecaster(epochs=1, window_length=4, random_state=0).fit(Y, fh=[1])

    expected = pd.Series([1 / 6, 1 / 6, 1 / 3, 1 / 3], index=range(136, 140), name="attention")
    pd.testing.assert_series_equal(
        attention_weights(forecaster), expected, check_index_type=False, rtol=1e-6
    )


def test_the_window_moves_on_with_an_update():
    forecaster = RampForecaster(epochs=1, window_length=4, random_state=0).fit(Y[:30], fh=[1])
    forecaster.update(Y[30:33], update_params=False)

    assert list(attention_weights(forecaster).index) == [129, 130, 131, 132]


def test_a_history_beyond_the_regressors_that_are_known_is_refused():
    X = pd.DataFrame({"x": np.cos(Y)}, index=Y.index)
    forecaster = RampForecaster(epochs=1, window_length=4, random_state=0)
    forecaster.fit(Y[:30], X=X[:30], fh=[1])

    with pytest.raises(ValueError, match=r"X reaches to 139, where .* has no covariates; give"):
        attention_weights(forecaster, Y)


def test_self_attention_is_returned_pair_by_pair_and_drawn_as_what_each_step_receives():
    regressor, X = fitted_regressor(PairwiseRegressor, 5)

    weights = attention_weights(regressor, X)
    strip = AttentionDisplay.from_estimator(regressor, X[:1])
    pairs = AttentionDisplay.from_estimator(regressor, X[:1], kind="pairs")

    np.testing.assert_allclose(weights, np.full((6, 1, 5, 5), 0.2), rtol=1e-6)
    np.testing.assert_allclose(strip.attention, np.full((1, 5), 0.2), rtol=1e-6)
    np.testing.assert_array_equal(strip.lines_[0].get_ydata(), np.ravel(X[0]))
    np.testing.assert_allclose(np.asarray(pairs.heat_.get_array()), np.full((5, 5), 0.2), rtol=1e-6)
    with pytest.raises(ValueError, match="kind='pairs' shows one series and there are 6"):
        AttentionDisplay.from_estimator(regressor, X, kind="pairs")


def test_attention_per_time_step_has_no_pairs_to_draw():
    with pytest.raises(ValueError, match="has one weight per time step; use kind='strip'"):
        AttentionDisplay(attention=np.full((1, 4), 0.25)).plot(kind="pairs")


def test_what_a_step_receives_is_the_mean_over_heads_and_attending_positions():
    regressor, _ = fitted_regressor(PairwiseRegressor, 4)
    attention = np.random.default_rng(0).dirichlet(np.ones(4), size=(6, 3, 4))

    received = received_attention(regressor, attention, 4)

    np.testing.assert_allclose(received, attention.mean(axis=(1, 2)))
    np.testing.assert_allclose(received.sum(axis=1), 1)


def test_self_attention_of_a_forecaster_is_that_of_its_last_window():
    forecaster = PairwiseForecaster(epochs=1, window_length=4, random_state=0).fit(Y, fh=[1])

    np.testing.assert_allclose(attention_weights(forecaster), np.full((1, 1, 4, 4), 0.25))


@pytest.mark.parametrize("channels", ["shared", "mixed"])
def test_a_forecaster_of_several_series_asks_for_the_history_of_one(channels):
    table = pd.DataFrame({"a": Y, "b": 2 * Y})
    forecaster = RampForecaster(epochs=1, window_length=4, channels=channels, random_state=0)
    forecaster.fit(table, fh=[1])

    with pytest.raises(ValueError, match="give the history of one of them as X"):
        attention_weights(forecaster)
    assert list(attention_weights(forecaster, table["b"]).index) == [136, 137, 138, 139]


def test_local_forecasters_of_a_panel_are_looked_at_one_by_one():
    panel = pd.concat({"p": Y.to_frame("y"), "q": 2 * Y.to_frame("y")}, names=["series", "time"])
    forecaster = RampForecaster(epochs=1, window_length=4, panel="local", random_state=0)
    forecaster.fit(panel, fh=[1])

    with pytest.raises(ValueError, match=r"look at the entries of forecaster\.forecasters_"):
        attention_weights(forecaster)
    part = forecaster.forecasters_.iloc[1, 0]
    assert list(attention_weights(part).index) == [136, 137, 138, 139]
