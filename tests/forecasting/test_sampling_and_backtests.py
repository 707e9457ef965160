"""Samples, distributions, conformal quantiles, backtests in one batch, look-backs, streams."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.base import BaseForecaster
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter

from skconvattn import ConvAttentionForecaster, RNNAttentionForecaster
from skconvattn.forecasting.backtest import Backtest
from skconvattn.intervals.residuals import ConformalQuantiles

SMALL = {"filters": 4, "units": 4, "random_state": 0}
AIRLINE = load_airline()
TWO = pd.DataFrame({"a": AIRLINE, "b": np.log(AIRLINE)})


def test_samples_differ_and_are_centred_on_the_forecast():
    forecaster = ConvAttentionForecaster(
        branch_dropout=0.5, epochs=20, early_stopping=False, random_state=0
    )
    forecaster.fit(AIRLINE[:-12], fh=range(1, 13))

    samples = forecaster.sample(400)

    assert samples.shape == (12, 400)
    assert (samples.std(axis=1) > 0).all()
    # The mean of 400 lies within five standard errors of it.
    distance = np.abs(samples.mean(axis=1) - forecaster.predict())
    assert (distance < 5 * samples.std(axis=1) / 20 + 1).all()


def test_samples_are_those_of_their_random_state():
    forecaster = ConvAttentionForecaster(dropout=0.3, epochs=2, early_stopping=False, **SMALL).fit(
        TWO, fh=[1, 2]
    )

    first, again = (forecaster.sample(3, random_state=1) for _ in range(2))

    pd.testing.assert_frame_equal(first, again)
    assert list(first.columns)[:4] == [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    assert not first.equals(forecaster.sample(3, random_state=2))


def test_equal_samples_are_said_to_be_so():
    forecaster = ConvAttentionForecaster(
        branch_dropout=0.3, epochs=1, learning_rate=1e-30, early_stopping=False, **SMALL
    ).fit(AIRLINE, fh=[1, 2])

    with pytest.warns(UserWarning, match="All 3 samples are equal"):
        forecaster.sample(3)


def test_a_longer_horizon_samples_whole_paths():
    forecaster = ConvAttentionForecaster(dropout=0.3, epochs=2, early_stopping=False, **SMALL).fit(
        AIRLINE, fh=[1, 2]
    )

    assert forecaster.sample(4, fh=[1, 5]).shape == (2, 4)


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({}, {}, "Without dropout all samples are the same; fit with branch_dropout=0.2"),
        ({"dropout": 0.1}, {"n_samples": 0}, "n_samples=0 draws nothing"),
        ({"dropout": 0.1}, {"fh": [0, 1]}, "has in-sample steps"),
    ],
)
def test_what_cannot_be_drawn_is_refused(parameters, arguments, message):
    forecaster = ConvAttentionForecaster(epochs=1, **SMALL, **parameters).fit(AIRLINE, fh=[1, 2])

    with pytest.raises(ValueError, match=message):
        forecaster.sample(**arguments)


def test_the_distribution_has_the_quantiles_of_the_forecast():
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(TWO, fh=[1, 2])

    distribution = forecaster.predict_proba()

    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.9])
    np.testing.assert_allclose(distribution.ppf(0.9), quantiles.xs(0.9, axis=1, level=1))
    assert list(distribution.columns) == ["a", "b"]


def test_conformal_shifts_are_quantiles_of_the_scaled_errors():
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(2000, 1, 3)) + np.array([2.0, 0.0, -1.0])
    scales = rng.uniform(1, 3, size=2000)

    shifts = ConformalQuantiles.of(errors * scales[:, None, None], scales, (0.1, 0.5, 0.9)).shifts

    np.testing.assert_allclose(shifts, [2 - 1.2816, 0, -1 + 1.2816], atol=0.1)


def test_corrected_quantiles_do_not_cross():
    corrected = ConformalQuantiles(np.array([1.0, 0.0, -3.0])).applied(
        np.array([[0.0, 1.0, 2.0]]), np.array([2.0])
    )

    np.testing.assert_array_equal(corrected, [[2, 2, 2]])


def test_conformal_quantiles_have_the_coverage_that_trained_ones_have_not():
    rng = np.random.default_rng(0)
    y = pd.Series(rng.normal(size=400), index=pd.period_range("1990-01", periods=400, freq="M"))
    levels = (0.05, 0.5, 0.95)

    def held(conformal):
        # One epoch leaves the quantiles far from where they belong.
        forecaster = ConvAttentionForecaster(
            epochs=1, quantiles=levels, conformal=conformal, refit=False, random_state=0
        )
        interval = forecaster.fit(y[:300], fh=[1]).predict_interval(fh=np.arange(-99, 1))
        covered = y[200:300].between(interval.iloc[:, 0], interval.iloc[:, 1])
        return covered.mean()

    assert abs(held(True) - 0.9) < abs(held(False) - 0.9)
    assert held(True) == pytest.approx(0.9, abs=0.07)


SPLITTERS = [
    ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=1, step_length=1),
    SlidingWindowSplitter(fh=[1, 14], window_length=5, step_length=3),
]


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("y", [AIRLINE, TWO], ids=["one column", "two columns"])
def test_a_backtest_in_one_batch_equals_one_step_by_step(monkeypatch, y, splitter):
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(y[:-30], fh=range(1, 7))

    batch = forecaster.update_predict(y[-30:], splitter, update_params=False)
    monkeypatch.setattr(Backtest, "of", lambda *arguments: None)
    one_by_one = forecaster.update_predict(y[-30:], splitter, update_params=False)

    pd.testing.assert_frame_equal(batch, one_by_one, rtol=1e-6)
    assert forecaster.cutoff[0] == y.index[-31]


def test_a_backtest_with_covariates_in_one_batch_equals_one_step_by_step(monkeypatch):
    index = pd.period_range("1949-01", periods=150, freq="M")
    X = pd.DataFrame({"x": np.sin(np.arange(150))}, index=index)
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL)
    forecaster.fit(AIRLINE[:-20], X=X[: len(AIRLINE) - 20], fh=[1, 2])

    batch = forecaster.update_predict(AIRLINE[-20:], SPLITTERS[0], X=X, update_params=False)
    monkeypatch.setattr(Backtest, "of", lambda *arguments: None)
    one_by_one = forecaster.update_predict(AIRLINE[-20:], SPLITTERS[0], X=X, update_params=False)

    pd.testing.assert_frame_equal(batch, one_by_one, rtol=1e-6)


def test_a_backtest_moves_the_forecaster_if_asked_to():
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(AIRLINE[:-30], fh=range(1, 7))

    forecaster.update_predict(
        AIRLINE[-30:], SPLITTERS[0], update_params=False, reset_forecaster=False
    )

    last = [window[-1] for window, _ in SPLITTERS[0].split(AIRLINE[-30:])][-1]
    assert forecaster.cutoff[0] == AIRLINE[-30:].index[last]
    assert len(forecaster.panel_.first.y) == len(AIRLINE) - 30 + last + 1


def test_a_backtest_that_trains_goes_step_by_step(monkeypatch):
    called = []
    original = BaseForecaster._predict_moving_cutoff
    monkeypatch.setattr(
        BaseForecaster,
        "_predict_moving_cutoff",
        lambda self, *arguments: called.append(1) or original(self, *arguments),
    )
    forecaster = ConvAttentionForecaster(epochs=1, **SMALL).fit(AIRLINE[:-8], fh=[1])

    forecaster.update_predict(AIRLINE[-8:], SPLITTERS[0], update_params=True)

    assert called == [1]


def test_of_several_look_backs_the_one_with_the_lowest_loss_is_taken():
    losses = {
        length: ConvAttentionForecaster(epochs=3, window_length=length, **SMALL)
        .fit(AIRLINE, fh=[1, 2, 3])
        .best_loss_
        for length in (6, 24)
    }

    chosen = ConvAttentionForecaster(epochs=3, window_length=(6, 24), **SMALL)
    chosen.fit(AIRLINE, fh=[1, 2, 3])

    assert chosen.window_length_ == min(losses, key=losses.get)
    assert chosen.best_loss_ == min(losses.values())


@pytest.mark.parametrize("strategy", ["finetune", "refit", "none"])
def test_an_update_does_with_the_weights_what_its_strategy_says(strategy):
    forecaster = ConvAttentionForecaster(epochs=3, update_strategy=strategy, **SMALL)
    forecaster.fit(AIRLINE[:-12], fh=[1, 2, 3])
    before = forecaster.fitted_model_.weights

    forecaster.update(AIRLINE[-12:])

    again = ConvAttentionForecaster(epochs=3, **SMALL).fit(AIRLINE, fh=[1, 2, 3])
    kept = np.array_equal(forecaster.fitted_model_.weights, before)
    anew = np.array_equal(forecaster.fitted_model_.weights, again.fitted_model_.weights)
    assert (kept, anew) == (strategy == "none", strategy == "refit")


STREAMED = {"normalization": "series", "units": 8, "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def streaming():
    return RNNAttentionForecaster(**STREAMED).fit(AIRLINE[:100], fh=range(1, 7))


def test_a_stream_equals_the_forecast_from_the_whole_history(streaming):
    step_by_step = streaming.stream()
    for value in AIRLINE[100:]:
        step_by_step.update(value)
    whole = copy.deepcopy(streaming)
    whole.update(AIRLINE[100:], update_params=False)

    forecast = whole.stream().predict()

    pd.testing.assert_series_equal(step_by_step.predict(), forecast, rtol=1e-5)
    assert step_by_step.cutoff == AIRLINE.index[-1]
    assert step_by_step.n_timepoints == len(AIRLINE)


def test_a_stream_that_never_left_its_window_is_the_forecaster():
    y = AIRLINE[:30]
    forecaster = RNNAttentionForecaster(window_length=29, **STREAMED).fit(y, fh=[1, 2, 3])
    first = y.iloc[1:]  # the last window is all that the network sees
    forecaster.panel_ = type(forecaster.panel_).of(first.to_frame(), None)
    forecaster.panel_ = type(forecaster.panel_)(
        ((),), (type(forecaster.panel_.first)(first.to_frame(), None, _scaling(y)),)
    )

    pd.testing.assert_series_equal(
        forecaster.stream().predict(), forecaster.predict(), rtol=1e-5, check_names=False
    )


def _scaling(y):
    from skconvattn.forecasting.series.history import History

    return History.of(y.to_frame(), None).scaling


def test_intervals_of_a_stream_contain_its_forecast(streaming):
    stream = streaming.stream().update([300.0, np.nan, 310.0])

    interval = stream.predict_interval(0.8)

    assert stream.predict().between(interval["lower"], interval["upper"]).all()
    assert interval.index[0] == AIRLINE.index[103]


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"normalization": "standard"}, AIRLINE, "fit with normalization='series' to stream"),
        ({"calendar_features": "auto"}, AIRLINE, "fit without them to stream"),
        ({"pooling": "statistics"}, AIRLINE, "pooling='statistics', .* fit with pooling='last'"),
        ({}, TWO, "was fitted to several series"),
    ],
)
def test_what_cannot_be_streamed_is_refused(parameters, y, message):
    forecaster = RNNAttentionForecaster(**{**STREAMED, "epochs": 1, **parameters})
    forecaster.fit(y, fh=[1, 2])

    with pytest.raises(ValueError, match=message):
        forecaster.stream()


def test_a_stream_refuses_what_is_no_observation(streaming):
    with pytest.raises(ValueError, match="is not a series of finite numbers"):
        streaming.stream().update(np.inf)
