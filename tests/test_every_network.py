"""Every network estimator, and the pretrained one, fits, predicts and is saved on any backend.

``make test-alone`` runs this file where one backend is installed and no other.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import PretrainedForecaster
from tests.estimator_params import of_architectures

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2, 8)).astype(np.float32)
VALUES = 3 * X[:, 0, 1] - 2 * X[:, 1, 6] + 5
LABELS = np.where(VALUES > 5, "high", "low")
Y = pd.Series(
    np.sin(np.arange(48.0) / 2) + np.arange(48.0) / 20,
    index=pd.period_range("2001-01", periods=48, freq="M"),
)
SMALL = {
    "early_stopping": False,
    "members": ["network"],
    "units": 4,
    "epochs": 2,
    "random_state": 0,
}

# Loads files in a process that has trained nothing, and writes down what the estimators predict.
LOAD = """
import pathlib, sys
import numpy as np
from skconvattn import load
folder = pathlib.Path(sys.argv[1])
X = np.load(folder / "X.npy")
for path in folder.glob("*.zip"):
    estimator = load(path)
    if hasattr(estimator, "predict_interval"):
        predicted = estimator.predict_interval().to_numpy()
    else:
        predicted = getattr(estimator, "predict_proba", estimator.predict)(X)
    np.save(path.with_suffix(".loaded.npy"), predicted)
"""
ESTIMATORS = {**dict(of_architectures()), "PretrainedForecaster": PretrainedForecaster}


def _fitted(name: str) -> Any:
    settings = {} if name.startswith("Pretrained") else SMALL
    estimator = ESTIMATORS[name](**settings)
    if name.endswith("Forecaster"):
        return estimator.fit(Y, fh=[1, 2, 3])
    return estimator.fit(X, LABELS if name.endswith("Classifier") else VALUES)


def _predicted(estimator: Any) -> np.ndarray:
    if hasattr(estimator, "predict_interval"):
        return estimator.predict_interval().to_numpy()
    return getattr(estimator, "predict_proba", estimator.predict)(X)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all estimators, what they predicted, and what another process did with the files."""
    folder = tmp_path_factory.mktemp("files")
    np.save(folder / "X.npy", X)
    for name in ESTIMATORS:
        estimator = _fitted(name)
        assert name.startswith("Pretrained") or len(estimator.history_["loss"]) == SMALL["epochs"]
        np.save(folder / f"{name}.npy", _predicted(estimator))
        estimator.save(folder / f"{name}.zip")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, str(folder)],
        cwd=Path(__file__).resolve().parents[1],
        check=True,
    )
    return folder


def test_there_are_three_estimators_of_each_of_four_networks():
    assert len(of_architectures()) == 12


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_new_process_predicts_from_the_file_what_the_estimator_did(name: str, folder: Path):
    before, after = np.load(folder / f"{name}.npy"), np.load(folder / f"{name}.loaded.npy")
    assert np.isfinite(before).all()
    assert before.std() > 0
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)
