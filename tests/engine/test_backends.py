"""Estimators of every kind fit, predict, are saved and loaded on any backend of Keras."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import skconvattn
from skconvattn import load
from tests.estimator_params import of_architectures

BACKEND = keras.backend.backend()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8))
VALUES = 3 * X[:, 1] - 2 * X[:, 6] + 5
LABELS = np.where(VALUES > 5, "high", "low")
Y = pd.Series(
    np.sin(np.arange(48.0) / 2) + np.arange(48.0) / 20,
    index=pd.period_range("2001-01", periods=48, freq="M"),
)
SMALL = {"members": ["network"], "units": 4, "random_state": 0}

# Fits one estimator of each kind on TensorFlow and writes it down with its predictions.
SAVE_ON_TENSORFLOW = """
import pathlib, sys
import numpy as np, pandas as pd
import skconvattn
folder = pathlib.Path(sys.argv[1])
given = np.load(folder / "given.npz")
y = pd.Series(given["y"], index=pd.period_range("2001-01", periods=48, freq="M"))
for name in sys.argv[2:]:
    estimator = getattr(skconvattn, name)(units=4, epochs=3, random_state=0)
    if name.endswith("Forecaster"):
        estimator.fit(y, fh=[1, 2, 3])
        predicted = estimator.predict_interval().to_numpy()
    else:
        X = given["X"]
        estimator.fit(X, given["labels"] if name.endswith("Classifier") else given["values"])
        predicted = getattr(estimator, "predict_proba" if "Classifier" in name else "predict")(X)
    estimator.save(folder / f"{name}.zip")
    np.save(folder / f"{name}.npy", predicted)
"""


def _predicted(estimator: Any) -> np.ndarray:
    if hasattr(estimator, "predict_interval"):
        return estimator.predict_interval().to_numpy()
    return estimator.predict_proba(X) if hasattr(estimator, "classes_") else estimator.predict(X)


def _architectures(kind: str) -> list[Any]:
    return [pytest.param(cls, id=name) for name, cls in of_architectures(kind)]


@pytest.mark.parametrize("cls", _architectures("regressor"))
def test_a_regressor_learns(cls: Any):
    regressor = cls(**SMALL, epochs=12, learning_rate=0.03, early_stopping=False).fit(X, VALUES)
    assert regressor.history_["loss"][-1] < 0.5 * regressor.history_["loss"][0]
    # Half of the variance, which the mean explains nothing of.
    assert regressor.score(X, VALUES) > 0.5


def test_a_classifier_learns_with_metrics_and_validation_data_and_is_saved(tmp_path: Path):
    classifier = skconvattn.ConvAttentionClassifier(
        **SMALL, epochs=15, learning_rate=0.03, metrics=["accuracy"]
    ).fit(X[:40], LABELS[:40], validation_data=(X[40:], LABELS[40:]))
    best = int(np.argmin(classifier.history_["val_loss"]))
    accuracy = classifier.score(X[40:], LABELS[40:])
    assert classifier.history_["val_accuracy"][best] == pytest.approx(accuracy, abs=1e-6)
    assert accuracy > 0.6
    classifier.save(tmp_path / "model.zip")
    np.testing.assert_array_equal(_predicted(load(tmp_path / "model.zip")), _predicted(classifier))


def test_a_forecaster_gives_intervals_and_is_saved(tmp_path: Path):
    forecaster = skconvattn.ConvAttentionForecaster(**SMALL, epochs=3).fit(Y, fh=[1, 2, 3])
    intervals = forecaster.predict_interval(coverage=[0.5, 0.9]).to_numpy()
    point = forecaster.predict().to_numpy()
    # Lower 50 %, upper 50 %, lower 90 %, upper 90 %.
    ordered = np.stack([*intervals.T[[2, 0]], point, *intervals.T[[1, 3]]])
    assert (np.diff(ordered, axis=0) > 0).all()
    forecaster.save(tmp_path / "model.zip")
    np.testing.assert_array_equal(_predicted(load(tmp_path / "model.zip")), _predicted(forecaster))


if BACKEND != "tensorflow":

    def test_files_saved_on_tensorflow_predict_the_same_here(tmp_path: Path):
        np.savez(tmp_path / "given.npz", X=X, values=VALUES, labels=LABELS, y=Y.to_numpy())
        names = [name for name, _ in of_architectures("forecaster")]
        names += ["ConvAttentionRegressor", "AttentionClassifier"]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SAVE_ON_TENSORFLOW, str(tmp_path), *names],
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
            check=True,
        )
        for name in names:
            there = np.load(tmp_path / f"{name}.npy")
            here = _predicted(load(tmp_path / f"{name}.zip"))
            np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-5, err_msg=name)
