"""Backtests give the figures of sktime's evaluate, and tables that agree with hand computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.model_evaluation import evaluate
from sktime.performance_metrics.forecasting import (
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanAbsoluteScaledError,
    MeanSquaredError,
)
from sktime.performance_metrics.forecasting.probabilistic import EmpiricalCoverage
from sktime.split import ExpandingWindowSplitter

from skconvattn import BacktestResult, ConvAttentionForecaster, PretrainedForecaster
from skconvattn.forecasting.fitted import FittedForecast

AIRLINE = load_airline()
FH = [1, 2, 4]
STRATEGIES = {False: "no-update_params", True: "refit", "update": "update"}


def _wave(n, phase, noise=0.3):
    rng = np.random.default_rng(phase)
    t = np.arange(n)
    return 5 + np.sin(2 * np.pi * (t + phase) / 4) + 0.02 * t + noise * rng.normal(size=n)


def _panel(lengths):
    index = [(f"s{i}", t) for i, n in enumerate(lengths) for t in range(n)]
    values = np.concatenate([_wave(n, i) for i, n in enumerate(lengths)])
    index = pd.MultiIndex.from_tuples(index, names=["store", "day"])
    return pd.DataFrame({"sales": values}, index=index)


PANEL = _panel([44, 50, 41])
COLUMNS = pd.DataFrame(
    {"a": _wave(48, 0), "b": 100 * _wave(48, 2)},
    index=pd.period_range("2020-01", periods=48, freq="M"),
)
X_OF_COLUMNS = pd.DataFrame({"x": np.sin(np.arange(48.0))}, index=COLUMNS.index)
X_OF_PANEL = pd.DataFrame({"x": np.cos(np.arange(len(PANEL)))}, index=PANEL.index)


def _quick(**options):
    return ConvAttentionForecaster(**{"epochs": 0, "random_state": 0, **options})


TRAINED = {"epochs": 1, "filters": 2, "units": 2, "members": ("network",), "seasonal_period": 4}
CASES = [
    pytest.param(PretrainedForecaster(), AIRLINE[:60], None, 40, id="pretrained"),
    pytest.param(_quick(), AIRLINE[:60], None, 40, id="one series"),
    pytest.param(_quick(), COLUMNS, X_OF_COLUMNS, 32, id="columns and covariates"),
    pytest.param(_quick(channels="mixed"), COLUMNS, None, 32, id="mixed columns"),
    pytest.param(_quick(seasonal_period=4), PANEL, X_OF_PANEL, 30, id="panel and covariates"),
    pytest.param(_quick(seasonal_period=4, panel="local"), PANEL, None, 30, id="local panel"),
    pytest.param(
        _quick(**TRAINED, quantiles=(0.1, 0.5, 0.9)), AIRLINE[:60], None, 44, id="trained quantiles"
    ),
]


@pytest.mark.parametrize("refit", list(STRATEGIES))
@pytest.mark.parametrize(("forecaster", "y", "X", "initial_window"), CASES)
def test_evaluate_gives_the_same_figures(forecaster, y, X, initial_window, refit):
    found = forecaster.backtest(
        y, X, fh=FH, initial_window=initial_window, step_length=5, refit=refit
    )

    cv = ExpandingWindowSplitter(fh=FH, initial_window=initial_window, step_length=5)
    metrics = {
        "MAE": MeanAbsoluteError(),
        "RMSE": MeanSquaredError(square_root=True),
        "MASE": MeanAbsoluteScaledError(sp=found.seasonal_period),
        "sMAPE": MeanAbsolutePercentageError(symmetric=True),
    }
    scoring = [*metrics.values(), EmpiricalCoverage(coverage=0.9)]
    expected = evaluate(
        forecaster, cv, y, X, strategy=STRATEGIES[refit], scoring=scoring, error_score="raise"
    )
    n_cutoffs = len(expected)
    # Series of a panel may end at different time stamps: windows are told apart by their number.
    forecasts = found.forecasts.copy()
    number = np.tile(np.arange(n_cutoffs).repeat(len(FH)), len(forecasts) // n_cutoffs // len(FH))
    levels = [forecasts.index.get_level_values(i) for i in range(forecasts.index.nlevels)]
    names = forecasts.index.names
    forecasts.index = pd.MultiIndex.from_arrays([*levels[:-2], number, levels[-1]], names=names)
    numbered = BacktestResult(forecasts, found.scales, found.levels, found.seasonal_period, found.y)
    errors = numbered.errors("cutoff")
    for name, metric in metrics.items():
        np.testing.assert_allclose(errors[name], expected[f"test_{metric.name}"], rtol=1e-9)
    np.testing.assert_allclose(numbered.coverage("cutoff")[0.9], expected["test_EmpiricalCoverage"])


def test_forecasts_are_those_of_updates_where_values_are_missing_or_gross():
    y = AIRLINE[:72].astype(float)
    y.iloc[[20, 45, 55]] = np.nan
    y.iloc[50] *= 8
    forecaster = _quick()

    found = forecaster.backtest(y, fh=FH, initial_window=48, step_length=2, coverage=[0.5, 0.8])

    moving = _quick().fit(y[:48], fh=FH)
    for cutoff in found.cutoffs:
        moving.update(y[:cutoff], update_params=False)
        rows = found.forecasts.loc[cutoff]
        pd.testing.assert_series_equal(
            rows["forecast"], moving.predict(), check_names=False, rtol=1e-12
        )
        interval = moving.predict_interval(coverage=[0.5, 0.8])
        ends = rows[["lower 0.5", "upper 0.5", "lower 0.8", "upper 0.8"]]
        np.testing.assert_allclose(ends, interval, rtol=1e-12)
        np.testing.assert_array_equal(rows["actual"], y.reindex(rows.index))


def test_all_cutoffs_are_forecast_in_one_batch(monkeypatch):
    batches = []
    original = FittedForecast.ahead

    def counted(self, windows, *arguments):
        batches.append(len(windows))
        return original(self, windows, *arguments)

    monkeypatch.setattr(FittedForecast, "ahead", counted)

    _quick().backtest(COLUMNS, fh=FH, initial_window=40)

    assert batches == [2 * 5]


def test_a_fitted_forecaster_goes_on_from_its_end_and_stays_as_it_is():
    forecaster = _quick().fit(AIRLINE[:100], fh=FH)
    before = forecaster.predict()

    whole = forecaster.backtest(AIRLINE[:112], step_length=4)
    further = forecaster.backtest(AIRLINE[100:112], step_length=4)

    pd.testing.assert_frame_equal(whole.forecasts, further.forecasts)
    assert list(whole.cutoffs) == list(AIRLINE.index[[99, 103, 107]])
    np.testing.assert_array_equal(whole.forecasts["forecast"].iloc[:3], before)
    pd.testing.assert_series_equal(forecaster.predict(), before)
    assert forecaster.cutoff[0] == AIRLINE.index[99]


def test_a_fitted_forecaster_of_a_panel_goes_on_from_the_end_of_each_series():
    first = PANEL[PANEL.groupby(level=0).cumcount() < 30]
    forecaster = _quick(seasonal_period=4).fit(first, fh=FH)

    found = forecaster.backtest(PANEL, fh=FH, step_length=3)
    again = _quick(seasonal_period=4).backtest(PANEL, fh=FH, initial_window=30, step_length=3)

    pd.testing.assert_frame_equal(found.forecasts, again.forecasts)


def test_updates_in_a_backtest_leave_a_fitted_forecaster_as_it_is():
    forecaster = _quick().fit(AIRLINE[:100], fh=FH)
    before = forecaster.predict()

    forecaster.backtest(AIRLINE[:110], step_length=4, refit="update")

    pd.testing.assert_series_equal(forecaster.predict(), before)


def test_a_season_is_forecast_where_no_steps_are_given():
    found = PretrainedForecaster().backtest(AIRLINE[:60], initial_window=48, coverage=None)

    assert list(found.errors().index) == list(range(1, 13))
    assert list(found.forecasts.columns) == ["step", "actual", "forecast"]


def _result(actual, forecast, half_width=1.0):
    """Two cutoffs of one or more columns, steps 1 and 2: arrays of (columns, cutoffs, steps)."""
    n_targets = len(actual)
    y = pd.DataFrame({f"c{i}": [0.0, 2.0, 0.0, *np.nan * np.ones(3)] for i in range(n_targets)})
    ends, steps = np.array([[3], [4]]), np.array([1, 2])
    for i, of_column in enumerate(actual):
        y.iloc[3, i], y.iloc[4, i], y.iloc[5, i] = (*of_column[0], of_column[1][1])
    values = np.array(forecast).transpose(1, 2, 0)[:, None, :, :, None]
    values = np.concatenate([values, values - half_width, values + half_width], axis=-1)
    return BacktestResult.of(y, steps, ends, values, (0.8,), 1)


def test_errors_by_step_are_those_computed_by_hand():
    # Changes of 2 before the first cutoff, and of 2, 2 and 4 before the second one.
    found = _result(actual=[[[4.0, 6.0], [6.0, 8.0]]], forecast=[[[5.0, 6.0], [3.0, 12.0]]])

    table = found.errors()

    assert list(table["MAE"]) == [2.0, 2.0]
    np.testing.assert_allclose(table["RMSE"], [np.sqrt(5.0), np.sqrt(8.0)])
    np.testing.assert_allclose(table["MASE"], [(1 / 2 + 3 / (8 / 3)) / 2, (4 / (8 / 3)) / 2])
    np.testing.assert_allclose(table["sMAPE"], [(2 / 9 + 6 / 9) / 2, (8 / 20) / 2])
    assert list(table["bias"]) == [-1.0, 2.0]
    assert list(table["n"]) == [2, 2]
    assert list(found.coverage()[0.8]) == [0.5, 0.5]


def test_root_mean_squares_are_averaged_over_columns():
    actual = [[[4.0, 6.0], [6.0, 8.0]]] * 2
    forecast = [[[5.0, 7.0], [7.0, 9.0]], [[7.0, 9.0], [9.0, 11.0]]]

    found = _result(actual, forecast)

    assert list(found.errors()["RMSE"]) == [2.0, 2.0]
    assert list(found.errors("series")["RMSE"]) == [1.0, 3.0]
    assert found.errors(None)["RMSE"] == 2.0
    assert list(found.coverage("series")[0.8]) == [1.0, 0.0]


def test_values_that_are_missing_count_nowhere():
    found = _result([[[4.0, np.nan], [np.nan, 8.0]]], [[[5.0, 6.0], [3.0, 8.0]]])

    table = found.errors()

    assert list(table["MAE"]) == [1.0, 0.0]
    assert list(table["n"]) == [1, 1]
    assert list(found.coverage()[0.8]) == [1.0, 1.0]


def test_a_series_without_changes_has_no_scaled_error():
    y = pd.DataFrame({"y": np.ones(5)})
    found = BacktestResult.of(y, np.array([1]), np.array([[4]]), np.zeros((1, 1, 1, 1, 1)), (), 1)

    assert np.isnan(found.errors(None)["MASE"])
    assert found.errors(None)["MAE"] == 1.0


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"initial_window": 0}, ValueError, "initial_window=0 is no number of time steps"),
        ({"initial_window": 10.5}, ValueError, "initial_window=10.5 is no number"),
        ({"initial_window": True}, ValueError, "initial_window=True is no number"),
        ({"initial_window": 50, "step_length": 0}, ValueError, "step_length=0 is no number"),
        ({"initial_window": 50, "refit": "all"}, ValueError, "refit='all' is not known"),
        ({"initial_window": 50, "coverage": 95}, ValueError, "coverage=95 must lie strictly"),
        ({"initial_window": 58}, ValueError, "initial_window=58 leaves no horizon of 4 time steps"),
        ({"initial_window": 50, "fh": [0, 1]}, ValueError, "has to be steps ahead"),
        ({"initial_window": 50, "fh": []}, ValueError, "fh is empty"),
        ({}, ValueError, "initial_window is None, and there is no fitted forecaster"),
    ],
)
def test_what_cannot_be_is_refused_before_any_fit(monkeypatch, options, error, said):
    monkeypatch.setattr(ConvAttentionForecaster, "fit", None)
    with pytest.raises(error, match=said):
        _quick().backtest(AIRLINE[:60], **{"fh": FH, **options})


def test_a_fitted_forecaster_is_not_fitted_anew_from_nowhere():
    forecaster = PretrainedForecaster().fit(AIRLINE[:50], fh=FH)

    with pytest.raises(ValueError, match="refit=True fits it anew"):
        forecaster.backtest(AIRLINE[:60], refit=True)


def test_series_that_were_not_in_the_fit_are_refused():
    forecaster = PretrainedForecaster(seasonal_period=4).fit(PANEL.loc[["s0", "s1"]], fh=FH)

    with pytest.raises(ValueError, match=r"y has the series \['s2'\]"):
        forecaster.backtest(PANEL)


def test_tables_by_what_is_not_known_are_refused():
    found = _result([[[4.0, 6.0], [6.0, 8.0]]], [[[5.0, 6.0], [3.0, 12.0]]])

    with pytest.raises(ValueError, match="by='window' is not known"):
        found.errors("window")
    with pytest.raises(ValueError, match="there is one"):
        found.errors("series")
