"""Products of time steps as rows of one matrix equal products of the steps one by one."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn.layers.ops.products import on_steps, project

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5, 3), (2, 4, 5, 3), (0, 5, 3)])
def test_each_step_is_multiplied_by_the_matrix(shape):
    x, kernel = RNG.normal(size=shape).astype("float32"), RNG.normal(size=(3, 4)).astype("float32")
    found = keras.ops.convert_to_numpy(project(x, kernel))
    np.testing.assert_allclose(found, x @ kernel, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_timepoints", [5, None])
def test_a_layer_on_steps_is_the_layer_where_the_number_of_steps_is_known_or_not(n_timepoints):
    layer = keras.layers.Dense(4)
    layer.build((None, 3))
    series = keras.Input((n_timepoints, 3))
    model = keras.Model(series, on_steps(layer, series))
    assert model.output_shape == (None, n_timepoints, 4)
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    kernel, bias = map(keras.ops.convert_to_numpy, layer.weights)
    found = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(found, x @ kernel + bias, rtol=1e-5, atol=1e-6)
