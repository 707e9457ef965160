"""Series that have not begun yet, or have come to rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster, PretrainedForecaster
from skconvattn.forecasting.series.resting import steps_at_rest, zeros_before_start

SALES = np.random.default_rng(0).poisson(20 + 8 * np.sin(np.arange(96) * np.pi / 6)).astype(float)
FORECASTERS = (ConvAttentionForecaster(epochs=0, random_state=0), PretrainedForecaster())


def _months(values):
    return pd.Series(values, index=pd.period_range("2015-01", periods=len(values), freq="M"))


@pytest.mark.parametrize(
    ("values", "period", "expected"),
    [
        ([3, 1, 4, 1, 5] + [0] * 12, 12, 12),
        ([3, 1, 4, 1, 5] + [0] * 11, 12, 0),
        ([3, 1, 4, 1, 5] + [2.5] * 7, 7, 7),
        ([3, 0, 0, 0, 0, 5] + [0] * 7, 7, 0),
        ([3, 0, 0, 0, 0, 5] + [0] * 9, 7, 9),
        ([0] * 20, 1, 0),
        ([3, 1, 4] + [0] * 30, 168, 30),
        ([3, 1, 4] + [np.nan] * 12, 1, 0),
    ],
)
def test_a_run_at_the_end_counts_if_it_is_longer_than_a_season_and_than_others(
    values, period, expected
):
    assert steps_at_rest(np.array(values, dtype=float), period) == expected


@pytest.mark.parametrize(
    ("values", "period", "expected"),
    [
        ([0] * 12 + [3, 1, 4], 12, 12),
        ([0] * 11 + [3, 1, 4], 12, 0),
        ([0] * 12 + [3] + [0] * 6, 12, 0),
        ([7] * 12 + [3, 1, 4], 12, 0),
        ([0] * 12 + [3, 1], 12, 0),
        ([0] * 30 + [5, 0, 0, 2, 0, 0, 1], 12, 0),
        ([0] * 12, 12, 0),
    ],
)
def test_zeros_at_the_beginning_are_no_sales_yet(values, period, expected):
    assert zeros_before_start(np.array(values, dtype=float), period) == expected


@pytest.mark.parametrize("forecaster", FORECASTERS, ids=lambda one: type(one).__name__)
def test_what_has_been_discontinued_for_a_year_stays_so(forecaster):
    y = np.where(np.arange(96) >= 84, 0.0, SALES)

    fitted = forecaster.clone().fit(_months(y), fh=range(1, 13))

    assert (fitted.predict() == 0).all()
    near, far = fitted.predict_interval(coverage=0.8).iloc[[0, -1]].to_numpy()
    assert near.tolist() == [0.0, 0.0]
    # It may come back, to what it has been.
    assert 0 < far[1] <= SALES.max()
    wide = fitted.predict_interval(coverage=[0.5, 0.9]).to_numpy()
    assert (np.diff(wide[:, [2, 0, 1, 3]], axis=1) >= 0).all()


def test_a_series_at_rest_wakes_up_with_an_update():
    forecaster = FORECASTERS[0].clone().fit(_months(np.r_[SALES[:72], np.zeros(12)]), fh=[1])
    assert forecaster.predict().item() == 0

    later = _months(SALES)[84:90]
    forecaster.update(later, update_params=False)

    assert forecaster.predict().item() > 3


@pytest.mark.parametrize("forecaster", FORECASTERS, ids=lambda one: type(one).__name__)
def test_zeros_before_a_launch_are_as_if_they_had_not_been_written_down(forecaster):
    zeros = np.where(np.arange(96) < 60, 0.0, SALES)
    absent = np.where(np.arange(96) < 60, np.nan, SALES)

    found, expected = (
        forecaster.clone().fit(_months(y), fh=[1, 2, 3]).predict() for y in (zeros, absent)
    )

    pd.testing.assert_series_equal(found, expected)


def test_only_the_series_of_a_panel_that_rests_does():
    index = pd.MultiIndex.from_product([["sold", "ended"], _months(SALES).index])
    y = pd.Series(np.r_[SALES, SALES[:84], np.zeros(12)], index=index, name="y")

    forecast = FORECASTERS[0].clone().fit(y.to_frame(), fh=[1, 2]).predict()["y"]

    assert (forecast["ended"] == 0).all()
    assert (forecast["sold"] > 10).all()
