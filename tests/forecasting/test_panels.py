"""Panels: one model for many series, each in its own scale; pretraining; local models."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import ForecastingHorizon

from skconvattn import ConvAttentionForecaster
from skconvattn.forecasting.predicting import PanelForecast
from skconvattn.forecasting.series.history import Panel, split_panel

SMALL = {"filters": 4, "units": 4, "epochs": 2, "random_state": 0}


def _panel(lengths=(40, 30, 36), levels=("series",), start="2020-01"):
    """Sines of different levels and scales that end together."""
    parts = {}
    for number, length in enumerate(lengths):
        index = pd.period_range(end=pd.Period(start, "M") + 39, periods=length, freq="M")
        values = 10.0**number * (np.sin(np.arange(length) / 2 + number) + 3)
        key = (f"s{number}",) if len(levels) == 1 else ("all", f"s{number}")
        parts[key if len(key) > 1 else key[0]] = pd.DataFrame({"y": values}, index=index)
    return pd.concat(parts, names=[*levels, "month"])


PANEL = _panel()


@pytest.fixture(scope="module")
def fitted():
    return ConvAttentionForecaster(**SMALL).fit(PANEL, fh=[1, 2, 3])


def test_a_panel_is_forecast_by_one_model_in_sktime_s_order(fitted):
    forecast = fitted.predict()

    stamps = pd.period_range("2023-05", periods=3, freq="M")
    expected = pd.MultiIndex.from_product([["s0", "s1", "s2"], stamps], names=["series", "month"])
    pd.testing.assert_index_equal(forecast.index, expected)
    assert list(forecast.columns) == ["y"]
    assert not hasattr(fitted, "forecasters_")


def test_each_series_is_forecast_in_its_own_scale(fitted):
    forecast = fitted.predict()["y"]

    for number in range(3):
        level = 3 * 10.0**number
        assert np.abs(forecast[f"s{number}"] - level).max() < level


def test_series_are_forecast_as_if_alone(fitted):
    """All series share weights and program; none depends on the others."""
    panel = fitted.panel_
    alone = fitted.clone().fit(PANEL, fh=[1, 2, 3])
    alone.panel_ = Panel(panel.keys[1:2], panel.histories[1:2])
    alone.fitted_forecast_ = fitted.fitted_forecast_.on(alone.panel_)

    np.testing.assert_array_equal(alone.predict()["y"], fitted.predict()["y"]["s1"])


def test_a_series_does_not_see_what_happens_to_the_others():
    whole = _panel()
    later = whole.groupby("series").tail(2)
    is_other = later.index.get_level_values("series") != "s1"
    forecaster = ConvAttentionForecaster(**SMALL).fit(whole.drop(index=later.index), fh=[1, 2, 3])
    disturbed = copy.deepcopy(forecaster)

    forecaster.update(later, update_params=False)
    disturbed.update(later.mul(np.where(is_other, 1.5, 1.0), axis=0), update_params=False)

    ours, theirs = forecaster.predict()["y"], disturbed.predict()["y"]
    np.testing.assert_array_equal(ours["s1"], theirs["s1"])
    assert (ours["s0"] != theirs["s0"]).all()


def test_hierarchies_keep_all_their_levels():
    hierarchy = _panel(levels=("region", "series"))
    forecaster = ConvAttentionForecaster(**SMALL).fit(hierarchy, fh=[1, 2, 3])

    forecast = forecaster.predict_interval(coverage=0.8)

    assert forecast.index.names == ["region", "series", "month"]
    assert (forecast.iloc[:, 0] < forecast.iloc[:, 1]).all()


@pytest.mark.parametrize("panel", ["global", "local"])
def test_series_that_end_at_different_times_are_forecast_from_their_own_ends(panel):
    y = PANEL.drop(index=PANEL.loc[["s2"]].index[-2:])
    forecaster = ConvAttentionForecaster(panel=panel, **SMALL).fit(y, fh=[1, 2, 3])

    for forecast in (forecaster.predict(), forecaster.predict_interval()):
        for key, ahead in forecast.groupby("series"):
            last = y.loc[key].index[-1]
            assert list(ahead.droplevel("series").index) == [last + step for step in (1, 2, 3)]


def test_time_stamps_are_the_same_for_all_series():
    y = PANEL.drop(index=PANEL.loc[["s2"]].index[-2:])
    forecaster = ConvAttentionForecaster(**SMALL).fit(y, fh=[1, 2, 3])
    stamps = pd.period_range(y.loc["s0"].index[-1] + 1, periods=3, freq="M")

    forecast = forecaster.predict(fh=ForecastingHorizon(stamps, is_relative=False))

    assert forecast.loc["s2"].index.equals(forecast.loc["s0"].index)
    made = PanelForecast.absolute(forecaster.fitted_forecast_, forecaster.panel_, stamps, None)
    np.testing.assert_array_equal(made.steps_ahead(), [[1, 2, 3], [1, 2, 3], [3, 4, 5]])
    relative = forecaster.predict(fh=[3, 4, 5])
    np.testing.assert_allclose(forecast.loc["s2"], relative.loc["s2"])


def test_a_new_series_that_ends_earlier_leaves_the_cutoff_of_the_others(fitted):
    moved = fitted.clone().fit(PANEL, fh=[1, 2, 3])
    before = moved.predict()
    early = PANEL.loc[["s1"]].iloc[:20].rename(index={"s1": "early"}, level="series")

    moved.update(early, update_params=False)

    assert moved.cutoff == fitted.cutoff
    pd.testing.assert_frame_equal(moved.predict().loc[["s0", "s1", "s2"]], before)
    last = early.index.get_level_values(-1)[-1]
    assert list(moved.predict().loc["early"].index) == [last + step for step in (1, 2, 3)]


def test_series_of_different_frequencies_are_refused_by_name():
    months = pd.date_range("2020-01-01", periods=40, freq="MS")
    days = pd.date_range("2020-01-03", periods=30, freq="D")
    parts = {"shop": pd.Series(range(40), months), "web": pd.Series(range(30), days)}
    y = pd.concat(parts, names=["series", "day"]).to_frame("y").astype(float)
    with pytest.raises(
        ValueError, match=r"y\['web'\] has the time stamps .* frequency of y\['shop'\]"
    ):
        ConvAttentionForecaster(**SMALL).fit(y, fh=[1])


def test_series_that_all_follow_one_frequency_are_taken_however_short_they_are():
    days = pd.bdate_range("2024-01-01", periods=40)
    parts = {"long": pd.Series(range(40), days), "short": pd.Series(range(4), days[1:5])}
    y = pd.concat(parts, names=["series", "day"]).to_frame("y").astype(float)
    assert len(ConvAttentionForecaster(**SMALL).fit(y, fh=[1]).predict()) == 2


def test_series_shorter_than_a_window_take_part():
    panel = _panel(lengths=(40, 40, 5))
    forecaster = ConvAttentionForecaster(window_length=12, **SMALL).fit(panel, fh=[1, 2])

    assert np.isfinite(forecaster.predict()).all(axis=None)


def test_local_models_are_one_per_series_and_share_a_program():
    forecaster = ConvAttentionForecaster(panel="local", **SMALL)
    forecaster.fit(_panel(lengths=(40, 40, 40)), fh=[1, 2, 3])

    parts = list(forecaster.forecasters_.to_numpy().ravel())

    assert len({part.fitted_model_.spec for part in parts}) == 1
    assert not np.allclose(parts[0].fitted_model_.weights, parts[1].fitted_model_.weights)


def test_pretraining_forecasts_a_series_never_seen_with_the_same_weights():
    forecaster = ConvAttentionForecaster(**SMALL).pretrain(PANEL, fh=[1, 2, 3])
    weights = forecaster.pretrained_.model.weights
    unseen = 500 + 70 * PANEL.loc["s0"]["y"]

    forecaster.fit(unseen, fh=[1, 2, 3])

    np.testing.assert_array_equal(forecaster.fitted_model_.weights, weights)
    known = ConvAttentionForecaster(**SMALL).fit(PANEL, fh=[1, 2, 3]).predict().loc["s0"]["y"]
    np.testing.assert_allclose(forecaster.predict(), 500 + 70 * known, rtol=1e-5)


def test_a_fit_after_pretraining_trains_on_if_asked_to():
    forecaster = ConvAttentionForecaster(finetune_epochs=3, **SMALL).pretrain(PANEL, fh=[1, 2])
    weights = forecaster.pretrained_.model.weights

    forecaster.fit(PANEL.loc["s1"]["y"])

    assert np.abs(forecaster.fitted_model_.weights - weights).max() > 0
    np.testing.assert_array_equal(forecaster.pretrained_.model.weights, weights)


def test_pretraining_resumes_with_further_series():
    forecaster = ConvAttentionForecaster(**SMALL).pretrain(PANEL, fh=[1, 2])
    weights = forecaster.pretrained_.model.weights

    forecaster.pretrain(_panel(lengths=(33, 34)))

    assert np.abs(forecaster.pretrained_.model.weights - weights).max() > 0
    assert forecaster.pretrained_.window.horizon == 2


def test_pretraining_takes_steps_and_not_time_stamps():
    with pytest.raises(ValueError, match="give steps ahead, such as fh=range"):
        ConvAttentionForecaster(**SMALL).pretrain(
            PANEL, fh=pd.period_range("2023-05", periods=2, freq="M")
        )


def test_an_update_extends_some_series_and_takes_new_ones(fitted):
    moved = fitted.clone().fit(PANEL, fh=[1, 2, 3])
    index = pd.period_range("2023-05", periods=4, freq="M")
    more = {"s0": 3.0 + np.arange(4.0), "new": 900.0 + np.arange(4.0)}
    y = pd.concat(
        {key: pd.DataFrame({"y": values}, index=index) for key, values in more.items()},
        names=["series", "month"],
    )

    moved.update(y, update_params=False)

    assert moved.panel_.keys == (("s0",), ("s1",), ("s2",), ("new",))
    assert len(dict(iter(moved.panel_))[("s0",)].y) == 44
    assert moved.predict().loc["new", "y"].between(890, 920).all()


@pytest.mark.parametrize("channels", ["shared", "mixed"])
def test_columns_of_a_series_are_forecast_together(channels):
    single = PANEL.loc["s0"]
    y = pd.DataFrame({"a": single["y"], "b": 100 - 5 * single["y"]})
    forecaster = ConvAttentionForecaster(channels=channels, **SMALL).fit(y, fh=[1, 2, 15])

    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.5])

    assert list(quantiles.columns) == [("a", 0.1), ("a", 0.5), ("b", 0.1), ("b", 0.5)]
    pd.testing.assert_frame_equal(
        quantiles.xs(0.5, axis=1, level=1), forecaster.predict(), check_names=False
    )


def test_mixed_columns_see_each_other_and_shared_ones_do_not():
    rng = np.random.default_rng(0)
    index = pd.period_range("2000-01", periods=200, freq="M")
    lead = rng.normal(size=200)
    follow = np.concatenate([rng.normal(size=2), lead[:-2]])
    y = pd.DataFrame({"lead": lead, "follow": follow}, index=index)

    def error(channels):
        forecaster = ConvAttentionForecaster(channels=channels, random_state=0)
        forecast = forecaster.fit(y[:-2], fh=[1, 2]).predict()
        return np.abs(forecast["follow"] - y["follow"][-2:]).mean()

    assert error("mixed") < error("shared") / 3


def test_series_too_short_are_named():
    with pytest.raises(ValueError, match=r"y\['s1'\] has 2 time steps; .* at least 3"):
        ConvAttentionForecaster(**SMALL).fit(_panel(lengths=(20, 2)), fh=[1])


def test_a_panel_is_split_by_all_levels_but_the_last():
    parts = split_panel(_panel(levels=("region", "series")))

    assert list(parts) == [("all", "s0"), ("all", "s1"), ("all", "s2")]
    assert parts["all", "s1"].index.equals(PANEL.loc["s1"].index)


def test_series_count_alike_whatever_the_size_of_their_season():
    """Scaled by standard deviation, a series with little noise would not count in the loss."""
    rng = np.random.default_rng(0)
    t = np.arange(60)
    index = pd.RangeIndex(60)
    parts = [
        amplitude * np.sin(2 * np.pi * t / 12) + rng.normal(size=60) for amplitude in (0.5, 2, 20)
    ]
    y = pd.concat({i: pd.DataFrame({"y": part}, index=index) for i, part in enumerate(parts)})
    y.index.names = ["series", "time"]

    forecaster = ConvAttentionForecaster(seasonal_period=12, **SMALL).fit(y, fh=[1])

    # The change from one season to the next is the same for all, and so is their scale.
    histories = forecaster.panel_.histories
    scales = [history.scaling.scale[0] for history in histories]
    targets = [history.scaled_targets()[0][:, 0] for history in histories]
    noises = [np.abs(target[12:] - target[:-12]).mean() for target in targets]
    np.testing.assert_allclose(noises, noises[0], rtol=1e-6)
    changes = [np.abs(part[12:] - part[:-12]).mean() for part in parts]
    np.testing.assert_allclose(
        np.array(scales) / scales[0], np.array(changes) / changes[0], rtol=1e-6
    )
    deviations = [part.std() for part in parts]
    assert scales[1] == pytest.approx(np.median(np.array(deviations) / changes) * changes[1])
