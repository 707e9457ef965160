"""Forecasts of panels and of several columns are drawn series by series, by their names."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster, PretrainedForecaster
from skconvattn.inspection import ForecastDisplay, ForecastGrid

MONTHS = pd.period_range("2020-01", periods=40, freq="M")
HORIZON = range(1, 5)


def column(level: float) -> np.ndarray:
    t = np.arange(40)
    return level + np.sin(2 * np.pi * t / 12) + np.random.default_rng(0).normal(size=40) / 10


def panel_of(n_series: int) -> pd.DataFrame:
    parts = {f"s{i}": pd.DataFrame({"a": column(10.0 * i)}, MONTHS) for i in range(n_series)}
    return pd.concat(parts, names=["series", "month"])


PANEL = panel_of(3)
PAST = PANEL[PANEL.index.get_level_values("month") < MONTHS[36]]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def forecaster():
    return PretrainedForecaster().fit(PAST, fh=HORIZON)


def test_a_panel_is_drawn_as_one_picture_per_series(forecaster):
    grid = ForecastDisplay.from_estimator(forecaster, y_true=PANEL, n_history=12)

    assert list(grid.displays_) == [("s0",), ("s1",), ("s2",)]
    forecast, interval = forecaster.predict(), forecaster.predict_interval(coverage=0.9)
    for (name,), display in grid.displays_.items():
        np.testing.assert_array_equal(display.history, PANEL.loc[name, "a"].iloc[24:36])
        np.testing.assert_array_equal(
            display.forecast_line_.get_ydata()[1:], forecast.loc[name, "a"]
        )
        np.testing.assert_array_equal(
            display.truth_line_.get_ydata()[1:], PANEL.loc[name, "a"].iloc[36:]
        )
        np.testing.assert_array_equal(display.interval, interval.loc[name])
        assert display.ax_.get_title() == name
    assert [text.get_text() for text in grid.figure_.legends[0].get_texts()] == [
        "history", "truth", "forecast", "90 % interval",
    ]  # fmt: skip


def test_a_named_series_is_drawn_by_itself_on_the_axes_given(forecaster):
    ax = plt.subplots()[1]

    display = ForecastDisplay.from_estimator(forecaster, series="s1", ax=ax, coverage=None)

    assert isinstance(display, ForecastDisplay)
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.forecast, forecaster.predict().loc["s1", "a"])
    assert display.forecast.index.equals(MONTHS[36:])


def test_several_names_are_drawn_in_the_order_given(forecaster):
    grid = ForecastDisplay.from_estimator(forecaster, series=["s2", "s0"])

    assert isinstance(grid, ForecastGrid)
    assert [ax.get_title() for ax in grid.axes_.flat] == ["s2", "s0"]


def test_one_picture_for_several_series_is_refused_with_a_name_to_give(forecaster):
    with pytest.raises(ValueError, match="there are 3 series; name one, as in series='s0'"):
        ForecastDisplay.from_estimator(forecaster, ax=plt.subplots()[1])
    with pytest.raises(ValueError, match="series='s9' is not among the series 's0', 's1', 's2'"):
        ForecastDisplay.from_estimator(forecaster, series="s9")


def test_columns_have_a_picture_each():
    y = pd.DataFrame({"a": column(5.0), "b": column(50.0)}, MONTHS)
    forecaster = PretrainedForecaster().fit(y[:36], fh=HORIZON)

    grid = ForecastDisplay.from_estimator(forecaster, y_true=y)

    interval = forecaster.predict_interval(coverage=0.9)
    for name in ("a", "b"):
        display = grid.displays_[name,]
        np.testing.assert_array_equal(display.forecast, forecaster.predict()[name])
        np.testing.assert_array_equal(display.interval, interval[name, 0.9])
        np.testing.assert_array_equal(display.truth, y[name].iloc[36:])


def test_columns_of_a_hierarchy_are_found_by_the_beginning_of_their_names():
    two = PAST.assign(b=-PAST["a"])
    y = pd.concat({"north": two, "south": two + 1}, names=["region"])
    forecaster = PretrainedForecaster().fit(y, fh=HORIZON)

    grid = ForecastDisplay.from_estimator(forecaster, series=[("south", "s1")])

    assert list(grid.displays_) == [("south", "s1", "a"), ("south", "s1", "b")]
    lower = grid.displays_["south", "s1", "b"].interval["lower"]
    expected = forecaster.predict_interval(coverage=0.9)["b", 0.9, "lower"]
    np.testing.assert_array_equal(lower, expected.loc["south", "s1"])


def test_a_forecaster_per_series_is_drawn_as_well():
    forecaster = ConvAttentionForecaster(panel="local", epochs=0).fit(PAST, fh=HORIZON)

    display = ForecastDisplay.from_estimator(forecaster, series="s2")

    np.testing.assert_array_equal(display.forecast, forecaster.predict().loc["s2", "a"])
    np.testing.assert_array_equal(
        display.history, PAST.loc["s2", "a"].iloc[-len(display.history) :]
    )


def test_of_many_series_nine_are_drawn_and_the_title_says_so():
    y = panel_of(11)
    forecaster = PretrainedForecaster().fit(y, fh=[1])

    grid = ForecastDisplay.from_estimator(forecaster)

    assert len(grid.displays_) == 9
    assert grid.figure_.get_suptitle() == "9 of 11 series"
    everything = ForecastDisplay.from_estimator(forecaster, series=[f"s{i}" for i in range(11)])
    assert everything.axes_.shape == (4, 3)
    assert not everything.axes_[3, 2].axison


def test_the_legend_covers_no_data(forecaster):
    display = ForecastDisplay.from_estimator(forecaster, series="s2", y_true=PANEL)
    display.figure_.canvas.draw()

    legend = display.ax_.get_legend().get_window_extent()
    lines = [line.get_window_extent() for line in display.ax_.lines]
    assert max(line.y1 for line in [*lines, display.band_.get_window_extent()]) < legend.y0
