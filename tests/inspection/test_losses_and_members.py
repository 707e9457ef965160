"""Displays of losses, members and samples draw the numbers that estimators report."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor
from skconvattn.inspection import LossCurveDisplay, MembersDisplay, UncertaintyDisplay

Y = load_airline()
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def forecaster():
    forecaster = ConvAttentionForecaster(
        filters=4, units=4, dropout=0.3, epochs=3, members=("network",), random_state=0,
        early_stopping=False, metrics=["mse"],
    )  # fmt: skip
    return forecaster.fit(Y[:-12], fh=range(1, 13))


@pytest.fixture(scope="module")
def regressor():
    X = RNG.normal(size=(150, 10))
    regressor = ConvAttentionRegressor(
        filters=4, units=4, dropout=0.3, sequence=True, epochs=4, random_state=0
    )
    return regressor.fit(X, np.cumsum(X, axis=1))


def test_losses_are_drawn_over_epochs_from_one(regressor):
    display = LossCurveDisplay.from_estimator(regressor)

    training, held_out = display.lines_
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(training.get_ydata(), regressor.history_["loss"])
    np.testing.assert_array_equal(held_out.get_ydata(), regressor.history_["val_loss"])


def test_the_lowest_held_out_loss_is_marked():
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 2.5, 3.0]}

    display = LossCurveDisplay(history=history).plot()

    assert display.best_point_.get_xydata().tolist() == [[2.0, 2.5]]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training", "held out", "epoch 2"]


def test_a_metric_is_drawn_without_a_mark_and_an_unknown_one_refused(forecaster):
    display = LossCurveDisplay.from_estimator(forecaster, metric="mse")

    np.testing.assert_array_equal(display.lines_[0].get_ydata(), forecaster.history_["mse"])
    assert display.best_point_ is None
    assert display.ax_.get_ylabel() == "mse"
    with pytest.raises(ValueError, match="metric='mae' was not measured; use one of loss, mse"):
        LossCurveDisplay.from_estimator(forecaster, metric="mae")


def test_without_training_there_is_nothing_to_draw():
    untrained = ConvAttentionForecaster(epochs=0).fit(Y, fh=[1, 2, 3])
    with pytest.raises(
        ValueError, match="no network was trained; name it in members, and fit with"
    ):
        LossCurveDisplay.from_estimator(untrained)


def test_parts_of_a_bar_are_as_wide_as_the_weights_and_follow_one_another():
    shares = pd.DataFrame(
        {"a": [0.25, 0.6], "none": [0.0, 0.0], "b": [0.75, 0.4]}, index=["x", "y"]
    )

    display = MembersDisplay(shares=shares).plot()

    assert list(display.bars_) == ["a", "b"]
    drawn = {m: [(bar.get_x(), bar.get_width()) for bar in b] for m, b in display.bars_.items()}
    assert drawn == {"a": [(0, 25), (0, 60)], "b": [(25, 75), (60, 40)]}
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["x", "y"]
    bottom, top = display.ax_.get_ylim()
    assert bottom > top  # the first series is at the top


def test_the_weights_of_a_forecaster_are_drawn():
    forecaster = ConvAttentionForecaster(epochs=0).fit(Y, fh=range(1, 13))

    display = MembersDisplay.from_estimator(forecaster)

    weights = forecaster.weights_.iloc[0]
    for member, bars in display.bars_.items():
        assert bars[0].get_width() == pytest.approx(100 * weights[member])
    assert sum(bars[0].get_width() for bars in display.bars_.values()) == pytest.approx(100, abs=1)


def test_a_member_has_its_colour_whichever_members_have_weight():
    first = MembersDisplay(shares=pd.DataFrame({"a": [0.5], "b": [0.5]})).plot()
    second = MembersDisplay(shares=pd.DataFrame({"a": [0.0], "b": [1.0]})).plot()

    colours = [to_hex(d.bars_["b"][0].get_facecolor()) for d in (first, second)]
    assert colours[0] == colours[1]


def test_of_many_series_the_average_comes_first():
    values = RNG.uniform(size=(30, 1))
    shares = pd.DataFrame(np.hstack([values, 1 - values]), columns=["a", "b"])

    display = MembersDisplay(shares=shares).plot()

    assert len(display.bars_["a"]) == 20
    assert display.bars_["a"][0].get_width() == pytest.approx(100 * values.mean())
    assert display.bars_["a"][1].get_width() == pytest.approx(100 * values[0, 0])
    assert display.ax_.get_yticklabels()[0].get_text() == "average of 30"


def test_estimators_without_weights_are_refused():
    with pytest.raises(TypeError, match="estimator is a object without weights_"):
        MembersDisplay.from_estimator(object())


def test_each_column_is_the_histogram_of_one_time_step():
    samples = np.array([[0.0, 1.0], [0.0, 3.0], [4.0, 3.0], [0.0, 3.0]])

    display = UncertaintyDisplay(samples=samples, truth=np.array([1.0, 2.0])).plot(n_bins=2)

    # Bins from 0 to 2 and from 2 to 4.
    np.testing.assert_array_equal(display.heat_.get_array(), [[0.75, 0.25], [0.25, 0.75]])
    corners = display.heat_.get_coordinates()
    np.testing.assert_array_equal(corners[:, 0, 1], [0, 2, 4])
    np.testing.assert_array_equal(corners[0, :, 0], [-0.5, 0.5, 1.5])
    np.testing.assert_array_equal(display.median_line_.get_ydata(), [0, 3])
    np.testing.assert_array_equal(display.truth_line_.get_ydata(), [1, 2])


def test_samples_of_a_forecaster_stand_at_their_time_stamps(forecaster):
    display = UncertaintyDisplay.from_estimator(forecaster, y_true=Y, n_samples=30)

    np.testing.assert_array_equal(display.samples.T, forecaster.sample(30))
    assert display.index.equals(Y.index[-12:])
    np.testing.assert_array_equal(display.truth, Y[-12:])
    np.testing.assert_allclose(np.sum(display.heat_.get_array(), axis=0), 1)


def test_samples_of_a_regressor_are_drawn_over_time_steps(regressor):
    X = RNG.normal(size=(2, 10))

    display = UncertaintyDisplay.from_estimator(regressor, X[:1], y_true=X[0], n_samples=20)

    np.testing.assert_array_equal(display.samples.T, regressor.sample(X[:1], 20)[0])
    assert display.ax_.get_xlabel() == "time step"
    with pytest.raises(
        ValueError, match=r"samples are of several series; draw one, such as X\[:1\]"
    ):
        UncertaintyDisplay.from_estimator(regressor, X, n_samples=5)


def test_samples_without_time_steps_are_refused():
    X = RNG.normal(size=(20, 8))
    regressor = ConvAttentionRegressor(
        members=("network",), filters=2, units=2, dropout=0.2, epochs=1, random_state=0
    )
    with pytest.raises(ValueError, match="fit a regressor with sequence=True"):
        UncertaintyDisplay.from_estimator(regressor.fit(X, X[:, 0]), X[:1])
    with pytest.raises(ValueError, match="n_bins=0 draws nothing"):
        UncertaintyDisplay(samples=X).plot(n_bins=0)
