"""Seasons, windows and the held-out end follow from index and length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn.forecasting.series.seasonality import seasonal_period
from skconvattn.forecasting.series.windowing import (
    WindowSpec,
    checked_window_length,
    window_length_for,
)


def _flat(index):
    return pd.Series(0.0, index=index)


@pytest.mark.parametrize(
    ("frequency", "period"),
    [
        ("M", 12),
        ("Q", 4),
        ("Y", 1),
        ("W", 52),
        ("D", 7),
        ("h", 24),
        ("2h", 12),
        ("30min", 48),
    ],
)
def test_the_frequency_of_the_index_gives_the_season(frequency, period):
    index = pd.period_range("2020-01-01", periods=300, freq=frequency)

    assert seasonal_period(_flat(index)) == period


@pytest.mark.parametrize(
    ("frequency", "period"),
    [("MS", 12), ("ME", 12), ("QE", 4), ("W-SUN", 52), ("B", 5), ("15min", 96)],
)
def test_datetime_indices_give_the_same(frequency, period):
    index = pd.date_range("2020-01-01", periods=300, freq=frequency)

    assert seasonal_period(_flat(index)) == period
    assert seasonal_period(_flat(pd.DatetimeIndex(index.to_numpy()))) == period


def test_without_a_frequency_the_autocorrelation_decides():
    steps = np.arange(120)
    seasonal = np.sin(2 * np.pi * steps / 9) + 0.02 * steps
    noise = np.random.default_rng(0).normal(size=120)

    assert seasonal_period(pd.Series(seasonal)) == 9
    assert seasonal_period(pd.Series(np.cumsum(noise))) == 1
    assert seasonal_period(pd.Series(np.ones(50))) == 1


def test_a_season_that_the_series_does_not_hold_twice_is_none():
    index = pd.period_range("2020-01", periods=20, freq="M")

    assert seasonal_period(_flat(index)) == 1


@pytest.mark.parametrize(
    ("n_timepoints", "horizon", "period", "expected"),
    [
        (132, 12, 12, 24),  # two seasons
        (668, 48, 24, 72),  # one and a half horizons, in whole seasons
        (672, 48, 24, 168),  # a week of hours
        (10_000, 24, 48, 336),  # a week of half hours
        (10_000, 24, 96, 192),  # a week would be too long
        (36, 12, 12, 12),  # what a short series leaves
        (100, 4, 1, 8),  # no season
        (3, 1, 1, 1),
        (10_000, 24, 12, 36),
    ],
)
def test_the_window_follows_season_horizon_and_length(n_timepoints, horizon, period, expected):
    assert window_length_for(n_timepoints, horizon, period) == expected


@pytest.mark.parametrize(
    ("spellings", "period"),
    [
        (["W-MON", "7D", "168h"], 52),
        (["2W-MON", "14D"], 26),
        (["D", "24h", "1440min"], 7),
        (["h", "60min", "3600s"], 24),
        (["30min", "1800s"], 48),
        (["2h", "120min"], 12),
        (["SMS"], 24),
        (["5h"], 1),
        (["3D"], 1),
    ],
)
def test_the_season_depends_on_the_length_of_a_step_and_not_on_its_spelling(spellings, period):
    found = {
        seasonal_period(_flat(pd.date_range("2024-01-01", periods=120, freq=spelling)))
        for spelling in spellings
    }
    assert found == {period}


@pytest.mark.parametrize(("weekmask", "period"), [("Mon Tue Wed Thu Fri Sat", 6), ("1111100", 5)])
def test_the_season_of_working_days_is_a_working_week(weekmask, period):
    days = pd.offsets.CustomBusinessDay(weekmask=weekmask)
    assert seasonal_period(_flat(pd.date_range("2024-01-01", periods=60, freq=days))) == period


def test_a_window_that_fills_the_series_is_refused():
    assert checked_window_length(9, 10) == 9
    with pytest.raises(ValueError, match="use window_length <= 9"):
        checked_window_length(10, 10)


@pytest.mark.parametrize("n_timepoints", [40, 100, 1000, 30_000])
def test_no_target_of_the_training_part_is_held_out(n_timepoints):
    cut = WindowSpec(length=8, horizon=4)

    training, held_out = cut.split(n_timepoints, fraction=0.2)

    last_trained_step = training[-1] + 8 + 4 - 1
    first_held_out_step = held_out[0] + 8
    assert last_trained_step < first_held_out_step
    assert held_out[-1] + 8 < n_timepoints
    assert 4 <= len(held_out) <= 2048
    assert n_timepoints - first_held_out_step == max(round(0.2 * n_timepoints), 4)


def test_a_series_too_short_for_a_split_holds_nothing_out():
    training, held_out = WindowSpec(length=8, horizon=4).split(16, fraction=0.2)

    assert len(training) == len(held_out) == 0
