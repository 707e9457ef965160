"""Simulated series are seeded, finite, seasonal, and of many kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn.datasets import simulate_series


def test_a_seed_gives_the_same_series_again_and_another_seed_others():
    first, again, other = (simulate_series(20, random_state=seed) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(first, again)
    assert (first != other).to_numpy().all(axis=0).sum() > 15


def test_no_global_seed_is_read_or_moved():
    # NumPy's old generator is the global state that must stay as it is.
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate_series(5, random_state=0)

    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("n_timepoints", [5, 6, 30, 400])
@pytest.mark.parametrize("period", [1, 2, 5, 7, 12, 52, (24, 168)])
def test_series_of_every_length_and_season_are_finite(period, n_timepoints):
    y = simulate_series(200, n_timepoints, period, random_state=3)

    assert y.shape == (n_timepoints, 200)
    assert np.isfinite(y.to_numpy()).all()


@pytest.mark.parametrize("period", [7, 12, 24])
def test_most_series_repeat_themselves_after_a_season(period):
    y = simulate_series(400, 20 * period, period, random_state=0)
    rest = (y - y.rolling(period, center=True).mean()).dropna()

    at_season = [column.autocorr(period) for _, column in rest.items()]
    beside = [column.autocorr(period // 2 + 1) for _, column in rest.items()]

    assert np.nanmedian(at_season) > 0.4
    assert np.nanmedian(at_season) > np.nanmedian(beside) + 0.3


def test_two_seasons_are_both_there():
    y = simulate_series(300, 8 * 168, (24, 168), random_state=0)
    power = np.abs(np.fft.rfft(y - y.mean(), axis=0)) ** 2
    share = power / power.sum(axis=0)

    # 8 weeks: the week is the eighth frequency, the day the 56th.
    assert (share[8:200:8].sum(axis=0) > 0.05).mean() > 0.3
    assert (share[56] > share[[50, 53, 59, 62]].mean(axis=0) * 3).mean() > 0.5


def test_there_are_series_with_trends_outliers_negative_values_and_counts():
    y = simulate_series(1000, 96, 12, random_state=0).to_numpy()
    halves = np.median(y[48:], axis=0) - np.median(y[:48], axis=0)
    spread = np.median(np.abs(np.diff(y, axis=0)), axis=0) + 1e-12
    farthest = np.abs(y - np.median(y, axis=0)).max(axis=0) / spread

    assert ((halves > 3 * spread).sum(), (halves < -3 * spread).sum()) > (100, 50)
    assert (y < 0).any(axis=0).sum() > 20
    assert (farthest > 30).sum() > 20
    zeros = (y == 0).mean(axis=0)
    assert ((zeros > 0.3) & (zeros < 1)).sum() > 2


def test_the_index_has_the_frequency_of_the_season():
    assert simulate_series(seasonal_period=12, random_state=0).index.freqstr == "M"
    assert simulate_series(seasonal_period=(24, 168), random_state=0).index.freqstr == "h"
    assert isinstance(simulate_series(seasonal_period=11, random_state=0).index, pd.RangeIndex)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"n_series": 0}, ValueError, r"n_series=0 .* from 1 on"),
        ({"n_timepoints": 4}, ValueError, r"n_timepoints=4 .* from 5 on"),
        ({"n_timepoints": 24.0}, TypeError, r"n_timepoints=24.0 is not an integer"),
        ({"seasonal_period": 0}, ValueError, r"seasonal_period=0 .* from 1 to"),
        ({"seasonal_period": ()}, ValueError, r"names no season"),
        ({"seasonal_period": (7, 0)}, ValueError, r"seasonal_period=0"),
    ],
)
def test_impossible_numbers_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        simulate_series(**given)
