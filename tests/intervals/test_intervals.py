"""Prediction intervals follow their formula and have about the coverage asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.intervals.noise import effective_windows, locality_of, mean_change, mixed_scale
from skconvattn.intervals.residuals import ResidualQuantiles
from skconvattn.networks import QuantileOutput

SMALL = {"filters": 4, "units": 4, "random_state": 0}


def _of_errors(*errors, n_effective=np.inf):
    return ResidualQuantiles(
        sigma=np.ones(1), errors=np.array(errors), n_effective=np.array([n_effective])
    )


def test_offsets_are_the_conformal_quantile_of_the_absolute_errors():
    # With n = 4 and a coverage of 0.6, the ceil((n + 1) 0.6) = third smallest error.
    lower, upper = _of_errors(1.0, 2.0, 3.0, 4.0).offsets(np.array([0.2, 0.8]), np.array([1]))[0]

    assert upper == pytest.approx(3.0)
    assert lower == pytest.approx(-3.0)


def test_beyond_what_the_errors_support_the_tail_is_normal():
    offsets = _of_errors(1.0, 2.0, 3.0, 4.0).offsets(np.array([0.9, 0.995]), np.array([1]))[0]

    np.testing.assert_allclose(offsets, [4.0, 4.0 * norm.ppf(0.995) / norm.ppf(0.9)], rtol=1e-6)


def test_few_errors_widen_intervals_as_in_students_distribution():
    many, few = (
        _of_errors(1.0, 2.0, 3.0, 4.0, n_effective=n).offsets(np.array([0.5, 0.8]), np.array([1]))[
            0
        ]
        for n in (np.inf, 3)
    )

    np.testing.assert_allclose(few, many * [1.0, t.ppf(0.8, 2) / norm.ppf(0.8)], rtol=1e-6)


def test_alternating_errors_count_by_their_squared_correlation():
    # At the second step ahead, errors one window apart have the correlation -1, times 9 / 10.
    errors = np.resize([1.0, -1.0], (10, 1)) * np.ones((10, 2))
    errors[1::2] = -1.0

    n_effective = effective_windows(errors)

    np.testing.assert_allclose(n_effective, [10.0, 10 / (1 + 2 * 0.9)])


def test_errors_of_a_walk_count_less_with_every_step_and_those_of_noise_nearly_all():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=2012))
    ahead = np.stack([walk[h:][:2000] - walk[:2000] for h in range(1, 13)], axis=1)

    of_walk = effective_windows(ahead)
    of_noise = effective_windows(rng.normal(size=(2000, 12)))

    # The correlation k windows apart is 1 - k / h.
    steps = np.arange(1, 13)
    expected = [2000 / (1 + 2 * sum((1 - k / h) ** 2 for k in range(1, h))) for h in steps]
    np.testing.assert_allclose(of_walk, expected, rtol=0.2)
    assert (of_noise > 1900).all()


def test_errors_may_not_shrink_with_the_step_ahead():
    errors = np.array([[3.0, 1.0], [-3.0, -1.0], [3.0, 1.0], [-3.0, -1.0]])

    sigma = ResidualQuantiles.of(errors, np.ones(4)).sigma

    # Isotonic regression pools the mean squares 9 and 1 to 5.
    np.testing.assert_allclose(sigma, np.sqrt([5.0, 5.0]))


def test_beyond_the_horizon_errors_grow_with_the_square_root():
    calibration = ResidualQuantiles.of(np.array([[1.0, 2.0], [-1.0, -2.0]]), np.ones(2))

    at_horizon, beyond = calibration.offsets(np.array([0.7]), np.array([2, 8]))[:, 0]

    assert beyond == pytest.approx(2 * at_horizon)


def test_steps_past_the_end_of_the_series_do_not_count():
    errors = np.array([[1.0, 2.0], [-1.0, np.nan]])

    calibration = ResidualQuantiles.of(errors, np.ones(2))

    np.testing.assert_allclose(calibration.sigma, [1.0, 2.0])
    np.testing.assert_allclose(calibration.errors, [1.0, 1.0, 1.0])


def test_the_noise_scale_weighs_the_change_in_the_window_by_the_locality():
    windows = np.array([[0.0, 2.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]])

    np.testing.assert_allclose(mixed_scale(mean_change(windows, 1), 1.0, 0.75), [1.75, 0.25])


@pytest.mark.parametrize("kind", ["steady", "by level"])
def test_the_noise_scale_follows_windows_only_where_errors_do(kind):
    rng = np.random.default_rng(0)
    levels = np.exp(rng.normal(size=200)) if kind == "by level" else np.ones(200)
    # The change in a window tells of the level, with an error of a fifth.
    local = levels * rng.normal(1, 0.2, size=200).clip(0.5)
    errors = levels[:, None] * rng.normal(size=(200, 6))

    locality = locality_of(errors, local, overall=np.full(200, levels.mean()), n_first=100)

    assert locality > 0.9 if kind == "by level" else locality < 0.6


def test_quantiles_are_interpolated_on_the_normal_scale():
    levels = np.array([0.1, 0.5, 0.9])
    values = norm.ppf(levels)[None] * 2 + 1

    asked = np.array([0.01, 0.25, 0.5, 0.975])

    np.testing.assert_allclose(
        QuantileOutput(tuple(levels)).quantiles(values, asked)[0], norm.ppf(asked) * 2 + 1
    )


@pytest.mark.parametrize("quantiles", [None, (0.1, 0.5, 0.9)])
def test_quantiles_increase_with_their_level_at_every_step(quantiles):
    forecaster = ConvAttentionForecaster(epochs=5, quantiles=quantiles, **SMALL)
    forecaster.fit(load_airline(), fh=range(1, 13))

    predicted = forecaster.predict_quantiles(alpha=[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])

    assert (np.diff(predicted, axis=1) > 0).all()
    np.testing.assert_array_equal(predicted.iloc[:, 3], forecaster.predict())


def _series(kind: str, seed: int, n: int = 168) -> pd.Series:
    rng = np.random.default_rng(seed)
    steps, noise = np.arange(n), rng.normal(size=n)
    season = np.sin(2 * np.pi * steps / 12)
    values = {
        "noise": noise,
        "season": 3 * season + noise,
        "trend": 0.1 * steps + noise,
        "walk": np.cumsum(noise),
        "growth": np.exp(0.01 * steps) * (10 + 3 * season + noise),
    }[kind]
    return pd.Series(values, index=pd.period_range("2000-01", periods=n, freq="M"))


@pytest.mark.exhaustive
def test_ninety_percent_intervals_cover_about_that_share():
    """Of twelve series per kind, the share scatters by 5 points around its mean, of all by 2."""
    hits = {}
    for kind in ("noise", "season", "trend", "walk", "growth"):
        held = []
        for seed in range(12):
            y = _series(kind, seed)
            train, test = y[:-12], y[-12:].to_numpy()
            forecaster = ConvAttentionForecaster(random_state=seed).fit(train, fh=range(1, 13))
            lower, upper = forecaster.predict_interval(coverage=0.9).to_numpy().T
            held.append((test >= lower) & (test <= upper))
        hits[kind] = np.mean(held)

    assert 0.85 <= np.mean(list(hits.values())) <= 0.95, hits
    assert min(hits.values()) >= 0.83, hits
    assert max(hits.values()) <= 0.98, hits
