"""Layers on long sequences in segments give the same as on the sequence in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from skconvattn.layers import (
    LinearSelfAttention,
    MultiHeadSelfAttention,
    SeqSelfAttention,
)
from skconvattn.layers.ops import segments as module
from skconvattn.layers.ops.linear_averages import linear_averages
from tests.layers.backends import DOUBLE, gradients, to_numpy

LAYERS = {
    "additive": lambda **band: SeqSelfAttention(4, **band),
    "multiplicative": lambda **band: SeqSelfAttention(attention_type="multiplicative", **band),
    "multi-head": lambda **band: MultiHeadSelfAttention(2, 4, **band),
    "rotary": lambda **band: MultiHeadSelfAttention(2, 4, positions="rotary", **band),
    "learned": lambda **band: MultiHeadSelfAttention(2, 4, positions="learned", **band),
}


@pytest.fixture
def short_segments(monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 6)
    monkeypatch.setattr(module, "LEAST_SHARE", 1)


def sequence(n_timepoints=50):
    rng = np.random.default_rng(0)
    mask = np.ones((2, n_timepoints), dtype=bool)
    mask[0, n_timepoints - 20 :] = mask[1, 5:9] = False
    return rng.normal(size=(2, n_timepoints, 3)).astype("float32"), mask


def whole(layer, x, **kwargs):
    """Return what the layer gives where its length, and so any segment, is unknown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT", 4096)
        return layer(x, **kwargs)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("history_only", [False, True])
@pytest.mark.parametrize("width", [1, 6])
@pytest.mark.parametrize("n_timepoints", [37, 48])
def test_a_band_is_the_same_in_segments(short_segments, kind, history_only, width, n_timepoints):
    layer = LAYERS[kind](attention_width=width, history_only=history_only)
    x, mask = sequence(n_timepoints)
    assert len(module.segments(ops.convert_to_tensor(x), None)) > 3
    for valid in (None, mask):
        found, expected = (
            to_numpy(call(x, mask=valid))
            for call in (layer, lambda x, mask: whole(layer, x, mask=mask))
        )
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("history_only", [False, True])
@pytest.mark.parametrize("n_timepoints", [37, 48])
def test_linear_attention_is_the_same_in_segments(short_segments, history_only, n_timepoints):
    layer = LinearSelfAttention(2, 4, history_only=history_only, return_attention=True)
    x, mask = sequence(n_timepoints)
    for valid in (None, mask):
        for found, expected in zip(layer(x, mask=valid), whole(layer, x, mask=valid), strict=True):
            np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=1e-5, atol=1e-6)


def test_the_state_after_segments_is_that_after_all_steps(short_segments):
    layer = LinearSelfAttention(2, 4, return_state=True)
    x, mask = sequence()
    _, *start = whole(layer, x[:, ::-1])
    kwargs = {"mask": mask, "initial_state": start}
    for found, expected in zip(layer(x, **kwargs), whole(layer, x, **kwargs), strict=True):
        np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=1e-5, atol=1e-5)


def naive_averages(queries, keys, values, sums, key_sums):
    """Average by the full square of products, with gradients of Keras's backend."""
    past = ops.tril(ops.ones((queries.shape[1], queries.shape[1]), dtype=queries.dtype))
    weights = ops.matmul(queries, ops.swapaxes(keys, 1, 2)) * past
    numerators = ops.matmul(weights, values) + ops.matmul(queries, sums)
    denominators = ops.sum(weights, axis=-1, keepdims=True) + ops.matmul(queries, key_sums)
    return numerators / denominators


@pytest.mark.parametrize("cuts", [[], [20], [16, 17, 40]])
def test_linear_averages_have_the_gradient_of_their_formula(cuts):
    rng = np.random.default_rng(1)
    shapes = (2, 43, 3), (2, 43, 3), (2, 43, 2), (2, 3, 2), (2, 3, 1)
    arrays = [rng.uniform(0.1, 1.0, size=shape) for shape in shapes]
    arrays[1][:, 5:8] = 0.0  # masked steps
    factors = ops.convert_to_tensor(rng.normal(size=(2, 43, 2)), "float64" if DOUBLE else "float32")

    def ours(queries, keys, values, *state):
        parts = (ops.split(x, cuts, axis=1) if cuts else [x] for x in (queries, keys, values))
        averages = linear_averages(list(zip(*parts, strict=True)), state)
        return ops.sum(averages * factors)

    def naive(*tensors):
        return ops.sum(naive_averages(*tensors) * factors)

    dtype, precision = ("float64", 1e-10) if DOUBLE else ("float32", 2e-4)
    pairs = zip(gradients(ours, arrays, dtype), gradients(naive, arrays, dtype), strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=precision, atol=precision)


def test_steps_before_the_first_valid_one_give_zeros_and_no_gradient():
    rng = np.random.default_rng(2)
    arrays = [rng.uniform(0.1, 1.0, size=(1, 9, 2)) for _ in range(3)]
    arrays[1][:, :4] = 0.0

    def total(queries, keys, values):
        return ops.sum(linear_averages([(queries, keys, values)])[:, :4])

    averages = linear_averages([tuple(ops.convert_to_tensor(x, "float32") for x in arrays)])
    np.testing.assert_array_equal(to_numpy(averages)[:, :4], 0.0)
    for slope in gradients(total, arrays, "float32"):
        np.testing.assert_array_equal(slope, 0.0)


def test_segments_are_few_and_longer_than_what_they_share():
    x = ops.zeros((1, 100_000, 1))
    parts = module.segments(x, ops.ones((1, 100_000), dtype="bool"), shared=2000)
    assert [part.shape[1] for part, _ in parts] == [16_000] * 6 + [4_000]
    assert [mask.shape[1] for _, mask in parts] == [16_000] * 6 + [4_000]
    assert len(module.segments(x, None)) == module.MOST_SEGMENTS
    assert len(module.segments(x[:, :2048], None)) == 1
