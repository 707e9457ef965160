"""Stacked attention as an RNN: causal, of any number of heads per layer."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import RNNAttentionRegressor
from skconvattn.architectures.rnn_attention import RNNAttentionNetwork
from skconvattn.inspection import attention_weights


def _sequence(**parameters):
    import keras

    network = RNNAttentionNetwork(units=4, **{"num_heads": 2, "key_dim": 3, **parameters})
    series, mask = keras.Input((None, 2)), keras.Input((None,), dtype="bool")
    encoding = network.encode(series, mask)
    return keras.Model([series, mask], [encoding.features, encoding.sequence])


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 20, 2)).astype("float32")


def test_no_step_sees_a_later_one(series):
    model, mask = _sequence(), np.ones((3, 20), bool)
    changed = series.copy()
    changed[:, 12:] += 1.0
    before, after = (np.asarray(model([x, mask])[1]) for x in (series, changed))
    np.testing.assert_allclose(after[:, :12], before[:, :12], atol=1e-5)
    assert (np.abs(after[:, 12:] - before[:, 12:]).max(axis=2) > 1e-3).all()


def test_features_are_those_of_the_last_valid_step(series):
    model = _sequence()
    mask = np.arange(20) < np.array([20, 13, 1])[:, None]
    features, sequence = map(np.asarray, model([series, mask]))
    expected = sequence[[0, 1, 2], [19, 12, 0]]
    np.testing.assert_allclose(features, expected, atol=1e-6)
    alone = np.asarray(model([series[1:2, :13], mask[1:2, :13]])[0])
    np.testing.assert_allclose(features[1:2], alone, atol=1e-5)


def test_layers_may_differ_in_heads_and_widths():
    X = np.random.default_rng(0).normal(size=(12, 8))
    regressor = RNNAttentionRegressor(
        n_layers=2,
        num_heads=[1, 3],
        key_dim=[4, 2],
        units=4,
        epochs=1,
        random_state=0,
        members=["network"],
    ).fit(X, X[:, 0])
    attention = regressor.fitted_model_.attention([X[..., None].astype("float32")])
    assert attention.shape == (12, 3, 8, 8)
    assert (attention[..., np.triu_indices(8, 1)[0], np.triu_indices(8, 1)[1]] == 0).all()


@pytest.mark.parametrize("pooling", ["last", "statistics", "attention"])
def test_a_masked_tail_is_in_no_pooling(pooling, series):
    model = _sequence(pooling=pooling)
    mask = np.arange(20) < np.array([20, 13, 1])[:, None]
    features = np.asarray(model([series, mask])[0])
    assert features.shape == (3, 12 if pooling == "statistics" else 4)
    for number, length in enumerate((20, 13, 1)):
        alone = model([series[[number], :length], np.ones((1, length), bool)])[0]
        np.testing.assert_allclose(features[[number]], np.asarray(alone), atol=1e-5)


def test_statistics_are_those_of_all_steps(series):
    features, sequence = map(
        np.asarray, _sequence(pooling="statistics")([series, np.ones((3, 20), bool)])
    )
    expected = [sequence.mean(axis=1), sequence.max(axis=1), sequence.min(axis=1)]
    np.testing.assert_allclose(features, np.concatenate(expected, axis=1), atol=1e-5)


def test_weights_of_learned_pooling_are_the_attention_shown():
    X = np.random.default_rng(0).normal(size=(12, 8))
    regressor = RNNAttentionRegressor(
        pooling="attention", units=4, epochs=1, random_state=0, members=["network"]
    )
    regressor.fit(X, X[:, 0])
    attention = attention_weights(regressor, X[:3])
    assert attention.shape == (3, 8)
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["num_heads", "key_dim"])
def test_a_number_of_widths_other_than_of_layers_is_refused(name):
    X = np.random.default_rng(0).normal(size=(12, 8))
    with pytest.raises(ValueError, match=rf"{name}=\[2, 2, 2\] does not give .* n_layers=2"):
        RNNAttentionRegressor(epochs=1, n_layers=2, members=["network"], **{name: [2, 2, 2]}).fit(
            X, X[:, 0]
        )


def test_one_channel_that_normalization_would_empty_is_refused():
    X = np.random.default_rng(0).normal(size=(12, 8))
    with pytest.raises(ValueError, match=r"'units' parameter .* range \[2, inf\). Got 1"):
        RNNAttentionRegressor(units=1).fit(X, X[:, 0])
