"""Exponential smoothing and pretrained attention are weighed by their errors at past origins."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.datasets import simulate_series
from skconvattn.members import univariate
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.univariate import Univariate, UnivariateState


def _series(n: int, n_timepoints: int, period: int, seed: int = 11) -> list[np.ndarray]:
    return list(simulate_series(n, n_timepoints, period, random_state=seed).to_numpy().T)


def _ahead(y: np.ndarray, n_ahead: int, *periods: int) -> np.ndarray:
    """Quantiles after the end of a series: (n_ahead, n_levels)."""
    end = [np.array([len(y) - 1])]
    return Pretrained(periods or (12,)).quantiles_at([y], end, n_ahead)[0][0]


@pytest.mark.parametrize("period", [1, 4, 7, 12, 24, 52])
def test_attention_forecasts_unseen_series_better_than_their_last_season(period):
    horizon, n_timepoints = min(max(period, 6), 24), 5 * period + 30
    series = _series(200, n_timepoints, period)
    origins = [np.array([n_timepoints - horizon - 1])] * len(series)
    forecasts = np.concatenate(Pretrained((period,)).forecasts_at(series, origins, horizon))
    actual = np.stack([one[-horizon:] for one in series])
    past = np.stack([one[:-horizon] for one in series])
    naive = past[:, len(past[0]) - period + np.arange(horizon) % period]
    unit = np.abs(past[:, period:] - past[:, :-period]).mean(axis=1) + 1e-9

    errors = [np.abs(actual - each).mean(axis=1) / unit for each in (forecasts, naive)]
    assert np.median(errors[0]) < 0.9 * np.median(errors[1])
    assert (errors[0] < errors[1]).mean() > 0.55


@pytest.mark.parametrize("factor", [1e-6, 3.0, 1e9])
def test_forecasts_have_the_units_of_the_series(factor):
    (y,) = _series(1, 80, 12)
    one, other = (_ahead(v, 30)[..., 3] for v in (y, factor * y))

    np.testing.assert_allclose(other, factor * one, rtol=1e-3)


def test_a_forecast_from_a_past_origin_sees_nothing_later():
    y = _series(1, 90, 12)[0]
    changed = y.copy()
    changed[61:] = 1e6
    origins = np.array([10, 40, 60])
    one, other = (Pretrained((12,)).forecasts_at([v], [origins], 18)[0] for v in (y, changed))

    np.testing.assert_allclose(other, one)
    assert np.isfinite(one).all()


@pytest.mark.parametrize("n_ahead", [1, 12, 13, 100, 500])
def test_horizons_of_any_length_are_forecast_from_forecasts(n_ahead):
    (y,) = _series(1, 90, 12)
    quantiles = _ahead(y, n_ahead)

    assert quantiles.shape == (n_ahead, 7)
    assert np.isfinite(quantiles).all()
    np.testing.assert_allclose(quantiles[:1], _ahead(y, 1), rtol=1e-5)


def test_quantiles_hold_about_as_much_as_they_say():
    series = _series(1500, 72, 12)
    actual = np.stack([one[60:] for one in series])
    origins = [np.array([59])] * len(series)
    quantiles = np.concatenate(Pretrained((12,)).quantiles_at(series, origins, 12))
    below = (actual[..., None] < quantiles).mean(axis=(0, 1))

    np.testing.assert_allclose(below, [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], atol=0.06)


def test_the_mean_of_skewed_quantiles_lies_above_the_median():
    counts, end = np.random.default_rng(0).poisson(0.7, size=60).astype(float), np.array([59])
    median, mean = (
        Pretrained((12,), mean=each).forecasts_at([counts], [end], 12)[0].mean()
        for each in (False, True)
    )

    assert mean > median


def test_shares_are_by_errors_and_forecasts_their_average():
    series = _series(30, 84, 12)
    both, past, attended = Univariate.choose(series, (12,), 12, pretrained=Pretrained((12,)))
    smoothed, _, unused = Univariate.choose(series, (12,), 12)
    alone, none, _ = Univariate.choose(
        series, (12,), 12, smoothed=False, pretrained=Pretrained((12,))
    )

    assert ((both.shares >= 0) & (both.shares <= 1)).all()
    assert 0.1 < both.shares.mean() < 0.9
    assert (smoothed.shares == 0).all()
    assert (alone.shares == 1).all()
    ends = [each.forecasts(series, 12) for each in (both, smoothed, alone)]
    share = both.shares[:, None]
    np.testing.assert_allclose(ends[0], share * ends[2] + (1 - share) * ends[1], rtol=1e-6)
    at_origins = both.of(np.array([0])).forecasts_at(series[:1], [past[0].origins], 12)[0]
    assert at_origins.shape == past[0].forecasts.shape == attended[0].forecasts.shape
    assert len(unused[0].origins) == 0
    assert (none[0].forecasts == 0).all()


def test_a_large_panel_compares_members_at_some_origins_of_each_series(monkeypatch):
    series = _series(40, 84, 12)
    pretrained = Pretrained((12,))
    all_of_them, past, everywhere = Univariate.choose(series, (12,), 12, pretrained=pretrained)
    monkeypatch.setattr(univariate, "_MOST_COMPARED", 40 * 18)
    some, same, attended = Univariate.choose(series, (12,), 12, pretrained=pretrained)

    for whole, before, part in zip(everywhere, past, attended, strict=True):
        assert len(whole.origins) > len(part.origins) >= 16
        assert part.origins[-1] == whole.origins[-1]
        assert set(part.origins) <= set(before.origins)
        np.testing.assert_allclose(whole.at(part.origins), part.forecasts, rtol=1e-5)
    np.testing.assert_array_equal(past[3].forecasts, same[3].forecasts)
    assert np.abs(some.shares - all_of_them.shares).mean() < 0.05
    assert np.corrcoef(some.shares, all_of_them.shares)[0, 1] > 0.7


def test_the_member_with_smaller_errors_gets_the_larger_share():
    series = _series(60, 96, 12)
    both, *_ = Univariate.choose(
        [one[:84] for one in series], (12,), 12, pretrained=Pretrained((12,))
    )
    origins = [np.arange(40, 84)] * len(series)

    def error(forecasts):
        actual = [np.stack([y[t + 1 : t + 13] for t in range(40, 84)]) for y in series]
        return np.array([np.abs(a - f).mean() for a, f in zip(actual, forecasts, strict=True)])

    of_smoothing = error(both.smoothing.forecasts_at(series, origins, 12))
    of_pretrained = error(both.pretrained.forecasts_at(series, origins, 12))
    assert np.corrcoef(np.log(of_smoothing / of_pretrained), both.shares)[0, 1] > 0.5


@pytest.mark.parametrize("smoothed", [True, False])
def test_a_state_goes_on_as_the_whole_series_would(smoothed):
    (y,) = _series(1, 100, 12)
    whole, *_ = Univariate.choose(
        [y[:80]], (12,), 12, smoothed=smoothed, pretrained=Pretrained((12,))
    )
    state = UnivariateState(whole, y[:80])
    state.take(y[80:83])
    state.take(y[83:])

    np.testing.assert_allclose(state.ahead(18), whole.forecasts([y], 18)[0], rtol=1e-6)


def test_of_several_seasons_the_one_that_is_there_counts():
    rng = np.random.default_rng(0)
    steps = np.arange(7 * 168)
    week = np.repeat(rng.normal(size=7), 24)[steps % 168] + np.sin(2 * np.pi * steps / 24)
    y = week + 0.05 * rng.normal(size=len(steps))
    actual = week[-168:]
    both, day, hours = (_ahead(y[:-168], 48, *p)[:, 3] for p in ((24, 168), (168,), (24,)))
    errors = [np.abs(each - actual[:48]).mean() for each in (both, day, hours)]

    assert errors[1] < 0.5 * errors[2]
    assert errors[0] < 1.2 * errors[1]


def test_seasons_are_weighed_by_what_was_known_at_each_origin():
    y = _series(1, 6 * 168, 24)[0]
    changed = y.copy()
    changed[601:] = 0.0
    origins = np.array([300, 600])
    one, other = (Pretrained((24, 168)).forecasts_at([v], [origins], 24)[0] for v in (y, changed))

    np.testing.assert_allclose(other, one)
    alone = Pretrained((24, 168)).forecasts_at([y[:601]], [origins[1:]], 24)[0]
    np.testing.assert_allclose(alone, one[1:], rtol=1e-6)


@pytest.mark.parametrize("periods", [(12,), (1,)])
def test_pretrained_attention_does_not_depend_on_what_else_is_forecast(periods):
    rng = np.random.default_rng(0)
    series = [rng.normal(size=n).cumsum() for n in (150, 40, 90, 13, 150)]
    origins = [np.array([len(one) - 1]) for one in series]
    member = Pretrained(periods)

    together = member.forecasts_at(series, origins, 14)

    for one, origin, forecast in zip(series, origins, together, strict=True):
        alone = member.forecasts_at([one], [origin], 14)[0]
        np.testing.assert_array_equal(forecast, alone)
