"""Forecasts follow from windows, horizon and index as documented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.naive import NaiveForecaster

from skconvattn import AttentionForecaster, ConvAttentionForecaster

SMALL = {"filters": 4, "units": 4, "random_state": 0}
AIRLINE = load_airline()


@pytest.fixture(scope="module")
def fitted():
    return ConvAttentionForecaster(epochs=5, **SMALL).fit(AIRLINE[:-12], fh=range(1, 7))


def test_default_forecast_beats_the_seasonal_naive_one_on_airline_passengers():
    train, test = AIRLINE[:-12], AIRLINE[-12:]
    naive = NaiveForecaster(strategy="last", sp=12).fit(train, fh=range(1, 13)).predict()

    forecast = ConvAttentionForecaster(random_state=0).fit(train, fh=range(1, 13)).predict()

    assert np.abs(forecast - test).mean() < 0.6 * np.abs(naive - test).mean()


def test_forecast_has_the_index_and_the_name_that_sktime_expects(fitted):
    forecast = fitted.predict()

    assert forecast.index.equals(pd.period_range("1960-01", periods=6, freq="M"))
    assert forecast.name == AIRLINE.name


def test_a_longer_horizon_forecasts_from_its_own_forecasts():
    # Exponential smoothing needs no recursion.
    forecaster = ConvAttentionForecaster(epochs=5, members=("linear", "network"), **SMALL)
    fitted = forecaster.fit(AIRLINE[:-12], fh=range(1, 7))
    long = fitted.predict(fh=range(1, 13))
    # The same by hand: take the first six forecasts as observed, and forecast six more.
    continued = fitted.clone().fit(AIRLINE[:-12], fh=range(1, 7))
    continued.update(long.iloc[:6], update_params=False)
    further = continued.predict(fh=range(1, 7))

    np.testing.assert_allclose(long.iloc[6:], further, rtol=1e-6)
    np.testing.assert_array_equal(long.iloc[:6], fitted.predict(fh=range(1, 7)))


def test_other_steps_are_picked_from_the_same_forecast(fitted):
    np.testing.assert_array_equal(
        fitted.predict(fh=[2, 5]), fitted.predict(fh=range(1, 7)).iloc[[1, 4]]
    )


def test_absolute_and_relative_horizons_agree(fitted):
    absolute = fitted.predict(fh=pd.PeriodIndex(["1960-03", "1960-05"], freq="M"))

    np.testing.assert_array_equal(absolute, fitted.predict(fh=[3, 5]))


def test_in_sample_forecasts_look_one_step_ahead(fitted):
    """Each equals the forecast of the same model with its history cut before that step."""
    in_sample = fitted.predict(fh=[-20, 0])

    for steps_back, expected in zip([21, 1], in_sample, strict=True):
        earlier = fitted.clone().fit(AIRLINE[:-12], fh=range(1, 7))
        history = earlier.panel_.first
        cut = replace(history, y=history.y.iloc[:-steps_back])
        earlier.panel_ = replace(earlier.panel_, histories=(cut,))
        earlier._set_cutoff(cut.y.index[-1:])
        assert earlier.predict(fh=[1]).iloc[0] == pytest.approx(expected, rel=1e-6)


def test_residuals_cover_the_whole_training_series(fitted):
    residuals = fitted.predict_residuals(AIRLINE[:-12])

    assert residuals.index.equals(AIRLINE[:-12].index)
    assert residuals.notna().all()


def test_update_without_training_moves_the_cutoff_and_keeps_the_weights(fitted):
    moved = fitted.clone().fit(AIRLINE[:-12], fh=range(1, 7))
    weights = moved.fitted_model_.weights.copy()

    moved.update(AIRLINE[-12:-6], update_params=False)

    np.testing.assert_array_equal(moved.fitted_model_.weights, weights)
    assert moved.predict().index[0] == pd.Period("1960-07", "M")


def test_update_with_training_changes_the_weights(fitted):
    moved = fitted.clone().fit(AIRLINE[:-12], fh=range(1, 7))
    weights = moved.fitted_model_.weights.copy()

    moved.update(AIRLINE[-12:-6], update_params=True)

    assert np.abs(moved.fitted_model_.weights - weights).max() > 0


@pytest.mark.parametrize("warm_start", [True, False])
def test_a_warm_start_resumes_where_the_last_fit_ended(warm_start):
    parameters = {"epochs": 10, "early_stopping": False, "warm_start": warm_start, **SMALL}
    forecaster = ConvAttentionForecaster(**parameters).fit(AIRLINE[:-12], fh=range(1, 7))
    first = forecaster.history_["loss"]

    again = forecaster.fit(AIRLINE[:-12], fh=range(1, 7)).history_["loss"]

    assert (again[0] < first[0]) == warm_start
    assert (again == first) == (not warm_start)


def test_forecasts_follow_the_units_of_the_series():
    scaled = 50.0 * AIRLINE[:-12]
    parameters = {"epochs": 10, **SMALL}

    forecast = ConvAttentionForecaster(**parameters).fit(AIRLINE[:-12], fh=range(1, 7)).predict()
    of_scaled = ConvAttentionForecaster(**parameters).fit(scaled, fh=range(1, 7)).predict()

    np.testing.assert_allclose(of_scaled, 50.0 * forecast, rtol=1e-3)


def test_a_constant_series_is_forecast_exactly_with_intervals_of_no_width():
    y = pd.Series(5.0, index=pd.period_range("2020-01", periods=40, freq="M"))
    forecaster = ConvAttentionForecaster(epochs=3, **SMALL).fit(y, fh=[1, 2, 3])

    np.testing.assert_allclose(forecaster.predict(), 5.0, atol=1e-5)
    interval = forecaster.predict_interval()
    assert (interval.iloc[:, 1] - interval.iloc[:, 0]).max() < 1e-4


@pytest.mark.parametrize("n_timepoints", [3, 4, 7, 12])
def test_very_short_series_are_forecast(n_timepoints):
    y = AIRLINE[:n_timepoints]
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(y, fh=range(1, 6))

    assert np.isfinite(forecaster.predict_interval()).all(axis=None)


INDICES = {
    "period": pd.period_range("2020-01-01", periods=60, freq="D"),
    "datetime": pd.date_range("2020-01-01", periods=60, freq="D"),
    "datetime without frequency": pd.DatetimeIndex(
        pd.date_range("2020-01-01", periods=60, freq="D").to_numpy()
    ),
    "time zone across daylight saving": pd.date_range(
        "2024-03-01", periods=60, freq="D", tz="Europe/Berlin"
    ),
    "range": pd.RangeIndex(60),
    "integer": pd.Index(np.arange(7, 67)),
}


@pytest.mark.parametrize("kind", INDICES)
def test_the_index_does_not_change_the_forecast(kind):
    values = np.sin(np.arange(60) * 2 * np.pi / 7) + np.arange(60) / 30
    parameters = {"epochs": 2, "window_length": 14, "seasonal_period": 7, **SMALL}
    reference = ConvAttentionForecaster(**parameters).fit(values, fh=[1, 2, 3]).predict()
    y = pd.Series(values, index=INDICES[kind])

    forecast = ConvAttentionForecaster(**parameters).fit(y, fh=[1, 2, 3]).predict()

    np.testing.assert_array_equal(forecast, np.ravel(reference))
    assert forecast.index[0] > y.index[-1]


@pytest.mark.parametrize("forecaster_class", [AttentionForecaster, ConvAttentionForecaster])
def test_a_future_covariate_that_carries_the_signal_lowers_the_error_tenfold(forecaster_class):
    rng = np.random.default_rng(0)
    index = pd.period_range("2000-01", periods=200, freq="M")
    X = pd.DataFrame({"signal": rng.normal(size=200)}, index=index)
    y = pd.Series(3 * X["signal"] + 0.05 * rng.normal(size=200), index=index)
    train, test = slice(None, -12), slice(-12, None)

    def error(X_train, X_test):
        forecaster = forecaster_class(random_state=0).fit(y[train], X=X_train, fh=range(1, 13))
        return np.abs(forecaster.predict(X=X_test) - y[test]).mean()

    assert error(X[train], X[test]) < error(None, None) / 10


def test_columns_share_weights_and_are_forecast_each_in_its_own_units():
    y = pd.DataFrame({"a": AIRLINE[:-12], "b": 2 * AIRLINE[:-12]})
    forecast = ConvAttentionForecaster(epochs=2, **SMALL).fit(y, fh=[1, 2]).predict()

    assert list(forecast.columns) == ["a", "b"]
    np.testing.assert_allclose(forecast["b"], 2 * forecast["a"], rtol=1e-4)
