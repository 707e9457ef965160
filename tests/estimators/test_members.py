"""Predictions are averaged from members, each of which can be switched off."""

from __future__ import annotations

import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionRegressor,
    NeuralClassifier,
    SelfAttentionClassifier,
    load,
)
from skconvattn.inspection import attention_weights
from tests.estimator_params import every

RNG = np.random.default_rng(0)
LABELS = np.tile(["fast", "slow", "none"], 20)
TIME = np.arange(40) + RNG.uniform(0, 20, size=(60, 1))
X = np.select(
    [LABELS[:, None] == "fast", LABELS[:, None] == "slow"], [np.sin(TIME), np.sin(TIME / 4)], 0.0
) + 0.5 * RNG.normal(size=(60, 40))
VALUES = X[:, 3] - X[:, 8]
SMALL = {"filters": 2, "units": 2, "epochs": 2, "random_state": 0}
CLASS_NAMES = ["patterns", "intervals", "network"]
VALUE_NAMES = ["mean", "linear", "patterns", "intervals", "network"]

every_estimator = every("regressor", "classifier", others=True)


def _fit(cls, **parameters):
    classifies = cls.__name__.endswith("Classifier")
    return cls(random_state=0, **parameters).fit(X, LABELS if classifies else VALUES)


def _outputs(estimator, series):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(series)
    return estimator.predict(series)


@every_estimator
def test_weights_say_what_a_prediction_is_made_of(cls):
    names = CLASS_NAMES if cls.__name__.endswith("Classifier") else VALUE_NAMES
    weights = _fit(cls, epochs=1).weights_
    assert list(weights.columns) == names
    assert weights.shape == (1, len(names))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all(axis=None)


@every_estimator
def test_without_other_members_the_network_remains(cls):
    estimator = _fit(cls, members=["network"], epochs=1)
    assert estimator.weights_["network"].tolist() == [1.0]
    assert estimator.n_iter_ == 1
    outputs = estimator.fitted_model_.predict(estimator._inputs(X))
    if hasattr(estimator, "predict_proba"):
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs /= outputs.sum(axis=1, keepdims=True)
    else:
        outputs = VALUES.mean() + VALUES.std() * outputs[:, 0]
    np.testing.assert_allclose(_outputs(estimator, X), outputs, atol=1e-4)


@pytest.mark.parametrize("name", ["patterns", "intervals"])
def test_one_member_of_a_classifier_is_all_of_it(name):
    classifier = _fit(ConvAttentionClassifier, members=[name])
    assert classifier.weights_[name].tolist() == [1.0]
    assert classifier.score(X, LABELS) > 0.9
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("name", ["mean", "linear", "patterns", "intervals"])
def test_one_member_of_a_regressor_is_all_of_it(name):
    regressor = _fit(ConvAttentionRegressor, members=[name])
    assert regressor.weights_[name].tolist() == [1.0]
    if name == "mean":
        np.testing.assert_allclose(regressor.predict(X), VALUES.mean())


def test_a_vote_is_the_average_of_its_sides():
    vote = _fit(ConvAttentionClassifier)
    alone = _fit(ConvAttentionClassifier, pattern_dilations=0)
    assert alone.weights_["patterns"].tolist() == [0.0]
    share = vote.weights_["patterns"][0]
    average = vote._member_average_
    inputs = vote._inputs(X)
    scores = average.factor * average.scores.predict(inputs[0], None)
    softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    voted = share * softmax + (1 - share) * average.trees.predict(inputs[0], None)
    expected = voted**average.power / (voted**average.power).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(vote.predict_proba(X), expected, atol=1e-9)


def test_noise_is_predicted_by_its_mean():
    rng = np.random.default_rng(2)
    series, noise = rng.normal(size=(50, 20)), rng.normal(size=450)
    regressor = ConvAttentionRegressor(random_state=0).fit(series, noise[:50])
    unseen = regressor.predict(rng.normal(size=(400, 20)))
    error = np.square(unseen - noise[50:]).mean()
    assert error < 1.02**2 * np.square(noise[:50].mean() - noise[50:]).mean()


def test_probabilities_of_labels_that_nothing_explains_are_their_frequencies():
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat([0, 1], [140, 60]))
    classifier = ConvAttentionClassifier(random_state=0).fit(rng.normal(size=(200, 20)), labels)
    unseen = classifier.predict_proba(rng.normal(size=(300, 20)))
    # Guessing 0.7 costs 0.61 per sample, and being sure of nothing 0.69.
    cost = -0.7 * np.log(unseen[:, 0]).mean() - 0.3 * np.log(unseen[:, 1]).mean()
    assert cost < 0.69


def test_few_samples_train_no_network_and_load_no_backend():
    script = """
import sys
import numpy as np
from skconvattn import AttentionClassifier, SelfAttentionRegressor
X = np.random.default_rng(0).normal(size=(40, 30))
AttentionClassifier(random_state=0).fit(X, X[:, 0] > 0).predict(X)
SelfAttentionRegressor(random_state=0).fit(X, X[:, 0]).predict(X)
print(*sorted({"keras", "tensorflow", "jax", "torch"} & sys.modules.keys()))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_a_network_that_was_not_trained_is_missed_with_the_way_out():
    classifier = _fit(ConvAttentionClassifier)
    assert (classifier.history_, classifier.n_iter_) == ({}, 0)
    assert not hasattr(classifier, "fitted_model_")
    for use in (lambda: classifier.model_, lambda: classifier.sample(X)):
        with pytest.raises(
            AttributeError, match=r"fitted without a network, .*members=\('network'"
        ):
            use()
    with pytest.raises(ValueError, match=r"without a network, .* fit with members=\('network',\)"):
        attention_weights(classifier, X)


@pytest.mark.parametrize(
    "watched",
    [{"callbacks": [keras.callbacks.LambdaCallback()]}, {"metrics": ["accuracy"]}],
    ids=["callbacks", "metrics"],
)
def test_what_watches_training_asks_for_a_network(watched):
    classifier = ConvAttentionClassifier(**SMALL, **watched).fit(X, LABELS)
    assert classifier.n_iter_ >= 1
    assert classifier._member_average_ is not None


def test_validation_data_ask_for_a_network_and_decide_its_share():
    classifier = ConvAttentionClassifier(**SMALL)
    classifier.fit(X[:40], LABELS[:40], validation_data=(X[40:], LABELS[40:]))
    assert len(classifier.history_["val_loss"]) == 2
    assert classifier.weights_["network"][0] < 0.5  # two epochs teach it nothing


def test_held_out_samples_enough_to_compare_ask_for_a_network():
    series, labels = np.tile(X, (9, 1)), np.tile(LABELS, 9)
    series = series + 0.1 * RNG.normal(size=series.shape)
    assert ConvAttentionClassifier(**SMALL).fit(series[:480], labels[:480]).n_iter_ == 0
    assert ConvAttentionClassifier(**SMALL).fit(series[:510], labels[:510]).n_iter_ == 2


def test_a_network_of_one_s_own_is_always_trained():
    def flat(inputs):
        return keras.layers.Flatten()(inputs)

    classifier = NeuralClassifier(network=flat, epochs=3, random_state=0).fit(X, LABELS)
    assert classifier.n_iter_ >= 1
    assert classifier._member_average_ is not None


def test_a_network_that_knows_more_than_the_others_gets_a_share():
    rng = np.random.default_rng(4)
    series = rng.normal(size=(300, 30))
    # The sign of a product: no ridge regression and no quantile shows it, a flat network does.
    labels = series[:, 0] * series[:, 15] > 0

    def dense(inputs):
        hidden = keras.ops.stack([inputs[:, 0, 0], inputs[:, 15, 0]], axis=1)
        return keras.layers.Dense(32, activation="relu")(hidden)

    classifier = NeuralClassifier(network=dense, learning_rate=0.02, random_state=0)
    classifier.fit(series[:200], labels[:200])
    assert classifier.weights_["network"][0] > 0.8
    assert classifier.score(series[200:], labels[200:]) > 0.9


def test_a_loss_is_for_the_network_alone():
    classifier = _fit(ConvAttentionClassifier, epochs=2, loss="sparse_categorical_crossentropy")
    assert classifier.weights_["network"].tolist() == [1.0]
    regressor = _fit(ConvAttentionRegressor, epochs=2, quantiles=[0.1, 0.9])
    assert regressor.weights_["network"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"members": ["trees"]}, r"members=\['trees'\] names 'trees'; choose from \['mean', "),
        ({"members": []}, r"members=\[\] is empty; choose from"),
        (
            {"members": ["linear"], "quantiles": [0.5]},
            r"names 'linear', which predicts one value .* goes with no quantiles; use members=",
        ),
        (
            {"members": ["patterns"], "pattern_dilations": 0},
            r"names 'patterns', and pattern_dilations=0 looks for none; use pattern_dilations=8",
        ),
        ({"pattern_dilations": 65}, "'pattern_dilations' parameter of ConvAttentionRegressor"),
    ],
)
def test_members_that_cannot_be_are_refused(parameters, message):
    regressor = ConvAttentionRegressor(**parameters)
    with pytest.raises(ValueError, match=message):
        regressor.fit(X, VALUES)
    assert not hasattr(regressor, "_member_average_")


@pytest.mark.filterwarnings("ignore:partial_fit trains the network alone")
def test_partial_fit_predicts_by_its_network_alone():
    classifier = _fit(ConvAttentionClassifier)
    classifier.partial_fit(X, LABELS)
    assert classifier.weights_["network"].tolist() == [1.0]
    assert classifier.n_iter_ == 1


def test_partial_fit_says_that_it_drops_other_members():
    classifier = _fit(ConvAttentionClassifier)
    with pytest.warns(UserWarning, match=r"network alone, .* fit with members=\('network',\)"):
        classifier.partial_fit(X, LABELS)


@pytest.mark.parametrize(
    "cls", [SelfAttentionClassifier, ConvAttentionRegressor], ids=lambda cls: cls.__name__
)
def test_members_survive_a_file_and_a_pickle(cls, tmp_path):
    estimator = _fit(cls)
    estimator.save(tmp_path / "model.zip")
    for again in (load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(_outputs(again, X), _outputs(estimator, X))
        assert again.weights_.equals(estimator.weights_)


def test_few_samples_choose_the_number_of_epochs_with_parts_left_out():
    rng = np.random.default_rng(5)
    series, noise = rng.normal(size=(40, 12)), rng.normal(size=40)
    settings = {"members": ["network"], "epochs": 60, "random_state": 0}
    of_noise = ConvAttentionRegressor(**settings).fit(series, noise)
    of_signal = ConvAttentionRegressor(**settings).fit(series, series[:, 3])
    assert of_noise.n_iter_ < of_signal.n_iter_ < 60
    to_the_end = ConvAttentionRegressor(**settings, early_stopping=False)
    assert to_the_end.fit(series, noise).n_iter_ == 60


@every_estimator
@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_one_to_three_samples_are_enough(cls, n_samples):
    classifies = cls.__name__.endswith("Classifier")
    target = LABELS[:n_samples] if classifies else VALUES[:n_samples]
    estimator = cls(random_state=0, epochs=1).fit(X[:n_samples], target)
    assert len(estimator.predict(X)) == 60


def test_channels_gaps_and_lengths_reach_the_members():
    rng = np.random.default_rng(6)
    series = [rng.normal(size=(2, n)) for n in rng.integers(12, 30, size=60)]
    for values, label in zip(series, LABELS, strict=True):
        values[1] += {"fast": 2.0, "slow": -2.0, "none": 0.0}[label]
        values[0, rng.integers(values.shape[1])] = np.nan
    classifier = ConvAttentionClassifier(random_state=0).fit(series[:40], LABELS[:40])
    assert classifier.score(series[40:], LABELS[40:]) > 0.9
    longer = [np.concatenate([values, values], axis=1) for values in series]
    assert classifier.score(longer, LABELS) > 0.8
