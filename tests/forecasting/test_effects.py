"""Effects of future covariates are taken out of a series, and added to its forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster, load

N, AHEAD = 60, 12
FH = range(1, AHEAD + 1)


def _sales(n: int = N + AHEAD, effect: float = 30.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    months = pd.period_range("2015-01", periods=n, freq="M")
    campaign = (rng.random(n) < 0.25) * 1.0
    base = 100 + 10 * np.sin(2 * np.pi * np.arange(n) / 12) + rng.normal(size=n)
    X = pd.DataFrame({"campaign": campaign}, index=months)
    return pd.Series(base, months, name="sales"), X, effect * campaign


def _forecaster(**parameters):
    return ConvAttentionForecaster(epochs=0, random_state=0, **parameters)


@pytest.fixture(scope="module")
def fitted():
    base, X, effect = _sales()
    forecaster = _forecaster().fit((base + effect)[:N], X=X[:N], fh=FH)
    return forecaster, base + effect, X


def test_a_forecast_is_as_good_as_if_the_effect_were_known(fitted):
    forecaster, y, X = fitted
    base, _, effect = _sales()
    known = _forecaster().fit(base[:N], fh=FH).predict() + effect[N:]
    errors = [(forecast - y[N:]).abs().mean() for forecast in (forecaster.predict(X=X[N:]), known)]
    assert errors[0] < 1.2 * errors[1]
    assert forecaster.effects_.loc["sales", "campaign"] == pytest.approx(30.0, abs=1.0)
    assert not forecaster.effects_.loc["sales", "proportional"]


def test_without_effects_a_short_series_is_forecast_as_if_there_were_no_covariate(fitted):
    _, y, X = fitted
    off = _forecaster(covariate_effects=False).fit(y[:N], X=X[:N], fh=FH)
    assert (off.predict(X=X[N:]) - y[N:]).abs().mean() > 5
    assert not off.effects_.to_numpy().any()


def test_the_forecast_moves_with_the_covariate_by_its_effect(fitted):
    forecaster, _, X = fitted
    one, none = (forecaster.predict(X=X[N:] * 0 + value) for value in (1.0, 0.0))
    effect = forecaster.effects_.loc["sales", "campaign"]
    np.testing.assert_allclose(one - none, effect, rtol=0.1)


def test_intervals_move_with_the_forecast(fitted):
    forecaster, y, X = fitted
    interval = forecaster.predict_interval(X=X[N:], coverage=0.9)
    inside = (interval.iloc[:, 0] <= y[N:]) & (y[N:] <= interval.iloc[:, 1])
    assert inside.sum() >= 8
    assert (interval.iloc[:, 1] - interval.iloc[:, 0]).max() < 30


def test_in_sample_forecasts_have_the_effect(fitted):
    forecaster, y, X = fitted
    past = forecaster.predict(fh=range(-23, 1), X=X[:N])
    assert (past - y[N - 24 : N]).abs().mean() < 5


def test_an_update_keeps_effects_and_a_file_too(fitted, tmp_path):
    _, y, X = fitted
    forecaster = _forecaster().fit(y[: N - 6], X=X[: N - 6], fh=FH)
    forecaster.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")
    for each in (forecaster, loaded):
        each.update(y[N - 6 : N], X=X[N - 6 : N])
    forecast = forecaster.predict(X=X[N:])
    pd.testing.assert_series_equal(loaded.predict(X=X[N:]), forecast)
    assert (forecast - y[N:]).abs().mean() < 3


def test_a_backtest_without_training_equals_updates_one_by_one(fitted):
    from sktime.split import ExpandingWindowSplitter

    _, y, X = fitted
    cv = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=1, step_length=1)
    forecaster = _forecaster(update_strategy="none").fit(y[:N], X=X[:N], fh=[1, 2, 3])
    batched = forecaster.update_predict(y[N:], cv=cv, X=X, update_params=False)
    one_by_one = forecaster.update(y[N : N + 1], X=X[N : N + 1], update_params=False)
    expected = one_by_one.predict(fh=[1, 2, 3], X=X[N + 1 :])
    found = batched.iloc[:, 0].dropna()
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-6)


def test_each_series_of_a_panel_has_its_own_effect():
    frames, covariates = {}, {}
    for name, effect in (("north", 30.0), ("south", 0.0)):
        base, X, added = _sales(effect=effect, seed=3)
        frames[name], covariates[name] = (base + added)[:N].to_frame(), X
    y, X = (pd.concat(each, names=["shop", "month"]) for each in (frames, covariates))
    seen = X.index.isin(y.index)
    forecaster = _forecaster().fit(y, X=X[seen], fh=FH)
    effects = forecaster.effects_["campaign"]
    assert effects["north"] == pytest.approx(30.0, abs=1.5)
    assert abs(effects["south"]) < 1.5
    assert forecaster.predict(X=X[~seen]).shape == (2 * AHEAD, 1)


def test_categories_and_gaps_have_names_and_effects():
    base, X, effect = _sales()
    kind = X["campaign"].map({0.0: "none", 1.0: "tv"}).to_frame("advert")
    y = (base + effect)[:N].copy()
    y.iloc[20:24] = np.nan
    forecaster = _forecaster().fit(y, X=kind[:N], fh=FH)
    effects = forecaster.effects_.loc["sales"]
    assert effects["advert=tv"] - effects["advert=none"] == pytest.approx(30.0, abs=2.0)
    assert (forecaster.predict(X=kind[N:]) - (base + effect)[N:]).abs().mean() < 4


def test_a_covariate_beyond_what_was_seen_is_believed_within_limits(fitted):
    forecaster, _, X = fitted
    forecast = forecaster.predict(X=X[N:] * 0 + 1e9)
    assert np.isfinite(forecast).all()
    assert forecast.max() < 1000


def test_holidays_have_an_effect_of_their_own():
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    holidays = days[[20, 60, 75, 130, 200, 220, 250, 300, 330, 395]]
    rng = np.random.default_rng(0)
    y = pd.Series(100 + 10 * (days.dayofweek >= 5) + rng.normal(size=400), index=days)
    y[holidays] += 40
    given = [str(day.date()) for day in holidays]
    forecaster = _forecaster(holidays=given).fit(y[:385], fh=range(1, 15))
    forecast = forecaster.predict()
    assert forecaster.effects_["dates"].iloc[0] == pytest.approx(40.0, abs=5.0)
    assert abs(forecast.iloc[10] - y.iloc[395]) < 8
