"""Many-to-one attention, with and without a convolution before it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn.layers import Attention, ConvAttention, SeqWeightedAttention
from tests.layers.backends import to_numpy


def test_luong_scores_and_output_equal_values_computed_by_hand():
    layer = Attention(units=1, score="luong", return_attention=True)
    layer.build((None, 2, 2))
    layer.set_weights([np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[1.0], [0.0], [0.0], [2.0]])])
    # W h = (0, h_1), so scores are h_t . (0, h_1): 1 * 3 and 1 * 0.
    outputs, weights = layer(np.array([[[3.0, 0.0], [0.0, 1.0]]], "float32"))
    share = np.exp(3) / (np.exp(3) + 1)
    np.testing.assert_allclose(to_numpy(weights), [[share, 1 - share]], rtol=1e-6)
    np.testing.assert_allclose(to_numpy(outputs), [[np.tanh(3 * share + 2)]], rtol=1e-6)


def test_bahdanau_scores_equal_values_computed_by_hand():
    layer = Attention(units=1, score="bahdanau", return_attention=True)
    layer.build((None, 2, 1))
    # The score of h_s is 2 tanh(0.5 h_t + h_s).
    layer.set_weights([np.array(w) for w in ([[0.5]], [[1.0]], [[2.0]], [[1.0], [0.0]])])
    _, weights = layer(np.array([[[3.0], [1.0]]], "float32"))
    exponentials = np.exp(2 * np.tanh([3.5, 1.5]))
    np.testing.assert_allclose(to_numpy(weights), [exponentials / exponentials.sum()], rtol=1e-6)


@pytest.mark.parametrize("score", ["luong", "bahdanau"])
def test_the_query_is_the_last_valid_step(score):
    layer = Attention(units=3, score=score, return_attention=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    mask = np.array(
        [[True, True, True, False, False, False], [False, True, False, True, True, False]]
    )
    outputs, weights = layer(x, mask=mask)
    for i in range(2):
        expected, expected_weights = layer(x[i : i + 1, mask[i]])
        np.testing.assert_allclose(to_numpy(outputs)[i], to_numpy(expected)[0], atol=1e-6)
        found = to_numpy(weights)[i]
        np.testing.assert_allclose(found[mask[i]], to_numpy(expected_weights)[0], atol=1e-6)
        assert (found[~mask[i]] == 0).all()


def test_keras_masks_reach_the_layer_through_a_model():
    inputs = keras.Input((5, 3))
    outputs = Attention(units=2)(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, outputs)
    x = np.random.default_rng(0).normal(size=(1, 5, 3)).astype("float32")
    x[:, 3:] = 0
    shorter = keras.Model(inputs, outputs).layers[-1](x[:, :3])
    np.testing.assert_allclose(to_numpy(model(x)), to_numpy(shorter), atol=1e-6)


def test_conv_attention_is_the_chain_of_keras_layers_that_it_replaces():
    layer = ConvAttention(filters=6, kernel_size=3, pool_size=2, units=5, return_attention=True)
    x = np.random.default_rng(0).normal(size=(2, 8, 4)).astype("float32")
    outputs, weights = layer(x)
    chain = keras.Sequential(
        [
            keras.layers.Conv1D(6, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling1D(2),
            keras.layers.Dense(6, activation="relu"),
        ]
    )
    chain.build(x.shape)
    chain.set_weights(layer.get_weights()[:4])
    expected, expected_weights = layer.attention(chain(x))
    np.testing.assert_allclose(to_numpy(outputs), to_numpy(expected), atol=1e-6)
    np.testing.assert_allclose(to_numpy(weights), to_numpy(expected_weights), atol=1e-6)


def test_steps_are_attended_over_in_the_channels_of_the_projection():
    x = np.ones((2, 8, 4), "float32")
    for units, expected in ((None, 6), (3, 3)):
        layer = ConvAttention(6, projection_units=units, pool_size=2, return_sequence=True)
        assert tuple(layer(x)[-1].shape) == (2, 4, expected)


def test_a_pool_longer_than_the_series_leaves_one_step():
    layer = ConvAttention(filters=3, pool_size=50, units=2, return_attention=True)
    x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype("float32")
    outputs, weights = layer(x)
    assert to_numpy(weights).tolist() == [[1.0], [1.0]]
    assert np.isfinite(to_numpy(outputs)).all()


def test_masked_steps_do_not_win_the_maximum_of_a_pool():
    layer = ConvAttention(filters=1, kernel_size=1, pool_size=2, units=1, activation="linear")
    layer.build((None, 4, 1))
    x = np.array([[[-1.0], [5.0], [-3.0], [7.0]]], "float32")
    mask = np.array([[True, False, True, False]])
    kept = to_numpy(layer(x[:, ::2], mask=np.array([[True, True]])))
    single = ConvAttention(filters=1, kernel_size=1, pool_size=1, units=1, activation="linear")
    single.build((None, 2, 1))
    single.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        to_numpy(layer(x, mask=mask)), to_numpy(single(x[:, ::2])), atol=1e-6
    )
    assert kept.shape == (1, 1)


def test_weights_of_a_weighted_mean_sum_to_one_over_the_valid_steps():
    layer = SeqWeightedAttention(return_attention=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    mask = np.arange(6) < np.array([[6], [2]])
    outputs, weights = layer(x, mask=mask)
    np.testing.assert_allclose(to_numpy(weights).sum(axis=1), [1, 1], rtol=1e-6)
    assert (to_numpy(weights)[1, 2:] == 0).all()
    expected = np.einsum("bt,btc->bc", to_numpy(weights), x)
    np.testing.assert_allclose(to_numpy(outputs), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Attention(score="dot"), "score='dot'"),
        (lambda: Attention(units=0), "units=0"),
        (lambda: ConvAttention(pool_size=0), "pool_size=0"),
        (lambda: ConvAttention(projection_units=0), "projection_units=0"),
        (lambda: ConvAttention(residual=True, padding="valid"), "padding='same'"),
        (lambda: ConvAttention(padding="full"), "padding='full'"),
    ],
)
def test_wrong_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
