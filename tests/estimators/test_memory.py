"""Large arrays of any type are read where they are: one float32 copy, and none of them changed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor
from skconvattn.data.panel import Preparation
from skconvattn.data.rows import canonical_rows
from skconvattn.estimators.inputs import training_data

SMALL = {"members": ["network"], "units": 2, "epochs": 1, "random_state": 0}
WHOLE = np.random.default_rng(0).integers(0, 2, size=(60, 8))


def _array(dtype, tmp_path):
    if dtype == "read-only":
        values = WHOLE.astype(float)
        values.flags.writeable = False
        return values
    if dtype == "memory-mapped":
        np.save(tmp_path / "X.npy", WHOLE.astype("float32"))
        return np.load(tmp_path / "X.npy", mmap_mode="r")
    return WHOLE.astype(dtype)


@pytest.mark.parametrize("cls", [ConvAttentionRegressor, ConvAttentionClassifier])
@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int64", "uint16", "float16", "float32", "read-only", "memory-mapped"]
)
def test_arrays_of_any_kind_give_the_same_fit(cls, dtype, tmp_path):
    y = WHOLE.sum(axis=1) % 2
    expected = cls(**SMALL).fit(WHOLE.astype(float), y).predict(WHOLE.astype(float))
    given = _array(dtype, tmp_path)
    before = np.array(given)
    found = cls(**SMALL).fit(given, y).predict(given)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("shape", [(4000, 2000), (4000, 4, 500)])
@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64"])
def test_preparing_a_large_array_takes_one_float32_copy(shape, dtype):
    X = np.random.default_rng(0).integers(0, 2, size=shape).astype(dtype)
    y = np.zeros(len(X))
    estimator = ConvAttentionRegressor()
    tracemalloc.start()
    try:
        panel, y = training_data(estimator, X, y, numeric=True)
        rows, weights = canonical_rows(panel.values, y, None)
        preparation = Preparation.of(panel, rows, weights)
        inputs = preparation.inputs(panel, rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert inputs[0].nbytes == 4 * X.size
    assert peak <= 1.3 * 4 * X.size


@pytest.mark.parametrize("dtype", ["bool", "float64"])
def test_a_fit_and_a_prediction_take_one_float32_copy(dtype):
    X = np.random.default_rng(0).integers(0, 2, size=(4000, 2000)).astype(dtype)
    y = X[:, 0].astype(float)
    # In the first fit, TensorFlow itself is loaded.
    settings = {**SMALL, "filters": 1, "kernel_size": 1, "pool_size": 50, "steps_per_epoch": 1}
    regressor = ConvAttentionRegressor(**settings, early_stopping=False)
    regressor.fit(X[:10], y[:10]).predict(X[:10])
    tracemalloc.start()
    try:
        regressor.fit(X, y)
        _, peak = tracemalloc.get_traced_memory()
        assert peak <= 1.3 * 4 * X.size
        tracemalloc.reset_peak()
        regressor.predict(X)
        _, peak = tracemalloc.get_traced_memory()
        assert peak <= 1.3 * 4 * X.size
    finally:
        tracemalloc.stop()
