"""Layers refuse inputs that are not sequences, in one sentence, before anything is computed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from skconvattn import layers
from tests.layers.backends import to_numpy
from tests.layers.cases import CASES, N_CHANNELS, Case

public = pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.layer.__name__ in layers.__all__],
    ids=lambda case: case.name,
)


def _inputs(*shape: Any) -> tuple[Any, Any]:
    """Return a symbolic input of a shape without its batch, and an array of it."""
    known = [size if size is not None else 3 for size in shape]
    return keras.Input(shape), np.ones((2, *known), "float32")


@public
@pytest.mark.parametrize("built", [False, True], ids=["new", "built"])
def test_a_vector_per_series_is_refused_with_return_sequences(case: Case, built: bool):
    layer = case.built() if built else case.make()
    for inputs in _inputs(N_CHANNELS):
        with pytest.raises(
            ValueError,
            match=rf"^{case.layer.__name__} takes sequences of shape \(batch, time, channels\), "
            r"and inputs have the shape \(.*, 4\); .* return_sequences=True.*\.$",
        ):
            layer(inputs)


@public
def test_a_recurrent_layer_that_returns_its_last_step_is_named_when_the_model_is_built(case: Case):
    with pytest.raises(ValueError, match="return_sequences=True"):
        keras.Sequential([keras.Input((9, 5)), keras.layers.LSTM(8), case.make()])


@public
@pytest.mark.parametrize("shape", [(6, 7, N_CHANNELS), (2, 6, 7, N_CHANNELS)])
def test_more_axes_are_refused(case: Case, shape: tuple[int, ...]):
    for inputs in _inputs(*shape):
        with pytest.raises(ValueError, match=r"takes sequences of shape .*; reshape them, or put"):
            case.make()(inputs)


@public
def test_a_layer_is_not_built_for_another_shape(case: Case):
    for shape in ((None, 8), (2, 3, 4, 5), (None,)):
        with pytest.raises(ValueError, match="takes sequences of shape"):
            case.make().build(shape)


@public
def test_other_channels_than_built_for_are_refused(case: Case):
    layer = case.built()
    if not layer.weights:
        return  # takes any
    for inputs in _inputs(9, N_CHANNELS + 1):
        with pytest.raises(ValueError, match=r"was built for 4 channels, and .*; give 4 channels"):
            layer(inputs)


@public
def test_a_number_of_channels_that_is_left_open_is_refused_where_it_matters(case: Case):
    layer = case.make()
    if not case.built().weights:
        assert layer(keras.Input((None, None))) is not None
        return
    with pytest.raises(ValueError, match=r"leave their number open; give it, as in keras\.Input"):
        layer(keras.Input((None, None)))


@public
def test_a_sequence_without_any_step_is_refused(case: Case):
    for inputs in _inputs(0, N_CHANNELS):
        with pytest.raises(ValueError, match=r"one time step at least, .* \(.*, 0, 4\); leave"):
            case.make()(inputs)


@public
def test_the_fewest_steps_that_a_layer_takes_give_numbers(case: Case):
    outputs = case.built()(np.ones((2, case.shortest, N_CHANNELS), "float32"))
    assert len(to_numpy(outputs)) == 2
    assert np.isfinite(to_numpy(outputs)).all()


def test_a_convolution_that_leaves_no_step_is_refused():
    layer = layers.ConvAttention(kernel_size=4, padding="valid", dilation_rate=2)
    with pytest.raises(ValueError, match=r"padding='valid' leaves nothing of .* 7 time steps; use"):
        layer(np.ones((2, 6, 3), "float32"))
    assert tuple(layer(np.ones((2, 7, 3), "float32")).shape) == (2, 128)


@public
def test_numpy_lists_and_keywords_are_checked_alike(case: Case):
    layer = case.make()
    with pytest.raises(ValueError, match="return_sequences=True"):
        layer(inputs=np.ones((2, N_CHANNELS), "float32"))
    with pytest.raises(ValueError, match="return_sequences=True"):
        layer([[1.0, 2.0, 3.0]])


@public
def test_the_layer_is_of_use_after_it_refused(case: Case):
    layer = case.make()
    with pytest.raises(ValueError, match="return_sequences=True"):
        layer(np.ones((2, N_CHANNELS), "float32"))
    assert len(to_numpy(layer(np.ones((2, 9, N_CHANNELS), "float32")))) == 2


def test_every_step_of_a_longer_axis_goes_through_time_distributed():
    layer = keras.layers.TimeDistributed(layers.SeqWeightedAttention())
    assert tuple(layer(np.ones((2, 6, 7, 5), "float32")).shape) == (2, 6, 5)


def test_a_normalisation_is_reversed_on_quantiles_of_other_channels():
    layer = layers.InstanceNormalization(return_statistics=True)
    x = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    normalised, *statistics = layer(x)
    four = np.repeat(to_numpy(normalised)[..., None], 2, axis=-1).astype("float32")
    np.testing.assert_allclose(
        to_numpy(layer.denormalize(four, statistics))[..., 1], x, rtol=1e-5, atol=1e-5
    )


def test_models_with_layers_are_saved_and_check_as_before(tmp_path):
    model = keras.Sequential([keras.Input((9, 5)), layers.ConvAttention(units=3)])
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[0]
    with pytest.raises(ValueError, match="was built for 5 channels"):
        layer(np.ones((2, 9, 4), "float32"))
