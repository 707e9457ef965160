"""Displays show how far several networks agree, and say where attention is no better than even."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, SelfAttentionRegressor
from skconvattn.engine import FittedModel
from skconvattn.inspection import AttentionDisplay, attention_weights
from skconvattn.inspection.attention_spread import attention_of_networks, is_told_from_even

Y = load_airline()
X = np.random.default_rng(0).normal(size=(20, 12))


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def forecaster():
    return ConvAttentionForecaster(
        filters=3,
        units=4,
        epochs=2,
        n_networks=3,
        members=("linear", "network"),
        early_stopping=False,
        random_state=0,
    ).fit(Y, fh=range(1, 7))


@pytest.fixture(scope="module")
def regressor():
    return SelfAttentionRegressor(
        members=["network"],
        epochs=1,
        filters=2,
        n_convolutions=1,
        units=2,
        num_heads=2,
        strides=2,
        n_networks=2,
        random_state=0,
    ).fit(X, X[:, 0])


def test_the_band_reaches_from_the_lowest_to_the_highest_network(forecaster):
    display = AttentionDisplay.from_estimator(forecaster)

    model = forecaster.fitted_model_
    alone = []
    for network in model.networks:
        forecaster.fitted_forecast_ = replace(forecaster.fitted_forecast_, model=network)
        alone.append(attention_weights(forecaster))
    forecaster.fitted_forecast_ = replace(forecaster.fitted_forecast_, model=model)
    corners = display.band_.get_paths()[0].vertices[:, 1]
    assert corners.min() == pytest.approx(np.min(alone))
    assert corners.max() == pytest.approx(np.max(alone))
    heights = [bar.get_height() for bar in display.bars_]
    np.testing.assert_allclose(heights, np.mean(alone, axis=0), rtol=1e-5)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["mean of 3 networks", "lowest to highest"]


def test_each_step_has_the_band_of_its_own_bar():
    networks = np.array([[[0.1, 0.6, 0.3]], [[0.3, 0.2, 0.5]]])
    display = AttentionDisplay(attention=networks.mean(axis=0), networks=networks).plot()

    corners = display.band_.get_paths()[0].vertices
    for bar, low, high in zip(display.bars_, (0.1, 0.2, 0.3), (0.3, 0.6, 0.5), strict=True):
        inside = corners[np.isclose(corners[:, 0], bar.get_x())]
        assert {low, high} <= set(np.round(inside[:, 1], 9))


def test_self_attention_is_shown_by_what_each_step_receives_from_each_network(regressor):
    networks = attention_of_networks(regressor, X[:2])
    whole = attention_weights(regressor, X[:2])  # (n_samples, n_heads, n_positions, n_positions)

    received = whole.mean(axis=(1, 2)).repeat(2, axis=1) / 2
    np.testing.assert_allclose(networks.mean(axis=0), received, rtol=1e-5)
    assert AttentionDisplay.from_estimator(regressor, X[:1]).band_ is not None
    assert AttentionDisplay.from_estimator(regressor, X[:2]).heat_ is not None


def test_attention_is_told_from_even_where_it_is_two_standard_errors_away():
    # Distances from even of 0.1 each, and a standard deviation that is the same for all steps:
    # 4 * 0.1 ** 2 = 2 ** 2 * 4 * s ** 2 / 4 where s = 0.1.
    pattern = np.array([0.1, -0.1, 0.1, -0.1])
    apart = np.sqrt(3) / 2 * np.array([1, 1, -1, -1])[:, None] * np.array([1, 1, -1, -1])

    def networks(deviation: float) -> np.ndarray:
        return (0.25 + pattern + deviation * apart)[:, None]

    np.testing.assert_allclose(networks(0.1).std(axis=0, ddof=1), 0.1)
    assert is_told_from_even(networks(0.099))
    assert not is_told_from_even(networks(0.101))


def test_a_note_says_that_networks_do_not_differ_from_an_even_average(regressor):
    model = regressor.fitted_model_
    one = model.networks[0]
    notes = []
    # Weights of zero attend evenly; equal networks are in no doubt about where they look.
    for network in (replace(one, weights=np.zeros_like(one.weights)), one):
        regressor.fitted_model_ = FittedModel.average_of([network] * 3)
        notes.append(AttentionDisplay.from_estimator(regressor, X).note)
    regressor.fitted_model_ = model

    assert notes == ["not told from an even average by 3 networks", None]


def test_a_note_says_that_the_network_has_no_weight(forecaster):
    fitted = forecaster.fitted_forecast_
    assert AttentionDisplay.from_estimator(forecaster).note in (
        None,
        "not told from an even average by 3 networks",
    )
    forecaster.fitted_forecast_ = replace(fitted, network=0.0)
    display = AttentionDisplay.from_estimator(forecaster)
    forecaster.fitted_forecast_ = fitted

    assert display.note_.get_text() == (
        "no better than an even average: the network has no weight in the forecast"
    )


def test_the_pretrained_attention_is_one_and_the_same_without_a_note():
    forecaster = ConvAttentionForecaster(epochs=1, filters=2, units=2, random_state=0)
    forecaster.fit(Y, fh=range(1, 4))
    assert attention_of_networks(forecaster) is None
    display = AttentionDisplay.from_estimator(forecaster)
    assert display.note is None
    assert display.band_ is None


def test_series_of_unequal_length_are_drawn_up_to_their_ends():
    series = [X[0], X[1, :9], X[2]] * 8
    regressor = SelfAttentionRegressor(
        members=["network"], epochs=1, filters=2, units=2, num_heads=1, random_state=0
    ).fit(series, np.arange(24.0))
    display = AttentionDisplay.from_estimator(regressor, series[1:2])

    drawn = display.lines_[0].get_ydata()
    np.testing.assert_array_equal(drawn[:9], series[1])
    assert np.isnan(drawn[9:]).all()
    assert display.attention[0, 9:].sum() == pytest.approx(0, abs=1e-6)
