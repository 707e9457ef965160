"""Shares of two forecasts in their average, by errors that neither was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.members.shares import network_share, shares_of_equals, shares_of_unfitted


def _shares(ratio, n_windows=240, horizon=4, n_series=1, seed=0):
    """Errors of a model that are a multiple of those of what was not fitted."""
    errors = np.random.default_rng(seed).normal(size=(n_windows, horizon))
    series = np.repeat(np.arange(n_series), n_windows // n_series)
    blocks = series * 1000 + np.arange(n_windows) // horizon
    ratio = np.broadcast_to(ratio, n_series)[series][:, None]
    return shares_of_unfitted(ratio * errors, errors, series, blocks, n_series)


def test_shares_fall_with_the_eighth_power_of_the_error():
    share = _shares(1.1)[0]

    odds = np.exp(2.2 / 60 * 8) * 1.1**8
    assert share == pytest.approx(odds / (1 + odds), rel=1e-6)


def test_a_forecast_that_is_much_better_has_the_whole_weight():
    assert _shares(3.0)[0] == 1.0
    assert _shares(1 / 3)[0] == 0.0


def test_few_errors_leave_the_weight_to_what_was_not_fitted():
    assert _shares(1.0, n_windows=4)[0] > 0.99
    assert _shares(1.0)[0] == pytest.approx(0.57, abs=0.05)


def _panel(ratio, n_series=20, n_windows=60, correlation=0.0, seed=0):
    """Errors of a model and of what was not fitted, of equal size but for a factor per series."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(n_series * n_windows, 4))
    own = correlation * errors + np.sqrt(1 - correlation**2) * rng.normal(size=errors.shape)
    series = np.repeat(np.arange(n_series), n_windows)
    blocks = series * 1000 + np.arange(len(series)) // 4
    factors = np.resize(ratio, n_series)[series][:, None]
    return factors * own, errors, series, blocks, n_series


def test_the_shares_of_a_panel_are_drawn_towards_each_other():
    together = shares_of_unfitted(*_panel([0.8, 1.25], n_windows=12))[:2]

    assert 0.1 < together[0] < 0.45 < 0.55 < together[1] < 0.9
    odds = np.log(together / (1 - together))
    assert 0 < odds[1] - odds[0] < 8 * np.log(1.25 / 0.8)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
def test_the_typical_share_of_a_panel_is_that_of_the_average_that_errs_least(correlation):
    model, other, *rest = _panel([1.15], 40, 60, correlation)
    share = shares_of_unfitted(model, other, *rest).mean()

    # Of normal errors, that of the smallest variance of the average.
    covariance = correlation * 1.15
    best = (1.15**2 - covariance) / (1 + 1.15**2 - 2 * covariance)
    assert share == pytest.approx(min(best, 0.98), abs=0.06)


def test_one_shock_does_not_decide_for_a_panel():
    model, other, *rest = _panel([1.0])
    usual = shares_of_unfitted(model, other, *rest)
    model[5], other[5] = 1e6, 0.0
    shocked = shares_of_unfitted(model, other, *rest)

    np.testing.assert_allclose(shocked[1:], usual[1:], atol=0.05)


def test_constant_series_in_a_panel_have_shares():
    zeros, series = np.zeros((12, 2)), np.repeat([0, 1], 6)
    shares = shares_of_unfitted(zeros, zeros, series, series, 2)

    assert np.isfinite(shares).all()


def test_without_any_error_what_was_not_fitted_has_the_weight():
    nothing = np.full((3, 2), np.nan)
    zeros = np.zeros(3, dtype=int)

    np.testing.assert_array_equal(shares_of_unfitted(nothing, nothing, zeros, zeros, 2), [1.0, 1.0])


def test_one_shock_does_not_decide():
    errors = np.random.default_rng(0).normal(size=(60, 3))
    shocked = 1.3 * errors
    shocked[20], errors[20] = 0.0, 1e6
    one = np.zeros(60, dtype=int)

    assert shares_of_unfitted(shocked, errors, one, np.arange(60) // 3, 1)[0] > 0.5


def test_a_network_gets_the_share_that_blocks_support():
    rng = np.random.default_rng(0)
    blocks = np.arange(400) // 10
    start = rng.exponential(size=400)

    assert network_share(start, start - 0.5, blocks) == 1.0
    assert 0.5 < network_share(start, start - 0.5 + 0.3 * rng.normal(size=400), blocks) < 1.0


def test_a_network_that_is_better_by_chance_or_worse_gets_none():
    rng = np.random.default_rng(1)
    start = rng.exponential(size=30)
    blocks = np.arange(30) // 10

    assert network_share(start, start + 0.1, blocks) == 0.0
    assert network_share(start, start - np.where(blocks == 0, 0.5, -0.2), blocks) == 0.0
    # One block tells nothing about chance.
    assert network_share(start, start - 0.5, np.zeros(30)) == 0.0


def _equals(ratio, n_windows=240, horizon=4, n_series=1):
    """Shares of one of two forecasts that were not fitted, whose errors are smaller by a factor."""
    errors = np.random.default_rng(0).normal(size=(n_windows, horizon))
    series = np.repeat(np.arange(n_series), n_windows // n_series)
    blocks = series * 1000 + np.arange(n_windows) // horizon
    ratio = np.broadcast_to(ratio, n_series)[series][:, None]
    return shares_of_equals(ratio * errors, errors, series, blocks, n_series)


def test_equals_are_averaged_evenly_until_errors_tell_them_apart():
    nothing, zeros = np.full((3, 2), np.nan), np.zeros(3, dtype=int)
    assert shares_of_equals(nothing, nothing, zeros, zeros, 1).tolist() == [0.5]
    assert _equals(1.0)[0] == 0.5
    odds = 1.3 ** (4 * 60 / 70)
    assert _equals(1.3)[0] == pytest.approx(odds / (1 + odds), rel=1e-6)
    assert 0.5 < _equals(1.3, n_windows=4)[0] < 0.53


def test_the_series_of_a_panel_lend_each_other_what_they_know_of_equals():
    alone, together = _equals(1.5, n_windows=8)[0], _equals(1.5, n_windows=400, n_series=50)

    assert alone < 0.6 < 0.75 < together.min()
