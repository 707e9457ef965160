"""Pictures stand on the right time stamps and leave Matplotlib as it was."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skconvattn.inspection import AttentionDisplay, ForecastDisplay
from skconvattn.inspection.drawing import edges_of, positions_of

MONTHS = pd.period_range("2020-01", periods=4, freq="M")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_periods_stand_at_their_start():
    expected = np.array(["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"], "datetime64[D]")
    np.testing.assert_array_equal(positions_of(MONTHS), expected)


def test_time_stamps_stand_at_the_time_of_their_own_zone():
    index = pd.date_range("2020-01-01 06:00", periods=2, freq="h", tz="Asia/Tokyo")
    expected = np.array(["2020-01-01T06", "2020-01-01T07"], "datetime64[h]")
    np.testing.assert_array_equal(positions_of(index), expected)


def test_numbers_stand_where_they_say_and_names_in_their_order():
    np.testing.assert_array_equal(positions_of(pd.RangeIndex(5, 8)), [5, 6, 7])
    np.testing.assert_array_equal(positions_of(pd.Index(["x", "a"])), [0, 1])


def test_edges_lie_half_way_between_neighbours_and_as_far_beyond_the_ends():
    np.testing.assert_array_equal(edges_of(pd.Index([0, 2, 3])), [-1, 1, 2.5, 3.5])
    days = pd.date_range("2020-01-01", periods=2, freq="D")
    expected = np.array(["2019-12-31T12", "2020-01-01T12", "2020-01-02T12"], "datetime64[h]")
    np.testing.assert_array_equal(edges_of(days), expected)


@pytest.mark.parametrize(
    ("index", "width"),
    [
        (pd.RangeIndex(7, 8), 1),
        (pd.date_range("2020-01-01", periods=1), np.timedelta64(1, "D")),
        (MONTHS[:1], np.timedelta64(31, "D")),
    ],
)
def test_a_single_time_step_is_as_wide_as_it_lasts(index, width):
    edges = edges_of(index)
    # A period ends a nanosecond before the next begins.
    assert abs((edges[1] - edges[0]) / width - 1) < 1e-9
    assert edges[0] < positions_of(index)[0] < edges[1]


def test_history_forecast_and_truth_stand_at_their_time_stamps():
    history = pd.Series([1.0, 2.0], index=MONTHS[:2])
    ahead = pd.Series([3.0, 4.0], index=MONTHS[2:])
    display = ForecastDisplay(history=history, forecast=ahead, truth=ahead + 1).plot()

    starts = mdates.date2num(MONTHS.to_timestamp())
    lines = (display.history_line_, display.forecast_line_, display.truth_line_)
    drawn = [mdates.date2num(line.get_xdata()) for line in lines]
    np.testing.assert_array_equal(drawn[0], starts[:2])
    # Both start from the last value of the history.
    np.testing.assert_array_equal(drawn[1], starts[1:])
    np.testing.assert_array_equal(drawn[2], starts[1:])
    np.testing.assert_array_equal(display.truth_line_.get_ydata(), [2.0, 4.0, 5.0])


def test_the_band_lies_between_the_bounds_at_each_step():
    history = pd.Series([1.0, 2.0])
    forecast = pd.Series([3.0, 5.0], index=[2, 3])
    interval = pd.DataFrame({"lower": [2.5, 4.0], "upper": [3.5, 7.0]}, index=[2, 3])
    display = ForecastDisplay(history=history, forecast=forecast, interval=interval).plot()

    corners = {tuple(corner) for corner in display.band_.get_paths()[0].vertices}
    assert corners == {(1.0, 2.0), (2.0, 2.5), (2.0, 3.5), (3.0, 4.0), (3.0, 7.0)}
    assert display.band_.get_label() == "interval"


def test_a_forecast_within_the_history_is_not_joined_to_its_end():
    history = pd.Series([1.0, 2.0, 3.0])
    display = ForecastDisplay(history=history, forecast=pd.Series([1.5, 2.5], index=[1, 2])).plot()

    np.testing.assert_array_equal(display.forecast_line_.get_xdata(), [1, 2])


def test_truth_without_any_step_of_the_forecast_is_not_drawn():
    history, forecast = pd.Series([1.0, 2.0]), pd.Series([3.0], index=[2])
    display = ForecastDisplay(history=history, forecast=forecast, truth=history[:0]).plot()

    assert display.truth_line_ is None
    assert len(display.ax_.get_legend().get_texts()) == 2


def test_bars_stand_over_their_time_steps_beside_the_even_share():
    display = AttentionDisplay(attention=np.array([[0.7, 0.1, 0.1, 0.1]])).plot(kind="bars")

    centres = [bar.get_x() + bar.get_width() / 2 for bar in display.bars_]
    assert centres == [0, 1, 2, 3]
    np.testing.assert_array_equal(display.ax_.lines[0].get_ydata(), [0.25, 0.25])


def test_the_strip_fills_the_axes_behind_the_series_and_the_scale_starts_at_zero():
    series = np.array([[[10.0, 30.0]]])
    display = AttentionDisplay(attention=np.array([[0.9, 0.1]]), series=series).plot()

    corners = display.heat_.get_coordinates()
    assert (corners[0, 0, 1], corners[1, 0, 1]) == display.ax_.get_ylim()
    assert display.heat_.get_clim() == (0.0, 0.9)
    assert display.heat_.get_zorder() < display.lines_[0].get_zorder()


def test_rows_of_the_map_are_in_the_order_of_the_series():
    display = AttentionDisplay(attention=np.eye(3)).plot()

    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    np.testing.assert_array_equal(display.heat_.get_array(), np.eye(3))


@pytest.mark.parametrize("kind", ["strip", "bars"])
def test_many_series_are_refused_where_one_is_drawn(kind):
    with pytest.raises(ValueError, match=f"kind='{kind}' shows one series and there are 2"):
        AttentionDisplay(attention=np.eye(2)).plot(kind=kind)


def test_drawing_changes_no_setting_of_matplotlib(unchanged_process):
    # Fonts and backend settle with the first figure of a process.
    plt.figure()
    settings = dict(mpl.rcParams)
    converters = set(mpl.units.registry)
    history, forecast = pd.Series([1.0], index=MONTHS[:1]), pd.Series([2.0], index=MONTHS[1:2])

    ForecastDisplay(history=history, forecast=forecast).plot().figure_.canvas.draw()
    AttentionDisplay(attention=np.ones((1, 4)) / 4, index=MONTHS).plot().figure_.canvas.draw()

    assert dict(mpl.rcParams) == settings
    assert set(mpl.units.registry) == converters


def test_importing_the_displays_needs_no_matplotlib_and_drawing_says_how_to_get_it():
    script = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
import skconvattn.inspection as inspection
display = inspection.AttentionDisplay(attention=np.ones((1, 2)) / 2)
inspection.ForecastDisplay, inspection.attention_weights
try:
    display.plot()
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        "Displays draw with Matplotlib, which is not installed; "
        'run pip install "skconvattn[plots]".'
    )
