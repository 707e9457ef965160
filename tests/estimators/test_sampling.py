"""Samples by Monte-Carlo dropout lie around the prediction, and repeat with their seed."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor
from tests.estimator_params import every

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2, 12))
Y = X[:, 0, 0] - X[:, 1, 5]
SMALL = {"members": ["network"], "dropout": 0.3, "epochs": 5, "random_state": 0}

every_kind = every("regressor", "classifier", quick="ConvAttention")


def _fitted(cls, **parameters):
    target = Y > 0 if cls.__name__.endswith("Classifier") else Y
    return cls(**{**SMALL, **parameters}).fit(X, target)


def _predicted(estimator):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


@every_kind
def test_samples_lie_around_the_prediction_and_differ(cls):
    estimator = _fitted(cls)
    before = _predicted(estimator)
    drawn = estimator.sample(X, 200)
    assert drawn.shape == (*before.shape, 200)
    assert drawn.dtype == np.float64
    distance = np.abs(drawn.mean(axis=-1) - before).mean()
    assert distance < np.abs(before - before.mean(axis=0)).mean() + drawn.std(axis=-1).mean()
    # Each series and each sample has a dropout mask of its own.
    assert (drawn.std(axis=-1) > 0).mean() > 0.9
    np.testing.assert_array_equal(_predicted(estimator), before)


@every("classifier", quick="ConvAttention")
def test_every_sample_of_a_classifier_is_a_distribution(cls):
    drawn = _fitted(cls).sample(X, 5)
    assert (drawn >= 0).all()
    np.testing.assert_allclose(drawn.sum(axis=1), 1, rtol=1e-12)


@every_kind
def test_samples_repeat_with_their_seed(cls):
    estimator = _fitted(cls)
    one = estimator.sample(X, 3)
    np.testing.assert_array_equal(estimator.sample(X, 3), one)
    np.testing.assert_array_equal(estimator.sample(X, 3, random_state=0), one)
    assert not np.array_equal(estimator.sample(X, 3, random_state=1), one)


@pytest.mark.parametrize(
    ("parameters", "y", "shape"),
    [
        ({}, np.stack([Y, Y**2], axis=1), (60, 2, 7)),
        ({"quantiles": (0.1, 0.5, 0.9)}, Y, (60, 7)),
        ({"quantiles": (0.1, 0.9)}, np.stack([Y, Y**2], axis=1), (60, 2, 7)),
        ({"sequence": True}, X[:, 0], (60, 12, 7)),
    ],
    ids=["outputs", "quantiles", "quantiles of outputs", "sequence"],
)
def test_samples_have_the_axes_of_predictions_and_one_more(parameters, y, shape):
    regressor = ConvAttentionRegressor(**SMALL, **parameters).fit(X, y)
    drawn = regressor.sample(X, 7)
    assert drawn.shape == shape == (*regressor.predict(X).shape, 7)
    assert np.isfinite(drawn).all()


def test_series_of_unequal_length_keep_their_order():
    series = [x[:, : 6 + i % 7] for i, x in enumerate(X)]
    regressor = ConvAttentionRegressor(**SMALL).fit(series, Y)
    longer = [np.concatenate([x, x], axis=1) if i % 3 else x for i, x in enumerate(series)]
    # Nothing is dropped at a share of nearly zero: samples are predictions.
    parameters = tuple((n, 1e-9 if n == "dropout" else v) for n, v in _parameters(regressor))
    regressor.fitted_model_ = _with_parameters(regressor.fitted_model_, parameters)
    drawn = regressor.sample(longer, 2)
    np.testing.assert_allclose(drawn[:, 0], regressor.predict(longer), rtol=1e-4, atol=1e-5)


def _parameters(regressor):
    return regressor.fitted_model_.spec.parameters


def _with_parameters(model, parameters):
    from dataclasses import replace

    return replace(model, spec=replace(model.spec, parameters=parameters))


def test_many_samples_are_those_of_several_calls_in_shape_and_kind():
    regressor = _fitted(ConvAttentionRegressor)
    drawn = regressor.sample(X[:50], 100)  # more rows than one call takes
    assert drawn.shape == (50, 100)
    assert len(np.unique(drawn[0])) > 90


@pytest.mark.parametrize(
    ("dropout", "n_samples", "message"),
    [(0.0, 5, r"^Without dropout all samples are the same; fit with"), (0.3, 0, "n_samples=0 dra")],
)
@pytest.mark.parametrize("cls", [ConvAttentionClassifier, ConvAttentionRegressor])
def test_what_cannot_be_sampled_is_refused(cls, dropout, n_samples, message):
    with pytest.raises(ValueError, match=message):
        _fitted(cls, dropout=dropout).sample(X, n_samples)
