"""The convolution as a matrix product is Keras's own, in values, gradients and configuration."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from skconvattn.layers.parts.unfolded_conv1d import UnfoldedConv1D, make_conv1d
from tests.layers.backends import gradients, to_numpy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 11, 2))

SETTINGS: dict[str, dict[str, Any]] = {
    "same, even kernel": {"kernel_size": 4, "padding": "same"},
    "same, dilated": {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
    "causal": {"kernel_size": 5, "padding": "causal", "activation": "tanh"},
    "valid with strides": {"kernel_size": 3, "strides": 2, "use_bias": False},
    "one step": {"kernel_size": 1},
    "same with strides, left to Keras": {"kernel_size": 3, "strides": 2, "padding": "same"},
    "groups, left to Keras": {"kernel_size": 3, "groups": 2},
}


@pytest.mark.parametrize("what", SETTINGS)
def test_values_and_gradients_are_those_of_keras(what: str):
    layers = [kind(4, **SETTINGS[what]) for kind in (UnfoldedConv1D, keras.layers.Conv1D)]
    for layer in layers:
        layer.build(X.shape)
    weights = [RNG.normal(size=w.shape) for w in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    found, expected = (to_numpy(layer(X.astype("float32"))) for layer in layers)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    slopes = [
        gradients(lambda x, layer=layer: keras.ops.sum(layer(x) ** 2), [X], "float32")[0]
        for layer in layers
    ]
    np.testing.assert_allclose(*map(to_numpy, slopes), rtol=1e-4, atol=1e-4)


def test_a_series_of_any_length_is_convolved_and_the_shape_is_known_before():
    layer = UnfoldedConv1D(4, 3, padding="causal")
    series = keras.Input((None, 2))
    model = keras.Model(series, layer(series))
    assert model.output_shape == (None, None, 4)
    for n_timepoints in (3, 11):
        assert to_numpy(model(X[:, :n_timepoints].astype("float32"))).shape == (3, n_timepoints, 4)


def test_the_layer_of_a_backend_has_the_configuration_of_keras():
    layer = make_conv1d(4, 3, padding="causal", name="embedding")
    assert type(layer) is (
        UnfoldedConv1D if keras.backend.backend() == "jax" else keras.layers.Conv1D
    )
    assert keras.layers.Conv1D.from_config(layer.get_config()).get_config() == layer.get_config()
