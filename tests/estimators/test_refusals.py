"""Data and parameters of a wrong kind get one sentence that says what to do, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from skconvattn import ConvAttentionRegressor
from tests.estimator_params import every

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6))
Y = X[:, 0]
SMALL = {"units": 2, "epochs": 1, "random_state": 0}

every_estimator = every("regressor", "classifier")
every_classifier = every("classifier")


def _target(cls, y=Y):
    return y > 0 if cls.__name__.endswith("Classifier") else y


def _with(value):
    series = X.copy()
    series[3, 2] = value
    return series


def _assert_refused(call, message, error=ValueError):
    with pytest.raises(error, match=message):
        call()


SERIES = {
    "infinite": (_with(np.inf), r"Input X contains infinity"),
    "empty": (X[:0], r"0 sample\(s\).*minimum of 1"),
    "no time steps": (X[:, :0], r"0 feature\(s\).*minimum of 1"),
    "one axis": (X[0], r"X has one axis; Reshape your data"),
    "four axes": (
        X[:, :, None, None],
        r"X has 4 axes, \(40, 6, 1, 1\); give series as \(n_samples, n_timepoints\) or .*\.$",
    ),
    "complex": (X + 1j, r"Complex data not supported"),
    "text": (np.full((40, 6), "a"), r"could not convert string to float"),
}


@every_estimator
@pytest.mark.parametrize("kind", SERIES)
def test_series_of_a_wrong_kind(cls, kind):
    series, message = SERIES[kind]
    estimator = cls(**SMALL).fit(X, _target(cls))
    before = dict(vars(estimator))
    predictions = estimator.predict(X)
    y = _target(cls)[: len(series)] if kind != "one axis" else _target(cls)
    _assert_refused(lambda: estimator.fit(series, y), message)
    assert vars(estimator) == before
    # A prediction knows the number of time steps already.
    if kind not in {"four axes", "no time steps"}:
        _assert_refused(lambda: estimator.predict(series), message)
    np.testing.assert_array_equal(estimator.predict(X), predictions)


@every("regressor", "classifier", quick="ConvAttention")
def test_series_of_another_shape_than_in_fit(cls):
    deep = np.stack([X, X], axis=1)
    estimator = cls(**SMALL).fit(deep, _target(cls))
    name = cls.__name__
    message = rf"X has 5 time steps and 2 channels, but {name} was fitted on 6 and 2; give series"
    _assert_refused(lambda: estimator.predict(deep[..., :5]), message)
    _assert_refused(lambda: estimator.predict(deep[:, :1]), r"X has 1 features, but .* expecting 2")
    flat = cls(**SMALL).fit(X, _target(cls))
    _assert_refused(lambda: flat.predict(X[:, :5]), r"X has 5 features, but .* expecting 6")


@every_estimator
def test_series_too_far_from_the_fit_for_single_precision(cls):
    estimator = cls(**SMALL).fit(X, _target(cls))
    assert np.isfinite(getattr(estimator, "predict_proba", estimator.predict)(1e30 * X)).all()
    for far in (_with(1e300), _with(-1e300), 1e40 * X):
        message = rf"X has a value of size {np.abs(far).max():.3g}, too far .*; give series in"
        _assert_refused(lambda far=far: estimator.predict(far), message.replace("+", r"\+"))


@every_estimator
def test_a_validation_part_that_leaves_nothing_to_train_on(cls):
    series = np.random.default_rng(1).normal(size=(300, 6))
    y = _target(cls, series[:, 0])
    estimator = cls(**SMALL, validation_fraction=0.999)
    message = r"validation_fraction=0.999 holds out all 300 distinct samples; use a smaller frac"
    _assert_refused(lambda: estimator.fit(series, y), message)
    assert not hasattr(estimator, "fitted_model_")
    estimator.set_params(early_stopping=False).fit(series, y)


def test_sparse_targets():
    targets = sparse.csr_array(np.stack([Y, -Y], axis=1))
    _assert_refused(
        lambda: ConvAttentionRegressor(**SMALL).fit(X, targets),
        r"^y is a sparse csr_array, and targets have to be dense; use y.toarray\(\)\.$",
        TypeError,
    )


@every_estimator
def test_targets_of_a_wrong_kind(cls):
    y = _target(cls)
    estimator = cls(**SMALL)
    _assert_refused(
        lambda: estimator.fit(X, y[:-1]), r"inconsistent numbers of samples: \[40, 39\]"
    )
    _assert_refused(lambda: estimator.fit(X, None), r"requires y to be passed")
    missing = np.where(np.arange(40) == 3, np.nan, Y)
    _assert_refused(lambda: estimator.fit(X, missing), r"Input y contains NaN")


@every_classifier
def test_continuous_targets_are_no_classes(cls):
    _assert_refused(lambda: cls(**SMALL).fit(X, Y), r"Unknown label type: continuous")


@every_estimator
def test_sample_weights_of_a_wrong_kind(cls):
    estimator, y = cls(**SMALL), _target(cls)

    def fit(weights):
        return lambda: estimator.fit(X, y, sample_weight=weights)

    _assert_refused(fit(np.ones(39)), r"sample_weight.shape == \(39,\), expected \(40,\)")
    _assert_refused(fit(np.full(40, -1.0)), r"Negative values in data passed to `sample_weight`")
    _assert_refused(fit(np.full(40, np.nan)), r"Input sample_weight contains NaN")
    _assert_refused(
        fit(np.zeros(40)), r"sample_weight is zero for every sample; give at least one sample"
    )
    assert not hasattr(estimator, "fitted_model_")


PARAMETERS = [
    ("epochs", 0), ("epochs", 2.5), ("batch_size", 0), ("batch_size", "all"),
    ("learning_rate", 0.0), ("learning_rate", "fast"), ("optimizer", 3), ("loss", 3),
    ("validation_fraction", 1.0), ("patience", 0), ("patience", "long"), ("verbose", -1),
    ("warm_start", "yes"), ("random_state", "seed"), ("units", 0), ("dropout", 1.0),
    ("early_stopping", None),
]  # fmt: skip


@every_estimator
@pytest.mark.parametrize(("name", "value"), PARAMETERS)
def test_parameters_of_a_wrong_kind(cls, name, value):
    estimator = cls(**SMALL).fit(X, _target(cls))
    predictions = estimator.predict(X)
    estimator.set_params(**{name: value})
    message = rf"The '{name}' parameter of {cls.__name__} must be .* Got {value!r} instead"
    _assert_refused(lambda: estimator.fit(X, _target(cls)), message, InvalidParameterError)
    np.testing.assert_array_equal(estimator.predict(X), predictions)


@every_estimator
def test_nothing_is_predicted_before_a_fit(cls):
    for use in (lambda: cls().predict(X), lambda: cls().model_):
        _assert_refused(use, rf"This {cls.__name__} instance is not fitted yet", NotFittedError)
