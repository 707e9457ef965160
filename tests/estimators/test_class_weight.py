"""Weights of classes are weights of samples."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier
from tests.estimator_params import every

RNG = np.random.default_rng(0)
Y = np.repeat(["a", "b", "c"], [30, 10, 20])
X = RNG.normal(size=(60, 6))
SMALL = {"units": 2, "epochs": 2, "random_state": 0}


def _fitted(cls=ConvAttentionClassifier, weights=None, **parameters):
    return cls(**SMALL, **parameters).fit(X, Y, sample_weight=weights).predict_proba(X)


@every("classifier", quick="ConvAttention")
def test_the_weight_of_a_class_is_that_of_its_samples(cls):
    weights = np.select([Y == "a", Y == "b"], [2.0, 5.0], 1.0)
    np.testing.assert_array_equal(_fitted(cls, class_weight={"a": 2, "b": 5}),
                                  _fitted(cls, weights))  # fmt: skip


def test_balanced_classes_weigh_the_same_together():
    weights = np.select([Y == "a", Y == "b"], [20 / 30, 20 / 10], 20 / 20)
    np.testing.assert_allclose(_fitted(class_weight="balanced"), _fitted(weights=weights),
                               rtol=1e-6)  # fmt: skip


def test_balance_counts_samples_as_they_are_weighted():
    times = np.arange(60) % 3
    weighted = _fitted(weights=times, class_weight="balanced")
    repeated = ConvAttentionClassifier(**SMALL, class_weight="balanced")
    repeated.fit(np.repeat(X, times, axis=0), np.repeat(Y, times))
    np.testing.assert_array_equal(weighted, repeated.predict_proba(X))


def test_balance_lets_a_rare_class_be_found():
    rng = np.random.default_rng(1)
    y = (np.arange(300) % 20 == 0).astype(int)
    series = rng.normal(size=(300, 6)) + 0.7 * y[:, None]
    settings = {"random_state": 0, "epochs": 30, "members": ["network"]}
    plain, balanced = (
        ConvAttentionClassifier(**settings, class_weight=weight).fit(series, y).predict(series)
        for weight in (None, "balanced")
    )
    assert balanced[y == 1].mean() > 0.7 > plain[y == 1].mean()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ({"a": 1, "x": 2}, r"The classes, \['b', 'c'\], are not in class_weight"),
        ({"a": 0, "b": 0, "c": 0}, "and one of those in y a positive one"),
        ({"a": -1}, "must give every class a weight that is not negative"),
        ({"a": np.nan}, "must give every class a weight that is not negative"),
        ("even", "The 'class_weight' parameter of ConvAttentionClassifier must be"),
    ],
)
def test_weights_that_are_none_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        _fitted(class_weight=weight)
