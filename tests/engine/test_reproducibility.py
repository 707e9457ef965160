"""The same seed gives the same bits: again, in another process, in copies, in any batch."""

from __future__ import annotations

import copy
import functools
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sktime.datasets import load_airline

from tests.estimator_params import ARCHITECTURES, every, of_architectures, thinned

# Fits an estimator of each kind on one network and prints what it predicts, to the last bit.
FIT_ALL = """
import hashlib, json, sys
import numpy as np
import skconvattn
from sktime.datasets import load_airline

def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()

def fit(name, **parameters):
    cls = getattr(skconvattn, name)
    settings = {"units": 3, "epochs": 3, "random_state": 5, "dropout": 0.2}
    estimator = cls(members=["network"], **settings, **parameters)
    if name.endswith("Forecaster"):
        return estimator.fit(load_airline(), fh=[1, 2, 3])
    X = np.random.default_rng(0).normal(size=(120, 7))
    return estimator.fit(X, X[:, 0] > 0 if name.endswith("Classifier") else X[:, 0])

def digests(name, **parameters):
    estimator = fit(name, **parameters)
    X = np.random.default_rng(1).normal(size=(9, 7))
    if name.endswith("Forecaster"):
        predicted = estimator.predict_interval().to_numpy()
    else:
        predicted = estimator.predict_proba(X) if "Class" in name else estimator.predict(X)
    return [digest(estimator.fitted_model_.weights), digest(predicted), repr(estimator.history_)]

def all_digests(architecture):
    kinds = ["Forecaster", "Regressor", "Classifier"]
    found = {kind: digests(architecture + kind) for kind in kinds}
    if architecture == "Attention":
        found["gru"] = digests("AttentionRegressor", recurrent="gru", bidirectional=True)
    return found
"""

X = np.random.default_rng(0).normal(size=(60, 7))
COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: cloudpickle.loads(cloudpickle.dumps(estimator)),
    "deepcopy": copy.deepcopy,
}


def _here(architecture: str) -> dict:
    namespace: dict = {}
    exec(FIT_ALL, namespace)
    return namespace["all_digests"](architecture)


def _in_a_fresh_process(script: str, *arguments: str) -> str:
    # Another hash seed, so that nothing can depend on the order of a set.
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    completed = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return completed.stdout


def _fitted(cls, **parameters):
    estimator = cls(
        **{"members": ["network"], "units": 3, "epochs": 2, "random_state": 0, **parameters}
    )
    if cls.__name__.endswith("Forecaster"):
        return estimator.fit(load_airline(), fh=[1, 2, 3])
    return estimator.fit(X, X[:, 0] > 0 if cls.__name__.endswith("Classifier") else X[:, 0])


def _predicted(estimator) -> np.ndarray:
    name = type(estimator).__name__
    if name.endswith("Forecaster"):
        return estimator.predict_interval().to_numpy()
    return estimator.predict_proba(X) if name.endswith("Classifier") else estimator.predict(X)


@pytest.fixture(scope="module")
def fitted() -> Callable[[type], Any]:
    """Each estimator, fitted once for all tests that leave it as it is."""
    return functools.cache(_fitted)


every_estimator = every()
every_regressor = every("regressor")


@pytest.mark.usefixtures("loaded_backend", "unchanged_process")
@pytest.mark.parametrize("architecture", thinned(ARCHITECTURES, "ConvAttention"))
def test_a_seed_gives_the_same_bits_again_and_in_a_fresh_process(architecture):
    once = _here(architecture)
    assert len(once) == 3 + (architecture == "Attention")
    assert _here(architecture) == once
    script = FIT_ALL + "\nprint(json.dumps(all_digests(sys.argv[1])))"
    assert json.loads(_in_a_fresh_process(script, architecture).splitlines()[-1]) == once


@every_regressor
def test_other_seeds_give_other_weights(cls):
    weights = [_fitted(cls, random_state=seed).fitted_model_.weights for seed in (0, 1, None, None)]
    for i, one in enumerate(weights):
        assert all(not np.array_equal(one, other) for other in weights[i + 1 :])


@every_regressor
def test_a_random_state_object_is_drawn_from(cls):
    state = np.random.RandomState(3)
    one, other = _fitted(cls, random_state=state), _fitted(cls, random_state=state)
    again = _fitted(cls, random_state=np.random.RandomState(3))
    assert not np.array_equal(_predicted(one), _predicted(other))
    np.testing.assert_array_equal(_predicted(one), _predicted(again))


@every_regressor
def test_predictions_do_not_depend_on_what_else_is_predicted(cls, fitted):
    estimator = fitted(cls)
    whole = estimator.predict(X)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 59), min_size=1, max_size=400))
    def check(rows):
        np.testing.assert_array_equal(estimator.predict(X[rows]), whole[rows])

    check()


@every("regressor", quick="ConvAttention")
@pytest.mark.parametrize("n_timepoints", [40, 700])
def test_predictions_of_long_series_do_not_depend_on_their_place(cls, n_timepoints):
    long = np.random.default_rng(0).normal(size=(24, n_timepoints))
    estimator = cls(members=["network"], units=3, epochs=1, random_state=0).fit(long, long[:, 0])
    alone = np.concatenate([estimator.predict(row[None]) for row in long])
    np.testing.assert_array_equal(estimator.predict(long), alone)
    np.testing.assert_array_equal(estimator.predict(np.repeat(long, 3, axis=0)), alone.repeat(3))


@every_regressor
def test_no_samples_give_no_predictions_of_the_engine(cls, fitted):
    model = fitted(cls).fitted_model_
    assert model.predict([np.zeros((0, 7, 1), "float32")]).shape == (0, 1)


@every_estimator
@pytest.mark.parametrize("how", COPIES)
def test_copies_predict_the_same_bits_and_train_the_same_way(cls, how, fitted):
    estimator = fitted(cls)
    other = COPIES[how](estimator)
    np.testing.assert_array_equal(_predicted(other), _predicted(estimator))
    assert other.get_params(deep=False) == estimator.get_params(deep=False)
    unfitted = COPIES[how](clone(estimator))
    assert not hasattr(unfitted, "fitted_model_")
    assert unfitted.get_params(deep=False) == estimator.get_params(deep=False)


@every_estimator
def test_a_copy_does_not_change_with_its_original(cls):
    estimator = _fitted(cls)
    other = copy.deepcopy(estimator)
    before = _predicted(other)
    estimator.random_state = 9
    if cls.__name__.endswith("Forecaster"):
        estimator.fit(load_airline()[:100], fh=[1, 2, 3])
    else:
        estimator.fit(-X, X[:, 3] > 0)
    np.testing.assert_array_equal(_predicted(other), before)


def test_files_of_joblib_and_pickle_predict_the_same_bits_in_another_process(tmp_path, fitted):
    estimators = {name: fitted(cls) for name, cls in of_architectures()}
    joblib.dump(estimators, tmp_path / "estimators.joblib")
    (tmp_path / "estimators.pkl").write_bytes(pickle.dumps(estimators))
    np.save(tmp_path / "X.npy", X)
    script = """
import pathlib, pickle, sys
import joblib, numpy as np
folder = pathlib.Path(sys.argv[1])
X = np.load(folder / "X.npy")
loaded = [joblib.load(folder / "estimators.joblib"),
          pickle.loads((folder / "estimators.pkl").read_bytes())]
for i, estimators in enumerate(loaded):
    for name, estimator in estimators.items():
        if name.endswith("Forecaster"):
            predicted = estimator.predict_interval().to_numpy()
        else:
            method = "predict_proba" if name.endswith("Classifier") else "predict"
            predicted = getattr(estimator, method)(X)
        np.save(folder / f"{name}{i}.npy", predicted)
"""
    _in_a_fresh_process(script, str(tmp_path))
    for name, estimator in estimators.items():
        for i in range(2):
            there = np.load(tmp_path / f"{name}{i}.npy")
            np.testing.assert_array_equal(there, _predicted(estimator))


@every_estimator
def test_a_pickle_holds_arrays_and_no_keras_object(cls, fitted):
    import pickletools

    names = {
        argument.split()[0].split(".")[0]
        for opcode, argument, _ in pickletools.genops(pickle.dumps(fitted(cls), protocol=2))
        if opcode.name == "GLOBAL"
    }
    assert not names & {"keras", "tensorflow"}
