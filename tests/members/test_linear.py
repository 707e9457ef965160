"""The start of a forecaster's training: ridge regressions towards simple forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skconvattn import ConvAttentionForecaster
from skconvattn.data import Windows
from skconvattn.members import linear, ridge
from skconvattn.members.linear import Examples, LinearStart
from skconvattn.members.simple import simple_forecasts
from skconvattn.networks import HorizonHead, ModelSpec

LENGTH, HORIZON, PERIOD = 12, 3, 4


def _spec(head: HorizonHead, n_channels: int = 1) -> ModelSpec:
    estimator = ConvAttentionForecaster(filters=2, units=2)
    return ModelSpec.of(estimator, head, n_timepoints=LENGTH, n_channels=n_channels)


def _windows(*series: np.ndarray, **settings) -> Windows:
    columns = [np.asarray(y, dtype="float32").reshape(len(y), -1) for y in series]
    return Windows.over(columns, LENGTH, HORIZON, **settings)


def _whole(windows: Windows) -> np.ndarray:
    """Windows whose whole horizon was observed."""
    return np.flatnonzero(windows.batch(np.arange(len(windows)))[2].all(axis=1))


def _choose(head: HorizonHead, windows: Windows, n_channels: int = 1):
    training = _whole(windows)
    spec = _spec(head, n_channels)
    zeros = np.zeros(len(training), dtype=int)
    return spec, training, LinearStart.choose(spec, windows, training, zeros)


def test_simple_forecasts_are_those_of_the_textbook():
    window = np.array([1.0, 2, 3, 4, 11, 12, 13, 14, 31, 22, 33, 24])
    head = HorizonHead(6, seasonal_period=4)

    forecasts = {
        name: window @ matrix
        for name, matrix in simple_forecasts(LENGTH, head.horizon, head.seasonal_period).items()
    }

    np.testing.assert_allclose(forecasts["zero"], 0)
    np.testing.assert_allclose(forecasts["last value"], 24)
    np.testing.assert_allclose(forecasts["last season"], [31, 22, 33, 24, 31, 22])
    np.testing.assert_allclose(forecasts["mean season"], np.array([43, 36, 49, 42, 43, 36]) / 3)
    np.testing.assert_allclose(forecasts["last season, shifted"], [41, 32, 43, 34, 41, 32])
    # The last season's mean of 27.5 is 15 above that of the season before.
    np.testing.assert_allclose(forecasts["last season, with drift"], [46, 37, 48, 39, 61, 52])


@pytest.mark.parametrize("normalization", ["standard", "last", "robust", None])
@pytest.mark.parametrize("simple", ["zero", "last value", "mean season"])
def test_maps_are_ridge_regressions_of_the_residuals_of_the_simple_forecast(normalization, simple):
    y = np.cumsum(np.random.default_rng(0).normal(size=80))
    head = HorizonHead(HORIZON, seasonal_period=PERIOD, normalization=normalization)
    windows = _windows(y)
    training = _whole(windows)

    examples = Examples.of(head, windows, training)
    number = list(examples.simple).index(simple)
    penalty = 0.1
    shares = np.zeros((len(examples.simple), len(ridge.PENALTIES) + 1))
    shares[number, ridge.PENALTIES.index(penalty)] = 1.0
    found, _ = LinearStart(shares, with_effect=False).solved(examples)

    pairs = [(y[i : i + LENGTH], y[i + LENGTH : i + LENGTH + HORIZON]) for i in training]
    center = {
        "standard": np.mean,
        "last": lambda window: window[-1],
        "robust": np.median,
        None: lambda window: 0.0,
    }[normalization]
    z = np.array([window - center(window) for window, _ in pairs])
    u = np.array([target - center(window) for window, target in pairs])
    prior = examples.simple[simple]
    reference = Ridge(penalty * np.trace(z.T @ z) / LENGTH, fit_intercept=False)
    expected = prior + reference.fit(z, u - z @ prior).coef_.T
    np.testing.assert_allclose(found, expected, atol=1e-4)
    alone = np.zeros_like(shares)
    alone[number, -1] = 1.0
    np.testing.assert_array_equal(LinearStart(alone, with_effect=False).solved(examples)[0], prior)


def test_every_window_is_left_out_once_and_no_target_is_on_both_sides():
    starts = np.concatenate([np.arange(40), 100 + np.arange(30), 200 + np.arange(2)])
    series = np.repeat([0, 1, 2], [40, 30, 2])

    folds = linear._folds(starts, series, HORIZON)

    left_out = np.concatenate([out for _, out in folds])
    np.testing.assert_array_equal(np.sort(left_out), np.arange(72))
    for left_in, out in folds:
        targets = [
            {step for i in part for step in range(starts[i], starts[i] + HORIZON)}
            for part in (left_in, out)
        ]
        assert not targets[0] & targets[1]
        # Nothing more is given up than a horizon to each side, in each series.
        assert len(left_in) + len(out) >= 72 - 3 * 2 * (HORIZON - 1)


def test_weights_fall_with_the_error_and_sum_to_one():
    shares = ridge.mixing_shares(np.array([1.0, 1.05, 3.0]))

    assert shares[2] == 0  # less than a thousandth
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[1] == pytest.approx(1.05**ridge._SHARPNESS)


def test_a_walk_starts_near_its_last_value_and_a_sine_without_error():
    walk = np.cumsum(np.random.default_rng(1).normal(size=400))
    sine = np.sin(np.arange(400) * 0.7)
    head = HorizonHead(HORIZON, seasonal_period=1)
    rng = np.random.default_rng(0)
    forecasts = []
    for y in (walk, sine):
        windows = _windows(y)
        spec, training, start = _choose(head, windows)
        model = start.model(spec, windows, training, rng)
        inputs, actual, _ = windows.batch(training)
        forecasts.append((inputs[0][..., 0], model.predict(inputs)[..., 0], actual[..., 0]))

    window, forecast, actual = forecasts[0]
    naive = np.abs(window[:, -1:] - actual).mean()
    assert np.abs(forecast - window[:, -1:]).mean() < 0.2 * naive
    _, forecast, actual = forecasts[1]
    assert np.abs(forecast - actual).max() < 0.02


@pytest.mark.parametrize("normalization", ["standard", "last", "robust", None])
def test_the_network_starts_with_the_forecast_of_the_map(normalization):
    y = np.cumsum(np.random.default_rng(2).normal(size=120))
    head = HorizonHead(HORIZON, seasonal_period=PERIOD, normalization=normalization)
    windows = _windows(y)
    spec, training, start = _choose(head, windows)
    examples = Examples.of(head, windows, training)
    task = examples.task(np.zeros(0))
    kernel, _ = start.solved(examples)

    inputs, _, _ = windows.batch(training)
    found = start.model(spec, windows, training, np.random.default_rng(0)).predict(inputs)

    center = inputs[0][..., 0] - task.window
    np.testing.assert_allclose(found[..., 0], center[:, :1] + task.window @ kernel, atol=1e-4)


def test_a_covariate_that_carries_the_signal_is_part_of_the_start_and_a_useless_one_is_not():
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=200), rng.normal(size=200)
    head = HorizonHead(HORIZON, n_known=1, seasonal_period=1)
    starts = [
        _choose(head, _windows(np.c_[y, x]), n_channels=2)[2]
        for y in (5 * x + 0.01 * noise, np.cumsum(noise))
    ]

    assert [start.with_effect for start in starts] == [True, False]
    windows = _windows(np.c_[5 * x + 0.01 * noise, x])
    _, effect = starts[0].solved(Examples.of(head, windows, _whole(windows)))
    np.testing.assert_allclose(effect, [5.0], rtol=1e-2)


def test_errors_left_out_are_those_of_maps_that_did_not_see_the_window():
    y = np.cumsum(np.random.default_rng(4).normal(size=100))
    head = HorizonHead(HORIZON, seasonal_period=1)
    windows = _windows(y)
    spec, training, start = _choose(head, windows)

    indices, errors = start.errors_left_out(
        spec, windows, training, np.zeros(len(training), dtype=int)
    )

    np.testing.assert_array_equal(indices, training)
    # The first quarter, by hand: learned from windows a horizon later.
    first = training[: -(-len(training) // 4)]
    later = training[training >= first[-1] + HORIZON]
    kernel, _ = start.solved(Examples.of(head, windows, later))
    task = Examples.of(head, windows, first).task(np.zeros(0))
    np.testing.assert_allclose(errors[: len(first)], task.target - task.window @ kernel)


def test_without_a_linear_map_or_with_too_few_windows_there_is_no_start():
    y = np.arange(80.0)
    assert _choose(HorizonHead(HORIZON, linear=False), _windows(y))[2] is None
    assert _choose(HorizonHead(HORIZON), _windows(y[:20]))[2] is None


def test_a_growing_season_is_forecast_with_far_less_error_than_by_the_last_season():
    errors = []
    for seed in range(4):
        t, noise = np.arange(132), np.random.default_rng(seed).normal(size=132)
        y = pd.Series(np.exp(0.01 * t + (3 * np.sin(2 * np.pi * t / 12) + noise) / 20))
        forecaster = ConvAttentionForecaster(
            filters=4, units=4, epochs=5, seasonal_period=12, random_state=0
        ).fit(y[:-12], fh=range(1, 13))
        actual = y[-12:].to_numpy()
        errors.append([np.abs(f - actual).mean() for f in (forecaster.predict(), y[-24:-12])])

    ours, last_season = np.mean(errors, axis=0)
    assert ours < 0.7 * last_season
