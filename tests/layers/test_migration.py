"""Code and weights of the packages that these layers stand in for work with the import changed."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn.layers import (
    Attention,
    ConvAttention,
    MultiHeadSelfAttention,
    ScaledDotProductAttention,
    SeqSelfAttention,
    SeqWeightedAttention,
)
from tests.layers import reference
from tests.layers.backends import to_numpy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 7, 4)).astype("float32")


def _softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def test_names_of_the_packages_are_attributes_of_the_layers():
    assert SeqSelfAttention.ATTENTION_TYPE_ADD == "additive"
    assert SeqSelfAttention.ATTENTION_TYPE_MUL == "multiplicative"
    assert Attention.SCORE_LUONG == "luong"
    assert Attention.SCORE_BAHDANAU == "bahdanau"
    for score in (Attention.SCORE_LUONG, Attention.SCORE_BAHDANAU):
        assert tuple(Attention(units=32, score=score)(X).shape) == (3, 32)
    layer = SeqSelfAttention(attention_type=SeqSelfAttention.ATTENTION_TYPE_MUL)
    assert layer.attention_type == "multiplicative"


@pytest.mark.parametrize(
    "cls",
    [Attention, ConvAttention, SeqSelfAttention, SeqWeightedAttention, ScaledDotProductAttention,
     MultiHeadSelfAttention],
)  # fmt: skip
def test_custom_objects_load_a_model_of_the_layer(cls, tmp_path):
    layer = cls(2, 3) if cls is MultiHeadSelfAttention else cls()
    model = keras.Sequential([keras.Input((7, 4)), layer])
    model.save(tmp_path / "model.keras")
    assert cls.get_custom_objects() == {cls.__name__: cls}
    loaded = keras.models.load_model(
        tmp_path / "model.keras", custom_objects=cls.get_custom_objects()
    )
    np.testing.assert_array_equal(to_numpy(loaded(X)), to_numpy(model(X)))


def test_the_example_of_keras_self_attention_runs():
    model = keras.models.Sequential()
    model.add(keras.layers.Embedding(input_dim=100, output_dim=8, mask_zero=True))
    lstm = keras.layers.LSTM(units=6, return_sequences=True)
    model.add(keras.layers.Bidirectional(lstm))
    model.add(
        SeqSelfAttention(
            attention_width=15,
            attention_type=SeqSelfAttention.ATTENTION_TYPE_MUL,
            attention_activation=None,
            kernel_regularizer=keras.regularizers.L2(1e-6),
            bias_regularizer=keras.regularizers.L1(1e-4),
            attention_regularizer_weight=1e-4,
            use_attention_bias=False,
            name="Attention",
        )
    )
    model.add(keras.layers.Dense(units=5, activation="softmax"))
    model.compile("adam", loss="sparse_categorical_crossentropy")
    words = RNG.integers(1, 100, size=(4, 9))
    model.fit(words, RNG.integers(0, 5, size=(4, 9)), verbose=0)
    assert model.predict(words, verbose=0).shape == (4, 9, 5)


@pytest.mark.parametrize("score", [Attention.SCORE_LUONG, Attention.SCORE_BAHDANAU])
def test_the_example_of_attention_runs(score, tmp_path):
    inputs = keras.Input(shape=(7, 4))
    x = keras.layers.LSTM(8, return_sequences=True)(inputs)
    x = Attention(units=6, score=score)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(loss="mae", optimizer="adam")
    model.fit(X, X[:, 0, :1], verbose=0)
    before = model.predict(X, verbose=0)
    model.save(tmp_path / "test.keras")
    loaded = keras.models.load_model(tmp_path / "test.keras", {"Attention": Attention})
    np.testing.assert_allclose(loaded.predict(X, verbose=0), before, rtol=1e-6)


@pytest.mark.parametrize("history_only", [False, True])
@pytest.mark.parametrize("n_queries", [3, 7, 9])
def test_queries_keys_and_values_are_attended_to_as_in_numpy(history_only, n_queries):
    query = RNG.normal(size=(3, n_queries, 4)).astype("float32")
    value = RNG.normal(size=(3, 7, 5)).astype("float32")
    layer = ScaledDotProductAttention(return_attention=True, history_only=history_only)
    outputs, weights = layer([query, X, value])
    for i in range(3):
        expected = reference.scaled_dot_product(
            {}, query[i].astype("float64"), X[i], value[i], history_only=history_only
        )
        np.testing.assert_allclose(to_numpy(outputs)[i], expected, rtol=1e-5, atol=1e-6)
    assert tuple(weights.shape) == (3, n_queries, 7)
    np.testing.assert_allclose(to_numpy(weights).sum(axis=-1), 1, rtol=1e-6)
    theirs = keras.layers.Attention(score_mode="dot")([query / np.float32(2.0), value, X])
    if not history_only:
        np.testing.assert_allclose(to_numpy(outputs), to_numpy(theirs), rtol=1e-4, atol=1e-5)


def test_masked_keys_are_as_good_as_absent():
    valid = np.array([[1, 1, 1, 0, 1, 0, 1]] * 3, dtype=bool)
    layer = ScaledDotProductAttention()
    full = np.where(valid[..., None], X, np.nan)
    kept = np.stack([x[v] for x, v in zip(X, valid, strict=True)])
    masks = [None, valid, valid]
    np.testing.assert_allclose(
        to_numpy(layer([X, full, full], mask=masks)),
        to_numpy(layer([X, kept, kept])),
        rtol=1e-5,
        atol=1e-6,
    )


def test_three_inputs_of_a_model_are_symbolic_and_loaded(tmp_path):
    inputs = [keras.Input((None, 4)), keras.Input((None, 4)), keras.Input((None, 5))]
    outputs, weights = ScaledDotProductAttention(return_attention=True)(inputs)
    model = keras.Model(inputs, [outputs, weights])
    assert [tuple(o.shape) for o in (outputs, weights)] == [(None, None, 5), (None, None, None)]
    model.save(tmp_path / "model.keras")
    given = [X[:, :3], X, RNG.normal(size=(3, 7, 5)).astype("float32")]
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(loaded(given), model(given), strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(3, 7, 4), (3, 7, 5), (3, 7, 4)], "Queries of 4 channels cannot be compared with keys"),
        ([(3, 7, 4), (3, 7, 4), (3, 6, 4)], "Keys have 7 time steps and values 6; give one"),
        ([(3, 7, 4), (3, 7, 4)], r"one sequence or \[query, key, value\], .* a list of 2; give"),
        ([(3, 4), (3, 7, 4), (3, 7, 4)], "return_sequences=True"),
    ],
)
def test_queries_keys_and_values_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        ScaledDotProductAttention()([np.ones(shape, "float32") for shape in shapes])


@pytest.mark.parametrize("width", [None, 3])
def test_attention_scores_are_returned_by_the_call_that_asks_for_them(width):
    layer = MultiHeadSelfAttention(num_heads=2, key_dim=3, attention_width=width)
    outputs, scores = layer(X, return_attention_scores=True)
    np.testing.assert_allclose(to_numpy(outputs), to_numpy(layer(X)), rtol=1e-5, atol=1e-6)
    asked = MultiHeadSelfAttention.from_config({**layer.get_config(), "return_attention": True})
    asked.build(X.shape)
    asked.set_weights(layer.get_weights())
    np.testing.assert_array_equal(to_numpy(scores), to_numpy(asked(X)[1]))
    inputs = keras.Input((7, 4))
    model = keras.Model(inputs, layer(inputs, return_attention_scores=True))
    assert [tuple(o.shape) for o in model.outputs] == [(None, 7, 4), (None, 2, 7, width or 7)]
    np.testing.assert_allclose(to_numpy(model(X)[1]), to_numpy(scores), rtol=1e-5, atol=1e-6)


def test_bahdanau_weights_of_the_original_begin_with_the_vector():
    vector, of_last, of_all = (RNG.normal(size=s) for s in ((4, 1), (4, 4), (4, 4)))
    output = RNG.normal(size=(8, 5))
    layer = Attention(units=5, score="bahdanau")
    layer.build((None, None, 4))
    layer.set_weights(layer.original_weights([vector, of_last, of_all, output]))
    hidden = np.tanh(X[:, -1:] @ of_last + X @ of_all) @ vector  # as in the original
    context = (_softmax(hidden[..., 0])[:, None] @ X)[:, 0]
    expected = np.tanh(np.concatenate([context, X[:, -1]], axis=1) @ output)
    np.testing.assert_allclose(to_numpy(layer(X)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 4])
def test_weights_of_the_attention_within_the_convolution_are_mapped_alike(n_channels):
    layer = ConvAttention(filters=n_channels, units=5, score="bahdanau")
    layer.build((None, None, 4))
    ours = [RNG.normal(size=w.shape) for w in layer.get_weights()]
    *before, query, key, vector, output = ours
    mapped = layer.original_weights([*before, vector, query, key, output])
    for one, other in zip(mapped, ours, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_keras_own_attention_lose_the_axis_of_heads():
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=5)
    expected = theirs(X, X)
    layer = MultiHeadSelfAttention(num_heads=2, key_dim=3, value_dim=5)
    layer.build(X.shape)
    layer.set_weights(layer.original_weights(theirs.get_weights()))
    np.testing.assert_allclose(to_numpy(layer(X)), to_numpy(expected), rtol=1e-4, atol=1e-5)


def test_weights_in_the_order_of_ours_stay_as_they_are():
    for layer in (SeqSelfAttention(units=3), SeqWeightedAttention(), Attention(units=3)):
        layer.build((None, None, 4))
        weights = layer.get_weights()
        for one, other in zip(layer.original_weights(weights), weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_weights_of_other_settings_and_of_layers_that_are_not_built_are_refused():
    layer = Attention(units=3)
    with pytest.raises(ValueError, match=r"^Attention has no weights yet; build it first"):
        layer.original_weights([])
    layer.build((None, None, 4))
    for weights in ([np.ones((4, 4))], [np.ones((5, 5)), np.ones((8, 3))]):
        with pytest.raises(ValueError, match=r"^Attention has weights of the shapes .*; give"):
            layer.original_weights(weights)
