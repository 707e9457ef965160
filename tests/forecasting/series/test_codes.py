"""Codes for missing values, such as -999."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster, PretrainedForecaster
from skconvattn.forecasting.series.codes import missing_code


def _monthly(n=120):
    t = np.arange(n)
    return 100 + 10 * np.sin(t * np.pi / 6) + np.random.default_rng(0).normal(size=n)


@pytest.mark.parametrize("code", [-999.0, 9999.0, -99.0, 999999.0])
@pytest.mark.parametrize("n_times", [1, 8, 40])
def test_nines_far_from_all_else_are_a_code(code, n_times):
    y = _monthly()
    y[np.random.default_rng(1).choice(120, n_times, replace=False)] = code

    assert missing_code(y) == code


@pytest.mark.parametrize(
    "values",
    [
        _monthly(),
        # Prices, a share that is nearly one hundred, and nines among the others.
        np.r_[_monthly(), 99.0],
        np.r_[np.linspace(20, 90, 30), 99.0],
        np.r_[np.linspace(0, 900, 30), 999.0],
        # Far, but no nines; and lots of one size.
        np.r_[_monthly(), -1000.0],
        np.where(np.arange(60) % 7 == 0, 99.0, 0.0),
        np.full(20, 999.0),
        np.r_[np.full(20, -999.0), _monthly()[:12]],
        np.array([1.0, 2.0, 999.0]),
        np.full(30, np.nan),
    ],
)
def test_other_values_are_values(values):
    assert missing_code(values) is None


@pytest.mark.parametrize(
    "forecaster",
    [ConvAttentionForecaster(epochs=0, random_state=0), PretrainedForecaster()],
    ids=lambda one: type(one).__name__,
)
def test_a_code_is_forecast_as_a_missing_value_is(forecaster):
    months = pd.period_range("2015-01", periods=120, freq="M")
    coded = pd.Series(_monthly(), index=months, name="level")
    coded.iloc[[5, 30, 31, 77, 119]] = -999
    absent = coded.where(coded != -999)

    with pytest.warns(UserWarning, match=r"y\['level'\] has the value -999 5 times"):
        found = forecaster.clone().fit(coded, fh=[1, 2, 3]).predict()

    pd.testing.assert_series_equal(found, forecaster.clone().fit(absent, fh=[1, 2, 3]).predict())
