"""Forecasts have the time stamps of every kind of index, also over changes of the clocks."""

from __future__ import annotations

import copy
import logging

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster, load
from skconvattn.forecasting.series.calendar import calendar_features_for
from skconvattn.forecasting.series.seasonality import seasonal_period

SMALL = {
    "filters": 2,
    "units": 2,
    "epochs": 1,
    "window_length": 6,
    "seasonal_period": 3,
    "random_state": 0,
}
# Time steps of the fit, of the horizon, and of an update.
N, H, MORE = 48, 4, 3
VALUES = np.sin(np.arange(N + MORE + H)) + np.arange(N + MORE + H) / 50


def _dates(start, freq, tz=None):
    return pd.date_range(start, periods=N + MORE + H, freq=freq, tz=tz)


def _before(stamp, freq):
    """Time stamps in Berlin; the fit ends two steps before one of them."""
    last = pd.Timestamp(stamp)
    last = (
        last.tz_localize("Europe/Berlin") if last.tz is None else last.tz_convert("Europe/Berlin")
    )
    fitted = pd.date_range(end=last, periods=N + 2, freq=freq)
    return pd.date_range(fitted[0], periods=N + MORE + H, freq=freq)


PERIODS = ["M", "Q", "D", "h", "W-WED", "2M", "15min"]
DATES = ["D", "h", "MS", "ME", "QS-FEB", "B", "W-WED", "30min", "2h"]
SIX_DAYS = pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat")
SUNDAY_TO_THURSDAY = pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")
INDICES = {
    "range": pd.RangeIndex(N + MORE + H),
    "range from 7": pd.RangeIndex(7, 7 + N + MORE + H),
    "numbers below zero": pd.Index(np.arange(-20, N + MORE + H - 20)),
    **{f"periods {f}": pd.period_range("2020-01", periods=N + MORE + H, freq=f) for f in PERIODS},
    **{f"dates {freq}": _dates("2020-01-01", freq) for freq in DATES},
    "dates of six-day weeks": _dates("2020-01-01", SIX_DAYS),
    "dates of weeks from Sunday to Thursday": _dates("2020-01-01", SUNDAY_TO_THURSDAY),
    "dates on the 1st and 15th": _dates("2020-01-01", "SMS"),
    "hours in Berlin as the clocks go forward": _before("2024-03-31 01:00", "h"),
    "hours in Berlin as the clocks go back": _before("2024-10-27 02:00+02:00", "h"),
    "half hours in Berlin as the clocks go back": _before("2024-10-27 02:00+02:00", "30min"),
    "days in Berlin as the clocks go forward": _before("2024-03-31", "D"),
    "days in Berlin as the clocks go back": _before("2024-10-27", "D"),
    "days in UTC": _dates("2024-02-27", "D", "UTC"),
}


def _bare(index):
    """The same index without its frequency."""
    return pd.DatetimeIndex(list(index)) if isinstance(index, pd.DatetimeIndex) else index


CASES = {
    **INDICES,
    **{
        f"{name}, no frequency": _bare(index)
        for name, index in INDICES.items()
        if isinstance(index, pd.DatetimeIndex)
    },
}
every_index = pytest.mark.parametrize("index", CASES.values(), ids=CASES)


@pytest.fixture(scope="module")
def by_number():
    return ConvAttentionForecaster(**SMALL).fit(pd.Series(VALUES[:N]), fh=range(1, H + 1))


def _equal(answer, expected, index):
    np.testing.assert_array_equal(answer, expected)
    assert list(answer.index) == list(index)


@every_index
def test_answers_are_those_of_a_counted_series_at_the_stamps_of_the_index(by_number, index):
    counted = copy.deepcopy(by_number)
    y = pd.Series(VALUES, index=index)
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:N], fh=range(1, H + 1))

    for number, _ in enumerate(("after the fit", "after an update")):
        n = N + number * MORE
        if number:
            forecaster.update(y[N:n], update_params=False)
            counted.update(pd.Series(VALUES[:n])[N:], update_params=False)
        assert forecaster.cutoff[0] == index[n - 1]
        ahead = range(1, H + 1)
        _equal(forecaster.predict(fh=ahead), counted.predict(fh=ahead), index[n : n + H])
        _equal(
            forecaster.predict_interval(fh=ahead),
            counted.predict_interval(fh=ahead),
            index[n : n + H],
        )
        in_sample = np.arange(-n + 1, 1)
        _equal(forecaster.predict(fh=in_sample), counted.predict(fh=in_sample), index[:n])
        around = [-2, 0, 1, 3]
        _equal(
            forecaster.predict_quantiles(fh=around, alpha=[0.1, 0.9]),
            counted.predict_quantiles(fh=around, alpha=[0.1, 0.9]),
            index[[n - 3, n - 1, n, n + 2]],
        )


@every_index
def test_time_stamps_may_be_asked_for(by_number, index):
    y = pd.Series(VALUES, index=index)
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:N], fh=range(1, H + 1))
    asked = index[[N - 5, N + 1, N + 3]]
    if isinstance(asked, pd.RangeIndex | pd.Index) and asked.dtype.kind == "i":
        from sktime.forecasting.base import ForecastingHorizon

        asked = ForecastingHorizon(asked, is_relative=False)

    forecast = forecaster.predict(fh=asked)

    _equal(forecast, by_number.predict(fh=[-4, 2, 4]), index[[N - 5, N + 1, N + 3]])


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_a_panel_keeps_the_stamps_of_its_series(index):
    frame = pd.DataFrame({"y": VALUES}, index=index)
    panel = {key: factor * frame[:N] for key, factor in (("s", 1.0), ("t", 20.0))}
    forecaster = ConvAttentionForecaster(**SMALL)
    forecaster.fit(pd.concat(panel, names=["series", "time"]), fh=range(1, H + 1))
    more = {"s": frame[N : N + MORE], "t": 20 * frame[N : N + MORE]}

    before = forecaster.predict()
    forecaster.update(pd.concat(more, names=["series", "time"]), update_params=False)
    after = forecaster.predict()

    assert list(before.loc["t"].index) == list(index[N : N + H])
    assert list(after.loc["s"].index) == list(index[N + MORE :])
    np.testing.assert_allclose(after.loc["t"], 20 * after.loc["s"], rtol=1e-5)


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_is_saved_with_the_forecaster(tmp_path, index):
    y = pd.Series(VALUES, index=index)
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:N], fh=range(1, H + 1))
    forecaster.save(tmp_path / "forecaster.zip")

    loaded = load(tmp_path / "forecaster.zip")

    _equal(loaded.predict(), forecaster.predict(), index[N : N + H])
    loaded.update(y[N : N + MORE], update_params=False)
    assert list(loaded.predict().index) == list(index[N + MORE :])


@pytest.mark.parametrize(
    ("start", "freq", "season", "feature"),
    [
        ("2024-03-25", "h", 24, "hour_of_day"),
        ("2024-10-20", "h", 24, "hour_of_day"),
        ("2024-03-25", "30min", 48, "hour_of_day"),
        ("2024-03-25", "D", 7, "day_of_week"),
        ("2024-09-25", "D", 7, "day_of_week"),
    ],
)
def test_season_and_calendar_are_found_over_a_change_of_the_clocks(start, freq, season, feature):
    index = pd.date_range(start, periods=300, freq=freq, tz="Europe/Berlin")

    for each in (index, _bare(index)):
        assert seasonal_period(pd.Series(0.0, index=each)) == season
        assert calendar_features_for("auto", each)[0] == feature


def test_the_season_of_a_series_with_missing_values_is_found():
    y = pd.Series(np.sin(2 * np.pi * np.arange(120) / 9) + 0.02 * np.arange(120))

    assert seasonal_period(y.mask(np.random.default_rng(0).random(120) < 0.1)) == 9
    assert seasonal_period(y * np.nan) == 1


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e8])
@pytest.mark.parametrize("offset", [0.0, -4.0])
def test_forecasts_and_intervals_follow_scale_and_offset(by_number, scale, offset):
    y = pd.Series(scale * (VALUES[:N] + offset))
    forecaster = ConvAttentionForecaster(**SMALL).fit(y, fh=range(1, H + 1))

    ahead = range(1, H + 1)
    np.testing.assert_allclose(
        forecaster.predict() / scale - offset, by_number.predict(fh=ahead), rtol=1e-4
    )
    np.testing.assert_allclose(
        forecaster.predict_interval() / scale - offset,
        by_number.predict_interval(fh=ahead),
        rtol=1e-4,
    )


@pytest.mark.parametrize("level", [0.0, -7.25, 1e-8, 1e8])
@pytest.mark.parametrize("normalization", ["standard", "last", "robust", "series", None])
def test_a_constant_series_stays_constant(level, normalization):
    y = pd.Series(level, index=pd.RangeIndex(40))
    parameters = {**SMALL, "normalization": normalization}
    forecaster = ConvAttentionForecaster(**parameters).fit(y, fh=range(1, H + 1))

    tolerance = 1e-5 * abs(level)
    np.testing.assert_allclose(forecaster.predict(fh=[-3, 0, 1, 9]), level, atol=tolerance)
    interval = forecaster.predict_interval(fh=[-3, 0, 1, 9])
    assert np.isfinite(interval).all(axis=None)
    assert (interval.iloc[:, 0] <= interval.iloc[:, 1]).all()


@pytest.mark.parametrize("slope", [-3.0, 0.5, 1e6])
def test_a_line_is_continued(slope):
    """The linear map continues a trend; its branch has nothing to add."""
    y = pd.Series(slope * np.arange(120.0) + 5)
    forecaster = ConvAttentionForecaster(
        filters=4, units=4, seasonal_period=1, epochs=60, random_state=0
    )

    error = forecaster.fit(y[:108], fh=range(1, 13)).predict() - y[108:]

    naive = slope * np.arange(1, 13)
    assert np.abs(error).mean() < 0.2 * np.abs(naive).mean()


@pytest.mark.parametrize("n_timepoints", [3, 4, 6, 9, 14])
@pytest.mark.parametrize("seasonal_period", [12, "auto"])
def test_a_series_too_short_for_its_window_falls_back_and_says_so(
    n_timepoints, seasonal_period, caplog
):
    y = pd.Series(VALUES[:n_timepoints])
    parameters = {**SMALL, "window_length": "auto", "seasonal_period": seasonal_period}

    with caplog.at_level(logging.INFO, logger="skconvattn"):
        forecaster = ConvAttentionForecaster(**parameters).fit(y, fh=range(1, 5))

    assert 1 <= forecaster.window_length_ < n_timepoints
    wanted = 24 if seasonal_period == 12 else 8
    window = f"A window of {forecaster.window_length_} time steps, instead of {wanted}, is the"
    assert window in caplog.text
    assert list(forecaster.predict().index) == list(range(n_timepoints, n_timepoints + 4))
    assert np.isfinite(forecaster.predict_interval()).all(axis=None)


@pytest.mark.parametrize(
    "holes", [[0], [47], [0, 1, 2], [20, 21, 22, 23, 24, 25, 26], [45, 46, 47]]
)
def test_missing_values_anywhere_leave_finite_answers_everywhere(holes):
    y = pd.Series(VALUES[:N].copy(), index=pd.period_range("2020-01", periods=N, freq="M"))
    y.iloc[holes] = np.nan
    forecaster = ConvAttentionForecaster(**SMALL).fit(y, fh=range(1, H + 1))

    intervals = forecaster.predict_interval(fh=np.arange(-N + 1, H + 1))
    residuals = forecaster.predict_residuals(y)

    assert np.isfinite(intervals).all(axis=None)
    np.testing.assert_array_equal(residuals.isna(), y.isna())


def test_nothing_is_said_where_the_series_is_long_enough(caplog):
    parameters = {**SMALL, "window_length": "auto"}

    with caplog.at_level(logging.INFO, logger="skconvattn"):
        ConvAttentionForecaster(**parameters).fit(pd.Series(VALUES), fh=range(1, H + 1))

    assert "A window of" not in caplog.text


def test_stamps_between_steps_of_several_periods_are_refused(by_number):
    index = pd.period_range("2020-02", periods=N + MORE, freq="2M")
    y = pd.Series(VALUES[: N + MORE], index=index)
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:N], fh=range(1, H + 1))
    between = pd.period_range(index[N].asfreq("M", how="S") + 1, periods=2, freq="2M")

    for call in (
        lambda: forecaster.predict(fh=between),
        lambda: forecaster.update(pd.Series([1.0, 2.0], index=between), update_params=False),
    ):
        with pytest.raises(ValueError, match="do not follow the frequency '2M'"):
            call()
    np.testing.assert_array_equal(forecaster.predict(), by_number.predict(fh=range(1, H + 1)))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_an_update_in_another_time_zone_is_refused(zone):
    index = INDICES["days in Berlin as the clocks go back"]
    y = pd.Series(VALUES, index=index)
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:N], fh=range(1, H + 1))
    before = forecaster.predict()

    with pytest.raises(
        ValueError, match=rf"in the time zone {zone}, .* tz_convert\('Europe/Berlin"
    ):
        forecaster.update(y[N : N + 2].tz_convert(zone), update_params=False)

    pd.testing.assert_series_equal(forecaster.predict(), before)


def test_steps_ahead_may_be_durations():
    y = pd.Series(VALUES[:N], _dates("2020-01-01", "6h")[:N])
    ahead = pd.to_timedelta([6, 18], unit="h")

    forecast = ConvAttentionForecaster(**SMALL).fit(y, fh=ahead).predict()

    pd.testing.assert_series_equal(
        forecast, ConvAttentionForecaster(**SMALL).fit(y, fh=[1, 3]).predict()
    )
    assert list(forecast.index) == list(y.index[-1] + ahead)


def test_durations_count_from_the_own_end_of_each_series():
    index = _dates("2020-01-01", "D")[:N]
    both = {"a": pd.Series(VALUES[:N], index), "b": pd.Series(VALUES[: N - 9], index[: N - 9])}
    y = pd.concat(both).to_frame("y")
    ahead = pd.to_timedelta([1, 3], unit="D")

    forecast = ConvAttentionForecaster(**SMALL).fit(y, fh=ahead).predict()

    assert list(forecast.loc["a"].index) == list(index[-1] + ahead)
    assert list(forecast.loc["b"].index) == list(index[N - 10] + ahead)


def test_holidays_of_the_frequency_are_left_out_also_after_loading(tmp_path):
    offset = pd.offsets.CustomBusinessDay(
        weekmask="Mon Tue Wed Thu Fri Sat", holidays=["2020-03-02"]
    )
    index = _dates("2020-01-06", offset)
    assert index[N - 1] < pd.Timestamp("2020-03-02") < index[N + 2]
    forecaster = ConvAttentionForecaster(**SMALL).fit(
        pd.Series(VALUES[:N], index[:N]), fh=range(1, 5)
    )

    forecaster.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")

    assert list(forecaster.predict().index) == list(index[N : N + 4])
    pd.testing.assert_series_equal(loaded.predict(), forecaster.predict())
    later = pd.Series(VALUES[N : N + MORE], index[N : N + MORE])
    assert list(loaded.update(later).predict().index) == list(index[N + MORE : N + MORE + 4])
