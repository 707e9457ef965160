"""Every estimator passes the whole suites of scikit-learn or sktime, with nothing left out.

All tests run over :func:`skconvattn.all_estimators`, so that a new architecture is tested as soon
as it has a public name. Of the suites, which take a minute and more per estimator, `make test` runs
those of convolutional attention; `make test-all` and `.ci/run` run them all.
"""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator as check_scikit_learn
from sktime.datasets import load_airline
from sktime.utils.estimator_checks import _get_test_names_for_obj
from sktime.utils.estimator_checks import check_estimator as check_sktime

from skconvattn import all_estimators
from skconvattn._hyperparameters import parameter_names
from tests.estimator_params import every, expected_checks, of_architectures

# Checks that the suites had for us in scikit-learn 1.9.1 and sktime 1.2.0: fewer were left out.
N_SCIKIT_LEARN = {"regressor": 59, "classifier": 62}

# sktime's suite takes minutes a forecaster. Its costly tests go to the test processes one by one,
# each with the number of checks it had; all the others follow together.
N_SKTIME = {
    "test_predict_time_index": 216,
    "test_predict_time_index_with_X": 72,
    "test_predict_interval": 48,
    "test_update_predict_predicted_index": 48,
    "test_predict_time_index_in_sample_full": 36,
    "test_predict_quantiles": 24,
    "test_hierarchical_with_exogenous": 4,
    "test_unequal_length_hierarchical_fit_predict": 2,
    "test_fit_predict": 4,
    "test_score": 8,
}
THE_OTHERS = "the others"
N_SKTIME_IN_ALL = 890


every_estimator = every(others=True)
every_trained_estimator = every()
every_regressor_and_classifier = every("regressor", "classifier", others=True)
every_regressor = every("regressor", others=True)
every_classifier = every("classifier", others=True)
every_forecaster = every("forecaster", others=True)
every_trained_forecaster = every("forecaster")


def _short(cls, **parameters):
    """An estimator that fits in a moment."""
    small = {"units": 4, "epochs": 2, "random_state": 0}
    if "network" in parameter_names(cls):
        small.pop("units")
    if "pattern_dilations" in parameter_names(cls):
        # Members in closed form leave little to learn in these tests.
        small["members"] = ["network"]
    return cls(**{**small, **parameters})


def _labelled_series(n_samples: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Series of two levels, sorted by class: folds need to be stratified."""
    rng = np.random.default_rng(0)
    y = np.repeat(["high", "low"], n_samples // 2)
    return rng.normal(loc=np.where(y == "high", 2, -2)[:, None], size=(n_samples, 8)), y


@pytest.mark.parametrize("kind", ["forecaster", "regressor", "classifier"])
def test_every_architecture_has_all_three_kinds(kind):
    ending = kind.capitalize()
    names = {name.removesuffix(ending) for name, _ in of_architectures(kind)}
    assert {"Attention", "ConvAttention"} <= names
    assert len(of_architectures()) == 3 * len(names)
    assert names == {
        name.removesuffix(ending)
        for ending in ("Forecaster", "Regressor", "Classifier")
        for name, _ in of_architectures(ending.lower())
    }


def test_the_others_are_the_zero_shot_forecaster_and_those_of_an_own_network():
    assert {name for name, _ in all_estimators()} - dict(of_architectures()).keys() == {
        "PretrainedForecaster", "NeuralForecaster", "NeuralRegressor", "NeuralClassifier",
    }  # fmt: skip


def test_an_unknown_kind_of_estimator_is_refused():
    with pytest.raises(ValueError, match=r"kind='forecasters' .* use one of"):
        all_estimators("forecasters")


@every("regressor", "classifier", quick="ConvAttention", others=True)
def test_scikit_learn_s_suite(cls):
    estimator = cls()
    results = check_scikit_learn(estimator, on_fail=None, on_skip=None)
    not_passed = {
        result["check_name"]: (result["status"], str(result["exception"]))
        for result in results
        if result["status"] != "passed"
    }
    assert not_passed == {}
    kind = "classifier" if is_classifier(estimator) else "regressor"
    assert len(results) >= expected_checks(N_SCIKIT_LEARN[kind], "scikit-learn")


# sktime 1.2 itself joins predictions in the way that pandas 3 deprecates.
@pytest.mark.filterwarnings("ignore:Sorting by default when concatenating all DatetimeIndex")
@pytest.mark.parametrize("part", [*N_SKTIME, THE_OTHERS])
@every("forecaster", quick="ConvAttention", others=True)
def test_sktime_s_suite(cls, part):
    if part == THE_OTHERS:
        tests = sorted(set(_get_test_names_for_obj(cls)) - N_SKTIME.keys())
        expected = N_SKTIME_IN_ALL - sum(N_SKTIME.values())
    else:
        tests, expected = [part], N_SKTIME[part]
    results = check_sktime(cls, tests_to_run=tests, verbose=False)
    not_passed = [f"{name}: {result!r}" for name, result in results.items() if result != "PASSED"]
    assert not_passed == [], "\n" + "\n".join(not_passed)
    assert len(results) >= expected_checks(expected, "sktime")


@every_regressor_and_classifier
def test_no_tag_keeps_scikit_learn_from_checking(cls):
    tags = get_tags(cls())
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
    assert not getattr(tags.regressor_tags, "poor_score", False)
    assert not getattr(tags.classifier_tags, "poor_score", False)
    assert getattr(tags.classifier_tags, "multi_class", True)


@every_regressor_and_classifier
def test_missing_values_are_taken_as_the_tags_say_and_infinite_ones_are_not(cls):
    X, y = _labelled_series()
    y = X[:, 0] if cls.__name__.endswith("Regressor") else y
    gaps = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    estimator = _short(cls).fit(gaps, y)
    assert get_tags(estimator).input_tags.allow_nan
    assert estimator.predict(gaps).shape == y.shape
    infinite = np.where(np.isnan(gaps), np.inf, gaps)
    for use in (lambda: estimator.fit(infinite, y), lambda: estimator.predict(infinite)):
        with pytest.raises(ValueError, match="Input X contains infinity"):
            use()


@every_forecaster
def test_no_tag_keeps_sktime_from_checking(cls):
    forecaster = cls()
    assert not forecaster.get_tag("tests:skip_all", False, raise_error=False)
    assert not forecaster.get_tag("tests:skip_by_name", None, raise_error=False)
    assert forecaster.get_tag("tests:vm", False, raise_error=False) is False
    assert not forecaster.get_tag("non-deterministic", False, raise_error=False)
    claimed = [
        "insample",
        "pred_int",
        "pred_int:insample",
        "multivariate",
        "missing_values",
        "update",
    ]
    if "epochs" in parameter_names(cls):
        claimed += ["exogenous", "categorical_in_X", "pretrain"]
    assert all(forecaster.get_tag(f"capability:{tag}") for tag in claimed)


@every_estimator
def test_every_declared_hyperparameter_can_be_set_got_and_read_about(cls):
    names = parameter_names(cls)
    assert set(cls().get_params(deep=False)) == set(names)
    assert set(inspect.signature(cls).parameters) == set(names)
    assert set(cls._parameter_constraints) == set(names)
    for field in dataclasses.fields(cls):
        entry = f"\n{field.name} : {field.metadata['type']}, default={field.default!r}\n"
        assert entry in cls.__doc__
        assert getattr(cls(), field.name) is field.default
        assert field.metadata["doc"].endswith(".")


@every_estimator
def test_defaults_and_options_satisfy_their_own_constraints(cls):
    from sklearn.utils._param_validation import validate_parameter_constraints

    validate_parameter_constraints(
        cls._parameter_constraints, cls().get_params(deep=False), caller_name=cls.__name__
    )


@every_estimator
def test_a_clone_keeps_every_parameter(cls):
    # None of these values is checked before fit, and each one is told from all others.
    names = parameter_names(cls)
    values = {name: f"value of {name}" for name in names}
    copy = clone(cls(**values))
    assert copy.get_params(deep=False) == values
    assert clone(copy.set_params(**{names[0]: 7})).get_params()[names[0]] == 7


@every_estimator
def test_a_misspelt_parameter_is_refused(cls):
    with pytest.raises(TypeError, match="window_lenght"):
        cls(window_lenght=3)
    with pytest.raises(ValueError, match="window_lenght"):
        cls().set_params(window_lenght=3)


@every_trained_forecaster
def test_settings_for_sktime_s_suite_are_distinct_and_small(cls):
    settings = cls.get_test_params()
    assert len(settings) >= 2
    assert all(settings[0] != other for other in settings[1:])
    for each in settings:
        forecaster = cls(**each)
        assert forecaster.epochs <= 2
        assert {name: getattr(forecaster, name) for name in each} == each


@every_regressor_and_classifier
def test_scikit_learn_tells_classifiers_from_regressors(cls):
    estimator = cls()
    assert is_classifier(estimator) == cls.__name__.endswith("Classifier")
    assert is_regressor(estimator) == cls.__name__.endswith("Regressor")


@every_classifier
def test_cross_validation_of_a_classifier_is_stratified(cls):
    X, y = _labelled_series()
    classifier = _short(cls, epochs=10, learning_rate=0.05)
    explicit = cross_val_score(classifier, X, y, cv=StratifiedKFold(3))
    assert cross_val_score(classifier, X, y, cv=3).tolist() == explicit.tolist()
    assert explicit.min() > 0.9


@every_regressor_and_classifier
def test_a_grid_search_over_a_pipeline_finds_the_better_setting(cls):
    X, y = _labelled_series()
    scoring = "neg_log_loss"  # chance may give an untrained network every label, not the odds
    if cls.__name__.endswith("Regressor"):
        y, scoring = X[:, 0] + X[:, -1], "r2"
    pipeline = make_pipeline(StandardScaler(), _short(cls, early_stopping=False))
    step = cls.__name__.lower()
    grid = {f"{step}__learning_rate": [1e-6, 0.05], f"{step}__epochs": [15]}
    search = GridSearchCV(pipeline, grid, scoring=scoring, cv=2).fit(X, y)
    assert search.best_params_ == {f"{step}__learning_rate": 0.05, f"{step}__epochs": 15}
    assert search.best_estimator_[-1].learning_rate == 0.05
    assert search.predict(X[:3]).shape == (3,)
    np.testing.assert_array_equal(
        clone(search.best_estimator_).fit(X, y).predict(X), search.predict(X)
    )


@every_regressor
def test_a_regressor_learns_where_in_a_series_its_value_stands(cls):
    X = np.random.default_rng(0).normal(size=(200, 12))
    y = X[:, 3] - X[:, 8]
    regressor = cls(random_state=0).fit(X[:150], y[:150])
    assert regressor.score(X[150:], y[150:]) > 0.8


@every_classifier
def test_a_classifier_learns_the_level_of_a_series(cls):
    X, y = _labelled_series(120)
    classifier = cls(random_state=0).fit(X[::2], y[::2])
    assert classifier.score(X[1::2], y[1::2]) > 0.95


@every_forecaster
def test_a_forecaster_is_better_than_repeating_the_last_value(cls):
    y = load_airline()
    given = {"random_state": 0, "epochs": 20} if "epochs" in parameter_names(cls) else {}
    forecast = cls(**given).fit(y[:-12], fh=range(1, 13)).predict()
    error = np.abs(forecast - y[-12:]).mean()
    assert error < 0.5 * np.abs(y.iloc[-13] - y[-12:]).mean()
