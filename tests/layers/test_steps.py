"""Layers of single time steps give the numbers, gradients and files of Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from skconvattn.layers.ops.windows import triangle
from skconvattn.layers.parts.steps import StepDense, StepNormalization
from tests.layers.backends import gradients, to_numpy

RNG = np.random.default_rng(0)
PAIRS = {
    "dense": (lambda **kwargs: StepDense(4, activation="gelu", **kwargs), keras.layers.Dense),
    "normalization": (
        lambda **kwargs: StepNormalization(**kwargs),
        keras.layers.LayerNormalization,
    ),
}
every_pair = pytest.mark.parametrize(("make", "original"), PAIRS.values(), ids=PAIRS)


def twins(make, original, **kwargs):
    """Return our layer and Keras's with the same weights."""
    ours = make(**kwargs)
    theirs = original.from_config(
        {**ours.get_config(), "dtype": keras.dtype_policies.get(ours.dtype_policy)}
    )
    for layer in (ours, theirs):
        layer.build((None, None, 3))
    weights = [np.random.default_rng(1).normal(size=w.shape) for w in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


@every_pair
@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (2, 4, 5, 3), (0, 5, 3)])
def test_outputs_are_those_of_keras(make, original, shape):
    ours, theirs = twins(make, original)
    x = RNG.normal(2.0, 3.0, size=shape).astype("float32")
    np.testing.assert_allclose(to_numpy(ours(x)), to_numpy(theirs(x)), rtol=1e-5, atol=1e-5)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]


@every_pair
def test_outputs_are_those_of_keras_where_the_number_of_steps_is_unknown(make, original):
    layers = twins(make, original)
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    series = keras.Input((None, 3))
    found, expected = (keras.Model(series, layer(series)).predict_on_batch(x) for layer in layers)
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=1e-5, atol=1e-5)


@every_pair
def test_half_precision_gives_what_keras_gives(make, original):
    ours, theirs = twins(make, original, dtype="mixed_float16")
    x = RNG.normal(size=(2, 5, 3)).astype("float16")
    found, expected = ours(x), theirs(x)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=2e-3, atol=2e-3)


@every_pair
def test_gradients_are_those_of_keras(make, original):
    x = RNG.normal(size=(2, 5, 3))
    shape = (2, 5, 4 if make is PAIRS["dense"][0] else 3)
    factors = ops.convert_to_tensor(RNG.normal(size=shape), "float32")
    ours, theirs = twins(make, original)

    def slopes(layer):
        def loss(x, *weights):
            outputs, _ = layer.stateless_call(weights, [], x)
            return ops.sum(outputs * factors)

        return gradients(loss, [x, *layer.get_weights()], "float32")

    for found, expected in zip(slopes(ours), slopes(theirs), strict=True):
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_constant_step_is_normalized_to_beta():
    layer = StepNormalization(beta_initializer="ones")
    np.testing.assert_array_equal(to_numpy(layer(np.full((1, 2, 3), 7.0, "float32"))), 1.0)


@every_pair
def test_files_are_loaded_without_custom_objects(make, original, tmp_path):
    series = keras.Input((5, 3))
    model = keras.Model(series, make()(series))
    model.save(tmp_path / "model.keras")
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    found = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(found(x)), to_numpy(model(x)))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("offset", [0, 1])
def test_a_triangle_of_known_size_is_that_of_unknown_size(upper, offset):
    known = to_numpy(triangle(4, "float32", upper, offset))
    unknown = to_numpy(triangle(ops.convert_to_tensor(4), "float32", upper, offset))
    rows, columns = np.indices((4, 4))
    expected = columns - rows >= offset if upper else columns - rows <= offset
    np.testing.assert_array_equal(known, expected)
    np.testing.assert_array_equal(unknown, expected)
