"""Outputs determine number, layer, loss and point forecast of a network's last axis."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import norm

from skconvattn.networks import ClassOutput, Output, PointOutput, QuantileOutput, output_of


def test_the_point_forecast_of_quantiles_is_the_median_at_any_index():
    spread = norm.ppf([0.1, 0.5, 0.9])
    values = 98 + 2 * np.stack([spread, 3 * spread])
    with_median = QuantileOutput((0.1, 0.5, 0.9)).point(values)
    without = QuantileOutput((0.1, 0.9)).point(values[:, [0, 2]])
    shifted = QuantileOutput((0.5, 0.9)).point(values[:, 1:])
    np.testing.assert_allclose([with_median, without, shifted], 98)


def test_the_median_lies_on_the_normal_scale_between_its_neighbours():
    levels = (0.2, 0.6, 0.7)
    values = 3 + 2 * norm.ppf(levels)
    assert QuantileOutput(levels).point(values) == pytest.approx(3)
    assert QuantileOutput((0.6, 0.7)).point(values[1:]) == pytest.approx(3)


def test_the_point_forecast_of_residuals_is_the_residual_of_the_point_forecast():
    rng = np.random.default_rng(0)
    target, values = rng.normal(size=(5, 3)), rng.normal(size=(5, 3, 2))
    for output in (PointOutput(), QuantileOutput((0.1, 0.9))):
        residuals = output.point(target[..., None] - values)
        np.testing.assert_allclose(residuals, target - output.point(values))


def test_trained_levels_are_given_back_and_further_ones_continue_the_slope():
    levels = (0.1, 0.25, 0.9)
    values = norm.ppf(levels)[None]
    asked = np.array([0.01, 0.1, 0.25, 0.5, 0.9, 0.99])
    np.testing.assert_allclose(QuantileOutput(levels).quantiles(values, asked)[0], norm.ppf(asked))


def test_losses_of_equal_levels_are_equal_values():
    loss, same = QuantileOutput((0.1, 0.9)).loss(), QuantileOutput((0.1, 0.9)).loss()
    assert loss == same
    assert hash(loss) == hash(same)
    assert loss != QuantileOutput((0.1, 0.8)).loss()


def test_probabilities_are_the_softmax_of_logits_however_large():
    logits = np.array([[0.0, np.log(3.0)], [1e4, 0.0]], "float32")
    probabilities = ClassOutput(2).probabilities(logits)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75], [1.0, 0.0]], rtol=1e-6)
    assert ClassOutput(2).point(logits).tolist() == [1, 0]


@pytest.mark.parametrize("output", [PointOutput(), QuantileOutput((0.1, 0.9)), ClassOutput(4)])
def test_layer_and_loss_take_as_many_values_as_the_output_has(output):
    values = keras.ops.convert_to_tensor(np.ones((2, output.n_values), "float32"))
    constrained = output.constrained(values)
    assert tuple(constrained.shape) == (2, output.n_values)
    loss = keras.losses.get(output.loss())
    target = np.ones((2, 1), "int32" if isinstance(output, ClassOutput) else "float32")
    assert np.isfinite(keras.ops.convert_to_numpy(loss(target, constrained))).all()


def test_an_output_is_chosen_by_the_levels_asked_for():
    point = PointOutput("mean_absolute_error")
    assert output_of(None, point) is point
    assert output_of([0.1, 0.9], point) == QuantileOutput((0.1, 0.9))


def test_an_output_that_says_nothing_names_what_is_missing():
    for use in (lambda: Output().n_values, lambda: Output().loss(), lambda: Output().point(0)):
        with pytest.raises(NotImplementedError, match="Output"):
            use()
