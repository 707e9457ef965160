"""Layers that are recurrent networks as well: both forms agree, and streams are continued."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from skconvattn.layers import (
    LinearSelfAttention,
    LinearSelfAttentionCell,
    RNNAttention,
    RNNAttentionCell,
)
from skconvattn.layers.ops.masks import LOWEST
from skconvattn.layers.ops.positive_features import positive_features
from skconvattn.layers.ops.running_averages import STEEPEST, final_state, running_averages
from skconvattn.layers.ops.scans import decayed_sums, running_maximum, running_sums
from tests.layers.backends import DOUBLE, gradients, to_numpy

PAIRS = [(RNNAttention, RNNAttentionCell), (LinearSelfAttention, LinearSelfAttentionCell)]
every_pair = pytest.mark.parametrize(("parallel", "cell"), PAIRS, ids=["rnn", "linear"])


def series(n_timepoints, scale=1.0):
    shape = (2, n_timepoints, 3)
    return np.random.default_rng(0).normal(scale=scale, size=shape).astype("float32")


def pair(parallel, cell, **kwargs):
    one = parallel(2, 4, return_state=True, **kwargs)
    other = keras.layers.RNN(
        cell(2, 4, **kwargs), return_sequences=True, return_state=True, **kwargs
    )
    one.build((None, None, 3))
    other.build((None, None, 3))
    rng = np.random.default_rng(1)
    one.set_weights([rng.normal(scale=0.5, size=w.shape) for w in one.get_weights()])
    return one, other


@every_pair
def test_both_forms_agree_over_4096_steps_and_take_each_others_weights(parallel, cell):
    one, other = pair(parallel, cell)
    assert [(w.name, w.shape) for w in one.weights] == [(w.name, w.shape) for w in other.weights]
    x = series(4096)
    other.set_weights(one.get_weights())
    # In a model the steps are compiled; one by one they take half a minute.
    inputs = keras.Input(x.shape[1:])
    recurrent = keras.Model(inputs, other(inputs))
    for found, expected in zip(one(x), recurrent.predict_on_batch(x), strict=True):
        # Sums over thousands of steps are right to their own size, outputs to about one.
        size = max(1.0, np.abs(to_numpy(expected)).max())
        np.testing.assert_allclose(to_numpy(found) / size, to_numpy(expected) / size, atol=1e-5)
    other.set_weights([w + 0.1 for w in other.get_weights()])
    one.set_weights(other.get_weights())
    np.testing.assert_allclose(
        to_numpy(one(x[:, :99])[0]), to_numpy(other(x[:, :99])[0]), rtol=1e-5, atol=1e-5
    )


@every_pair
def test_both_forms_agree_on_masked_series_and_in_half_precision(parallel, cell):
    x = series(50)
    mask = np.ones((2, 50), dtype=bool)
    # On JAX, keras.layers.RNN takes the first state for the output of a masked step.
    if keras.backend.backend() != "jax":
        mask[0, :3] = mask[1, 20:30] = False
    for dtype, tolerance in (("float32", 1e-5), ("mixed_float16", 2.0**-7)):
        one, other = pair(parallel, cell, dtype=dtype)
        other.set_weights(one.get_weights())
        found = to_numpy(one(x, mask=mask)[0])[mask]
        recurrent_mask = None if mask.all() else ops.convert_to_tensor(mask)
        expected = to_numpy(other(x, mask=recurrent_mask)[0])[mask]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@every_pair
@pytest.mark.parametrize("cut", [1, 16, 33])
def test_a_stream_is_continued_from_where_a_batch_ended(parallel, cell, cut):
    one, other = pair(parallel, cell)
    other.set_weights(one.get_weights())
    x = series(100, scale=3.0)
    whole, *final = one(x)
    _, *state = one(x[:, :cut])
    outputs, *continued = one(x[:, cut:], initial_state=state)
    np.testing.assert_allclose(to_numpy(outputs), to_numpy(whole)[:, cut:], rtol=1e-5, atol=1e-5)
    for found, expected in zip(continued, final, strict=True):
        np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=1e-4, atol=1e-4)
    step, _ = other.cell(ops.convert_to_tensor(x[:, cut]), state)
    np.testing.assert_allclose(to_numpy(step), to_numpy(whole)[:, cut], rtol=1e-5, atol=1e-5)


@every_pair
def test_gradients_of_both_forms_agree(parallel, cell):
    one, other = pair(parallel, cell, dtype="float64")
    x = series(40).astype("float64")
    slopes = []
    for layer in (one, other):
        arrays = [x, *(np.asarray(w, "float64") for w in one.get_weights())]

        def loss(x, *weights, layer=layer):
            outputs, _ = layer.stateless_call(weights, layer.non_trainable_variables, x)
            return ops.sum(ops.square(outputs[0]))

        slopes.append(gradients(loss, arrays))
    for found, expected in zip(*slopes, strict=True):
        tolerance = 1e-9 if DOUBLE else 1e-4
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@every_pair
def test_a_state_enters_a_model_as_an_input_and_leaves_it_as_an_output(parallel, cell):
    one, _ = pair(parallel, cell)
    inputs = keras.Input((None, 3))
    state = [keras.Input((size,)) for size in one.state_size]
    model = keras.Model([inputs, *state], one(inputs, initial_state=state))
    x = series(20)
    start = [to_numpy(s).astype("float32") for s in one.get_initial_state(2)]
    outputs, *end = model.predict_on_batch([x[:, :12], *start])
    continued, *_ = model.predict_on_batch([x[:, 12:], *end])
    found = np.concatenate([outputs, continued], axis=1)
    np.testing.assert_allclose(found, to_numpy(one(x)[0]), rtol=1e-5, atol=1e-5)


@every_pair
def test_weights_on_request_give_the_output(parallel, cell):
    layer = parallel(2, 4, return_attention=True)
    x = series(30)
    outputs, weights = layer(x)
    kernel, bias = to_numpy(layer.value_kernel), to_numpy(layer.value_bias)
    values = (x @ kernel + bias).reshape(2, 30, 2, 4)
    expected = np.einsum("bhts,bshd->bthd", to_numpy(weights), values).reshape(2, 30, 8)
    np.testing.assert_allclose(to_numpy(outputs), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [80.0, 1000.0])
@pytest.mark.parametrize("order", ["random", "rising", "falling"])
def test_running_sums_are_exact_at_any_range_of_scores(size, order):
    rng = np.random.default_rng(0)
    scores = rng.uniform(-size, size, size=(2, 700))
    if order != "random":
        scores = np.sort(scores, axis=1)[:, :: 1 if order == "rising" else -1]
    scores, values = scores.astype("float32"), rng.normal(size=(2, 700, 3)).astype("float32")
    maxima = running_maximum(ops.convert_to_tensor(scores))
    np.testing.assert_array_equal(to_numpy(maxima), np.maximum.accumulate(scores, axis=1))
    shares = ops.expand_dims(ops.exp(ops.convert_to_tensor(scores) - maxima), -1)
    sums, totals = decayed_sums(maxima, shares * ops.convert_to_tensor(values), shares)
    exact = scores.astype("float64")
    for t in (0, 1, 15, 16, 31, 255, 256, 257, 600, 699):
        weights = np.exp(exact[:, : t + 1] - exact[:, : t + 1].max(axis=1, keepdims=True))
        expected = np.einsum("bs,bsc->bc", weights, values[:, : t + 1]) / weights.sum(1)[:, None]
        found = to_numpy(sums)[:, t] / to_numpy(totals)[:, t]
        # A difference of two scores is right to their size times 2^-23.
        np.testing.assert_allclose(found, expected, atol=size * 2.0**-23 + 1e-6)


def averaged(scores, values, state=None):
    """Average step by step in double precision; return the state as the layer does."""
    values = values.reshape(*scores.shape, -1).astype("float64")
    maximum, sums, total = np.full(scores[:, 0].shape, LOWEST), values[:, 0] * 0, 0.0
    if state is not None:
        maximum, sums, total = state[0], state[1].reshape(sums.shape), state[2]
    outputs = []
    for t in range(scores.shape[1]):
        valid = scores[:, t] > LOWEST / 2
        largest = np.where(valid, np.maximum(maximum, scores[:, t]), maximum)
        old, new = np.exp(maximum - largest), np.where(valid, np.exp(scores[:, t] - largest), 0)
        sums = sums * old[..., None] + values[:, t] * new[..., None]
        total, maximum = total * old + new, largest
        outputs.append(sums / np.where(total > 0, total, 1.0)[..., None])
    outputs = np.stack(outputs, axis=1).reshape(*scores.shape[:2], -1)
    return outputs, (maximum, sums.reshape(len(sums), -1), total)


# One series whose scores are alike from step to step, and some that need an exact way: jumps, a
# jump in the last block only, a steep rise; and series that begin with masked steps.
def score_series(kind, n_timepoints=700):
    scores = np.random.default_rng(2).normal(scale=3.0, size=(2, 700, 2))
    if kind == "jumps":
        scores *= 60
    elif kind == "late jump":
        scores[1, 690:] += 150
    elif kind == "rise":
        scores += np.linspace(-3000, 3000, 700)[:, None]
    elif kind == "masked":
        scores[0, :40] = scores[1, 100:140] = scores[1, -3:] = LOWEST
    elif kind == "all masked":
        scores[0] = LOWEST
    return scores[:, :n_timepoints]


@pytest.mark.parametrize("continued", [False, True])
@pytest.mark.parametrize("kind", ["alike", "jumps", "late jump", "rise", "masked", "all masked"])
def test_running_averages_are_exact_however_steep_the_scores(kind, continued):
    scores = score_series(kind).astype("float32")
    values = np.random.default_rng(3).normal(size=(2, 700, 6)).astype("float32")
    state = None
    if continued:
        rng = np.random.default_rng(4)
        state = (rng.normal(size=(2, 2)), rng.normal(size=(2, 6)), rng.uniform(1, 5, (2, 2)))
    expected, last = averaged(scores.astype("float64"), values, state)
    tensors = [ops.convert_to_tensor(x) for x in (scores, values)]
    tensors.append(state and tuple(ops.convert_to_tensor(x, "float32") for x in state))
    found, end = running_averages(*tensors), final_state(*tensors)
    # A difference of two scores is right to their size times 2^-23.
    valid = np.where(scores > LOWEST / 2, scores, 0)
    tolerance = np.abs(valid).max() * 2.0**-22 + 1e-5
    np.testing.assert_allclose(to_numpy(found), expected, atol=tolerance)
    for one, other in zip(end, last, strict=True):
        np.testing.assert_allclose(to_numpy(one), other, rtol=1e-4, atol=10 * tolerance)


def averages_of_pairs(scores, values):
    """Average by the full square of pairs of steps."""
    shape, heads = scores.shape, scores.shape[2]
    pairs = ops.expand_dims(ops.swapaxes(scores, 1, 2), 2)
    pairs = pairs + ops.zeros((shape[1], 1), scores.dtype)
    seen = ops.logical_and(ops.tri(shape[1], dtype="bool"), pairs > LOWEST / 2)
    pairs = ops.where(seen, pairs, ops.full_like(pairs, LOWEST))
    weights = ops.where(seen, ops.softmax(pairs), ops.zeros_like(pairs))
    by_head = ops.reshape(values, (*shape[:2], heads, -1))
    return ops.reshape(ops.einsum("bhts,bshd->bthd", weights, by_head), (*shape[:2], -1))


@pytest.mark.parametrize("kind", ["alike", "jumps", "masked", "all masked"])
@pytest.mark.parametrize("n_timepoints", [40, 300])
def test_gradients_of_running_averages_agree_with_those_of_the_full_square(kind, n_timepoints):
    scores, rng = score_series(kind, n_timepoints), np.random.default_rng(3)
    values, target = rng.normal(size=(2, 2, n_timepoints, 6))

    def loss(average):
        return lambda *arrays: ops.sum(average(*arrays) * ops.convert_to_tensor(target))

    functions = (loss(running_averages), loss(averages_of_pairs))
    found, expected = (gradients(function, [scores, values]) for function in functions)
    tolerance = 1e-10 if DOUBLE else 1e-3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", ["alike", "jumps"])
@pytest.mark.parametrize("n_timepoints", [40, 300])
def test_gradients_reach_the_state_that_a_stream_starts_from(kind, n_timepoints):
    scores, rng = score_series(kind, n_timepoints), np.random.default_rng(3)
    values, target = rng.normal(size=(2, 2, n_timepoints, 6))
    maximum, sums, total = (
        rng.normal(size=(2, 2)),
        rng.normal(size=(2, 6)),
        rng.uniform(1, 5, (2, 2)),
    )

    def continued(scores, values, sums, total):
        state = (ops.convert_to_tensor(maximum), sums, total)
        averages = running_averages(scores, values, state)
        _, *end = final_state(scores, values, state)
        return ops.sum(averages * ops.convert_to_tensor(target)) + sum(map(ops.sum, end))

    def with_a_first_step(scores, values, sums, total):
        # The state is a step whose score is its denominator's logarithm, and its value the mean.
        first = ops.expand_dims(ops.convert_to_tensor(maximum) + ops.log(total), 1)
        mean = ops.reshape(ops.reshape(sums, (2, 2, 3)) / ops.expand_dims(total, -1), (2, 1, 6))
        values = ops.concatenate([mean, values], axis=1)
        scores = ops.concatenate([first, scores], axis=1)
        averages = averages_of_pairs(scores, values)[:, 1:]
        weights = ops.exp(
            scores
            - ops.stop_gradient(
                ops.max(
                    ops.concatenate(
                        [ops.expand_dims(ops.convert_to_tensor(maximum), 1), scores[:, 1:]], axis=1
                    ),
                    axis=1,
                    keepdims=True,
                )
            )
        )
        end = ops.sum(ops.expand_dims(weights, -1) * ops.reshape(values, (2, -1, 2, 3)))
        return ops.sum(averages * ops.convert_to_tensor(target)) + end + ops.sum(weights)

    arrays = [scores, values, sums, total]
    found, expected = (gradients(f, arrays) for f in (continued, with_a_first_step))
    tolerance = 1e-9 if DOUBLE else 1e-3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch has no XLA here")
@pytest.mark.parametrize("kind", ["alike", "jumps"])
def test_a_compiled_training_step_takes_either_way(kind):
    rng = np.random.default_rng(5)
    x = rng.normal(scale=1.0 if kind == "alike" else 100.0, size=(2, 400, 3)).astype("float32")
    target = rng.normal(size=(2, 400, 8)).astype("float32")
    weights = []
    for compiled in (True, False):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((None, 3)), RNNAttention(2, 4)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=compiled)
        model.train_on_batch(x, target)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_rise_below_the_limit_leaves_sums_that_float32_can_tell_from_zero():
    # One reference per block: the lowest weight of a step relative to it.
    assert np.exp(-STEEPEST) > 1e3 * 1e-13


def test_blocks_nest_to_any_depth():
    # 5000 steps need three levels of blocks of 16.
    maxima = np.zeros((1, 5000), "float32")
    (sums,) = decayed_sums(ops.convert_to_tensor(maxima), ops.ones((1, 5000, 1)))
    np.testing.assert_array_equal(to_numpy(sums)[0, :, 0], np.arange(1, 5001))
    values = np.random.default_rng(0).integers(-9, 9, size=(2, 5000, 3)).astype("float32")
    found = to_numpy(running_sums(ops.convert_to_tensor(values)))
    np.testing.assert_array_equal(found, np.cumsum(values, axis=1))
    found = to_numpy(running_sums(ops.convert_to_tensor(values), backwards=True))
    np.testing.assert_array_equal(found, np.cumsum(values[:, ::-1], axis=1)[:, ::-1])


def test_positive_features_have_the_slope_of_their_formula():
    # Below log(1e-6) = -13.8 they are constant.
    x = np.array([-20.0, -13.0, -1.0, -1e-3, 1e-3, 2.0])
    (slopes,) = gradients(lambda x: ops.sum(positive_features(x)), [x])
    np.testing.assert_allclose(slopes, [0, *np.exp(x[1:4]), 1, 1], rtol=1e-5)


def test_a_state_needs_a_causal_layer():
    with pytest.raises(ValueError, match="history_only=True"):
        LinearSelfAttention(2, 4, history_only=False, return_state=True)
