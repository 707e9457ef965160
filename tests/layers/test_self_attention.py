"""Self-attention: bands, weights, positions, carried scores and regularisation."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn.layers import (
    LinearSelfAttentionCell,
    MultiHeadSelfAttention,
    ResidualConv1D,
    RNNAttention,
    SeqSelfAttention,
    SeqWeightedAttention,
    expand_band,
)
from tests.layers.backends import to_numpy

X = np.random.default_rng(0).normal(size=(2, 23, 4)).astype("float32")

every_kind = pytest.mark.parametrize("kind", ["additive", "multiplicative", "multi-head"])


def make(kind, **config):
    if kind == "multi-head":
        return MultiHeadSelfAttention(num_heads=2, key_dim=4, return_attention=True, **config)
    return SeqSelfAttention(5, attention_type=kind, return_attention=True, **config)


@every_kind
@pytest.mark.parametrize("history_only", [False, True])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 17, 40])
def test_a_band_equals_the_masked_square(kind, width, history_only):
    local = make(kind, attention_width=width, history_only=history_only)
    outputs, weights = local(X)
    full = make(kind)
    full.build(X.shape)
    full.set_weights(local.get_weights())
    _, square = full(X)
    before = width - 1 if history_only else width // 2
    distance = np.arange(23)[None] - np.arange(23)[:, None]
    inside = (distance >= -before) & (distance < width - before)
    expected = to_numpy(square) * inside
    expected /= expected.sum(axis=-1, keepdims=True)
    found = to_numpy(expand_band(weights, history_only))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert to_numpy(weights).shape[-2:] == (23, width)
    if kind != "multi-head":
        np.testing.assert_allclose(to_numpy(outputs), expected @ X, rtol=1e-4, atol=1e-5)


@every_kind
@pytest.mark.parametrize("history_only", [False, True])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 17, 40])
def test_outputs_do_not_depend_on_whether_weights_are_asked_for(kind, width, history_only):
    # Without them, a band is never held in the form (time, width).
    with_weights = make(kind, attention_width=width, history_only=history_only)
    config = {**with_weights.get_config(), "return_attention": False}
    without = type(with_weights).from_config(config)
    mask = np.ones((2, 23), dtype=bool)
    mask[0, 4:7] = mask[0, 21:] = mask[1] = False
    for layer in (with_weights, without):
        layer.build(X.shape)
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=w.shape) for w in without.get_weights()]
    with_weights.set_weights(weights)
    without.set_weights(weights)
    for used in (None, mask):
        expected = to_numpy(with_weights(X, mask=used)[0])
        np.testing.assert_allclose(to_numpy(without(X, mask=used)), expected, rtol=1e-5, atol=1e-5)


def test_weights_of_a_band_are_dropped_in_training_only():
    layer = MultiHeadSelfAttention(2, 3, dropout=0.5, seed=4, attention_width=5)
    layer.build(X.shape)
    rng = np.random.default_rng(6)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    whole = to_numpy(layer(X))
    np.testing.assert_array_equal(whole, to_numpy(layer(X, training=False)))
    dropped = np.stack([to_numpy(layer(X, training=True)) for _ in range(200)])
    # What remains is scaled up, so that outputs are the same in the mean.
    error = dropped.std(axis=0) / np.sqrt(len(dropped))
    assert error.min() > 1e-3
    assert (np.abs(dropped.mean(axis=0) - whole) < 5 * error).all()


@pytest.mark.parametrize("history_only", [False, True])
def test_wide_additive_bands_equal_narrow_ones_placed_side_by_side(history_only):
    # Beyond 32 steps the scores are taken blockwise instead of shift by shift.
    x = np.random.default_rng(1).normal(size=(2, 90, 4)).astype("float32")
    local = make("additive", attention_width=50, history_only=history_only)
    _, weights = local(x)
    full = make("additive")
    full.build(x.shape)
    full.set_weights(local.get_weights())
    before = 49 if history_only else 25
    distance = np.arange(90)[None] - np.arange(90)[:, None]
    expected = to_numpy(full(x)[1]) * ((distance >= -before) & (distance < 50 - before))
    expected /= expected.sum(axis=-1, keepdims=True)
    found = to_numpy(expand_band(weights, history_only))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@every_kind
def test_no_weight_falls_on_a_masked_step(kind):
    mask = np.arange(23) < np.array([[23], [9]])
    for width in (None, 5):
        _, weights = make(kind, attention_width=width)(X, mask=mask)
        square = to_numpy(weights if width is None else expand_band(weights))
        assert (square[1, ..., 9:] == 0).all()
        np.testing.assert_allclose(square[1, ..., :9, :].sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("width", [None, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_the_regulariser_is_the_distance_of_the_products_of_rows_from_the_identity(width, masked):
    layer = make("additive", attention_width=width, attention_regularizer_weight=0.5)
    mask = np.arange(23) < np.array([[23], [9]]) if masked else np.ones((2, 23), dtype=bool)
    _, weights = layer(X, mask=mask)
    (loss,) = layer.losses
    square = to_numpy(weights if width is None else expand_band(weights)) * mask[..., None]
    identity = np.eye(23) * mask[..., None]
    expected = 0.5 * np.sum((square @ square.swapaxes(1, 2) - identity) ** 2) / 2
    np.testing.assert_allclose(to_numpy(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("width", [None, 3])
def test_the_regulariser_does_not_overflow_in_half_precision(width):
    # Its diagonal alone adds up to 900 per series and to 72,000 in all; float16 ends at 65,504.
    layer = make("multiplicative", attention_width=width, dtype="mixed_float16")
    layer.attention_regularizer_weight = 1.0
    layer.build((None, None, 4))
    layer.set_weights([np.zeros(w.shape) for w in layer.get_weights()])
    layer(np.ones((80, 900, 4), "float32"))
    (loss,) = layer.losses
    n, k = 900, 900 if width is None else 3
    # Rows of equal weights 1 / k: products are 1 / k where rows overlap fully.
    if width is None:
        expected = n * (1 - 1 / k) ** 2 + n * (n - 1) / k**2
    else:
        full = np.ones((n, n)) * (np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1)
        full /= full.sum(axis=1, keepdims=True)
        expected = np.sum((full @ full.T - np.eye(n)) ** 2)
    # Weights of half precision are right to 2^-11.
    np.testing.assert_allclose(to_numpy(loss), expected, rtol=4 * 2.0**-11)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (SeqSelfAttention(3, use_additive_bias=False), "query_kernel key_kernel score_kernel"),
        (SeqSelfAttention(3, attention_type="multiplicative"), "score_kernel"),
        (SeqWeightedAttention(), "kernel"),
    ],
)
def test_a_bias_is_there_only_if_it_is_used(layer, names):
    for option, more in (("use_attention_bias", ["attention_bias"]), ("use_bias", ["bias"])):
        for used in (True, False) if option in layer.get_config() else ():
            built = type(layer).from_config({**layer.get_config(), option: used})
            built.build(X.shape)
            assert [w.name for w in built.weights] == names.split() + more * used


def test_multi_head_equals_keras_with_the_same_weights():
    ours = MultiHeadSelfAttention(num_heads=3, key_dim=5, value_dim=2, return_attention=True)
    theirs = keras.layers.MultiHeadAttention(num_heads=3, key_dim=5, value_dim=2)
    outputs, weights = ours(X)
    theirs.build(X.shape, X.shape)
    shapes = [w.shape for w in theirs.get_weights()]
    theirs.set_weights([w.reshape(s) for w, s in zip(ours.get_weights(), shapes, strict=True)])
    mask = np.arange(23) < np.array([[23], [9]])
    for ours_mask, theirs_mask in ((None, None), (mask, mask[:, None])):
        outputs, weights = ours(X, mask=ours_mask)
        expected, expected_weights = theirs(
            X, X, attention_mask=theirs_mask, return_attention_scores=True
        )
        valid = np.ones((2, 23), dtype=bool) if ours_mask is None else mask
        np.testing.assert_allclose(
            to_numpy(outputs)[valid], to_numpy(expected)[valid], rtol=1e-5, atol=1e-5
        )
        by_query = [to_numpy(w).transpose(0, 2, 1, 3)[valid] for w in (weights, expected_weights)]
        np.testing.assert_allclose(*by_query, atol=1e-6)


def test_rotary_positions_see_distances_only():
    layer = make("multi-head", positions="rotary", history_only=True, attention_width=4)
    shifted = np.concatenate([np.zeros((2, 7, 4), "float32"), X], axis=1)
    outputs, moved = to_numpy(layer(X)[0]), to_numpy(layer(shifted)[0])
    np.testing.assert_allclose(outputs[:, 3:], moved[:, 10:], rtol=1e-4, atol=1e-5)
    full = make("multi-head", positions="rotary")
    assert np.abs(to_numpy(full(X)[0])[:, ::-1] - to_numpy(full(X[:, ::-1])[0])).max() > 1e-3


def test_carried_scores_are_added_before_the_softmax():
    layer = MultiHeadSelfAttention(2, 3, return_attention=True, return_scores=True)
    _, weights, scores = layer(X)
    _, twice, _ = layer(X, previous_scores=scores)
    expected = to_numpy(weights) ** 2
    expected /= expected.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(to_numpy(twice), expected, rtol=1e-4, atol=1e-6)


def test_learned_positions_of_unknown_number_are_refused():
    layer = MultiHeadSelfAttention(2, 3, positions="learned")
    with pytest.raises(ValueError, match="give max_timepoints"):
        layer.build((None, None, 4))


def test_an_input_longer_than_its_learned_positions_is_refused():
    layer = MultiHeadSelfAttention(2, 3, positions="learned", max_timepoints=1)
    layer.build((None, None, 4))
    with pytest.raises(ValueError, match="max_timepoints >= 23"):
        layer(X)


def test_a_residual_convolution_of_zeros_is_the_identity():
    layer = ResidualConv1D(filters=4, kernel_initializer="zeros")
    np.testing.assert_array_equal(to_numpy(layer(X)), X)


@pytest.mark.parametrize(
    ("make_layer", "message"),
    [
        (lambda: SeqSelfAttention(attention_type="dot"), "attention_type='dot'"),
        (lambda: SeqSelfAttention(attention_width=0), "attention_width=0"),
        (lambda: SeqSelfAttention(0), "units=0"),
        (lambda: MultiHeadSelfAttention(2, 3, attention_width=0), "attention_width=0"),
        (lambda: MultiHeadSelfAttention(0, 3), "num_heads=0"),
        (lambda: MultiHeadSelfAttention(2, 3, value_dim=0), "value_dim=0"),
        (lambda: RNNAttention(2, 0), "key_dim=0"),
        (lambda: LinearSelfAttentionCell(-1, 2), "num_heads=-1"),
        (lambda: MultiHeadSelfAttention(2, 3, positions="rotary"), "key_dim=3"),
        (lambda: MultiHeadSelfAttention(2, 3, positions="sine"), "positions='sine'"),
        (lambda: ResidualConv1D(3, padding="valid"), "padding='valid'"),
        (lambda: ResidualConv1D(3, strides=0), "strides=0"),
    ],
)
def test_wrong_settings_are_named(make_layer, message):
    with pytest.raises(ValueError, match=message):
        make_layer()
