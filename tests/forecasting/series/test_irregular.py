"""Dates without a frequency get the right one, or advice that works on them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from skconvattn.data.frequencies import described, frequency_name, frequency_offset
from skconvattn.forecasting.series.irregular import guessed_frequency, guessed_offset
from skconvattn.forecasting.series.seasonality import seasonal_period
from skconvattn.forecasting.series.timeline import Timeline

SIX_DAYS = pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat")
SUNDAY_TO_THURSDAY = pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")
HOLIDAYS = pd.offsets.CustomBusinessDay(holidays=["2022-01-06", "2022-02-14"])
CALENDARS = pytest.mark.parametrize(
    "offset", [SIX_DAYS, SUNDAY_TO_THURSDAY, HOLIDAYS, 2 * SIX_DAYS]
)


def _index(freq, n=60):
    return pd.date_range("2022-01-03", periods=n, freq=freq)


def _plain(index):
    return pd.DatetimeIndex(list(index))


@CALENDARS
def test_a_calendar_of_business_days_is_kept_as_text(offset):
    same = frequency_offset(frequency_name(offset))

    assert list(_index(same)) == list(_index(offset))
    assert frequency_name(same) == frequency_name(offset)
    assert eval(described(frequency_name(offset)), {"pandas": pd}) == same


def test_names_of_pandas_stay_as_they_are():
    for name in ("D", "2h", "W-WED", "QS-FEB", "B"):
        assert frequency_name(frequency_offset(name)) == name
        assert described(name) == repr(name)
    assert frequency_name(None) is None
    assert frequency_offset(None) is None
    with pytest.raises(ValueError, match="is not the name of a frequency"):
        frequency_offset("D@Mon@")


@CALENDARS
def test_steps_and_stamps_follow_the_calendar(offset):
    index = _index(offset)
    timeline = Timeline.of(index[10:40])

    np.testing.assert_array_equal(timeline.steps(index), np.arange(60) - 10)
    assert list(timeline.after(index[30], 20)) == list(index[31:51])
    assert list(timeline.relative(index[30], np.array([-7, 0, 9]))) == list(index[[23, 30, 39]])


@pytest.mark.parametrize("offset", [SIX_DAYS, SUNDAY_TO_THURSDAY])
def test_weekdays_worked_on_are_found_and_are_the_season(offset):
    index = _plain(_index(offset))

    assert list(_index(guessed_offset(index))) == list(_index(offset))
    assert seasonal_period(pd.Series(np.zeros(60), index)) == (6 if offset is SIX_DAYS else 5)


def test_a_gap_in_days_is_not_a_week_of_fewer_days():
    days = _plain(_index("D", 9)).delete([5])
    assert 5 not in days.dayofweek

    assert guessed_frequency(days) == "D"


def test_business_days_with_gaps_are_business_days():
    index = _plain(_index("B")).delete([3, 20, 33])

    assert guessed_frequency(index) == "B"
    with pytest.raises(ValueError, match=r"y\.asfreq\('B'\)"):
        Timeline.of(index)


def test_the_1st_and_15th_of_each_month_are_regular():
    index = pd.DatetimeIndex(
        [f"2022-{month:02}-{day:02}" for month in range(1, 13) for day in (1, 15)]
    )

    np.testing.assert_array_equal(Timeline.of(index).steps(index), np.arange(24))
    assert seasonal_period(pd.Series(np.zeros(24 * 3), _plain(_index("SMS", 72)))) == 24


SECONDS = pd.to_timedelta(np.random.default_rng(0).integers(-5, 5, 200), unit="s")
ADVICE = {
    "15th of each month": (_plain(_index("MS") + pd.Timedelta(days=14)), r"to_period\('M'\)"),
    "hours a few seconds off": (_index("h", 200) + SECONDS, r"round\('min'\)"),
    "days a few seconds off": (_index("D", 200) + SECONDS, r"round\('min'\)"),
    "dekads": (
        pd.DatetimeIndex([f"2022-{m:02}-{d:02}" for m in range(1, 13) for d in (1, 11, 21)]),
        "reset_index",
    ),
    "integers by ten": (pd.RangeIndex(5, 605, 10), r"y\.index // 10"),
    "every fifth year": (pd.Index(np.arange(1900, 2000, 5)), r"y\.index // 5"),
    "every third month": (pd.period_range("2000-01", periods=90, freq="M")[::3], "freq='3M'"),
    "a gap in six-day weeks": (_plain(_index(SIX_DAYS)).delete(30), "CustomBusinessDay"),
    "a gap in months": (pd.period_range("2000-01", periods=90, freq="M").delete(30), "reindex"),
    "a gap in numbers": (pd.RangeIndex(30).delete(7), "reindex"),
}


@pytest.mark.parametrize(("index", "expected"), ADVICE.values(), ids=ADVICE)
def test_the_advice_for_an_index_works_on_it(index, expected):
    with pytest.raises(ValueError, match=expected) as refusal:
        Timeline.of(index, "y['a']")

    assert str(refusal.value).startswith("y['a'] has ")
    y = pd.Series(np.arange(len(index)), index, dtype=float)
    codes = re.findall(
        r"y\.(?:\w+)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)(?:\.mean\(\))?", str(refusal.value)
    )
    assert codes
    for code in codes:
        followed = eval(code, {"y": y, "pandas": pd})
        if "mean" not in code:
            assert sorted(followed.dropna()) == sorted(y)
        np.testing.assert_array_equal(np.diff(Timeline.of(followed.index).steps(followed.index)), 1)


def test_durations_are_steps_where_steps_have_a_duration():
    days = pd.to_timedelta([1, 14], unit="D")

    np.testing.assert_array_equal(Timeline.of(_index("D")).counts(days), [1, 14])
    np.testing.assert_array_equal(Timeline.of(_index("h")).counts(days), [24, 336])
    np.testing.assert_array_equal(Timeline.of(_index("W")).counts(days[1:]), [2])
    np.testing.assert_array_equal(Timeline.of(_index("MS")).counts(pd.Index([1, 3])), [1, 3])
    for freq in ("MS", "B", "2D"):
        with pytest.raises(ValueError, match=r"give numbers of steps, for example fh=\[1, 2, 3\]"):
            Timeline.of(_index(freq)).counts(days)
