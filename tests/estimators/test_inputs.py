"""Plain arrays pass by scikit-learn's checks in predictions, and nothing else differs for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor
from skconvattn.estimators import inputs

RNG = np.random.default_rng(0)
X = np.round(10 * RNG.normal(size=(30, 6)))  # whole numbers that every type holds
DEEP = np.stack([X, X[::-1]], axis=1)
Y = X[:, 0] - X[:, 5]
SMALL = {"units": 2, "epochs": 2, "random_state": 0}


def _with(series: np.ndarray, value: float) -> np.ndarray:
    series = series.copy()
    series[3, ..., 2] = value
    return series


def _read_only(series: np.ndarray) -> np.ndarray:
    series = series.copy()
    series.flags.writeable = False
    return series


def _unaligned(series: np.ndarray) -> np.ndarray:
    held = np.empty(series.nbytes + 1, dtype=np.uint8)[1:].view(series.dtype)
    held = held.reshape(series.shape)
    held[...] = series
    return held


class _Subclass(np.ndarray):
    """An array that says no more than its base."""


# Of series of any number of axes.
KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "float64": lambda series: series,
    "float32": lambda series: series.astype(np.float32),
    "float16": lambda series: series.astype(np.float16),
    "long double": lambda series: series.astype(np.longdouble),
    "big endian": lambda series: series.astype(">f8"),
    "big endian float32": lambda series: series.astype(">f4"),
    "int8": lambda series: series.astype(np.int8),
    "int64": lambda series: series.astype(np.int64),
    "uint16": lambda series: np.abs(series).astype(np.uint16),
    "bool": lambda series: series > 0,
    "complex": lambda series: series + 0j,
    "text": lambda series: series.astype(str),
    "words": lambda series: np.full(series.shape, "high"),
    "dates": lambda series: series.astype("datetime64[s]"),
    "objects": lambda series: series.astype(object),
    "objects of text": lambda series: np.full(series.shape, "high", dtype=object),
    "lists": lambda series: series.tolist(),
    "list of arrays": list,
    "tuple of arrays": tuple,
    "array of arrays": lambda series: np.array([*series, None], dtype=object)[:-1],
    "gaps": lambda series: _with(series, np.nan),
    "float32 gaps": lambda series: _with(series.astype(np.float32), np.nan),
    "nothing but gaps": lambda series: np.full(series.shape, np.nan),
    "infinity": lambda series: _with(series, np.inf),
    "minus infinity": lambda series: _with(series, -np.inf),
    "float32 infinity": lambda series: _with(series.astype(np.float32), np.inf),
    "gaps and infinity": lambda series: _with(_with(series, np.inf), np.nan),
    "column by column": np.asfortranarray,
    "every other": lambda series: np.repeat(series, 2, axis=0)[::2],
    "backwards": lambda series: series[::-1, ..., ::-1],
    "broadcast": lambda series: np.broadcast_to(series[:1], series.shape),
    "read only": _read_only,
    "unaligned": _unaligned,
    "masked array": lambda series: np.ma.masked_equal(series, series[0, ..., 0].flat[0]),
    "subclass": lambda series: series.view(_Subclass),
    "one": lambda series: series[:1],
    "none": lambda series: series[:0],
    "no features": lambda series: series[:, :0],
    "no time steps": lambda series: series[..., :0],
    "a feature less": lambda series: series[:, :-1],
    "a feature more": lambda series: np.concatenate([series, series[:, :1]], axis=1),
    "a time step less": lambda series: series[..., :-1],
    "two features": lambda series: series[:, :2],
    "an axis less": lambda series: series[0],
    "an axis more": lambda series: series[..., None],
    "two axes more": lambda series: series[..., None, None],
    "number": lambda series: series[(0,) * series.ndim],
    "no axes": lambda series: np.array(3.0),
    "nothing": lambda series: None,
    "empty list": lambda series: [],
}
# Of series of two axes.
FLAT_KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "matrix": lambda series: np.asmatrix(series),
    "frame": pd.DataFrame,
    "frame with names": lambda series: pd.DataFrame(series, columns=list("abcdef")),
    "sparse": sparse.csr_array,
    "record": lambda series: series.view([("a", "f8")]),
}


@pytest.fixture(scope="module")
def flat() -> Any:
    """A regressor of one channel, from an array of two axes."""
    return ConvAttentionRegressor(**SMALL).fit(X, Y)


@pytest.fixture(scope="module")
def deep() -> Any:
    """A classifier of two channels."""
    return ConvAttentionClassifier(**SMALL).fit(DEEP, Y > 0)


@pytest.fixture(scope="module")
def named() -> Any:
    """A regressor that knows the names of its features."""
    return ConvAttentionRegressor(**SMALL).fit(pd.DataFrame(X, columns=list("abcdef")), Y)


@pytest.fixture(scope="module")
def unequal_pairs() -> Any:
    """A regressor of series of unequal length and two channels."""
    return ConvAttentionRegressor(**SMALL).fit([x[:, : 3 + i % 4] for i, x in enumerate(DEEP)], Y)


@pytest.fixture(scope="module")
def unequal() -> Any:
    """A regressor of series of unequal length."""
    return ConvAttentionRegressor(**SMALL).fit([x[: 3 + i % 4] for i, x in enumerate(X)], Y)


def _outcome(estimator: Any, given: Any) -> tuple[str, Any, list[str]]:
    """Return what a prediction gives or raises, and its warnings."""
    predict = getattr(estimator, "predict_proba", estimator.predict)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found: Any = predict(given)
            kind = "result"
        except (TypeError, ValueError) as error:
            kind, found = type(error).__name__, str(error)
    return kind, found, [f"{w.category.__name__}: {w.message}" for w in caught]


def _assert_as_checked(estimator: Any, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = given.copy() if isinstance(given, np.ndarray) and given.dtype != object else given
    quick = _outcome(estimator, given)
    if before is not given:
        np.testing.assert_array_equal(given, before)
    monkeypatch.setattr(inputs, "_needs_no_check", lambda *_: False)
    checked = _outcome(estimator, given)
    assert quick[0] == checked[0]
    np.testing.assert_array_equal(quick[1], checked[1])
    assert quick[2] == checked[2]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", [*KINDS, *FLAT_KINDS])
@pytest.mark.parametrize("fitted", ["flat", "named", "unequal", "unequal_pairs"])
def test_flat_series_are_predicted_or_refused_as_with_all_checks(
    fitted, kind, request, monkeypatch
):
    estimator = request.getfixturevalue(fitted)
    _assert_as_checked(estimator, {**KINDS, **FLAT_KINDS}[kind](X), monkeypatch)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fitted", ["flat", "deep", "unequal"])
def test_deep_series_are_predicted_or_refused_as_with_all_checks(
    fitted, kind, request, monkeypatch
):
    _assert_as_checked(request.getfixturevalue(fitted), KINDS[kind](DEEP), monkeypatch)


def test_a_file_in_memory_is_predicted_as_with_all_checks(flat, tmp_path, monkeypatch):
    series = np.memmap(tmp_path / "series", dtype=np.float64, mode="w+", shape=X.shape)
    series[:] = X
    np.testing.assert_array_equal(flat.predict(series), flat.predict(X))
    _assert_as_checked(flat, series, monkeypatch)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_infinity_that_may_be_taken_as_finite_is_predicted_as_with_all_checks(
    flat, value, monkeypatch
):
    with config_context(assume_finite=True):
        _assert_as_checked(flat, _with(X, value), monkeypatch)


@pytest.mark.parametrize("kind", ["float64", "float32", "gaps", "one", "backwards", "read only"])
def test_plain_arrays_pass_by_the_checks(flat, deep, kind, monkeypatch):
    def checks(*_: Any, **__: Any) -> Any:
        raise AssertionError("scikit-learn's checks ran")

    monkeypatch.setattr(inputs, "validate_data", checks)
    for estimator, series in ((flat, X), (deep, DEEP)):
        assert np.isfinite(estimator.predict(KINDS[kind](series))).all()


@pytest.mark.parametrize(
    "kind", ["float16", "long double", "big endian", "int8", "int64", "objects", "lists",
             "list of arrays", "array of arrays", "column by column", "every other", "read only",
             "unaligned", "subclass"],
)  # fmt: skip
def test_the_same_numbers_in_another_form_are_predicted_the_same(deep, kind):
    np.testing.assert_array_equal(deep.predict_proba(KINDS[kind](DEEP)), deep.predict_proba(DEEP))
