"""The display of a backtest draws the forecasts and errors of its result."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import PretrainedForecaster
from skconvattn.inspection import BacktestDisplay

Y = load_airline()[:72]
COLUMNS = pd.DataFrame({"a": Y, "b": Y.to_numpy()[::-1]})


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def backtest():
    return PretrainedForecaster().backtest(
        Y, fh=[1, 2, 3], initial_window=60, step_length=4, coverage=[0.5, 0.9]
    )


def test_forecasts_from_all_cutoffs_and_the_series_before_are_drawn(backtest):
    display = BacktestDisplay(backtest=backtest).plot()

    assert len(display.forecast_lines_) == len(backtest.cutoffs) == 3
    drawn = np.concatenate([line.get_ydata() for line in display.forecast_lines_])
    np.testing.assert_array_equal(drawn, backtest.forecasts["forecast"])
    np.testing.assert_array_equal(display.actual_line_.get_ydata(), Y[60 - 6 :])
    assert display.actual_line_.get_xdata()[0] == Y.index[54].to_timestamp()
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["actual", "forecasts", "90 % interval"]


def test_bars_are_the_errors_by_step(backtest):
    display = BacktestDisplay(backtest=backtest, metric="MAE").plot()

    heights = [bar.get_height() for bar in display.bars_]
    np.testing.assert_allclose(heights, backtest.errors()["MAE"])
    assert display.axes_[1].get_ylabel() == "MAE"


def test_a_series_is_drawn_by_its_name():
    options = {"fh": [1], "initial_window": 66, "step_length": 2}
    display = BacktestDisplay.from_estimator(
        PretrainedForecaster(), COLUMNS, series="b", coverage=None, **options
    )

    np.testing.assert_array_equal(display.actual_line_.get_ydata(), COLUMNS["b"][64:])
    assert display.axes_[0].get_title() == "b"
    assert len(display.forecast_lines_) == 3


def test_axes_of_the_caller_are_used(backtest):
    axes = plt.subplots(2, 1)[1]

    display = BacktestDisplay(backtest=backtest).plot(axes)

    assert list(display.axes_) == list(axes)


def test_what_cannot_be_drawn_is_refused(backtest):
    with pytest.raises(ValueError, match="metric='WAPE' is not measured; use one of MAE"):
        BacktestDisplay(backtest=backtest, metric="WAPE").plot()
    found = PretrainedForecaster().backtest(COLUMNS, fh=[1], initial_window=70)
    with pytest.raises(ValueError, match="series='c' is not among"):
        BacktestDisplay(backtest=found).plot(series="c")
    with pytest.raises(TypeError, match="forecaster is a int"):
        BacktestDisplay.from_estimator(3, Y)
