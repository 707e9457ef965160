"""Heads start where they say, and their outputs are what the formula gives."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skconvattn import AttentionForecaster
from skconvattn.layers import ConvAttention
from skconvattn.layers.parts.horizon_linear import HorizonLinear, seasonal_naive_map
from skconvattn.layers.parts.non_crossing import NonCrossing
from skconvattn.networks import (
    ClassHead,
    ClassOutput,
    Encoding,
    Head,
    HorizonHead,
    ModelSpec,
    QuantileOutput,
    SequenceHead,
    ValueHead,
)
from tests.estimator_params import every

every_forecaster = every("forecaster")


def _model(cls, head, n_timepoints=12, n_channels=1, **parameters):
    spec = ModelSpec.of(cls(**parameters), head, n_timepoints=n_timepoints, n_channels=n_channels)
    return spec.build().model


def _seasonal_naive(windows, horizon, period):
    """The last season of each window, over and over."""
    steps = np.arange(horizon)
    return windows[:, windows.shape[1] - period + steps % period]


def _random_weights(model, seed, scale):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(scale=scale, size=w.shape) for w in model.get_weights()])


def _softplus(x):
    return np.logaddexp(0, x)


@pytest.mark.parametrize("normalization", ["standard", "last", "robust", None])
@pytest.mark.parametrize("period", [1, 4, 12])
@every_forecaster
def test_an_untrained_forecast_is_the_seasonal_naive_one(cls, period, normalization):
    head = HorizonHead(7, normalization=normalization, seasonal_period=period)
    windows = np.random.default_rng(0).normal(loc=100, scale=20, size=(5, 12, 1)).astype("float32")
    forecast = _model(cls, head)(windows).numpy()
    # Normalised and brought back, a value is rounded a few times at the size of the level.
    exact = {"rtol": 0} if normalization is None else {"rtol": 4 * 2.0**-23}
    np.testing.assert_allclose(forecast, _seasonal_naive(windows, 7, period), **exact)


@every_forecaster
def test_future_covariates_change_nothing_before_training(cls):
    head = HorizonHead(4, n_known=2, seasonal_period=3)
    model = _model(cls, head, n_channels=3)
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(5, 12, 3)).astype("float32")
    future = rng.normal(size=(5, 4, 2)).astype("float32")
    expected = _seasonal_naive(windows[..., :1], 4, 3)
    np.testing.assert_allclose(model([windows, future]).numpy(), expected, atol=1e-6)


@every_forecaster
def test_the_effect_of_covariates_is_subtracted_from_the_window_and_added_to_the_forecast(cls):
    head = HorizonHead(4, n_known=1, normalization="last", seasonal_period=1)
    model = _model(cls, head, n_channels=2)
    effect = model.get_layer("effect_linear")
    effect.set_weights([np.array([[3.0]])])
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(5, 12, 2)).astype("float32")
    future = rng.normal(size=(5, 4, 1)).astype("float32")
    # The branch is still zero: the last value minus its effect, plus the effect to come.
    expected = windows[:, -1:, :1] - 3 * windows[:, -1:, 1:] + 3 * future
    np.testing.assert_allclose(model([windows, future]).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_the_effect_of_past_covariates_is_a_causal_filter_that_ends_with_the_window():
    head = HorizonHead(3, n_past=1, normalization=None, seasonal_period=1)
    model = _model(AttentionForecaster, head, n_timepoints=5, n_channels=2)
    taps = np.array([0.0, 0.0, 0.5, 0.0, 2.0])  # 2 x_t + 0.5 x_{t-2}
    model.get_layer("effect_past").set_weights([taps[:, None, None]])
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    effect = 2 * x + 0.5 * np.array([0, 0, 1, 2, 3])
    window = np.stack([effect + 7, x], axis=1)[None].astype("float32")

    forecast = model(window).numpy()[0, :, 0]

    # What is left of the window is 7, the last of which is repeated; x is zero from then on.
    np.testing.assert_allclose(forecast, 7 + np.array([0.5 * 4, 0.5 * 5, 0]), rtol=1e-6)


def test_a_learned_cycle_adds_one_value_per_position_of_the_season():
    head = HorizonHead(3, n_known=1, normalization=None, seasonal_period=4, cycle=True)
    model = _model(AttentionForecaster, head, n_timepoints=4, n_channels=2)
    cycle = np.array([1.0, -2.0, 5.0, 0.0])
    model.get_layer("effect_cycle").set_weights([cycle[:, None]])
    window = np.stack([10 + cycle[[2, 3, 0, 1]], [2, 3, 0, 1]], axis=1)[None].astype("float32")
    future = np.array([[[2.0], [3.0], [0.0]]], dtype="float32")

    forecast = model([window, future]).numpy()[0, :, 0]

    np.testing.assert_allclose(forecast, 10 + cycle[[2, 3, 0]], rtol=1e-6)


@pytest.mark.parametrize("normalization", ["standard", "last", "robust"])
@every_forecaster
def test_a_normalised_forecast_moves_and_grows_with_its_window(cls, normalization):
    model = _model(cls, HorizonHead(3, normalization=normalization, seasonal_period=4))
    _random_weights(model, 0, scale=0.3)
    windows = np.random.default_rng(1).normal(size=(6, 12, 1)).astype("float32")
    forecast = model(windows).numpy()
    moved = model(4 * windows + 8).numpy()
    # Not exactly, since 1e-5 is added to the squared spread, which is about one here.
    np.testing.assert_allclose(moved, 4 * forecast + 8, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.02, 0.03, 0.2, 0.4), (0.7,)], ids=str)
@every("forecaster", quick="ConvAttention")
def test_quantiles_never_cross_whatever_the_weights(cls, levels):
    head = HorizonHead(3, output=QuantileOutput(levels), normalization="robust", seasonal_period=4)
    model = _model(cls, head)
    windows = np.random.default_rng(0).normal(size=(16, 12, 1)).astype("float32")

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0, 10))
    def check(seed, scale):
        _random_weights(model, seed, scale)
        forecast = model(windows).numpy()
        assert forecast.shape == (16, 3, len(levels))
        assert (np.diff(forecast, axis=-1) >= 0).all()

    check()


@pytest.mark.parametrize(
    ("levels", "central"),
    [((0.1, 0.5, 0.9), 1), ((0.05, 0.2), 1), ((0.6, 0.7, 0.8), 0), ((0.5,), 0)],
)
def test_non_crossing_adds_softplus_distances_on_both_sides_of_the_central_level(levels, central):
    inputs = np.random.default_rng(0).normal(size=(3, 4, len(levels)))
    expected = inputs.copy()
    for k in range(central + 1, len(levels)):
        expected[..., k] = expected[..., k - 1] + _softplus(inputs[..., k])
    for k in range(central - 1, -1, -1):
        expected[..., k] = expected[..., k + 1] - _softplus(inputs[..., k])
    outputs = NonCrossing(levels)(inputs.astype("float32")).numpy()
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("period", [1, 3, 5, 6, 9])
def test_horizon_linear_is_a_matrix_product_around_the_seasonal_naive_forecast(period):
    layer = HorizonLinear(4, seasonal_period=period)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer.build(inputs.shape)
    untrained = layer(inputs).numpy()
    # A season longer than the window gives way to the last value.
    used = period if period <= 6 else 1
    np.testing.assert_array_equal(untrained, _seasonal_naive(inputs, 4, used))
    kernel = np.random.default_rng(1).normal(size=(6, 4))
    bias = np.array([0.5, 0, -1, 2])
    layer.set_weights([kernel, bias])
    expected = untrained + np.einsum("btc,th->bhc", inputs, kernel) + bias[:, None]
    np.testing.assert_allclose(layer(inputs).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("n_timepoints", "horizon", "period", "rows"),
    [(6, 4, 3, [3, 4, 5, 3]), (6, 2, 1, [5, 5]), (4, 6, 4, [0, 1, 2, 3, 0, 1]), (3, 2, 7, [2, 2])],
)
def test_the_seasonal_naive_map_picks_one_step_of_the_window(n_timepoints, horizon, period, rows):
    matrix = seasonal_naive_map(n_timepoints, horizon, period)
    np.testing.assert_array_equal(matrix.argmax(axis=0), rows)
    np.testing.assert_array_equal(matrix.sum(axis=0), np.ones(horizon))


@every_forecaster
def test_the_linear_map_of_a_regressor_is_added_to_the_network(cls):
    with_map = _model(cls, ValueHead(2, linear=True), n_channels=3)
    without = _model(cls, ValueHead(2), n_channels=3)
    inputs = np.random.default_rng(0).normal(size=(4, 12, 3)).astype("float32")
    # The map starts at zero, and building gives both the same weights but for their names.
    kernel = np.random.default_rng(1).normal(size=(36, 2))
    before = with_map(inputs).numpy()
    with_map.get_layer("linear").set_weights([kernel])
    added = with_map(inputs).numpy() - before
    np.testing.assert_allclose(added, inputs.reshape(4, 36) @ kernel, rtol=1e-4, atol=1e-4)
    assert without.output.shape == with_map.output.shape == (None, 2)


@every_forecaster
def test_a_classifier_ends_in_one_logit_per_class(cls):
    model = _model(cls, ClassHead(ClassOutput(3)))
    layer = model.get_layer("logits")
    kernel, _ = layer.get_weights()
    layer.set_weights([np.zeros_like(kernel), np.array([1.0, -2.0, 0.5])])
    outputs = model(np.zeros((2, 12, 1), "float32")).numpy()
    np.testing.assert_array_equal(outputs, [[1.0, -2.0, 0.5]] * 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HorizonHead(3), HorizonHead(4)),
        (HorizonHead(3), HorizonHead(3, linear=False)),
        (HorizonHead(3), HorizonHead(3, output=QuantileOutput((0.5,)))),
        (HorizonHead(3), HorizonHead(3, seasonal_period=2)),
        (ValueHead(1), ClassHead(ClassOutput(1))),
    ],
)
def test_heads_are_values(one, other):
    assert one != other
    assert {one: 1}[type(one)(**vars(one))] == 1


def test_a_head_without_prediction_says_what_to_write():
    with pytest.raises(NotImplementedError, match="Head does not implement predict_from"):
        Head().predict_from(None, None, None)


def _steps_as_encoded(width):
    """An architecture whose sequence is the series itself, every ``width`` time steps."""

    def encode(series, mask):
        return Encoding(series[:, 0], None, series[:, ::width])

    return encode


@pytest.mark.parametrize(("width", "seen"), [(1, [0, 1, 2, 3, 4]), (2, [0, 0, 2, 2, 4])])
def test_a_sequence_head_maps_each_position_to_the_steps_that_it_covers(width, seen):
    series = keras.Input((5, 2))
    output, _ = SequenceHead(linear=True).predict_from(_steps_as_encoded(width), series, None)
    model = keras.Model(series, output)
    model.get_layer("values").set_weights([np.array([[1.0], [10.0]]), np.array([0.5])])
    model.get_layer("linear").set_weights([np.array([[100.0], [0.0]])])
    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    expected = x[:, seen, 0] + 10 * x[:, seen, 1] + 0.5 + 100 * x[..., 0]
    np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-5, atol=1e-4)


def test_a_sequence_head_says_where_the_architecture_has_no_sequence():
    with pytest.raises(ValueError, match="sequence=True needs one vector per time step"):
        SequenceHead().predict_from(
            lambda series, mask: Encoding(series[:, 0]), keras.Input((5, 2)), None
        )


def test_quantiles_of_a_value_share_the_linear_map():
    series = keras.Input((5, 1))
    head = ValueHead(2, linear=True, output=QuantileOutput((0.1, 0.5, 0.9)))
    output, _ = head.predict_from(_steps_as_encoded(1), series, None)
    model = keras.Model(series, output)
    x = np.random.default_rng(0).normal(size=(3, 5, 1)).astype("float32")
    before = model(x).numpy()
    kernel = np.random.default_rng(1).normal(size=(5, 2))
    model.get_layer("linear").set_weights([kernel])
    moved = model(x).numpy() - before
    expected = np.repeat((x[..., 0] @ kernel)[..., None], 3, axis=-1)
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-4)


def test_the_linear_map_of_longer_series_sees_the_steps_that_it_knows():
    head = ValueHead(1, linear=True).for_longer_series(5)
    assert head == ValueHead(1, linear=True, linear_steps=5) == head.for_longer_series(8)
    series = keras.Input((8, 1))
    output, _ = head.predict_from(_steps_as_encoded(1), series, None)
    model = keras.Model(series, output)
    model.get_layer("linear").set_weights([np.ones((5, 1))])
    x = np.zeros((1, 8, 1), "float32")
    x[:, 5:] = 1
    assert model(x).numpy() == 0
    x[:, 4] = 1
    assert model(x).numpy() == 1


@pytest.mark.parametrize("return_attention", [False, True])
def test_convolutional_attention_returns_what_it_attends_over(return_attention):
    layer = ConvAttention(3, pool_size=2, units=4, return_attention=return_attention,
                          return_sequence=True)  # fmt: skip
    x = np.random.default_rng(0).normal(size=(2, 7, 2)).astype("float32")
    outputs = layer(x)
    shapes = [tuple(output.shape) for output in outputs]
    assert shapes == [(2, 4), *([(2, 4)] if return_attention else []), (2, 4, 3)]
    assert [tuple(s) for s in layer.compute_output_shape((2, 7, 2))] == shapes
    again = layer.attention(outputs[-1])
    again = again[0] if return_attention else again
    np.testing.assert_allclose(again, outputs[0], rtol=1e-6)
