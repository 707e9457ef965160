"""Networks are float32 whatever precision the process has set for Keras."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from sktime.datasets import load_airline

from skconvattn import load
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
from tests.estimator_params import of_architectures

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2, 20))
LABELS = X[:, 0, :10].mean(axis=1) > 0
AIRLINE = load_airline()

CLASSES = dict(of_architectures())
every_estimator = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
every_precision = pytest.mark.parametrize("floatx", ["float64", "float16"])


@pytest.fixture
def precision() -> Iterator[Callable[[str], None]]:
    """Set Keras's precision, with programs of their own, until the test ends."""
    caches = (training_program._PROGRAMS, programs._MODELS)
    kept = [dict(cache._programs) for cache in caches]

    def to(floatx: str) -> None:
        keras.config.set_floatx(floatx)
        for cache in caches:
            cache.clear()

    policy = keras.config.dtype_policy()
    yield to
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)
    for cache, before in zip(caches, kept, strict=True):
        cache.clear()
        cache._programs.update(before)


def _fitted(cls: type, **parameters: Any) -> Any:
    estimator = cls(**{"members": ["network"], "epochs": 2, "random_state": 0, **parameters})
    if cls.__name__.endswith("Forecaster"):
        return estimator.set_params(members=("network",)).fit(AIRLINE, fh=[1, 2])
    return estimator.fit(X, LABELS if cls.__name__.endswith("Classifier") else X[:, 0, 3])


def _predicted(estimator: Any) -> np.ndarray:
    if hasattr(estimator, "predict_proba") and hasattr(estimator, "classes_"):
        return estimator.predict_proba(X)
    given = {} if type(estimator).__name__.endswith("Forecaster") else {"X": X}
    return np.asarray(estimator.predict(**given))


@every_precision
@every_estimator
def test_fits_and_predictions_are_those_of_single_precision(cls, floatx, precision):
    expected = _predicted(_fitted(cls))
    precision(floatx)
    estimator = _fitted(cls)
    assert keras.config.floatx() == floatx
    # Keras rounds the learning rate, by one part in 2,000 in half precision.
    tolerance = 1e-5 if floatx == "float64" else 1e-2
    np.testing.assert_allclose(_predicted(estimator), expected, rtol=tolerance, atol=tolerance)


@every_precision
@every_estimator
def test_a_fitted_estimator_predicts_the_same_after_the_precision_changed(cls, floatx, precision):
    estimator = _fitted(cls)
    expected, copied = _predicted(estimator), pickle.dumps(estimator)
    for clear in (False, True):
        if clear:
            precision(floatx)
        keras.config.set_floatx(floatx)
        np.testing.assert_array_equal(_predicted(estimator), expected)
        np.testing.assert_array_equal(_predicted(pickle.loads(copied)), expected)


@every_precision
@pytest.mark.parametrize("engine", ["compiled", "portable"])
def test_every_way_to_train_works_in_every_precision(floatx, engine, precision, tmp_path):
    precision(floatx)
    cls = CLASSES["ConvAttentionClassifier"]
    classifier = _fitted(
        cls,
        engine=engine,
        optimizer=keras.optimizers.Adam(clipnorm=1.0),
        learning_rate=keras.optimizers.schedules.CosineDecay(0.01, 100),
        loss=keras.losses.CategoricalFocalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.AUC(), "mse"],
        callbacks=[keras.callbacks.History()],
    )
    assert all(np.isfinite(values).all() for values in classifier.history_.values())
    expected = _predicted(classifier.set_params(callbacks=None, learning_rate=None))
    classifier.save(tmp_path / "model.zip")
    np.testing.assert_array_equal(_predicted(load(tmp_path / "model.zip")), expected)
    assert {str(w.dtype) for w in classifier.model_.trainable_variables} == {"float32"}
    classifier.partial_fit(X, LABELS)


@pytest.mark.parametrize("policy", ["float64", "float16", "mixed_float16"])
def test_a_policy_for_layers_is_left_as_it_was_and_changes_no_network(policy, precision):
    cls = CLASSES["ConvAttentionRegressor"]
    expected = _predicted(_fitted(cls))
    precision("float32")
    keras.config.set_dtype_policy(policy)
    np.testing.assert_array_equal(_predicted(_fitted(cls)), expected)
    assert keras.config.dtype_policy().name == policy


def test_going_back_to_single_precision_gives_the_same_bits(precision):
    cls = CLASSES["ConvAttentionRegressor"]
    expected = _predicted(_fitted(cls))
    precision("float16")
    _fitted(cls)
    keras.config.set_floatx("float32")
    np.testing.assert_array_equal(_predicted(_fitted(cls)), expected)
