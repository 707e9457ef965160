"""Past, future and static covariates, categories and calendar features become channels."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import AttentionForecaster, ConvAttentionForecaster
from skconvattn.forecasting.series.calendar import calendar_channels, calendar_features_for
from skconvattn.forecasting.series.covariates import CovariateEncoder

SMALL = {"filters": 4, "units": 4, "epochs": 1, "random_state": 0}
INDEX = pd.period_range("2020-01", periods=40, freq="M")
Y = pd.Series(np.sin(np.arange(40) / 2), index=INDEX, name="y")
LATER = pd.period_range("2020-01", periods=52, freq="M")


def _encoder(*frames, past="auto", static="auto", calendar=(), indices=None):
    indices = [frame.index for frame in frames] if indices is None else indices
    return CovariateEncoder.of(frames, indices, past=past, static=static, calendar=calendar)


def test_columns_without_later_values_are_past_covariates():
    X = pd.DataFrame({"a": 1.0, "b": np.arange(52.0)}, index=LATER)
    X.loc[INDEX[-1] + 1 :, "a"] = np.nan

    encoder = _encoder(X, indices=[INDEX])

    assert (encoder.past, encoder.future) == (("a",), ("b",))
    assert _encoder(X.loc[INDEX]).past == ()


def test_columns_that_are_constant_in_each_of_several_series_are_static():
    frames = [pd.DataFrame({"size": size, "same": 1.0, "x": np.arange(3.0)}) for size in (1.0, 2.0)]

    encoder = _encoder(*frames)

    assert (encoder.static, encoder.future) == (("size",), ("same", "x"))
    assert _encoder(frames[0]).static == ()


def test_each_category_becomes_a_channel_and_gaps_an_indicator():
    X = pd.DataFrame({"day": ["mon", "tue", None, "mon"], "x": [1.0, np.nan, 3.0, 4.0]})
    encoder = _encoder(X)

    channels = encoder.future_channels(X, X.index)
    raw = channels * encoder.future_scaling.scale + encoder.future_scaling.center

    # Monday, Tuesday, no day, x with its gap filled, no x.
    expected = [[1, 0, 0, 1, 0], [0, 1, 0, 1, 1], [0, 0, 1, 3, 0], [1, 0, 0, 4, 0]]
    np.testing.assert_allclose(raw, expected, atol=1e-6)
    assert encoder.n_future_channels == 5
    np.testing.assert_allclose(channels.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(channels.std(axis=0), 1, atol=1e-6)


def test_a_new_category_is_refused_by_name():
    X = pd.DataFrame({"day": ["mon", "tue"] * 3})
    with pytest.raises(ValueError, match=r"X\['day'\] has the categories \['wed'\], .* use one of"):
        _encoder(X).future_channels(X.replace("tue", "wed"), X.index)


def test_too_many_categories_are_refused():
    X = pd.DataFrame({"id": [f"no {i}" for i in range(60)]})
    with pytest.raises(ValueError, match=r"X\['id'\] has 60 categories; give at most 50"):
        _encoder(X)


def test_calendar_features_are_angles_in_their_cycle():
    index = pd.DatetimeIndex(["2024-01-01 00:00", "2024-01-06 06:00", "2024-07-01 18:00"])

    channels = calendar_channels(index, ("weekend", "hour_of_day", "month_of_year"))

    expected = [
        [0, 0, 1, 0, 1],  # Monday, midnight, January
        [1, 1, 0, 0, 1],  # Saturday, a quarter of the day, January
        [0, -1, 0, 0, -1],  # Monday, three quarters, half a year on
    ]
    np.testing.assert_allclose(channels, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("freq", "expected"),
    [("h", "hour_of_day"), ("D", "day_of_week"), ("MS", "month_of_year"), ("W", "week_of_year")],
)
def test_calendar_features_follow_the_frequency(freq, expected):
    index = pd.date_range("2020-01-01", periods=30, freq=freq)

    assert calendar_features_for("auto", index)[0] == expected
    assert calendar_features_for("auto", pd.DatetimeIndex(list(index)))[0] == expected


def test_a_calendar_needs_dates():
    with pytest.raises(ValueError, match="needs dates, but y has an index of RangeIndex"):
        calendar_features_for("auto", pd.RangeIndex(5))


def _fitted(X, **parameters):
    return ConvAttentionForecaster(**SMALL, **parameters).fit(Y, X=X, fh=[1, 2, 3])


def test_a_forecast_needs_no_later_rows_of_past_covariates():
    X = pd.DataFrame({"a": np.cos(np.arange(40))}, index=INDEX)

    forecast = _fitted(X, past_regressors=["a"]).predict(fh=[1, 5])

    assert np.isfinite(forecast).all()


def test_past_covariates_have_an_effect_and_end_with_the_series():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=52)}, index=LATER)
    settings = {"past_regressors": ["a"], "early_stopping": False}
    forecaster = _fitted(X[:40], **settings)
    other = _fitted(X[:40] * rng.normal(size=(40, 1)), **settings)

    assert not np.allclose(forecaster.predict(), other.predict())
    np.testing.assert_array_equal(forecaster.predict(X=X[40:]), forecaster.predict())


def test_categories_and_calendar_reach_the_forecast_of_a_later_horizon():
    X = pd.DataFrame({"season": list("abcd") * 13}, index=LATER)
    forecaster = _fitted(X[:40], calendar_features="auto")

    assert forecaster.fitted_forecast_.channels.n_future == 4 + 2
    assert np.isfinite(forecaster.predict(X=X[40:], fh=[1, 12])).all()


def _signal(n, lag):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return x, 3 * np.concatenate([rng.normal(size=lag), x[: n - lag]]) + 0.05 * rng.normal(size=n)


@pytest.mark.parametrize("forecaster_class", [AttentionForecaster, ConvAttentionForecaster])
def test_a_past_covariate_that_carries_the_signal_lowers_the_error_tenfold(forecaster_class):
    index = pd.period_range("2000-01", periods=300, freq="M")
    x, values = _signal(300, lag=6)
    y, X = pd.Series(values, index=index), pd.DataFrame({"x": x}, index=index)

    def error(X, **parameters):
        forecaster = forecaster_class(random_state=0, **parameters)
        forecaster.fit(y[:-6], X=X, fh=range(1, 7))
        return np.abs(forecaster.predict() - y[-6:]).mean()

    assert error(X[:-6], past_regressors=["x"]) < error(None) / 10


def test_a_static_covariate_that_carries_the_signal_lowers_the_error_tenfold():
    """A future covariate has an effect with the sign of the static one.

    Each series can make up for it by an effect of its own, or for a part by a map of its own: both
    are left out to compare with.
    """
    rng = np.random.default_rng(0)
    # Long enough that the scale of each series, measured on itself, is known to a few percent.
    n_series, n_timepoints = 20, 300
    sign, x = rng.choice([-1.0, 1.0], n_series), rng.normal(size=(n_series, n_timepoints))
    index = pd.MultiIndex.from_product(
        [range(n_series), pd.period_range("2000-01", periods=n_timepoints, freq="M")],
        names=["series", "month"],
    )
    noise = 0.02 * rng.normal(size=x.shape)
    y = pd.DataFrame({"y": (sign[:, None] * x + noise).ravel()}, index=index)
    X = pd.DataFrame({"x": x.ravel(), "sign": sign.repeat(n_timepoints)}, index=index)
    late = index.get_level_values("month") >= pd.Period("2024-07", "M")

    def error(columns, **parameters):
        members = ("linear", "network")
        forecaster = ConvAttentionForecaster(
            random_state=0, members=members, covariate_effects=False, **parameters
        )
        forecaster.fit(y[~late], X=X.loc[~late, columns], fh=range(1, 7))
        return np.abs(forecaster.predict(X=X.loc[late, columns]) - y[late]).mean().iloc[0]

    without = error(["x"], series_correction=False)
    assert error(["x", "sign"], series_correction=False) < without / 10
    assert error(["x", "sign"]) < without / 10


@pytest.mark.parametrize(
    "as_object",
    [
        lambda values: [Decimal(str(value)) for value in values],
        lambda values: [float(value) for value in values],
        lambda values: [None, *map(float, values[1:])],
    ],
    ids=["decimals", "floats", "with None"],
)
def test_numbers_in_an_object_column_are_numbers(as_object):
    y = load_airline()[:80]
    price = np.random.default_rng(0).normal(100, 10, size=83).round(2)
    index = pd.period_range(y.index[0], periods=83, freq="M")
    X = pd.DataFrame({"price": pd.Series(as_object(price), dtype=object, index=index)})
    plain = X.astype(float)
    settings = {"filters": 2, "units": 2, "epochs": 2, "random_state": 0}

    forecasts = [
        ConvAttentionForecaster(**settings).fit(y, X=each[:80], fh=[1, 2, 3]).predict(X=each[80:])
        for each in (X, plain)
    ]

    np.testing.assert_array_equal(*forecasts)


def test_an_unknown_category_may_be_ignored():
    y = load_airline()[:60]
    index = pd.period_range(y.index[0], periods=62, freq="M")
    X = pd.DataFrame({"promo": ["none", "tv"] * 31}, index=index)
    forecaster = ConvAttentionForecaster(
        filters=2, units=2, epochs=2, unknown_category="ignore", random_state=0
    ).fit(y, X=X[:60], fh=[1, 2])
    new = pd.DataFrame({"promo": ["radio", "tv"]}, index=index[60:])
    assert np.isfinite(forecaster.predict(X=new)).all()
    strict = forecaster.clone().set_params(unknown_category="error").fit(y, X=X[:60], fh=[1, 2])
    with pytest.raises(ValueError, match=r"\['radio'\], which were not in fit.*unknown_category"):
        strict.predict(X=new)
