"""Missing values are filled for the network, have an indicator, and are left out of the loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster
from skconvattn.forecasting.series.history import History
from skconvattn.forecasting.series.timeline import Timeline

SMALL = {"filters": 4, "units": 4, "random_state": 0}
INDEX = pd.period_range("2000-01", periods=120, freq="M")
CLEAN = pd.Series(10 + np.sin(np.arange(120) * 2 * np.pi / 12), index=INDEX, name="y")


def _with_holes(share=0.1):
    holes = np.random.default_rng(0).random(120) < share
    return CLEAN.mask(holes)


def test_gaps_are_filled_linearly_and_at_the_ends_by_the_nearest_value():
    y = pd.DataFrame({"y": [np.nan, 1.0, np.nan, np.nan, 4.0, np.nan]})

    history = History.of(y, None, scaled=False)
    filled, missing = history.scaled_targets()

    np.testing.assert_allclose(filled[:, 0], [1, 1, 2, 3, 4, 4])
    np.testing.assert_array_equal(missing[:, 0], [True, False, True, True, False, True])


def test_the_scale_is_that_of_the_observed_values():
    y = pd.DataFrame({"y": [1.0, np.nan, 3.0], "z": [5.0, 5.0, np.nan]})

    scaling = History.of(y, None).scaling

    np.testing.assert_allclose(scaling.center, [2, 5])
    np.testing.assert_allclose(scaling.scale, [1, 1])


def test_a_series_with_holes_is_forecast_almost_as_well():
    forecaster = ConvAttentionForecaster(random_state=0).fit(_with_holes()[:-12], fh=range(1, 13))

    error = np.abs(forecaster.predict() - CLEAN[-12:])

    assert error.mean() < 0.1  # of a season with an amplitude of 1


def test_missing_values_are_no_targets():
    """An outlier changes the loss; the same step missing does not, whatever is filled in."""
    spoilt = CLEAN.copy()
    spoilt.iloc[60] = 1e3
    losses = [
        ConvAttentionForecaster(epochs=1, normalization="series", **SMALL)
        .fit(y, fh=[1])
        .history_["loss"][0]
        for y in (CLEAN, spoilt.mask(spoilt > 100))
    ]

    assert losses[1] == pytest.approx(losses[0], rel=0.2)


def test_a_forecast_starts_from_a_missing_value():
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(CLEAN[:100], fh=[1, 2])
    forecaster.update(CLEAN[100:103].mask([False, False, True]), update_params=False)

    forecast = forecaster.predict()

    assert forecast.index[0] == INDEX[103]
    assert np.isfinite(forecast).all()


def test_an_update_after_a_gap_counts_the_steps_between_as_missing():
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(CLEAN[:100], fh=[1, 2])
    forecaster.update(CLEAN[104:106], update_params=False)

    history = forecaster.panel_.first.y["y"]

    assert history.index.equals(INDEX[:106])
    assert history[100:104].isna().all()
    assert forecaster.predict().index[0] == INDEX[106]


def test_missing_covariates_are_filled_and_have_an_indicator():
    X = pd.DataFrame({"x": np.cos(np.arange(123))}, index=INDEX.append(INDEX[-3:] + 3))
    X.iloc[5:9] = np.nan
    forecaster = ConvAttentionForecaster(epochs=2, **SMALL).fit(CLEAN, X=X[:120], fh=[1, 2, 3])

    assert forecaster.fitted_forecast_.channels.n_future == 2
    X.iloc[121] = np.nan
    assert np.isfinite(forecaster.predict(X=X[120:])).all()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_the_indicator_is_a_channel_only_where_values_are_missing(share):
    forecaster = ConvAttentionForecaster(epochs=1, **SMALL).fit(_with_holes(share), fh=[1])

    assert forecaster.fitted_forecast_.channels.n_past == (share > 0)


def _monthly(n: int, seed: int = 0) -> pd.Series:
    """A trend and a season with noise of one."""
    t = np.arange(n)
    values = 100 + 0.5 * t + 10 * np.sin(2 * np.pi * t / 12)
    noise = np.random.default_rng(seed).normal(size=n)
    return pd.Series(values + noise, pd.period_range("2010-01", periods=n, freq="M"))


@pytest.mark.parametrize("n_missing", [5, 15, 30])
def test_a_gap_at_the_end_is_bridged_by_forecasts(n_missing):
    y = _monthly(120)
    gap = y[:108].copy()
    gap.iloc[-n_missing:] = np.nan
    ahead = range(1, 13)

    bridged = ConvAttentionForecaster(random_state=0).fit(gap, fh=ahead)
    cut = ConvAttentionForecaster(random_state=0).fit(y[: 108 - n_missing], fh=ahead)

    later = np.arange(1, 13) + n_missing
    np.testing.assert_allclose(bridged.predict(), cut.predict(fh=later), rtol=1e-4)
    width, expected, near = (
        interval.iloc[:, 1].to_numpy() - interval.iloc[:, 0].to_numpy()
        for interval in (
            bridged.predict_interval(),
            cut.predict_interval(fh=later),
            cut.predict_interval(fh=ahead),
        )
    )
    np.testing.assert_allclose(width, expected, rtol=1e-3)
    assert (width > near).all()


def test_a_series_of_a_panel_that_ended_long_ago_is_not_forecast_as_zero():
    y = pd.DataFrame({"now": _monthly(100), "ended": 1000 + _monthly(100, seed=1)})
    y.iloc[60:, 1] = np.nan
    forecaster = ConvAttentionForecaster(epochs=5, random_state=0).fit(y, fh=range(1, 4))
    assert forecaster.predict()["ended"].between(1000, 1300).all()
    forecaster.update(y.iloc[-1:].set_axis(y.index[-1:] + 1), update_params=False)
    assert forecaster.predict()["ended"].between(1000, 1300).all()


def test_updates_with_missing_values_never_turn_into_zeros():
    y = _monthly(100)
    forecaster = ConvAttentionForecaster(epochs=5, random_state=0).fit(y[:60], fh=[1])
    for position in range(60, 100):
        missing = pd.Series([np.nan], index=y.index[[position]])
        forecaster.update(missing, update_params=False)
        assert 80 < float(forecaster.predict().iloc[0]) < 250


@pytest.mark.parametrize("missing", [[0], [0, 1, 2], [1]])
def test_a_missing_future_covariate_is_carried_on_from_its_last_value(missing):
    rng = np.random.default_rng(2)
    index = pd.period_range("2010-01", periods=103, freq="M")
    X = pd.DataFrame({"price": 1000 + np.cumsum(rng.normal(size=103))}, index=index)
    y = pd.Series(3 * X["price"] + rng.normal(size=103), index=index)
    forecaster = ConvAttentionForecaster(epochs=5, random_state=0)
    forecaster.fit(y[:100], X=X[:100], fh=[1, 2, 3])
    ahead, carried = X[100:].copy(), X[100:].copy()
    for step in missing:
        ahead.iloc[step, 0] = np.nan
        carried.iloc[step, 0] = X.iloc[99, 0] if step == 0 else carried.iloc[step - 1, 0]

    with pytest.warns(UserWarning, match=r"X\['price'\] is missing at 2018-0.*last value"):
        forecast = forecaster.predict(X=ahead)

    np.testing.assert_allclose(forecast, forecaster.predict(X=carried), rtol=1e-6)


def test_a_past_covariate_that_is_missing_over_the_window_keeps_its_last_value():
    index = pd.period_range("2010-01", periods=100, freq="M")
    X = pd.DataFrame({"leads": 500 + np.random.default_rng(0).normal(size=100)}, index=index)
    y = _monthly(100)
    X.iloc[60:, 0] = np.nan
    forecaster = ConvAttentionForecaster(epochs=5, past_regressors=["leads"], random_state=0)
    assert forecaster.fit(y, X=X, fh=range(1, 4)).predict().between(100, 200).all()


@pytest.mark.parametrize("value", [3.0, np.nan])
def test_a_history_grows_by_one_step_as_by_two(value):
    index = pd.period_range("2020-01", periods=30, freq="M")
    y = pd.DataFrame({"a": np.arange(30.0), "b": np.ones(30)}, index=index)
    y.iloc[28, 0] = value
    timeline = Timeline.of(index)
    history = History.of(y[:28], None, 12)

    by_one = history.extended(y[28:29], None, timeline).extended(y[29:], None, timeline)
    by_two = history.extended(y[28:], None, timeline)

    pd.testing.assert_frame_equal(by_one.y, by_two.y)
    np.testing.assert_array_equal(by_one.repaired, by_two.repaired)
