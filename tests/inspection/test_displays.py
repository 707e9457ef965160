"""Displays draw the numbers that they were given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, PretrainedForecaster
from skconvattn.data.patches import window_steps
from skconvattn.inspection import AttentionDisplay, ForecastDisplay, attention_weights

Y = load_airline()


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def forecaster():
    forecaster = ConvAttentionForecaster(filters=4, units=4, epochs=3, random_state=0)
    return forecaster.fit(Y[:-12], fh=range(1, 13))


def test_the_forecast_display_draws_history_forecast_interval_and_truth(forecaster):
    display = ForecastDisplay.from_estimator(forecaster, y_true=Y, n_history=30)

    np.testing.assert_array_equal(display.history_line_.get_ydata(), Y[-42:-12])
    # Forecast and truth start from the last value of the history.
    np.testing.assert_array_equal(display.forecast_line_.get_ydata()[1:], forecaster.predict())
    np.testing.assert_array_equal(display.truth_line_.get_ydata()[1:], Y[-12:])
    corners = display.band_.get_paths()[0].vertices[:, 1]
    interval = forecaster.predict_interval(coverage=0.9).to_numpy()
    assert corners.min() == pytest.approx(min(interval.min(), Y.iloc[-13]))
    assert corners.max() == pytest.approx(interval.max())
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["history", "truth", "forecast", "90 % interval"]


def test_without_truth_and_coverage_there_are_two_lines(forecaster):
    display = ForecastDisplay.from_estimator(forecaster, coverage=None)

    assert display.band_ is None
    assert display.truth_line_ is None
    assert len(display.ax_.lines) == 2


def test_a_display_draws_on_the_axes_given(forecaster):
    figure, ax = plt.subplots()

    display = ForecastDisplay.from_estimator(forecaster, ax=ax)

    assert display.ax_ is ax
    assert display.figure_ is figure


def test_bars_have_the_height_of_the_attention(forecaster):
    display = AttentionDisplay.from_estimator(forecaster, kind="bars")

    heights = [bar.get_height() for bar in display.bars_]
    np.testing.assert_allclose(heights, attention_weights(forecaster))


def test_a_forecaster_that_trains_nothing_is_drawn_as_well():
    forecaster = PretrainedForecaster().fit(Y[:-12], fh=range(1, 13))

    forecast = ForecastDisplay.from_estimator(forecaster, y_true=Y)
    attention = AttentionDisplay.from_estimator(forecaster)

    np.testing.assert_allclose(forecast.forecast_line_.get_ydata()[1:], forecaster.predict())
    assert len(forecast.history) == 48
    np.testing.assert_array_equal(attention.lines_[0].get_ydata(), Y[-12 - window_steps(12) : -12])


def test_the_strip_of_one_series_and_the_map_of_many_show_the_weights():
    X, y = np.random.default_rng(0).normal(size=(20, 8)), np.repeat([0, 1], 10)
    classifier = ConvAttentionClassifier(
        filters=2, units=2, epochs=1, random_state=0, members=["network"]
    ).fit(X, y)

    one = AttentionDisplay.from_estimator(classifier, X[:1])
    many = AttentionDisplay.from_estimator(classifier, X[:5])

    np.testing.assert_allclose(np.ravel(one.heat_.get_array()), one.attention[0])
    np.testing.assert_array_equal(one.lines_[0].get_ydata(), X[0])
    np.testing.assert_allclose(
        np.asarray(many.heat_.get_array()), attention_weights(classifier, X[:5])
    )


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2020-01", periods=6, freq="M"),
        pd.date_range("2020-01-01", periods=6, freq="h", tz="Europe/Berlin"),
        pd.RangeIndex(6),
        pd.Index(list("abcdef")),
    ],
)
def test_any_index_is_drawn_in_order(index):
    weights = np.arange(1, 7)[None] / 21

    display = AttentionDisplay(attention=weights, index=index).plot(kind="bars")

    lefts = [bar.get_x() for bar in display.bars_]
    assert (np.diff(np.asarray(lefts, dtype=float)) > 0).all()


def test_options_out_of_range_are_refused(forecaster):
    with pytest.raises(ValueError, match=r"coverage=1\.5 must lie strictly between 0 and 1"):
        ForecastDisplay.from_estimator(forecaster, coverage=1.5)
    with pytest.raises(ValueError, match="n_history=0 shows no history"):
        ForecastDisplay.from_estimator(forecaster, n_history=0)
    with pytest.raises(ValueError, match="kind='pie' is not known"):
        AttentionDisplay.from_estimator(forecaster, kind="pie")
    with pytest.raises(TypeError, match="give a fitted forecaster of skconvattn"):
        ForecastDisplay.from_estimator(object())
