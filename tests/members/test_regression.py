"""Effects of covariates are those of generalised least squares, beyond what chance explains."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.members.regression import _by_ridge, _one_step_errors, regression


def _wandering(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    season = 5 * np.sin(2 * np.pi * np.arange(n) / 12)
    return 50 + np.cumsum(rng.normal(size=n)) + season + rng.normal(size=n)


def _whitening(n: int, level: float, season: float, period: int) -> np.ndarray:
    """The inverse of how errors of additive smoothing without trend add up to a series."""
    lag = np.arange(n)[:, None] - np.arange(n)
    weights = np.where(lag > 0, level + season * (lag % period == 0) * (period > 1), 0.0)
    return np.linalg.inv(weights + np.eye(n))


@pytest.mark.parametrize(("number", "level"), [(0, 0.05), (1, 0.2), (2, 0.5)])
@pytest.mark.parametrize("period", [1, 4])
def test_errors_are_the_series_whitened_by_the_model_of_smoothing(number, level, period):
    values, channels = _wandering(40, 0), np.random.default_rng(1).normal(size=(40, 2))
    errors = _one_step_errors(values, channels, period)[number]
    whiten = _whitening(40, level, 0.1, period)
    np.testing.assert_allclose(errors[:, 0], whiten @ values, atol=1e-9)
    np.testing.assert_allclose(errors[:, 1:3], whiten @ channels, atol=1e-9)


def test_coefficients_are_those_of_generalised_least_squares():
    n, period = 120, 12
    rng = np.random.default_rng(2)
    channels = rng.normal(size=(n, 2))
    values = _wandering(n, 3) + channels @ [8.0, -4.0]
    found = regression(values, channels, period)

    # An independent solution: level, line and months as indicators, whitened by a matrix.
    months = np.eye(period)[np.arange(n) % period]
    design = np.column_stack([channels, np.arange(n), months])
    solutions = []
    for level in (0.05, 0.2, 0.5):
        whiten = _whitening(n, level, 0.1, period)
        beta, rest, *_ = np.linalg.lstsq(whiten @ design, whiten @ values, rcond=None)
        solutions.append((rest[0], beta[:2]))
    np.testing.assert_allclose(found.coefficients, min(solutions)[1], rtol=0.05)
    assert not found.proportional


def test_errors_are_those_of_steps_left_out_one_at_a_time():
    rng = np.random.default_rng(4)
    errors = rng.normal(size=(30, 5))
    errors[:, 1:3] = 0.0
    left_out = []
    for step in range(30):
        others = np.arange(30) != step
        state, *_ = np.linalg.lstsq(errors[others, 3:], errors[others, 0], rcond=None)
        left_out.append(errors[step, 0] - errors[step, 3:] @ state)
    np.testing.assert_allclose(_by_ridge(errors, 2).errors, left_out, atol=1e-10)


def test_an_effect_that_multiplies_is_found_as_such():
    rng = np.random.default_rng(5)
    n = 96
    campaign = (rng.random(n) < 0.2) * 1.0
    logs = 3 + 0.02 * np.arange(n) + 0.3 * campaign + 0.03 * rng.normal(size=n)
    found = regression(np.exp(logs), campaign[:, None], 12)
    assert found.proportional
    np.testing.assert_allclose(found.coefficients, 0.3, atol=0.03)


def test_skewed_noise_does_not_make_an_effect_proportional():
    rng = np.random.default_rng(11)
    channel = rng.normal(size=300)
    values = 100 - 2 * channel + 6 * rng.gamma(2.0, size=300)
    found = regression(values, channel[:, None], 24)
    assert not found.proportional
    np.testing.assert_allclose(found.coefficients, -2.0, atol=1.0)


@pytest.mark.parametrize("seed", range(5))
def test_columns_of_noise_get_next_to_nothing(seed):
    channels = np.random.default_rng(seed + 10).normal(size=(60, 8))
    values = _wandering(60, seed)
    found = regression(values, channels, 12)
    added = channels @ found.coefficients * (values.mean() if found.proportional else 1.0)
    assert added.std() < 0.1 * values.std()


@pytest.mark.parametrize(
    ("values", "channels"),
    [
        (np.zeros(60), np.ones((60, 1))),
        (np.full(60, np.nan), np.ones((60, 1))),
        (np.arange(60.0), np.ones((60, 1))),
        (np.arange(8.0), np.arange(8.0)[:, None]),
        (np.arange(60.0), np.zeros((60, 0))),
    ],
    ids=["zeros", "missing", "constant covariate", "few", "none"],
)
def test_there_is_no_effect_where_none_can_be_measured(values, channels):
    assert not regression(values, channels, 12).coefficients.any()


def test_the_unit_of_a_series_scales_its_effects():
    channels = np.random.default_rng(6).normal(size=(80, 1))
    values = _wandering(80, 7) + 9 * channels[:, 0] - 60
    one, thousand = (regression(unit * values, channels, 12) for unit in (1.0, 1024.0))
    np.testing.assert_allclose(thousand.coefficients, 1024 * one.coefficients, rtol=1e-9)


def test_missing_values_are_left_out():
    channels = np.random.default_rng(8).normal(size=(120, 1))
    values = _wandering(120, 9) + 9 * channels[:, 0]
    values[30:40] = np.nan
    found = regression(values, channels, 12)
    assert not found.proportional
    np.testing.assert_allclose(found.coefficients, 9.0, atol=0.6)
