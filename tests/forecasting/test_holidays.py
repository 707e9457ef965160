"""Holidays by the code of a country or as dates."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import skconvattn
from skconvattn import ConvAttentionForecaster
from skconvattn.forecasting.series.calendar import calendar_channels, holiday_features_for

DAYS = pd.date_range("2021-01-01", "2024-01-10", freq="D")
CHRISTMAS = [f"{year}-12-{day}" for year in range(2020, 2026) for day in (25, 26)]
END = DAYS.get_loc("2023-12-20")


def _sales():
    """Sales that fall by half at Christmas."""
    noise = np.random.default_rng(0).normal(size=len(DAYS))
    week = np.array([0.0, 1.0, 2.0, 2.0, 5.0, 9.0, 4.0])[DAYS.dayofweek]
    return pd.Series(100 + week + noise - 50 * DAYS.isin(pd.DatetimeIndex(CHRISTMAS)), DAYS)


def _forecast(**parameters):
    y = _sales()
    forecaster = ConvAttentionForecaster(epochs=0, random_state=0, **parameters)
    return forecaster.fit(y[:END], fh=range(1, 15)), y[END : END + 14]


def test_dates_lower_the_error_on_these_days_and_no_others():
    with_days, actual = _forecast(holidays=CHRISTMAS)
    without, _ = _forecast()

    days = actual.index.isin(pd.DatetimeIndex(CHRISTMAS))
    assert days.sum() == 2
    # Exponential smoothing, which has a part in the forecast, knows no covariates.
    assert np.abs(with_days.predict() - actual)[days].max() < 30
    assert np.abs(without.predict() - actual)[days].min() > 40
    assert np.abs(with_days.predict() - actual)[~days].mean() < 3


def test_a_country_is_its_dates(tmp_path):
    pytest.importorskip("holidays")
    by_code, actual = _forecast(holidays="DE")

    days = actual.index.isin(pd.DatetimeIndex(CHRISTMAS))
    fall = by_code.predict()[~days].mean() - by_code.predict()[days].mean()
    assert fall > 2  # Christmas is two of nine holidays of the country
    by_code.save(tmp_path / "sales.zip")
    loaded = skconvattn.load(tmp_path / "sales.zip")
    pd.testing.assert_series_equal(loaded.predict(), by_code.predict())
    by_code.update(actual[:3])
    assert len(by_code.predict()) == 14


def test_holidays_are_days_in_the_time_zone_of_the_index():
    names = holiday_features_for(["2024-12-25"], DAYS)
    hours = pd.date_range("2024-12-24 22:00", periods=28, freq="h", tz="Europe/Berlin")

    channel = calendar_channels(hours, names)[:, 0]

    np.testing.assert_array_equal(channel, [0, 0, *[1] * 24, 0, 0])
    assert calendar_channels(pd.period_range("2024-12-24", periods=3, freq="D"), names).sum() == 1


@pytest.mark.parametrize(
    ("holidays", "index", "message"),
    [
        ("Atlantis", DAYS, "holidays='Atlantis' is no country"),
        (["soon"], DAYS, r"holidays=\['soon'\] are not dates"),
        (CHRISTMAS[:1], pd.date_range("2020-01-01", periods=9, freq="MS"), "needs days or shorter"),
        (CHRISTMAS[:1], pd.RangeIndex(9), "needs days or shorter"),
    ],
)
def test_what_are_no_holidays_is_refused(holidays, index, message):
    pytest.importorskip("holidays")
    with pytest.raises(ValueError, match=message):
        holiday_features_for(holidays, index)


def test_without_the_package_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)

    with pytest.raises(ImportError, match=r"pip install 'skconvattn\[holidays\]'"):
        holiday_features_for("FR", DAYS)
