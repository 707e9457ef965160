"""Trees as plain arrays predict what scikit-learn's trees do, and left-out samples are unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.metrics import roc_auc_score

from skconvattn.members.forest import (
    Forest,
    _worth_another_round,
    cross_fitted_forest,
    left_out_parts,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 12)).astype("float32")
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
UNSEEN = RNG.normal(size=(400, 12)).astype("float32")


def _classifier() -> ExtraTreesClassifier:
    return ExtraTreesClassifier(30, random_state=0).fit(X, CLASSES, sample_weight=1 + X[:, 2] ** 2)


def _arrays(forest, n_outputs: int) -> Forest:
    n_trees = len(forest.estimators_)
    return Forest.of(forest.estimators_, [np.arange(n_outputs)] * n_trees, n_outputs)


def test_probabilities_equal_those_of_scikit_learn():
    forest = _classifier()
    expected = forest.predict_proba(UNSEEN)
    np.testing.assert_allclose(_arrays(forest, 3).predict(UNSEEN), expected, atol=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_values_equal_those_of_scikit_learn(n_outputs):
    targets = X[:, :n_outputs] * 100
    forest = ExtraTreesRegressor(30, random_state=0).fit(X, targets if n_outputs > 1 else X[:, 0])
    expected = forest.predict(UNSEEN).reshape(len(UNSEEN), -1)
    np.testing.assert_allclose(_arrays(forest, n_outputs).predict(UNSEEN), expected, rtol=1e-12)


def test_features_that_equal_a_threshold_in_float32_go_as_in_scikit_learn():
    forest = _classifier()
    near = UNSEEN.copy()
    for tree in forest.estimators_:
        inner = tree.tree_.feature >= 0
        values = tree.tree_.threshold[inner][: len(near)].astype("float32")
        near[np.arange(len(values)), tree.tree_.feature[inner][: len(near)]] = values
    expected = forest.predict_proba(near)
    np.testing.assert_allclose(_arrays(forest, 3).predict(near), expected, atol=1e-12)


def test_a_sample_is_predicted_the_same_whatever_stands_beside_it():
    forest = _arrays(_classifier(), 3)
    together = forest.predict(UNSEEN)
    np.testing.assert_array_equal(forest.predict(UNSEEN[7:8]), together[7:8])


def test_left_out_predictions_know_nothing_of_random_labels():
    labels = RNG.integers(2, size=len(X))
    forest, left_out = cross_fitted_forest(
        X, labels, np.ones(len(X)), np.random.default_rng(0), n_classes=2
    )
    assert roc_auc_score(labels, forest.predict(X)[:, 1]) > 0.99
    assert roc_auc_score(labels, left_out[:, 1]) < 0.65


def test_left_out_predictions_find_what_can_be_found():
    _, left_out = cross_fitted_forest(
        X, CLASSES, np.ones(len(X)), np.random.default_rng(0), n_classes=3
    )
    assert (left_out.argmax(axis=1) == CLASSES).mean() > 0.75
    np.testing.assert_allclose(left_out.sum(axis=1), 1)


def test_a_class_of_one_sample_has_a_column_of_its_own():
    labels = np.array([0] * 10 + [2] * 10 + [1])
    forest, left_out = cross_fitted_forest(
        X[:21], labels, np.ones(21), np.random.default_rng(0), n_classes=3
    )
    assert left_out.shape == (21, 3)
    assert left_out[20, 1] == 0  # no tree that has not seen it knows of the class
    assert forest.predict(X[20:21])[0, 1] > 0.5


@pytest.mark.parametrize("n_samples", [1, 2])
def test_too_few_samples_are_all_learned_from(n_samples):
    targets = np.arange(n_samples, dtype=float)[:, None]
    weights = np.array([1.0, 3.0])[:n_samples]
    forest, left_out = cross_fitted_forest(
        X[:n_samples], targets, weights, np.random.default_rng(0)
    )
    np.testing.assert_allclose(left_out[:, 0], np.average(targets[:, 0], weights=weights))
    np.testing.assert_allclose(forest.predict(X[:n_samples]), targets)


def test_variances_are_those_between_the_trees_of_scikit_learn():
    forest = ExtraTreesRegressor(30, random_state=0).fit(X, X[:, :2] * 100)
    of_trees = np.stack([tree.predict(UNSEEN) for tree in forest.estimators_])
    mean, variance = _arrays(forest, 2).mean_and_variance(UNSEEN)
    np.testing.assert_allclose(mean, forest.predict(UNSEEN), rtol=1e-12)
    np.testing.assert_allclose(variance, of_trees.var(axis=0, ddof=1), rtol=1e-9)


def test_a_single_tree_has_no_variance():
    forest = ExtraTreesRegressor(1, random_state=0).fit(X, X[:, 0])
    np.testing.assert_array_equal(_arrays(forest, 1).mean_and_variance(UNSEEN)[1], 0)


def test_a_further_round_is_worth_its_trees_where_their_variance_is_what_is_left():
    # 100 trees: error 20 - 60 / 20 + 60 / 100 = 17.6, of which 100 more would take off 0.3.
    assert not _worth_another_round(error=20.0, variance=60.0, n_unseen=20, n_parts=5)
    # Error 5 - 3 + 0.6 = 2.6: 0.3 is more than 2 %.
    assert _worth_another_round(error=5.0, variance=60.0, n_unseen=20, n_parts=5)
    assert not _worth_another_round(error=0.0, variance=0.0, n_unseen=20, n_parts=5)


def test_what_many_features_say_alike_gets_twice_the_trees_that_noise_gets():
    rng = np.random.default_rng(1)
    level, noise = rng.normal(size=(2, len(X)))
    # Each feature is the target and an error of its own, so that trees err apart.
    alike = (level[:, None] + 0.5 * rng.normal(size=(len(X), 100))).astype("float32")
    sizes = [
        len(cross_fitted_forest(alike, targets[:, None], np.ones(len(X)), rng)[0].roots)
        for targets in (level, noise)
    ]
    assert sizes == [200, 100]


def test_the_squared_error_falls_with_the_number_of_trees_as_the_rule_says():
    targets = X[:, 0].astype(float)
    trees = ExtraTreesRegressor(400, random_state=0).fit(X, targets).estimators_
    actual = UNSEEN[:, 0]
    _, variance = Forest.of(trees, [np.arange(1)] * 400, 1).mean_and_variance(UNSEEN)
    of_trees = np.stack([tree.predict(UNSEEN) for tree in trees])

    def error(n: int) -> float:
        means = of_trees.reshape(-1, n, len(actual)).mean(axis=1)
        return float(np.square(means - actual).mean())

    assert error(1) - error(2) == pytest.approx(variance.mean() / 2, rel=0.05)


def test_weights_of_one_grow_the_trees_that_no_weights_grow():
    targets = (X[:, 0] + RNG.normal(size=len(X)))[:, None]
    forests = [
        cross_fitted_forest(X, targets, np.full(len(X), weight), np.random.default_rng(0))[0]
        for weight in (1.0, 2.0)
    ]
    np.testing.assert_array_equal(forests[0].feature, forests[1].feature)
    np.testing.assert_allclose(forests[0].values, forests[1].values, rtol=1e-12)


def test_parts_cover_all_samples_once_and_spread_classes():
    labels = np.repeat([0, 1], [40, 10])
    parts = left_out_parts(labels, 50, np.random.default_rng(0), stratified=True)
    assert sorted(np.concatenate(parts)) == list(range(50))
    assert [int(labels[part].sum()) for part in parts] == [2] * 5


@pytest.mark.parametrize(
    "change",
    [
        lambda f: {"feature": np.where(f.feature == 3, 99, f.feature)},
        lambda f: {"right": np.where(f.feature >= 0, 0, f.right)},
        lambda f: {"right": np.where(f.feature >= 0, len(f.feature), f.right)},
        lambda f: {"right": np.where(f.feature < 0, len(f.values), f.right)},
        lambda f: {"right": -f.right},
        lambda f: {"values": f.values[:, 0]},
        lambda f: {"threshold": f.threshold[1:]},
        lambda f: {"roots": f.roots[:0]},
        lambda f: {"roots": f.roots + len(f.feature)},
    ],
)
def test_arrays_that_are_no_trees_are_refused(change):
    forest = _arrays(_classifier(), 3)
    with pytest.raises(ValueError, match="are no trees"):
        replace(forest, **change(forest))


def test_other_features_than_those_of_the_trees_are_refused():
    with pytest.raises(ValueError, match="trees of 12 features are given 11"):
        _arrays(_classifier(), 3).predict(UNSEEN[:, 1:])
