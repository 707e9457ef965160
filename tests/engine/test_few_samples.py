"""A few samples are predicted in a small block only where that changes no bit of any prediction."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import AttentionClassifier, ConvAttentionRegressor, RNNAttentionRegressor
from skconvattn.engine.compiled.few_samples import FewSamples
from skconvattn.engine.programs import model_program

SMALL = {"members": ["network"], "units": 3, "epochs": 1, "random_state": 0}
VECTOR, INPUTS = np.zeros(5, np.float32), [np.zeros((1, 7), np.float32)]


def _sums(vector, state, inputs):
    """A network whose numbers do not depend on the block."""
    return inputs[0].sum(axis=1, keepdims=True) + vector[0]


def _asked(times, in_one_block, n_samples=1):
    few = FewSamples(_sums, in_one_block)
    return few, [few.block(n_samples, VECTOR, (), INPUTS) for _ in range(times)]


def test_blocks_are_compared_at_the_fourth_prediction_and_never_again():
    compared = []

    def in_one_block(*arguments):
        compared.append(1)
        return _sums(*arguments)

    few, blocks = _asked(4, in_one_block)
    assert blocks == [0, 0, 0, 16]
    n_calls = len(compared)
    assert n_calls > 0
    assert few.block(1, VECTOR, (), INPUTS) == few.block(16, VECTOR, (), INPUTS) == 16
    assert few.block(17, VECTOR, (), INPUTS) == few.block(1000, VECTOR, (), INPUTS) == 0
    assert len(compared) == n_calls


def test_a_small_block_that_differs_in_the_last_bit_of_one_sample_is_not_used():
    def in_one_block(vector, state, inputs):
        sums = _sums(vector, state, inputs)
        if len(sums) == 16 and inputs[0][3, 0] > 1.5:
            sums[3] = np.nextafter(sums[3], np.float32(np.inf))
        return sums

    few, blocks = _asked(5, in_one_block)
    assert blocks == [0, 0, 0, 24, 24]
    assert few.block(25, VECTOR, (), INPUTS) == 0


def test_whole_blocks_stay_where_every_small_block_differs():
    few, blocks = _asked(6, lambda *arguments: np.nextafter(_sums(*arguments), np.float32(9e9)))
    assert blocks == [0] * 6
    assert few.size == 0


@pytest.mark.parametrize("n_outputs", [1, 5])
@pytest.mark.parametrize(
    "estimator",
    [
        ConvAttentionRegressor(filters=3, **SMALL),
        ConvAttentionRegressor(filters=4, recurrent="lstm", **SMALL),
        RNNAttentionRegressor(members=["network"], epochs=1, random_state=0),
    ],
    ids=["convolution", "lstm", "rnn"],
)
def test_one_series_alone_is_predicted_as_among_hundreds(estimator, n_outputs):
    X = np.random.default_rng(0).normal(size=(200, 2, 11))
    estimator.fit(X[:40], X[:40, 0, :n_outputs])
    together = estimator.predict(X)
    alone = [estimator.predict(X[i : i + 1]) for i in range(len(X))]
    few = model_program(estimator.fitted_model_.spec)._few_samples
    assert few.size is not None  # both ways were compared on the way
    np.testing.assert_array_equal(np.concatenate(alone), together)
    for n_samples in (2, 15, 16, 17, 24, 25, 48, 49):
        np.testing.assert_array_equal(estimator.predict(X[:n_samples]), together[:n_samples])


def test_estimators_of_a_shape_keep_their_own_weights_in_turn():
    X = np.random.default_rng(0).normal(size=(40, 9))
    labels = X[:, 0] > 0
    both = [
        AttentionClassifier(members=["network"], units=3, epochs=1, random_state=i).fit(X, labels)
        for i in (0, 1)
    ]
    expected = [each.predict_proba(X)[:1] for each in both]
    assert not np.array_equal(*expected)
    for _ in range(6):
        for each, wanted in zip(both, expected, strict=True):
            np.testing.assert_array_equal(each.predict_proba(X[:1]), wanted)


def test_weights_that_are_changed_in_place_are_noticed():
    X = np.random.default_rng(0).normal(size=(40, 9))
    estimator = ConvAttentionRegressor(filters=3, **SMALL).fit(X, X[:, 0])
    for _ in range(6):
        before = estimator.predict(X[:1])
    estimator.fitted_model_.weights[:] = 0.0
    after = estimator.predict(X[:1])
    assert before != after
    np.testing.assert_array_equal(after, estimator.predict(X)[:1])
