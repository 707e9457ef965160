"""Estimators do their work inside scikit-learn's own searches, ensembles and inspections."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration import OptunaSearchCV
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier, VotingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor

RNG = np.random.default_rng(0)
LABELS = np.tile(["high", "low"], 45)
X = RNG.normal(loc=np.where(LABELS == "high", 1, -1)[:, None], size=(90, 8))
VALUES = X[:, 2] - X[:, 6]
SMALL = {"filters": 4, "units": 4, "epochs": 15, "learning_rate": 0.03, "random_state": 0}
PIPELINE = make_pipeline(StandardScaler(), ConvAttentionClassifier(**{**SMALL, "epochs": 5}))
STEP = "convattentionclassifier__"


def _classifier(**parameters):
    return ConvAttentionClassifier(**{**SMALL, **parameters})


def _regressor(**parameters):
    return ConvAttentionRegressor(**{**SMALL, **parameters})


def test_a_random_search_sets_nested_parameters():
    space = {STEP + "learning_rate": loguniform(1e-3, 0.1), STEP + "class_weight": ["balanced"]}
    search = RandomizedSearchCV(PIPELINE, space, n_iter=3, cv=2, random_state=0).fit(X, LABELS)
    assert search.best_score_ > 0.9
    rate = search.best_params_[STEP + "learning_rate"]
    assert search.best_estimator_[-1].learning_rate == rate
    assert len(set(search.cv_results_["param_" + STEP + "learning_rate"])) == 3


def test_an_optuna_search_sets_nested_parameters():
    space = {
        STEP + "learning_rate": FloatDistribution(1e-3, 0.1, log=True),
        STEP + "pool_size": CategoricalDistribution([1, 2]),
    }
    search = OptunaSearchCV(PIPELINE, space, n_trials=3, cv=2, random_state=0).fit(X, LABELS)
    assert search.best_score_ > 0.9
    assert (
        search.best_estimator_[-1].get_params().items()
        >= {name.removeprefix(STEP): value for name, value in search.best_params_.items()}.items()
    )


def test_a_grid_search_takes_series_of_unequal_length():
    series = [row[: 5 + i % 4] for i, row in enumerate(X)]
    search = GridSearchCV(_classifier(), {"epochs": [1, 15]}, cv=2).fit(series, LABELS)
    assert search.score(series, LABELS) > 0.9


def test_predictions_across_folds_are_those_of_fits_on_the_others():
    folds = KFold(3)
    predicted = cross_val_predict(_classifier(), X, LABELS, cv=folds, method="predict_proba")
    for train, test in folds.split(X):
        by_hand = _classifier().fit(X[train], LABELS[train]).predict_proba(X[test])
        np.testing.assert_array_equal(predicted[test], by_hand)


def test_two_processes_give_the_scores_of_one():
    one, two = (cross_val_score(_classifier(), X, LABELS, cv=2, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_classifiers_vote_with_others():
    members = [("network", _classifier()), ("line", LogisticRegression())]
    voting = VotingClassifier(members, voting="soft").fit(X, LABELS)
    by_hand = [each.fit(X, LABELS).predict_proba(X) for _, each in members]
    np.testing.assert_allclose(voting.predict_proba(X), np.mean(by_hand, axis=0), rtol=1e-6)
    voting = VotingRegressor([("a", _regressor()), ("b", _regressor(random_state=1))])
    assert voting.fit(X, VALUES).score(X, VALUES) > 0.3


def test_bags_draw_samples_of_their_own():
    bagging = BaggingClassifier(_classifier(), n_estimators=2, random_state=0).fit(X, LABELS)
    assert bagging.score(X, LABELS) > 0.9
    assert bagging.estimators_[0].random_state != bagging.estimators_[1].random_state
    bagging = BaggingRegressor(_regressor(), n_estimators=2, random_state=0).fit(X, VALUES)
    assert bagging.score(X, VALUES) > 0.3


@pytest.mark.parametrize("ensemble", [True, False])
def test_probabilities_are_calibrated(ensemble):
    calibrated = CalibratedClassifierCV(_classifier(), cv=2, ensemble=ensemble).fit(X, LABELS)
    probabilities = calibrated.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert calibrated.score(X, LABELS) > 0.9


def test_permuting_a_time_step_that_counts_costs_accuracy():
    regressor = _regressor(epochs=60).fit(X, VALUES)
    drop = permutation_importance(regressor, X, VALUES, n_repeats=3, random_state=0)
    assert set(np.argsort(drop.importances_mean)[-2:]) == {2, 6}


def test_several_targets_get_a_network_each():
    targets = np.c_[VALUES, X[:, 0]]
    regressor = MultiOutputRegressor(_regressor()).fit(X, targets)
    alone = _regressor().fit(X, targets[:, 1]).predict(X)
    np.testing.assert_array_equal(regressor.predict(X)[:, 1], alone)
    labels = np.c_[LABELS, np.where(X[:, 0] > 0, "up", "down")]
    classifier = MultiOutputClassifier(_classifier()).fit(X, labels)
    assert classifier.predict(X).shape == (90, 2)
    # partial_fit is passed on.
    regressor = MultiOutputRegressor(_regressor())
    regressor.partial_fit(X, targets)
    assert [each.n_iter_ for each in regressor.estimators_] == [1, 1]
