"""Threads and processes that fit and predict at once agree with one that does it all."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.model_selection import cross_val_score

from skconvattn import AttentionRegressor, ConvAttentionClassifier, ConvAttentionRegressor

X = np.random.default_rng(0).normal(size=(80, 6))
SMALL = {"members": ["network"], "units": 2, "epochs": 3}


def _fit(i: int):
    """One of three kinds of fit, of two shapes, with a seed of its own."""
    series = X[:, : 5 + i % 2]
    cls = (ConvAttentionRegressor, AttentionRegressor, ConvAttentionClassifier)[i % 3]
    y = series[:, 0] > 0 if cls is ConvAttentionClassifier else series[:, 0]
    return cls(**SMALL, random_state=i).fit(series, y)


def _fit_and_predict(i: int) -> np.ndarray:
    estimator = _fit(i)
    n_timepoints = 5 + i % 2
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X[:, :n_timepoints])
    return estimator.predict(X[:, :n_timepoints])


def test_fits_and_predictions_in_eight_threads_are_those_of_one():
    expected = [_fit_and_predict(i) for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(_fit_and_predict, range(24)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_estimator_predicts_in_many_threads():
    estimator = _fit(0)
    expected = estimator.predict(X[:, :5])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: estimator.predict(X[:, :5]), range(40)))
    for one in found:
        np.testing.assert_array_equal(one, expected)


def test_threads_that_load_the_backend_at_once_all_fit():
    script = """
from concurrent.futures import ThreadPoolExecutor
import threading
import numpy as np
from skconvattn import AttentionRegressor, ConvAttentionRegressor
X = np.random.default_rng(0).normal(size=(40, 6))
barrier = threading.Barrier(8)
def fit(i):
    barrier.wait()
    cls = (AttentionRegressor, ConvAttentionRegressor)[i % 2]
    return cls(members=["network"], units=2, epochs=1, random_state=0).fit(X, X[:, 0]).predict(X)
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(fit, range(8)))
assert all(np.array_equal(found[i], found[i % 2]) for i in range(8))
print("all")
"""
    completed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ
    )
    assert completed.stdout.split() == ["all"], completed.stderr


def test_a_fit_in_a_callback_does_not_disturb_the_fit_around_it():
    import keras

    class Nested(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ConvAttentionRegressor(**SMALL, random_state=9).fit(X, -X[:, 0])

    plain = ConvAttentionRegressor(**SMALL, random_state=0).fit(X, X[:, 0])
    nested = ConvAttentionRegressor(**SMALL, random_state=0, callbacks=Nested()).fit(X, X[:, 0])
    np.testing.assert_array_equal(nested.predict(X), plain.predict(X))


@pytest.mark.slow
def test_two_processes_of_joblib_agree_with_one_twice():
    estimator = ConvAttentionRegressor(**SMALL, random_state=0)
    expected = cross_val_score(estimator, X, X[:, 0], cv=4)
    for _ in range(2):
        found = cross_val_score(estimator, X, X[:, 0], cv=4, n_jobs=2)
        np.testing.assert_array_equal(found, expected)
    fitted = Parallel(n_jobs=2)(delayed(_fit)(i) for i in range(4))
    for i, each in enumerate(fitted):
        np.testing.assert_array_equal(each.fitted_model_.weights, _fit(i).fitted_model_.weights)
