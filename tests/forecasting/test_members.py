"""What a forecast is made of, and that it is never worse than the simple ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

import skconvattn
from skconvattn import ConvAttentionForecaster, RNNAttentionForecaster

AIRLINE = load_airline()
FH = range(1, 13)
MEMBERS = ["smoothing", "log smoothing", "pretrained", "linear", "network"]


def _months(values):
    return pd.Series(values, index=pd.date_range("2010-01-01", periods=len(values), freq="MS"))


def _monthly(n=120, seed=0, growth=0.0):
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    return (100 + 0.5 * t + 10 * np.sin(2 * np.pi * t / 12) + noise) * np.exp(growth * t)


def _fitted(y, fh=FH, **parameters):
    return ConvAttentionForecaster(**{"epochs": 0, "random_state": 0, **parameters}).fit(y, fh=fh)


def _panel():
    parts = {key: _months(_monthly(90, seed)).to_frame("y") for seed, key in enumerate("abc")}
    return pd.concat(parts, names=["shop", "month"])


def test_weights_say_what_a_forecast_is_made_of():
    weights = _fitted(AIRLINE).weights_

    assert list(weights.columns) == MEMBERS
    assert list(weights.index) == [AIRLINE.name]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    # The season of airline passengers grows with their number.
    assert weights["log smoothing"].iloc[0] > 5 * weights["smoothing"].iloc[0]
    assert weights["network"].iloc[0] == 0.0


def test_weights_have_a_row_for_each_target_of_each_series():
    wide = pd.DataFrame({"a": AIRLINE, "b": AIRLINE[::-1].to_numpy()})
    assert list(_fitted(wide).weights_.index) == ["a", "b"]
    weights = _fitted(_panel()).weights_
    assert list(weights.index) == ["a", "b", "c"]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_local_forecasters_have_weights_too():
    weights = _fitted(_panel(), panel="local").weights_

    assert list(weights.index) == ["a", "b", "c"]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_weights_of_local_forecasters_name_series_and_targets():
    wide = _panel().assign(z=lambda panel: 2 * panel["y"])
    weights, whole = (_fitted(wide, panel=panel).weights_ for panel in ("local", "global"))

    assert weights.index.equals(whole.index)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_a_series_of_three_values_has_wider_intervals_than_its_panel():
    whole = {key: _months(_monthly(112, seed)).to_frame("y") for seed, key in enumerate("abc")}
    parts = {"a": whole["a"][:100], "b": whole["b"][:100], "c": whole["c"][97:100]}
    forecaster = _fitted(pd.concat(parts, names=["shop", "month"]))

    interval = forecaster.predict_interval(coverage=0.9)

    widths = (interval.iloc[:, 1] - interval.iloc[:, 0]).groupby(level=0).mean()
    assert widths["c"] > 2 * max(widths["a"], widths["b"])


@pytest.mark.parametrize(
    "members", [("smoothing",), ("log smoothing",), ("pretrained",), ("linear",)]
)
def test_each_member_can_forecast_alone(members):
    forecaster = _fitted(AIRLINE[:-12], members=members)

    assert forecaster.weights_.loc[AIRLINE.name, members[0]] == pytest.approx(1.0, abs=1e-6)
    naive = np.abs(AIRLINE[-12:].to_numpy() - AIRLINE[-24:-12].to_numpy()).mean()
    assert np.abs(forecaster.predict() - AIRLINE[-12:]).mean() < naive


def test_a_network_that_blocks_left_out_support_has_a_share():
    # A parabola from one value to the next, of which no linear map sees anything.
    values = np.full(600, 0.3)
    for i in range(1, 600):
        values[i] = 3.8 * values[i - 1] * (1 - values[i - 1])
    parameters = {"window_length": 4, "seasonal_period": 1, "normalization": "series"}

    forecaster = _fitted(pd.Series(values), fh=[1], epochs=100, learning_rate=0.01, **parameters)

    assert forecaster.weights_["network"].iloc[0] > 0.5
    assert forecaster.n_iter_ > 0


def test_a_network_without_evidence_is_left_out():
    y = _months(np.random.default_rng(0).normal(size=80))

    forecaster = _fitted(y, epochs=20)

    assert forecaster.weights_["network"].iloc[0] == 0.0
    assert forecaster.n_iter_ == 0
    assert len(forecaster.history_["loss"]) > 0


def test_nothing_is_trained_where_nothing_can_be_held_out():
    forecaster = _fitted(AIRLINE[:14], epochs=50)

    assert forecaster.n_iter_ == 0
    assert forecaster.history_["loss"] == []


ACCIDENTS = {
    "last value tenfold": lambda y: y * np.where(np.arange(108) == 107, 10.0, 1.0),
    "last value 1e6": lambda y: np.where(np.arange(108) == 107, 1e6, y),
    "a value a year ago": lambda y: y * np.where(np.arange(108) == 95, 10.0, 1.0),
    "shock of three months": lambda y: y * np.where((np.arange(108) // 3) == 32, 0.1, 1.0),
    "shock of half a year": lambda y: (
        y * np.r_[np.ones(84), 0.5, 0.2, 0.2, 0.4, 0.6, 0.8, np.ones(18)]
    ),
    "gap": lambda y: np.where((np.arange(108) > 50) & (np.arange(108) < 75), np.nan, y),
    "gap at the end": lambda y: np.where(np.arange(108) > 95, np.nan, y),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_accident_in_the_data_does_not_spoil_the_forecast(accident, seed):
    whole = _monthly(120, seed)
    y = ACCIDENTS[accident](whole[:108])

    forecaster = _fitted(_months(y))

    assert np.abs(forecaster.predict().to_numpy() - whole[108:]).mean() < 2.0
    interval = forecaster.predict_interval(coverage=0.9).to_numpy()
    assert np.isfinite(interval).all()
    assert (interval[:, 1] - interval[:, 0]).max() < 40.0


@pytest.mark.parametrize("ago", [4, 9, 12, 18, 30])
@pytest.mark.parametrize("shift", [100.0, -60.0])
def test_a_level_shift_is_followed(ago, shift):
    whole = _monthly()
    whole[108 - ago :] += shift

    forecaster = _fitted(_months(whole[:108]))

    assert np.abs(forecaster.predict().to_numpy() - whole[108:]).mean() < 8.0
    # Forecasts of the past are on the level of the past.
    fitted = forecaster.predict(fh=[-90, -80]).to_numpy()
    assert np.abs(fitted - whole[[17, 27]]).max() < 8.0


@pytest.mark.parametrize("ago", [4, 12, 40])
@pytest.mark.parametrize("ratio", [0.3, 1000.0])
def test_a_series_that_changes_as_a_whole_is_followed_with_its_season(ago, ratio):
    whole = _monthly()
    whole[108 - ago :] *= ratio

    forecaster = _fitted(_months(whole[:108]))

    assert np.abs(forecaster.predict().to_numpy() - whole[108:]).mean() < 4.0 * ratio
    # Forecasts of the past are on the level, and of the size, of the past.
    fitted = forecaster.predict(fh=[-90, -80]).to_numpy()
    assert np.abs(fitted - whole[[17, 27]]).max() < 8.0


@pytest.mark.parametrize("n", [14, 18, 23])
def test_a_series_of_less_than_two_seasons_has_the_season_of_the_calendar(n):
    gains = []
    for seed in range(6):
        whole = _monthly(n + 12, seed)
        errors = [
            np.abs(_fitted(_months(whole[:n]), **known).predict().to_numpy() - whole[n:]).mean()
            for known in ({}, {"seasonal_period": 1})
        ]
        gains.append(errors[0] / errors[1])

    assert np.mean(gains) < 0.85
    assert _fitted(_months(whole[:n])).seasonal_period_ == 1


def test_intervals_of_a_growing_series_grow():
    held = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        values = 100 * np.exp(0.05 * np.arange(120) + 0.03 * rng.normal(size=120))
        interval = _fitted(_months(values[:108])).predict_interval(coverage=0.9).to_numpy()
        held.append(((interval[:, 0] <= values[108:]) & (values[108:] <= interval[:, 1])).mean())

    assert np.mean(held) > 0.75


def test_quantiles_stay_within_reach_of_what_was_seen():
    y = _months(np.exp(2 * np.random.default_rng(0).normal(size=40)))

    interval = _fitted(y).predict_interval(coverage=0.99)

    width = interval.iloc[:, 1] - interval.iloc[:, 0]
    assert width.max() < 3.0 * np.ptp(y.to_numpy())


def test_forecasts_keep_their_bounds():
    counts = _months(np.random.default_rng(0).poisson(2.0, 96).astype(float))

    interval = _fitted(counts, lower_bound=0, upper_bound=5).predict_interval(coverage=0.95)

    assert interval.min().min() >= 0.0
    assert interval.max().max() <= 5.0
    assert _fitted(counts).predict_interval(coverage=0.95).min().min() < 0.0


def test_rare_demand_is_forecast_by_its_mean_unless_the_median_is_asked_for():
    rng = np.random.default_rng(0)
    sales = np.where(rng.random(500) < 0.15, rng.poisson(4, 500), 0).astype(float)
    y = pd.Series(sales, index=pd.date_range("2022-01-01", periods=500))

    mean = _fitted(y, fh=range(1, 29)).predict().sum()

    assert 0.5 < mean / (28 * sales.mean()) < 1.6
    assert _fitted(y, fh=range(1, 29), point_forecast="median").predict().sum() < 0.7 * mean


def test_zeros_that_end_are_no_rare_demand():
    y = np.zeros(108)
    y[96:] = 20 + np.random.default_rng(0).normal(size=12)

    assert np.abs(_fitted(_months(y)).predict() - 20).max() < 4.0


def test_a_week_of_hours_is_found_beside_the_day():
    t = np.arange(24 * 7 * 6)
    days = np.array([5.0, 0.0, 0.0, 3.0, 0.0, -6.0, -9.0])[t // 24 % 7]
    values = 50 + 5 * np.sin(2 * np.pi * t / 24) + days
    values = values + 0.3 * np.random.default_rng(0).normal(size=len(t))
    y = pd.Series(values, index=pd.date_range("2024-01-01", periods=len(t), freq="h"))
    past, later = y[:-48], y[-48:]

    for season in ("auto", (24, 168)):
        forecaster = _fitted(past, fh=range(1, 49), members=("smoothing",), seasonal_period=season)
        assert forecaster.seasonal_period_ == 24
        assert np.abs(forecaster.predict() - later).mean() < 1.0


def test_an_update_moves_every_member_along():
    forecaster = _fitted(AIRLINE[:120]).update(AIRLINE[120:132], update_params=False)
    fresh = _fitted(AIRLINE[:132])

    moved = forecaster.predict()

    assert list(moved.index) == list(fresh.predict().index)
    error = np.abs(moved - AIRLINE[132:]).mean()
    assert error < 1.5 * np.abs(fresh.predict() - AIRLINE[132:]).mean() + 5.0


def test_a_file_holds_all_members(tmp_path):
    forecaster = _fitted(_panel())
    forecaster.save(tmp_path / "panel.zip")

    loaded = skconvattn.load(tmp_path / "panel.zip")

    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())
    pd.testing.assert_frame_equal(loaded.predict_interval(), forecaster.predict_interval())
    pd.testing.assert_frame_equal(loaded.weights_, forecaster.weights_)


def test_a_stream_goes_on_with_every_member():
    forecaster = RNNAttentionForecaster(epochs=0, normalization="series", random_state=0)
    forecaster.fit(AIRLINE[:120], fh=range(1, 7))
    stream = forecaster.stream().update(AIRLINE[120:126])

    forecaster.update(AIRLINE[120:126], update_params=False)

    np.testing.assert_allclose(stream.predict(), forecaster.predict(), rtol=1e-5)


def test_forecasts_of_a_panel_do_not_depend_on_the_order_of_its_series():
    y = _panel()
    turned = pd.concat([y.loc[[key]] for key in "cab"])

    first, second = _fitted(y).predict(), _fitted(turned).predict()

    np.testing.assert_allclose(first.loc["b"], second.loc["b"], rtol=1e-4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"members": ("smoothing", "magic")}, r"members=.* names 'magic'; choose from"),
        ({"members": ()}, r"members=\(\) is empty; choose from"),
        ({"lower_bound": float("nan")}, "lower_bound=nan is not a number; give a number, or None"),
        ({"lower_bound": 5, "upper_bound": 5}, "lower_bound=5 is not below upper_bound=5"),
        ({"seasonal_period": (12, 0)}, r"seasonal_period=\(12, 0\) is not a sequence"),
        ({"seasonal_period": ()}, r"seasonal_period=\(\) is not a sequence"),
    ],
)
def test_what_cannot_be_meant_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        _fitted(AIRLINE, **parameters)
