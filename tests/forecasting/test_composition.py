"""Forecasters inside sktime's backtests, searches, pipelines and reductions."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import StandardScaler
from sktime.datasets import load_airline
from sktime.forecasting.compose import (
    EnsembleForecaster,
    ForecastingPipeline,
    MultiplexForecaster,
    TransformedTargetForecaster,
    make_reduction,
)
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import (
    ForecastingGridSearchCV,
    ForecastingOptunaSearchCV,
)
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.series.adapt import TabularToSeriesAdaptor
from sktime.transformations.series.boxcox import LogTransformer
from sktime.transformations.series.detrend import Deseasonalizer, Detrender

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor
from skconvattn.adapters import as_sktime

SMALL = {
    "filters": 2,
    "units": 2,
    "epochs": 2,
    "window_length": 12,
    "seasonal_period": 12,
    # The network alone, so that its parameters show.
    "members": ("linear", "network"),
    "early_stopping": False,
    "random_state": 0,
}
AIRLINE = load_airline()
X = pd.DataFrame({"x": np.sin(np.arange(144)), "z": np.arange(144.0)}, index=AIRLINE.index)
FH = [1, 2, 3]
FOLDS = ExpandingWindowSplitter(fh=FH, initial_window=100, step_length=15)


def _small(**parameters):
    return ConvAttentionForecaster(**{**SMALL, **parameters})


def _search(forecaster, grid, **parameters):
    """In this process: each further one would load a backend."""
    return ForecastingGridSearchCV(forecaster, FOLDS, grid, backend="None", **parameters)


def _folds(splitter=FOLDS):
    return [(AIRLINE.iloc[seen], AIRLINE.iloc[ahead]) for seen, ahead in splitter.split(AIRLINE)]


def _by_hand(strategy, splitter=FOLDS, covariates=None, **parameters):
    """Fit, update and predict as sktime's strategies are described, and return the errors."""
    errors, forecaster = [], None
    for seen, ahead in _folds(splitter):
        given = {} if covariates is None else {"X": covariates.loc[: seen.index[-1]]}
        if forecaster is None or strategy == "refit":
            forecaster = _small(**parameters).fit(seen, fh=FH, **given)
        else:
            forecaster.update(seen, update_params=strategy == "update", **given)
        later = {} if covariates is None else {"X": covariates.loc[ahead.index]}
        errors.append(mean_absolute_error(ahead, forecaster.predict(fh=FH, **later)))
    return errors


@pytest.mark.parametrize("covariates", [None, X], ids=["alone", "with covariates"])
@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate_gives_the_errors_of_fitting_and_predicting_by_hand(strategy, covariates):
    table = evaluate(
        _small(), FOLDS, AIRLINE, X=covariates, strategy=strategy, scoring=MeanAbsoluteError()
    )

    expected = _by_hand(strategy, covariates=covariates)
    np.testing.assert_allclose(table["test_MeanAbsoluteError"], expected, rtol=1e-6)
    assert len(set(expected)) == len(_folds()) == 3


def test_evaluate_scores_intervals_from_the_same_quantiles():
    from sktime.performance_metrics.forecasting.probabilistic import PinballLoss

    table = evaluate(_small(), FOLDS, AIRLINE, scoring=PinballLoss(alpha=[0.1, 0.9]))

    for (seen, ahead), score in zip(_folds(), table["test_PinballLoss"], strict=True):
        quantiles = _small().fit(seen, fh=FH).predict_quantiles(alpha=[0.1, 0.9])
        errors = ahead.to_numpy()[:, None] - quantiles.to_numpy()
        levels = np.array([0.1, 0.9])
        expected = np.maximum(levels * errors, (levels - 1) * errors).mean()
        assert score == pytest.approx(expected, rel=1e-6)


def test_update_predict_equals_updating_and_predicting_by_hand():
    cv = SlidingWindowSplitter(fh=[1], window_length=3, step_length=3)
    forecaster = _small().fit(AIRLINE[:120], fh=[1])

    forecasts = forecaster.update_predict(AIRLINE[120:], cv, update_params=False)

    by_hand = _small().fit(AIRLINE[:120], fh=[1])
    for first in range(120, 141, 3):
        by_hand.update(AIRLINE[first : first + 3], update_params=False)
        forecast = by_hand.predict()
        np.testing.assert_allclose(
            forecasts.loc[forecast.index].to_numpy().ravel(), forecast, rtol=1e-6
        )
    assert len(forecasts) == 7


GRID = {"window_length": [6, 12], "epochs": [1, 5]}


@pytest.fixture(scope="module")
def errors_by_setting():
    """The mean error of each setting in a loop by hand, in the order of the grid."""
    return {
        (length, epochs): np.mean(_by_hand("refit", window_length=length, epochs=epochs))
        for length, epochs in itertools.product(GRID["window_length"], GRID["epochs"])
    }


def test_a_grid_search_takes_what_a_loop_by_hand_takes(errors_by_setting):
    search = _search(_small(), GRID, scoring=MeanAbsoluteError())

    search.fit(AIRLINE, fh=FH)

    table = search.cv_results_
    found = {
        (each["window_length"], each["epochs"]): score
        for each, score in zip(table["params"], table["mean_test_MeanAbsoluteError"], strict=True)
    }
    assert found == pytest.approx(errors_by_setting, rel=1e-6)
    best = min(errors_by_setting, key=errors_by_setting.get)
    assert (search.best_params_["window_length"], search.best_params_["epochs"]) == best
    again = _small(**search.best_params_).fit(AIRLINE, fh=FH)
    np.testing.assert_array_equal(search.predict(), again.predict())
    np.testing.assert_array_equal(search.predict_interval(), again.predict_interval())


# sktime says so of its own search.
@pytest.mark.filterwarnings("ignore:ForecastingOptunaSearchCV is experimental")
def test_an_optuna_search_takes_what_a_loop_by_hand_takes(errors_by_setting):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = ForecastingOptunaSearchCV(
        _small(),
        FOLDS,
        {name: optuna.distributions.CategoricalDistribution(GRID[name]) for name in GRID},
        n_evals=12,
        sampler=optuna.samplers.RandomSampler(seed=0),
        scoring=MeanAbsoluteError(),
    )

    search.fit(AIRLINE, fh=FH)

    best = min(errors_by_setting, key=errors_by_setting.get)
    assert (search.best_params_["window_length"], search.best_params_["epochs"]) == best
    assert search.best_score_ == pytest.approx(errors_by_setting[best], rel=1e-6)
    np.testing.assert_array_equal(
        search.predict(), _small(**search.best_params_).fit(AIRLINE, fh=FH).predict()
    )


def test_a_search_reaches_into_a_pipeline():
    pipeline = TransformedTargetForecaster([("log", LogTransformer()), ("forecaster", _small())])
    grid = {"forecaster__window_length": [6, 12], "forecaster__epochs": [1]}

    search = _search(pipeline, grid).fit(AIRLINE, fh=FH)

    step = search.best_forecaster_.forecaster_
    assert step.window_length_ == search.best_params_["forecaster__window_length"]
    assert step.n_iter_ == 1


def _transformers(names):
    """Made anew for each test: one of them warns of a default of sktime's."""
    each = {"log": LogTransformer, "trend": Detrender, "season": lambda: Deseasonalizer(sp=12)}
    return [(name, each[name]()) for name in names]


@pytest.mark.parametrize("names", [["log"], ["trend"], ["season"], ["log", "trend", "season"]])
def test_a_transformed_target_is_transformed_forecast_and_transformed_back(names):
    steps = _transformers(names)
    pipeline = TransformedTargetForecaster([*steps, ("forecaster", _small())])
    pipeline.fit(AIRLINE[:130], fh=FH)

    transformed, fitted = AIRLINE[:130], []
    for _, transformer in steps:
        fitted.append(transformer.clone())
        transformed = fitted[-1].fit_transform(transformed)
    alone = _small().fit(transformed, fh=FH)
    expected = alone.predict()
    ends = [end.rename(AIRLINE.name) for _, end in alone.predict_interval().items()]
    for transformer in reversed(fitted):
        expected = transformer.inverse_transform(expected)
        ends = [transformer.inverse_transform(end) for end in ends]

    pd.testing.assert_series_equal(pipeline.predict(), expected, check_names=False)
    np.testing.assert_allclose(pipeline.predict_interval(), np.stack(ends, axis=1), rtol=1e-9)
    pipeline.update(AIRLINE[130:133], update_params=False)
    assert list(pipeline.predict().index) == list(AIRLINE.index[133:136])


def test_a_pipeline_transforms_the_covariates():
    scaler = TabularToSeriesAdaptor(StandardScaler())
    pipeline = ForecastingPipeline([("scale", scaler), ("forecaster", _small())])
    pipeline.fit(AIRLINE[:130], X=X[:130], fh=FH)

    scaled = scaler.clone().fit(X[:130])
    alone = _small().fit(AIRLINE[:130], X=scaled.transform(X[:130]), fh=FH)

    later = {"pipeline": X[130:133], "alone": scaled.transform(X[130:133])}
    np.testing.assert_array_equal(
        pipeline.predict(X=later["pipeline"]), alone.predict(X=later["alone"])
    )
    np.testing.assert_array_equal(
        pipeline.predict_quantiles(X=later["pipeline"], alpha=[0.1, 0.9]),
        alone.predict_quantiles(X=later["alone"], alpha=[0.1, 0.9]),
    )


def _composites():
    """Made anew for each test, since some of them warn of sktime's own defaults."""
    steps = [("log", LogTransformer()), ("model", _small())]
    naive = ("naive", NaiveForecaster(sp=12))
    return {
        "transformed": TransformedTargetForecaster(steps),
        "pipeline": ForecastingPipeline(steps),
        "product": LogTransformer() * _small(),
        "ensemble": EnsembleForecaster([("model", _small()), naive]),
        "multiplex": MultiplexForecaster([("model", _small()), naive], selected_forecaster="model"),
        "search": _search(_small(), {"epochs": [1, 2]}),
    }


NESTED = {
    "transformed": "model",
    "pipeline": "model",
    "product": "ConvAttentionForecaster",
    "ensemble": "model",
    "multiplex": "model",
    "search": "forecaster",
}


@pytest.mark.parametrize("case", NESTED)
def test_a_clone_of_a_composite_keeps_its_parameters_and_forecasts_the_same(case):
    composite = _composites()[case]
    nested = NESTED[case]

    copy = composite.clone().set_params(**{f"{nested}__window_length": 7})

    assert composite.get_params()[f"{nested}__window_length"] == 12
    assert copy.clone().get_params()[f"{nested}__window_length"] == 7
    first, again = (copy.clone().fit(AIRLINE[:110], fh=FH).predict() for _ in range(2))
    pd.testing.assert_series_equal(first, again)
    assert not np.allclose(first, composite.clone().fit(AIRLINE[:110], fh=FH).predict())


def test_an_ensemble_takes_the_mean():
    naive = NaiveForecaster(sp=12)
    ensemble = EnsembleForecaster([("model", _small()), ("naive", naive)]).fit(AIRLINE, fh=FH)

    mean = (_small().fit(AIRLINE, fh=FH).predict() + naive.fit(AIRLINE, fh=FH).predict()) / 2

    np.testing.assert_allclose(ensemble.predict(), mean)


def test_fitted_parameters_are_those_of_the_forecaster():
    fitted = _small().fit(AIRLINE, fh=FH)

    parameters = fitted.get_fitted_params()

    assert parameters["window_length"] == 12
    assert parameters["seasonal_period"] == 12
    assert parameters["n_iter"] == fitted.n_iter_
    assert parameters["best_loss"] == fitted.best_loss_
    pipeline = TransformedTargetForecaster([("log", LogTransformer()), ("model", _small())])
    nested = pipeline.fit(AIRLINE, fh=FH).get_fitted_params()
    assert nested["model__window_length"] == 12


REGRESSOR = ConvAttentionRegressor(filters=2, units=2, epochs=3, random_state=0)


def _windows(values, length, ahead=1):
    """Windows as sktime's reduction makes them, and what follows them."""
    rows = range(len(values) - length - ahead + 1)
    return (
        np.stack([values[i : i + length] for i in rows]),
        np.array([values[i + length + ahead - 1] for i in rows]),
    )


KINDS = {
    "tabular-regressor": lambda regressor: regressor,
    "time-series-regressor": as_sktime,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_recursive_reduction_feeds_forecasts_back(kind):
    values = AIRLINE.to_numpy()
    reduced = make_reduction(
        KINDS[kind](REGRESSOR), strategy="recursive", window_length=10, scitype=kind
    )

    forecast = reduced.fit(AIRLINE, fh=FH).predict()

    regressor = ConvAttentionRegressor(**REGRESSOR.get_params()).fit(*_windows(values, 10))
    continued = list(values)
    for _ in FH:
        continued.append(regressor.predict(np.array([continued[-10:]]))[0])
    np.testing.assert_allclose(forecast, continued[-3:], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_direct_reduction_fits_a_regressor_for_each_step(kind):
    values = AIRLINE.to_numpy()
    reduced = make_reduction(
        KINDS[kind](REGRESSOR), strategy="direct", window_length=10, scitype=kind
    )

    forecast = reduced.fit(AIRLINE, fh=FH).predict()

    n_windows = len(values) - 10 - FH[-1] + 1
    for step, value in zip(FH, forecast, strict=True):
        windows, targets = _windows(values, 10, step)
        regressor = ConvAttentionRegressor(**REGRESSOR.get_params())
        regressor.fit(windows[:n_windows], targets[:n_windows])
        assert value == pytest.approx(regressor.predict(values[None, -10:])[0], rel=1e-5)


def test_a_reduction_takes_nested_parameters_and_covariates():
    reduced = make_reduction(REGRESSOR, window_length=10).clone()
    reduced.set_params(estimator__epochs=1, estimator__members=("network",), window_length=6)

    reduced.fit(AIRLINE[:120], X=X[:120])

    assert reduced.estimator_.n_iter_ == 1
    assert reduced.get_params()["estimator__filters"] == 2
    forecast = reduced.predict(fh=[1, 2], X=X[120:122])
    assert list(forecast.index) == list(AIRLINE.index[120:122])
    assert not np.allclose(forecast, reduced.predict(fh=[1, 2], X=-X[120:122]))
