"""Searches find what an exhaustive one finds, end hopeless trials, and survive interruptions."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator as check_scikit_learn
from sktime.datasets import load_airline
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.split import ExpandingWindowSplitter
from sktime.utils.estimator_checks import check_estimator as check_sktime

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor, load
from skconvattn.tuning import OptunaForecastingSearch, OptunaSearch, search_space

ALPHAS = {"alpha": FloatDistribution(1e-3, 10.0, log=True)}
# Checks that scikit-learn 1.9 has for the estimators below.
N_SCIKIT_LEARN = 45
QUIET = {"progress_bar": False, "random_state": 0}


def _seasons() -> dict[str, CategoricalDistribution]:
    return {"sp": CategoricalDistribution([1, 6, 12])}


class _Failing(Ridge):
    """A ridge regression that fails where alpha is large."""

    def fit(self, X, y, sample_weight=None):
        if self.alpha > 0.1:
            raise ArithmeticError("alpha is too large")
        return super().fit(X, y, sample_weight)


def test_scores_are_those_of_cross_validation():
    X, y = load_diabetes(return_X_y=True)
    search = OptunaSearch(Ridge(), ALPHAS, n_trials=6, cv=4, **QUIET).fit(X, y)

    finished = search.results_.query("state == 'complete'")
    assert len(finished) >= 5
    for _, trial in finished.iterrows():
        expected = cross_val_score(Ridge(alpha=trial["param_alpha"]), X, y, cv=4).mean()
        assert trial["score"] == pytest.approx(expected)
    assert search.best_score_ == search.results_["score"].max()
    best = Ridge(**search.best_params_).fit(X, y)
    np.testing.assert_allclose(search.predict(X), best.predict(X))
    assert search.score(X, y) == pytest.approx(best.score(X, y))


def test_scores_of_forecasters_are_those_of_the_last_blocks():
    y = load_airline()
    search = OptunaForecastingSearch(NaiveForecaster(), _seasons(), n_trials=9, cv=2, **QUIET)
    search.fit(y, fh=range(1, 13))

    splitter = ExpandingWindowSplitter(range(1, 13), initial_window=144 - 24, step_length=12)
    metric = MeanAbsoluteScaledError()
    for sp, own in search.results_.groupby("param_sp"):
        expected = evaluate(NaiveForecaster(sp=int(sp)), splitter, y, scoring=metric)
        np.testing.assert_allclose(own["score"], expected[f"test_{metric.name}"].mean())
    assert search.best_params_ == {"sp": 12}
    expected = NaiveForecaster(sp=12).fit(y, fh=range(1, 13)).predict()
    np.testing.assert_allclose(search.predict(), expected)


def test_one_seed_tries_the_same_and_another_does_not():
    X, y = load_diabetes(return_X_y=True)
    first, again, other = (
        OptunaSearch(Ridge(), ALPHAS, n_trials=4, random_state=seed, progress_bar=False)
        .fit(X, y)
        .results_["param_alpha"]
        .tolist()
        for seed in (0, 0, 1)
    )

    assert first == again
    assert len(set(first)) == 4
    assert not set(first) & set(other)


def test_parameters_tried_before_keep_their_score():
    X, y = load_diabetes(return_X_y=True)
    fits = []

    class Counting(Ridge):
        def fit(self, X, y, sample_weight=None):
            fits.append(self.alpha)
            return super().fit(X, y, sample_weight)

    space = {"alpha": CategoricalDistribution([0.1, 1.0])}
    search = OptunaSearch(Counting(), space, n_trials=8, cv=2, refit=False, **QUIET).fit(X, y)

    assert len(search.results_) == 8
    assert len(fits) == 2 * len(set(fits))
    assert search.results_.groupby("param_alpha")["score"].nunique().max() == 1


def test_failing_trials_are_recorded_and_the_search_goes_on():
    X, y = load_diabetes(return_X_y=True)
    search = OptunaSearch(_Failing(), ALPHAS, n_trials=8, **QUIET).fit(X, y)
    table = search.results_
    failed = table["param_alpha"] > 0.1

    assert failed.any()
    assert not failed.all()
    assert (table["state"] == np.where(failed, "fail", "complete")).all()
    assert set(table.loc[failed, "reason"]) == {"ArithmeticError: alpha is too large"}
    assert table.loc[~failed, "reason"].isna().all()


def test_a_search_without_any_finished_trial_raises_the_first_error():
    X, y = load_diabetes(return_X_y=True)
    space = {"alpha": FloatDistribution(1.0, 2.0)}
    with pytest.raises(ArithmeticError, match="alpha is too large"):
        OptunaSearch(_Failing(), space, n_trials=2, **QUIET).fit(X, y)


class _WorseThanBefore(optuna.pruners.BasePruner):
    """Prunes every trial but the first at a given step."""

    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.number > 0 and trial.last_step >= self.step


def test_networks_are_pruned_within_a_fit_at_an_epoch():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 12))
    model = ConvAttentionRegressor(filters=4, units=4, epochs=6, early_stopping=False)
    space = {"learning_rate": FloatDistribution(1e-3, 1e-2, log=True)}
    search = OptunaSearch(model, space, n_trials=3, cv=2, pruner=_WorseThanBefore(3), **QUIET)
    search.fit(X, X[:, -1])
    first, *others = search.study_.trials

    assert [t.state.name for t in others] == ["PRUNED", "PRUNED"]
    assert all(max(t.intermediate_values) == 3 for t in others)
    assert sorted(first.intermediate_values)[:6] == list(range(6))
    assert model.callbacks is clone(model).callbacks is None


def test_the_winner_is_trained_as_its_trials_were():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 12))
    model = ConvAttentionRegressor(filters=4, units=4, epochs=2, random_state=0)
    space = {"learning_rate": FloatDistribution(1e-3, 1e-2, log=True)}
    search = OptunaSearch(model, space, n_trials=1, cv=2, **QUIET).fit(X, X[:, -1])

    assert search.best_estimator_.n_iter_ > 0
    assert model.fit(X, X[:, -1]).n_iter_ == 0


def test_networks_of_forecasters_are_pruned_within_a_pipeline():
    from sktime.forecasting.compose import TransformedTargetForecaster

    y = load_airline()[-60:]
    steps = [("forecast", ConvAttentionForecaster(filters=4, units=4, epochs=5, random_state=0))]
    space = {"forecast__learning_rate": FloatDistribution(1e-3, 1e-2, log=True)}
    search = OptunaForecastingSearch(
        TransformedTargetForecaster(steps), space, n_trials=2, cv=1, pruner=_WorseThanBefore(2),
        **QUIET,
    )  # fmt: skip
    search.fit(y, fh=[1, 2, 3])

    assert search.results_["state"].tolist() == ["complete", "pruned"]
    assert max(search.study_.trials[1].intermediate_values) == 2
    assert np.isfinite(search.predict()).all()


def test_the_winner_is_saved_as_any_other(tmp_path):
    y = load_airline()[-72:]
    forecaster = ConvAttentionForecaster(epochs=0, random_state=0)
    space = {"normalization": search_space(forecaster)["normalization"]}
    search = OptunaForecastingSearch(forecaster, space, n_trials=2, cv=1, **QUIET)
    search.fit(y, fh=[1, 2, 3])
    search.best_forecaster_.save(tmp_path / "best.zip")

    forecast = load(tmp_path / "best.zip").predict().squeeze()
    np.testing.assert_allclose(forecast, search.predict())


def test_a_timeout_ends_the_search():
    X, y = load_diabetes(return_X_y=True)
    search = OptunaSearch(Ridge(), ALPHAS, n_trials=None, timeout=0.5, **QUIET).fit(X, y)

    assert 1 <= len(search.results_) < 500


def test_a_study_in_a_file_is_taken_up_and_completed(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    options = {"storage": tmp_path / "study.db", "cv": 2, **QUIET}
    first = OptunaSearch(Ridge(), ALPHAS, n_trials=3, **options).fit(X, y).results_
    with pytest.raises(ValueError, match="resume=True"):
        OptunaSearch(Ridge(), ALPHAS, n_trials=5, **options).fit(X, y)
    second = OptunaSearch(Ridge(), ALPHAS, n_trials=5, resume=True, **options).fit(X, y).results_
    whole = OptunaSearch(Ridge(), ALPHAS, n_trials=5, cv=2, **QUIET).fit(X, y).results_

    assert second["param_alpha"].tolist()[:3] == first["param_alpha"].tolist()
    np.testing.assert_allclose(second["param_alpha"], whole["param_alpha"])


def test_a_killed_search_loses_no_finished_trial_and_leaves_none_running(tmp_path):
    script = tmp_path / "search.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, sys
            from optuna.distributions import FloatDistribution
            from sklearn.datasets import load_diabetes
            from sklearn.linear_model import Ridge
            from skconvattn.tuning import OptunaSearch

            class Deadly(Ridge):
                def fit(self, X, y, sample_weight=None):
                    global fits
                    fits += 1
                    if fits == 6:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return super().fit(X, y, sample_weight)

            fits = 0
            space = {"alpha": FloatDistribution(1e-3, 10.0, log=True)}
            OptunaSearch(Deadly(), space, cv=2, n_trials=5, storage=sys.argv[1], random_state=0,
                         progress_bar=False).fit(*load_diabetes(return_X_y=True))
            """
        )
    )
    path = str(tmp_path / "study.db")
    ended = subprocess.run([sys.executable, script, path], check=False)
    before = optuna.load_study(study_name="skconvattn", storage=f"sqlite:///{path}").trials
    X, y = load_diabetes(return_X_y=True)
    search = OptunaSearch(Ridge(), ALPHAS, cv=2, n_trials=5, storage=path, resume=True, **QUIET)
    table = search.fit(X, y).results_

    assert ended.returncode == -9
    assert [t.state.name for t in before] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert table["state"].tolist() == ["complete"] * 2 + ["fail"] + ["complete"] * 3
    assert table["param_alpha"][2] == table["param_alpha"][3]


def test_two_processes_share_the_trials_of_a_study(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    search = OptunaSearch(
        Ridge(), ALPHAS, n_trials=6, cv=2, n_processes=2, storage=str(tmp_path / "s.db"), **QUIET
    ).fit(X, y)
    table = search.results_

    assert 6 <= len(table) <= 7
    assert table["param_alpha"].is_unique
    assert set(table["state"]) <= {"complete", "pruned"}


def test_a_space_with_conditions_leaves_out_what_has_no_effect():
    y = load_airline()
    space = search_space(ConvAttentionForecaster(), y)
    seen = set()
    for number in range(40):
        trial = optuna.trial.FixedTrial(
            {name: _value(d, number) for name, d in space.items()}, number=number
        )
        drawn = space.suggest(trial)
        seen.add(drawn["recurrent"])
        assert ("recurrent_units" in drawn) == (drawn["recurrent"] is not None)
        ConvAttentionForecaster(**drawn)

    assert seen == {None, "lstm", "gru"}
    assert space["window_length"].choices == (12, 18, 24, 36, 48)
    assert space["batch_size"].choices == (16, 32)


def _value(distribution, number):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[number % len(distribution.choices)]
    return distribution.low


def test_a_space_is_translated_for_random_search():
    from sklearn.model_selection import ParameterSampler

    space = search_space(ConvAttentionRegressor(), np.zeros((100, 20)))
    for drawn in ParameterSampler(space.for_random_search(), 20, random_state=0):
        for name, value in drawn.items():
            assert space[name]._contains(space[name].to_internal_repr(value))
        ConvAttentionRegressor(**drawn)._validate_params()


def test_options_that_cannot_work_are_refused(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    for options, words in (
        ({"n_trials": 0}, "n_trials"),
        ({"n_trials": None}, "n_trials=None and timeout=None"),
        ({"resume": True}, "resume=True"),
        ({"n_processes": 2}, "n_processes=2"),
        ({"param_distributions": {"beta": FloatDistribution(0, 1)}}, "'beta'"),
        ({"param_distributions": {}}, "param_distributions"),
    ):
        search = OptunaSearch(Ridge(), **{"param_distributions": ALPHAS, **options})
        with pytest.raises(ValueError, match=words):
            search.fit(X, y)
    with pytest.raises(TypeError, match="param_distributions=None"):
        OptunaSearch(Ridge()).fit(X, y)
    with pytest.raises(TypeError, match="OptunaForecastingSearch"):
        OptunaSearch(NaiveForecaster(), _seasons()).fit(X, y)
    with pytest.raises(ValueError, match="use cv from 1 to 11"):
        OptunaForecastingSearch(NaiveForecaster(), _seasons(), cv=12).fit(
            load_airline(), fh=range(1, 13)
        )
    with pytest.raises(TypeError, match="cv='three'"):
        OptunaForecastingSearch(NaiveForecaster(), _seasons(), cv="three").fit(load_airline())
    assert not list(tmp_path.iterdir())


def test_nothing_global_changes(unchanged_process):
    X, y = load_diabetes(return_X_y=True)
    OptunaSearch(Ridge(), ALPHAS, n_trials=2, cv=2, **QUIET).fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (Ridge(), ALPHAS),
        (LogisticRegression(), {"C": FloatDistribution(0.1, 10.0, log=True)}),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__max_iter": IntDistribution(50, 100)},
        ),
    ],
    ids=["regressor", "classifier", "pipeline"],
)
def test_the_search_passes_the_suite_of_scikit_learn(estimator, space):
    search = OptunaSearch(estimator, space, n_trials=2, cv=2, **QUIET)
    found = check_scikit_learn(search)

    assert not [each for each in found if each["status"] not in ("passed", "skipped")]
    assert sum(each["status"] == "passed" for each in found) >= N_SCIKIT_LEARN


# Forecasters of sktime, which are searched here, warn of empty updates and of pandas 4.
@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.exhaustive
def test_the_search_of_forecasters_passes_the_suite_of_sktime():
    found = check_sktime(OptunaForecastingSearch, verbose=False)

    assert not {name: result for name, result in found.items() if result != "PASSED"}
    assert len(found) >= 826


def test_a_classifier_is_searched_by_stratified_parts():
    X, y = load_iris(return_X_y=True)
    space = {"C": FloatDistribution(1e-3, 10.0, log=True)}
    search = OptunaSearch(LogisticRegression(max_iter=500), space, n_trials=4, **QUIET).fit(X, y)

    assert search.best_score_ > 0.9
    assert search.classes_.tolist() == [0, 1, 2]
    assert search.predict_proba(X).shape == (150, 3)
