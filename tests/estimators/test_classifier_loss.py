"""The loss of a classifier is computed from logits, whatever Keras computes it from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X[:, 0] > X[:, 5]
SMALL = {"units": 2, "epochs": 3, "random_state": 0, "early_stopping": False}


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda codes, logits: (
            keras.ops.logsumexp(logits, axis=-1)
            - keras.ops.sum(keras.ops.one_hot(keras.ops.cast(codes, "int32"), 2) * logits, axis=-1)
        ),
    ],
    ids=["name", "class name", "function", "object", "by hand"],
)
def test_cross_entropy_is_the_default_however_it_is_named(loss):
    expected = ConvAttentionClassifier(**SMALL).fit(X, Y)
    classifier = ConvAttentionClassifier(**SMALL, loss=loss).fit(X, Y)
    np.testing.assert_allclose(classifier.history_["loss"], expected.history_["loss"], rtol=1e-5)
    np.testing.assert_allclose(
        classifier.predict_proba(X), expected.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_a_name_is_kept_as_it_was_given(tmp_path):
    name = "sparse_categorical_crossentropy"
    classifier = ConvAttentionClassifier(**SMALL, loss=name).fit(X, Y)
    classifier.partial_fit(X, Y)
    assert classifier.get_params()["loss"] == name
    classifier.save(tmp_path / "model.zip")
    assert load(tmp_path / "model.zip").get_params()["loss"] == name


@pytest.mark.parametrize("name", ["categorical_crossentropy", "mse", "binary_crossentropy"])
def test_losses_of_other_targets_are_refused(name):
    classifier = ConvAttentionClassifier(**SMALL, loss=name)
    with pytest.raises(ValueError, match=rf"^loss='{name}' does not compare .*; use 'auto' or .*"):
        classifier.fit(X, Y)
    assert not hasattr(classifier, "fitted_model_")


def test_losses_of_probabilities_are_refused():
    classifier = ConvAttentionClassifier(**SMALL, loss=keras.losses.SparseCategoricalCrossentropy())
    with pytest.raises(ValueError, match=r"^loss is a SparseCategoricalCrossentropy of prob.*use"):
        classifier.fit(X, Y)


def test_names_that_keras_does_not_know_are_refused_as_in_every_estimator():
    with pytest.raises(ValueError, match=r"^loss='cross' is not a loss that Keras knows"):
        ConvAttentionClassifier(**SMALL, loss="cross").fit(X, Y)
