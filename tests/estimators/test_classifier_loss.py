"""The loss of a classifier is computed from logits, whatever Keras computes it from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X[:, 0] > X[:, 5]
SMALL = {
    "units": 2,
    "epochs": 3,
    "random_state": 0,
    "early_stopping": False,
    "members": ["network"],
}


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


THREE = np.arange(60) % 3
SERIES = np.random.default_rng(1).normal(size=(60, 6)) + THREE[:, None]


def _loss_of_start(loss, labels, **parameters):
    """Return the first loss at a rate of nearly zero, and the probabilities there."""
    settings = {**SMALL, "epochs": 1, "batch_size": 60, "learning_rate": 1e-30, **parameters}
    classifier = ConvAttentionClassifier(**settings, loss=loss).fit(SERIES, labels)
    return classifier.history_["loss"][0], classifier.predict_proba(SERIES)


def _focal(p, targets, gamma, alpha):
    return alpha * (1 - p) ** gamma * -np.log(p) * targets


@pytest.mark.parametrize("engine", ["compiled", "portable"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_the_categorical_focal_loss_is_that_of_the_softmax(from_logits, engine):
    focal = keras.losses.CategoricalFocalCrossentropy(
        alpha=[0.2, 0.3, 0.5], gamma=1.5, from_logits=from_logits
    )
    loss, p = _loss_of_start(focal, THREE, engine=engine)
    expected = _focal(p, np.eye(3)[THREE], 1.5, np.array([0.2, 0.3, 0.5])).sum(axis=1).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_the_binary_focal_loss_of_two_classes_sees_the_second_as_the_positive_one(from_logits):
    focal = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=0.9, gamma=2.0, from_logits=from_logits
    )
    labels = np.where(THREE == 2, "yes", "no")
    loss, p = _loss_of_start(focal, labels)
    is_yes = labels == "yes"
    values = np.where(is_yes, _focal(p[:, 1], 1, 2.0, 0.9), _focal(p[:, 0], 1, 2.0, 0.1))
    assert loss == pytest.approx(values.mean(), rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_the_binary_focal_loss_of_more_classes_sees_each_against_all_others(from_logits):
    focal = keras.losses.BinaryFocalCrossentropy(gamma=2.0, from_logits=from_logits)
    loss, p = _loss_of_start(focal, THREE)
    values = np.where(np.eye(3)[THREE] == 1, _focal(p, 1, 2.0, 1.0), _focal(1 - p, 1, 2.0, 1.0))
    assert loss == pytest.approx(values.mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.3), THREE),
        (keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.3), THREE == 1),
    ],
    ids=["categorical", "binary"],
)
def test_labels_are_smoothed_by_the_cross_entropies_of_one_hot_targets(loss, labels):
    value, p = _loss_of_start(loss, labels)
    n_classes = p.shape[1]
    smooth = 0.7 * np.eye(n_classes)[labels.astype(int)] + 0.3 / n_classes
    assert value == pytest.approx(-(smooth * np.log(p)).sum(axis=1).mean(), rel=1e-5)


def test_the_generalised_cross_entropy_is_that_of_the_probability_of_the_class():
    loss, p = _loss_of_start(keras.losses.CategoricalGeneralizedCrossEntropy(q=0.7), THREE)
    assert loss == pytest.approx(((1 - p[np.arange(60), THREE] ** 0.7) / 0.7).mean(), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "categorical_focal_crossentropy",
        "BinaryFocalCrossentropy",
        keras.losses.binary_focal_crossentropy,
        keras.losses.CategoricalFocalCrossentropy,
        keras.losses.CategoricalFocalCrossentropy(from_logits=True),
        keras.losses.CategoricalGeneralizedCrossEntropy(),
    ],
)
def test_focal_losses_learn_a_rare_class_however_they_are_given(loss):
    rare = np.arange(120) % 6 == 0
    series = np.random.default_rng(2).normal(size=(120, 6)) + 3 * rare[:, None]
    settings = {**SMALL, "units": 8, "epochs": 40, "learning_rate": 0.02}
    classifier = ConvAttentionClassifier(**settings, loss=loss).fit(series, rare)
    assert classifier.score(series, rare) > 0.95


def test_weights_of_samples_and_classes_enter_a_focal_loss():
    focal = keras.losses.CategoricalFocalCrossentropy(from_logits=True)
    weights = np.where(np.arange(60) < 20, 1.0, 3.0)
    settings = {**SMALL, "class_weight": {0: 2.0}, "batch_size": 60, "loss": focal}
    one = ConvAttentionClassifier(**settings).fit(SERIES, THREE, sample_weight=weights)
    twice = np.repeat(np.arange(60), weights.astype(int))
    other = ConvAttentionClassifier(**settings).fit(SERIES[twice], THREE[twice])
    np.testing.assert_array_equal(one.predict_proba(SERIES), other.predict_proba(SERIES))


def test_equal_focal_losses_share_a_program():
    from skconvattn.engine.compiled import training_program

    losses = [keras.losses.CategoricalFocalCrossentropy(gamma=g) for g in (1.25, 1.25, 1.75)]
    keys = []
    for loss in losses:
        ConvAttentionClassifier(**SMALL, loss=loss).fit(SERIES, THREE)
        keys.append(next(reversed(training_program._PROGRAMS._programs)))
    assert keys[0] == keys[1] != keys[2]


WRONG = [
    keras.losses.MeanSquaredError(),
    keras.losses.MeanAbsoluteError(),
    keras.losses.Huber(),
    keras.losses.Hinge(),
    keras.losses.CategoricalHinge(),
    keras.losses.KLDivergence(),
    keras.losses.Poisson(),
    keras.losses.Dice(),
    keras.losses.Tversky(),
    keras.losses.CosineSimilarity(),
    keras.losses.MeanSquaredError,
    keras.losses.mean_squared_error,
    keras.losses.hinge,
    keras.losses.categorical_crossentropy,
    lambda y_true, y_pred: keras.ops.mean((y_true - y_pred) ** 2, axis=-1),
    lambda y_true, y_pred: keras.ops.relu(y_pred),
]


@pytest.mark.parametrize(
    "loss", WRONG, ids=lambda loss: getattr(loss, "__name__", type(loss).__name__)
)
@pytest.mark.parametrize("n_classes", [2, 8])
def test_losses_that_compare_no_classes_are_refused_before_training(loss, n_classes):
    labels = np.arange(160) % n_classes
    series = np.random.default_rng(3).normal(size=(160, 20)) + labels[:, None]
    classifier = ConvAttentionClassifier(**SMALL, loss=loss, batch_size=n_classes)
    with pytest.raises(ValueError, match=r"^loss='.*' does not compare .*; use 'auto' or .*\.$"):
        classifier.fit(series, labels)
    assert not hasattr(classifier, "fitted_model_")


@pytest.mark.parametrize(
    "loss", [keras.losses.CategoricalCrossentropy(), keras.losses.BinaryCrossentropy()]
)
def test_cross_entropies_of_probabilities_are_refused_like_the_one_of_indices(loss):
    with pytest.raises(ValueError, match=r"^loss is a \w+Crossentropy of probabilities, .*; use"):
        ConvAttentionClassifier(**SMALL, loss=loss).fit(X, Y)


def test_a_focal_loss_with_a_weight_too_few_is_refused_before_training():
    focal = keras.losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.8])
    with pytest.raises(ValueError, match=r"^loss='CategoricalFocalCrossentropy' does not compare"):
        ConvAttentionClassifier(**SMALL, loss=focal).fit(SERIES, THREE)


def test_a_wrong_loss_leaves_what_was_fitted():
    classifier = ConvAttentionClassifier(**SMALL).fit(X, Y)
    before = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="does not compare"):
        classifier.set_params(loss=keras.losses.Hinge()).fit(X, Y)
    np.testing.assert_array_equal(classifier.predict_proba(X), before)
