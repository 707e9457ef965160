"""Metrics of Keras on classifiers are those of scikit-learn on predicted classes and chances."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.base import clone

from skconvattn import ConvAttentionClassifier, load

RNG = np.random.default_rng(0)
THREE = np.arange(120) % 3
TWO = np.where(np.arange(120) % 3 == 0, "up", "down")
X = RNG.normal(size=(120, 6)) + 0.7 * THREE[:, None]
HELD_OUT = RNG.normal(size=(60, 6)) + 0.7 * (np.arange(60) % 3)[:, None]
WEIGHTS = RNG.uniform(0.5, 2.0, size=60)
SMALL: dict[str, Any] = {
    "members": ["network"],
    "filters": 4,
    "units": 4,
    "epochs": 2,
    "random_state": 0,
    "learning_rate": 0.03,
}
known = keras.metrics

every_engine = pytest.mark.parametrize("engine", ["compiled", "portable"])


def _measured(metric: Any, y: np.ndarray, engine: str = "compiled") -> tuple[float, Any, Any]:
    """Return a metric of the held-out samples, their classes by number and their probabilities."""
    classifier = ConvAttentionClassifier(**SMALL, metrics=metric, engine=engine)
    # No early stopping, so that the weights are those of the last epoch.
    classifier.set_params(early_stopping=False)
    classifier.fit(X, y, validation_data=(HELD_OUT, y[:60], WEIGHTS))
    [name] = [name for name in classifier.history_ if name not in ("loss", "val_loss")][1:]
    chances = classifier.predict_proba(HELD_OUT)
    return classifier.history_[name][-1], np.searchsorted(classifier.classes_, y[:60]), chances


def _brier(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(((np.eye(p.shape[1])[y] - p) ** 2).mean(axis=1), weights=weights))


def _log_loss(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> float:
    return sk.log_loss(y, p, sample_weight=weights, labels=range(p.shape[1]))


BINARY = {
    "precision": (
        lambda: known.Precision(),
        lambda y, p, w: sk.precision_score(y, p.argmax(1), sample_weight=w),
    ),
    "recall": (
        lambda: known.Recall(),
        lambda y, p, w: sk.recall_score(y, p.argmax(1), sample_weight=w),
    ),
    "recall of a class": (
        lambda: known.Recall(class_id=0),
        lambda y, p, w: sk.recall_score(y, p.argmax(1), sample_weight=w, pos_label=0),
    ),
    "true positives": (
        lambda: known.TruePositives(),
        # Weights have the mean one.
        lambda y, p, w: w[(y == 1) & (p[:, 1] > 0.5)].sum() / w.mean(),
    ),
    "binary accuracy": (
        lambda: known.BinaryAccuracy(),
        lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    ),
    "intersection over union": (
        lambda: known.BinaryIoU(),
        lambda y, p, w: sk.jaccard_score(y, p.argmax(1), average="macro", sample_weight=w),
    ),
    "binary cross-entropy": (lambda: known.BinaryCrossentropy(), _log_loss),
    "binary cross-entropy of logits": (
        lambda: known.BinaryCrossentropy(from_logits=True),
        _log_loss,
    ),
}
ANY = {
    "F1": (
        lambda: known.F1Score(),
        lambda y, p, w: sk.f1_score(y, p.argmax(1), sample_weight=w, average="macro"),
    ),
    "weighted F1": (
        lambda: known.F1Score(average="weighted"),
        lambda y, p, w: sk.f1_score(y, p.argmax(1), sample_weight=w, average="weighted"),
    ),
    "F beta": (
        lambda: known.FBetaScore(beta=2.0, average="macro"),
        lambda y, p, w: sk.fbeta_score(y, p.argmax(1), beta=2, sample_weight=w, average="macro"),
    ),
    "categorical accuracy": (
        lambda: known.CategoricalAccuracy(),
        lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    ),
    "accuracy object": (
        lambda: known.Accuracy(),
        lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    ),
    "accuracy name": (
        lambda: "accuracy",
        lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    ),
    "cross-entropy": (lambda: known.CategoricalCrossentropy(), _log_loss),
    "cross-entropy of logits": (lambda: known.CategoricalCrossentropy(from_logits=True), _log_loss),
    "sparse cross-entropy": (lambda: known.SparseCategoricalCrossentropy(), _log_loss),
    "function": (lambda: known.categorical_crossentropy, _log_loss),
    "Brier": (lambda: known.MeanSquaredError(), _brier),
    "name of Brier": (lambda: "mse", _brier),
}


@every_engine
@pytest.mark.parametrize("what", [*BINARY, *ANY])
def test_metrics_of_two_classes_are_those_of_scikit_learn(what, engine):
    make, expected = {**BINARY, **ANY}[what]
    value, y, p = _measured(make(), TWO, engine)
    assert value == pytest.approx(expected(y, p, WEIGHTS), rel=1e-4)


@pytest.mark.parametrize("what", ANY)
def test_metrics_of_three_classes_are_those_of_scikit_learn(what):
    make, expected = ANY[what]
    value, y, p = _measured(make(), THREE)
    assert value == pytest.approx(expected(y, p, WEIGHTS), rel=1e-4)


@every_engine
@pytest.mark.parametrize("from_logits", [False, True])
def test_the_area_under_the_curve_is_that_of_the_second_class(from_logits, engine):
    auc = known.AUC(num_thresholds=2000, from_logits=from_logits)
    value, y, p = _measured(auc, TWO, engine)
    assert value == pytest.approx(sk.roc_auc_score(y, p[:, 1], sample_weight=WEIGHTS), abs=2e-3)


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_the_area_under_the_curves_of_all_classes_is_their_average(y):
    n_classes = len(np.unique(y))
    auc = known.AUC(num_thresholds=2000, multi_label=True, num_labels=n_classes)
    value, y, p = _measured(auc, y)
    areas = [sk.roc_auc_score(y == k, p[:, k], sample_weight=WEIGHTS) for k in range(n_classes)]
    assert value == pytest.approx(np.mean(areas), abs=2e-3)


def test_precision_of_three_classes_counts_the_chances_above_one_half():
    value, y, p = _measured(known.Precision(), THREE)
    said = p > 0.5
    right = (WEIGHTS[:, None] * said * np.eye(3)[y]).sum()
    assert value == pytest.approx(right / (WEIGHTS[:, None] * said).sum(), rel=1e-4)


@pytest.mark.parametrize("kind", [known.MeanIoU, known.OneHotMeanIoU])
def test_intersections_over_unions_are_those_of_predicted_classes(kind):
    value, y, p = _measured(kind(num_classes=3), THREE)
    expected = sk.jaccard_score(y, p.argmax(1), average="macro", sample_weight=WEIGHTS)
    assert value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_several_metrics_are_measured_cloned_and_saved(y, tmp_path):
    metrics = [known.AUC(), known.F1Score(), known.Precision(), known.Recall(), "accuracy"]
    classifier = clone(ConvAttentionClassifier(**SMALL, metrics=metrics)).fit(X, y)
    names = ["auc", "f1_score", "precision", "recall", "accuracy"]
    assert set(classifier.history_) == {
        *(f"{prefix}{name}" for name in ["loss", *names] for prefix in ("", "val_"))
    }
    assert all(np.isfinite(classifier.history_[name]).all() for name in names)
    classifier.save(tmp_path / "model.zip")
    assert load(tmp_path / "model.zip").fit(X, y).history_ == classifier.history_


def test_a_metric_of_the_users_is_given_classes_and_logits():
    shapes = []

    def seen(y_true, y_pred):
        shapes.append((y_true.shape, y_pred.shape))
        return keras.ops.zeros_like(y_pred[:, 0])

    ConvAttentionClassifier(**SMALL, metrics=seen).fit(X, THREE)
    assert {(len(y), p[1:]) for y, p in shapes} == {(1, (3,))}


def test_early_stopping_monitors_the_area_under_the_curve():
    stop = keras.callbacks.EarlyStopping("val_auc", mode="max", patience=0, min_delta=1e9)
    settings = {**SMALL, "epochs": 9, "metrics": [known.AUC()], "callbacks": [stop]}
    assert ConvAttentionClassifier(**settings).fit(X, TWO).n_iter_ == 2


def test_a_metric_that_takes_no_such_values_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^metrics='recall' cannot compare targets of shape .*;"):
        ConvAttentionClassifier(**SMALL, metrics=known.Recall(class_id=9)).fit(X, TWO)
