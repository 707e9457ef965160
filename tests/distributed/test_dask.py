"""What Dask workers fit, forecast and search is what one process does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import distributed
import joblib
import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sktime.datasets import load_airline
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.naive import NaiveForecaster
from sktime.split import ExpandingWindowSplitter
from sktime.utils.estimator_checks import check_estimator as check_sktime

from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    NeuralForecaster,
    PretrainedForecaster,
    load,
)
from skconvattn.distributed import DaskForecaster, members, partitions, spread_members
from skconvattn.tuning import OptunaSearch

SETTINGS: dict[str, Any] = {
    "panel": "local",
    "members": ("smoothing", "linear"),
    "epochs": 0,
    "seasonal_period": 4,
    "window_length": 8,
    "random_state": 0,
}
FH = [1, 2, 3]


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """Two worker processes, one thread each, and their client as the current one."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _panel(n_series: int = 6, n_timepoints: int = 40, seed: int = 0) -> pd.DataFrame:
    """Series of a season of four quarters and noise, by shop."""
    rng = np.random.default_rng(seed)
    quarters = pd.period_range("2010Q1", periods=n_timepoints, freq="Q", name="quarter")
    season = np.tile([0.0, 2.0, 1.0, 3.0], -(-n_timepoints // 4))[:n_timepoints]
    frames = {
        f"shop {i}": pd.DataFrame({"sales": 10 * i + season + rng.normal(size=n_timepoints)})
        for i in range(n_series)
    }
    return pd.concat({k: f.set_axis(quarters) for k, f in frames.items()}, names=["shop"])


def _later(y: pd.DataFrame, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first steps of each series, and the last n."""
    count = y.groupby(level=0).cumcount(ascending=False)
    return y[count >= n], y[count < n]


@pytest.fixture(scope="module")
def both(client):
    """The forecaster in this process and the spread one, both fitted to the same panel."""
    y, _ = _later(_panel(), 4)
    inner = ConvAttentionForecaster(**SETTINGS)
    return inner.clone().fit(y, fh=FH), DaskForecaster(inner, n_partitions=3).fit(y, fh=FH)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("predict", {}),
        ("predict", {"fh": [2, 5]}),
        ("predict", {"fh": [-1, 0, 1]}),
        ("predict_interval", {"coverage": [0.5, 0.9]}),
        ("predict_quantiles", {"alpha": [0.1, 0.5]}),
        ("predict_var", {}),
    ],
)
def test_forecasts_are_those_of_one_process(both, method, arguments):
    alone, spread = both
    expected = getattr(alone, method)(**arguments)
    found = getattr(spread, method)(**arguments)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_work_is_done_by_both_workers(both, client):
    _, spread = both
    found = spread.map_partitions(lambda forecaster, y, X: os.getpid())

    assert len(found) == 3
    assert set(found) <= set(client.run(os.getpid).values())
    assert len(set(found)) == 2


def test_models_come_back_as_files_that_hold_data(both, tmp_path):
    alone, spread = both
    collected = spread.collect()
    collected.loc["shop 4"].item().save(tmp_path / "shop.zip")

    assert collected.index.tolist() == [f"shop {i}" for i in range(6)]
    assert all(content.startswith(b"PK") for content in spread._contents)
    forecast = load(tmp_path / "shop.zip").predict()
    np.testing.assert_array_equal(forecast, alone.predict(FH).loc["shop 4"])


def test_updates_are_those_of_one_process(client):
    before, after = _later(_panel(), 4)
    inner = ConvAttentionForecaster(**SETTINGS)
    alone = inner.clone().fit(before, fh=FH).update(after)
    spread = DaskForecaster(inner, n_partitions=4).fit(before, fh=FH).update(after)

    assert spread.cutoff == alone.cutoff
    pd.testing.assert_frame_equal(spread.predict(), alone.predict(), check_exact=True)


@pytest.mark.parametrize("reset", [True, False])
def test_moving_cutoffs_are_those_of_one_process(both, reset):
    alone, spread = both[0], both[1]
    if not reset:
        first, _ = _later(_panel(), 4)
        alone, spread = (each.clone().fit(first, fh=FH) for each in both)
    _, after = _later(_panel(), 4)
    cv = ExpandingWindowSplitter(fh=[1, 2], initial_window=1, step_length=1)
    options = {"update_params": False, "reset_forecaster": reset}
    expected = alone.update_predict(after, cv, **options)
    found = spread.update_predict(after, cv, **options)

    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert spread.cutoff == alone.cutoff
    pd.testing.assert_frame_equal(spread.predict(FH), alone.predict(FH), check_exact=True)


def test_a_backtest_is_that_of_one_process(client):
    y = _panel(4)
    inner = ConvAttentionForecaster(**SETTINGS)
    options = {"fh": FH, "initial_window": 30, "step_length": 3}
    expected = inner.backtest(y, **options)
    found = DaskForecaster(inner, n_partitions=2).backtest(y, **options)

    assert len(found.forecasts) == 4 * 3 * 3
    pd.testing.assert_frame_equal(found.forecasts, expected.forecasts, check_exact=True)
    pd.testing.assert_series_equal(found.scales, expected.scales)
    pd.testing.assert_frame_equal(found.errors(), expected.errors())
    with pytest.raises(ValueError, match="initial_window=None"):
        DaskForecaster(inner).backtest(y, fh=FH)


def test_covariates_go_where_their_series_are(client):
    y = _panel(4)
    X = pd.DataFrame({"price": np.random.default_rng(1).normal(size=len(y))}, index=y.index)
    before, _ = _later(y, 4)
    inner = ConvAttentionForecaster(**SETTINGS)
    expected = inner.clone().fit(before, X, fh=FH).predict(X=X)
    found = DaskForecaster(inner, n_partitions=4).fit(before, X, fh=FH).predict(X=X)

    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_hierarchies_and_single_series_are_those_of_one_process(client):
    y = pd.concat({"north": _panel(2), "south": _panel(3, seed=1)}, names=["region"])
    inner = ConvAttentionForecaster(**SETTINGS)
    for data in (y, y.loc[("south", "shop 1")], y.loc[("south", "shop 1"), "sales"]):
        expected = inner.clone().fit(data, fh=FH).predict_interval()
        found = DaskForecaster(inner, n_partitions=2).fit(data, fh=FH).predict_interval()
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def own(inputs):
    """A network of one dense layer."""
    import keras

    return keras.layers.Dense(2)(inputs)


def test_a_network_of_the_user_s_own_is_trained_by_a_worker(client):
    y = _panel(2)
    settings = {**SETTINGS, "members": ("network",), "epochs": 1}
    inner = NeuralForecaster(network=own, **settings)
    expected = inner.clone().fit(y, fh=FH).predict()
    found = DaskForecaster(inner, n_partitions=1).fit(y, fh=FH)

    np.testing.assert_allclose(found.predict(), expected, rtol=1e-4)
    assert found.collect().iloc[0, 0].network is own


def test_the_series_of_a_killed_worker_are_fitted_again(client):
    y = _panel(24)
    inner = ConvAttentionForecaster(**SETTINGS)
    expected = inner.clone().fit(y, fh=FH).predict()
    killed = []

    def kill_one_while_it_works() -> None:
        workers = client.run(os.getpid)
        for _ in range(2000):
            busy = {name for name, tasks in client.processing().items() if tasks}
            # Both have begun, and something is finished that must not be lost.
            if busy == set(workers) and client.run_on_scheduler(_n_in_memory) >= 2:
                break
            time.sleep(0.01)
        killed.append(workers[min(busy)])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one_while_it_works)
    killer.start()
    spread = DaskForecaster(inner, n_partitions=12).fit(y, fh=FH)
    killer.join()
    client.wait_for_workers(2)

    assert killed
    assert killed[0] not in client.run(os.getpid).values()
    pd.testing.assert_frame_equal(spread.predict(), expected, check_exact=True)


def _n_in_memory(dask_scheduler: Any) -> int:
    """Number of tasks whose result is on a worker."""
    return sum(task.state == "memory" for task in dask_scheduler.tasks.values())


def test_a_fitted_forecaster_works_within_a_task_where_it_waits_for_no_other(both, client):
    alone, spread = both
    within = client.submit(lambda: spread.predict(FH)).result(timeout=60)

    pd.testing.assert_frame_equal(within, alone.predict(FH), check_exact=True)


def test_an_error_of_a_worker_is_raised_here_and_the_fit_before_stays(both):
    _, spread = both
    expected = spread.predict(FH)
    broken = _panel()
    broken.iloc[-1] = np.inf
    with pytest.raises(ValueError, match="inf"):
        spread.fit(broken, fh=FH)
    with pytest.raises(ZeroDivisionError):
        spread.map_partitions(lambda forecaster, y, X: 1 / 0)
    pd.testing.assert_frame_equal(spread.predict(FH), expected)


@pytest.mark.parametrize(
    ("forecaster", "options", "error", "words"),
    [
        (NaiveForecaster(), {}, TypeError, "NaiveForecaster"),
        (ConvAttentionForecaster(epochs=0), {}, ValueError, "panel='global'"),
        (ConvAttentionForecaster(**SETTINGS), {"n_partitions": 0}, ValueError, "n_partitions=0"),
        (ConvAttentionForecaster(**SETTINGS), {"n_partitions": 1.5}, ValueError, "1.5"),
    ],
)
def test_what_cannot_be_spread_is_refused(forecaster, options, error, words):
    with pytest.raises(error, match=words):
        DaskForecaster(forecaster, **options).fit(_panel(2), fh=FH)


def test_rows_of_other_series_and_missing_ones_are_refused(both):
    _, spread = both
    _, after = _later(_panel(7), 4)
    with pytest.raises(ValueError, match="shop 6"):
        spread.update(after)
    with pytest.raises(ValueError, match="'shop 5'"):
        spread.update(after.loc[["shop 0", "shop 1", "shop 2", "shop 3", "shop 4"]])


def test_searches_of_scikit_learn_run_on_the_workers(client):
    X = np.random.default_rng(0).normal(size=(40, 12))
    y = np.where(X[:, 2] > 0, "up", "down")
    grid = {"random_state": [0, 1]}
    search = GridSearchCV(ConvAttentionClassifier(), grid, cv=2, n_jobs=2)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    before = client.run(time.process_time)
    with joblib.parallel_config("dask"):
        found = search.fit(X, y).cv_results_["mean_test_score"]
    after = client.run(time.process_time)

    np.testing.assert_array_equal(found, alone)
    assert sum(after[worker] - before[worker] for worker in after) > 0.05


def test_searches_with_optuna_run_on_the_workers(client, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    space = {"alpha": FloatDistribution(1e-3, 10.0, log=True)}
    search = OptunaSearch(
        Ridge(), space, n_trials=6, cv=2, storage=tmp_path / "s.db", n_processes=2, refit=False,
        random_state=0, progress_bar=False, pruner=optuna.pruners.NopPruner(),
    )  # fmt: skip
    with joblib.parallel_config("dask"):
        search.fit(X, y)
    trials = search.study_.trials

    assert {t.state.name for t in trials} == {"COMPLETE"}
    assert len({t.params["alpha"] for t in trials}) == len(trials) >= 6
    assert {t.user_attrs["process"][1] for t in trials} <= set(client.run(os.getpid).values())


def test_searches_of_sktime_run_on_the_workers(client):
    y = load_airline()
    cv = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=120, step_length=12)
    grid = {"seasonal_period": [1, 12]}
    forecaster = PretrainedForecaster()
    alone = ForecastingGridSearchCV(forecaster, cv, grid).fit(y)
    found = ForecastingGridSearchCV(forecaster, cv, grid, backend="dask").fit(y)

    assert found.best_params_ == alone.best_params_ == {"seasonal_period": 12}
    assert found.best_score_ == alone.best_score_


# Names of sktime's own warnings of empty updates and of pandas 4.
@pytest.mark.filterwarnings("ignore::Warning")
# Four minutes: `make conformance-full` runs it.
@pytest.mark.slow
def test_the_suite_of_sktime_passes():
    found = check_sktime(DaskForecaster, verbose=False)

    assert not {name: result for name, result in found.items() if result != "PASSED"}
    assert len(found) >= 800


def test_members_of_one_model_of_all_series_are_forecast_on_the_workers(client, monkeypatch):
    places = []

    def spread(function: Any, jobs: Any) -> list[Any]:
        places.extend(partitions.spread(_process_of, [() for _ in jobs]))
        return partitions.spread(function, jobs)

    monkeypatch.setattr(members, "spread", spread)
    panel = _panel(n_series=9)
    forecaster = ConvAttentionForecaster(**{**SETTINGS, "panel": "global"})
    alone = forecaster.clone().fit(panel, fh=FH)
    with spread_members(n_partitions=3):
        forecaster.fit(panel, fh=FH)
        assert len(places) == 3
        found = forecaster.predict()

    assert len(places) == 6
    assert os.getpid() not in places
    pd.testing.assert_frame_equal(found, alone.predict(), rtol=1e-9)
    pd.testing.assert_frame_equal(forecaster.weights_, alone.weights_, rtol=1e-6)
    # Outside of the block the forecaster is an ordinary one.
    pd.testing.assert_frame_equal(forecaster.predict(), alone.predict(), rtol=1e-9)
    assert len(places) == 6


def test_members_are_not_spread_into_no_partitions():
    with pytest.raises(ValueError, match="n_partitions=0 is no number"), spread_members(0):
        pass


def _process_of() -> int:
    return os.getpid()
