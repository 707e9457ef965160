"""Exponential smoothing against a reference written out, and its weights."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.datasets import simulate_series
from skconvattn.members import weighing
from skconvattn.members.recursion import Recursion, settings
from skconvattn.members.smoothing import Smoothing, SmoothingState


def _monthly(n=90, seed=0, growth=0.0):
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    level = np.exp(growth * t)
    return level * (50 + 8 * np.sin(2 * np.pi * t / 12) + noise)


def _reference(y, period, horizon, row):
    """Forecast at the end of a series by one setting, in scalars."""
    level_share, trend_share, damping, drift, season_share = row
    seasons = np.reshape(y[: 2 * period], (2, period))
    level = first = seasons[0].mean()
    trend = (seasons[1].mean() - seasons[0].mean()) / period if damping > 0 else 0.0
    season = list((seasons - seasons.mean(axis=1, keepdims=True)).mean(axis=0))
    if season_share < 0:
        season = [0.0] * period
    for t, value in enumerate(y):
        error = value - (level + damping * trend + season[t % period])
        level, trend = (
            level + damping * trend + level_share * error,
            damping * trend + trend_share * error,
        )
        season[t % period] += max(season_share, 0.0) * (1 - level_share) * error
    ahead, added = [], 0.0
    for step in range(1, horizon + 1):
        added += damping**step * trend
        change = drift * step * (level - first) / len(y)
        ahead.append(level + added + change + season[(len(y) + step - 1) % period])
    return ahead


@pytest.mark.parametrize("number", [0, 7, 31, 58, 140, 201, 269])
def test_each_setting_is_holt_winters_smoothing(number):
    y, grid = _monthly(60), settings(12)
    recursion = Recursion([y], 12, grid)
    for t in range(60):
        recursion.advance(t)

    ahead = recursion.ahead(59, np.arange(1, 15))[:, 0, number]

    row = (
        grid.level[number],
        grid.trend[number],
        grid.damping[number],
        grid.drift[number],
        grid.season[number],
    )
    np.testing.assert_allclose(ahead, _reference(y, 12, 14, row), rtol=1e-10)


def test_series_of_other_lengths_beside_it_do_not_change_a_forecast():
    series = [_monthly(90), _monthly(40, seed=1), _monthly(61, seed=2), np.full(5, 3.0)]
    series.append(_monthly(1500))  # of which not every origin is looked at

    together, _ = Smoothing.choose(series, (12,), 6)
    ahead = together.forecasts(series, 6)

    for number, one in enumerate(series):
        alone, _ = Smoothing.choose([one], (12,), 6)
        np.testing.assert_allclose(alone.forecasts([one], 6)[0], ahead[number], rtol=1e-6)
    np.testing.assert_allclose(ahead[3], 3.0)
    np.testing.assert_allclose(together.weights.sum(axis=(1, 2)), 1.0, rtol=1e-5)


def test_forecasts_at_past_origins_do_not_see_later_values():
    y = _monthly(80)
    smoothing, _ = Smoothing.choose([y], (12,), 6)
    changed = y.copy()
    changed[60:] += 500.0
    origins = [np.array([30, 59])]

    ahead = smoothing.forecasts_at([y], origins, 6)[0]

    np.testing.assert_allclose(ahead[1], smoothing.forecasts([y[:60]], 6)[0], rtol=1e-6)
    # Bounds alone follow the range of the whole series.
    np.testing.assert_allclose(smoothing.forecasts_at([changed], origins, 6)[0], ahead, rtol=1e-9)


def test_past_forecasts_are_weighted_by_errors_known_at_their_origin(monkeypatch):
    monkeypatch.setattr(weighing, "_SHARPNESS", np.array([8.0]))
    monkeypatch.setattr(weighing, "_PRIOR", np.array([1.0]))
    monkeypatch.setattr(weighing, "_MOST_ERROR", np.inf)
    y = _monthly(80)
    later = y.copy()
    later[70:] += 2.0

    (before,), (after,) = (Smoothing.choose([each], (12,), 6)[1] for each in (y, later))

    np.testing.assert_array_equal(before.origins, after.origins)
    early = before.origins < 70
    np.testing.assert_allclose(before.forecasts[early], after.forecasts[early], rtol=1e-6)
    assert not np.allclose(before.forecasts[~early], after.forecasts[~early])
    # Better than a forecast by the mean of all settings, and close to the values.
    actual = np.array([y[origin + 1 : origin + 7] for origin in before.origins[:-6]])
    assert np.abs(actual - before.forecasts[:-6]).mean() < 1.5


def test_a_missing_value_leaves_level_and_season_as_they_are():
    y = _monthly(72)
    gap = y.copy()
    gap[60:66] = np.nan
    rows = np.flatnonzero((settings(12).damping == 0) & (settings(12).drift == 0))
    states = []
    for values in (gap[:60], gap[:66]):
        recursion = Recursion([values], 12, settings(12))
        for t in range(len(values)):
            recursion.advance(t)
        states.append(recursion.ahead(len(values) - 1, np.arange(1, 13))[:, 0, rows])

    np.testing.assert_allclose(states[1][:6], states[0][6:], rtol=1e-12)


@pytest.mark.parametrize("factor", [2.0**-60, 2.0**60])
def test_forecasts_follow_the_unit(factor):
    y = _monthly()
    smoothing, _ = Smoothing.choose([y], (12,), 6)
    scaled, _ = Smoothing.choose([factor * y], (12,), 6)

    np.testing.assert_allclose(
        scaled.forecasts([factor * y], 6), factor * smoothing.forecasts([y], 6), rtol=1e-5
    )


def test_logarithms_have_the_weight_where_the_season_grows_with_the_level():
    growing, _ = Smoothing.choose([_monthly(growth=0.02)], (12,), 6)
    level, _ = Smoothing.choose([_monthly() - 60.0], (12,), 6)

    assert growing.log_shares[0] > 0.8
    assert level.log_shares[0] == 0.0  # some values are negative


def test_a_kind_can_be_left_out():
    y = _monthly()
    values, _ = Smoothing.choose([y], (12,), 6, kinds=(True, False))
    logs, _ = Smoothing.choose([y, y - 60.0], (12,), 6, kinds=(False, True))

    assert values.log_shares[0] == 0.0
    # Values stand in where there are no logarithms.
    np.testing.assert_allclose(logs.log_shares, [1.0, 0.0], rtol=1e-6)


def test_a_week_is_found_beside_a_day():
    t = np.arange(24 * 7 * 6)
    days = np.array([5.0, 0.0, 0.0, 3.0, 0.0, -6.0, -9.0])
    noise = 0.3 * np.random.default_rng(0).normal(size=len(t))
    y = 100 + 5 * np.sin(2 * np.pi * t / 24) + days[t // 24 % 7] + noise
    past, later = y[:-48], y[-48:]

    errors = []
    for periods in ((24,), (24, 168)):
        smoothing, _ = Smoothing.choose([past], periods, 48)
        errors.append(np.abs(smoothing.forecasts([past], 48)[0] - later).mean())

    assert errors[1] < errors[0] / 2
    assert errors[1] < 1.0


def test_rare_demand_is_forecast_by_its_mean():
    rng = np.random.default_rng(1)
    y = np.where(rng.random(600) < 0.15, rng.poisson(4, 600), 0).astype(float)

    smoothing, _ = Smoothing.choose([y], (7,), 28, kinds=(True, False), squared=True, rare=True)

    assert smoothing.forecasts([y], 28)[0].sum() == pytest.approx(28 * y.mean(), rel=0.5)


def test_a_state_that_goes_on_equals_the_whole_series():
    y = _monthly()
    smoothing, _ = Smoothing.choose([y[:70]], (12,), 6)
    state = SmoothingState(smoothing, y[:70])

    state.take(y[70:80])
    state.take(np.array([np.nan]))
    state.take(y[81:])

    gap = y.copy()
    gap[80] = np.nan
    np.testing.assert_allclose(state.ahead(6), smoothing.forecasts([gap], 6)[0], rtol=1e-6)


@pytest.mark.parametrize("n_timepoints", [1, 2, 3, 5, 11, 23, 24, 25])
@pytest.mark.parametrize("period", [1, 12])
def test_any_length_is_forecast(n_timepoints, period):
    y = _monthly(n_timepoints)

    smoothing, _ = Smoothing.choose([y], (period,), 18)

    ahead = smoothing.forecasts([y], 18)
    assert np.isfinite(ahead).all()
    reach = 3.0 * np.ptp(y) + 1e-9
    assert (ahead > y.min() - reach).all()
    assert (ahead < y.max() + reach).all()


def test_a_large_panel_measures_errors_at_fewer_origins(monkeypatch):
    simulated = simulate_series(60, 132, 12, random_state=5).to_numpy().T
    series, later = list(simulated[:, :120]), simulated[:, 120:]
    whole, everywhere = Smoothing.choose(series, (12,), 12)
    monkeypatch.setattr(weighing, "_MOST_OF_PANEL", 60 * 24)
    part, some = Smoothing.choose(series, (12,), 12)

    scale = np.abs(np.diff(series, axis=1)).mean(axis=1, keepdims=True)
    errors = [np.abs((each.forecasts(series, 12) - later) / scale).mean() for each in (whole, part)]
    assert errors[1] < 1.03 * errors[0]
    for many, few in zip(everywhere, some, strict=True):
        assert len(few.origins) < len(many.origins)
        # With the last windows that have all their values, members are compared.
        assert set(range(120 - 25, 120 - 12)) <= set(few.origins)


def test_weights_do_not_depend_on_other_series_of_a_panel():
    series = list(simulate_series(8, 90, 12, random_state=6).to_numpy().T)
    together, past = Smoothing.choose(series, (12,), 12)
    alone, own = Smoothing.choose(series[3:4], (12,), 12)

    np.testing.assert_allclose(together.weights[3], alone.weights[0], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(past[3].forecasts, own[0].forecasts, rtol=1e-6)
