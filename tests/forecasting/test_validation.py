"""Bad input is refused in one sentence before training, and what was fitted before stays usable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster

N = 40
INDEX = pd.period_range("2020-01", periods=N, freq="M")
Y = pd.Series(np.sin(np.arange(N) / 2), index=INDEX, name="y")
X = pd.DataFrame({"a": np.arange(N, dtype=float), "b": 1.0}, index=INDEX)


def _with(series, position, value):
    changed = series.copy()
    changed.iloc[position] = value
    return changed


def _forecaster(**parameters):
    return ConvAttentionForecaster(filters=2, units=2, epochs=1, random_state=0, **parameters)


BAD_FITS = {
    "nothing but missing": ({"y": Y * np.nan}, ValueError, "y has only missing values in .*'y'"),
    "infinite value": ({"y": _with(Y, 5, np.inf)}, ValueError, "y has infinite values at 2020-06"),
    "infinite in array": ({"y": _with(Y, 5, np.inf).to_numpy()}, ValueError, "y has infinite val"),
    "gap": ({"y": Y.drop(INDEX[[4, 5, 9]])}, ValueError, "gaps after 2020-04, 2020-09; .*reindex"),
    "no frequency": (
        {"y": Y.set_axis(pd.DatetimeIndex(np.arange(N) ** 2 * 10**14))},
        ValueError,
        "at no regular distance, .*resample",
    ),
    "text": ({"y": Y.astype(str)}, TypeError, "astype\\(float\\)"),
    "complex": ({"y": Y + 1j}, TypeError, "real numbers"),
    "none": ({"y": None}, TypeError, "y is None"),
    "empty": ({"y": Y.iloc[:0]}, ValueError, "y is empty; give a series of at least 3"),
    "two steps": ({"y": Y.iloc[:2]}, ValueError, "y has 2 time steps; .* at least 3"),
    "unsorted": ({"y": Y.iloc[::-1]}, ValueError, "sort it with y.sort_index"),
    "duplicates": (
        {"y": pd.concat([Y, Y.iloc[:1]]).sort_index()},
        ValueError,
        "more than one row at 2020-01; keep one",
    ),
    "columns of one name": (
        {"y": pd.DataFrame(np.ones((N, 2)), columns=["a", "a"])},
        ValueError,
        "more than one column called a",
    ),
    "empty horizon": ({"fh": []}, ValueError, "fh is empty; give steps ahead"),
    "X too short": ({"X": X.iloc[:-2]}, ValueError, "X has no row at 2023-03, 2023-04, where y"),
    "X infinite": ({"X": X.assign(a=np.inf)}, ValueError, "X\\['a'\\] has infinite values"),
    "X dates": ({"X": X.assign(c=pd.Timestamp(0))}, TypeError, "X\\['c'\\] has values of type dat"),
    "X duplicates": ({"X": pd.concat([X, X]).sort_index()}, ValueError, "X has more than one row"),
}

BAD_PARAMETERS = {
    "window": ({"window_length": 40}, "window_length=40 leaves no .* use window_length <= 39"),
    "filters": ({"filters": 0}, "'filters' parameter .* range \\[1, inf\\). Got 0"),
    "activation": ({"activation": "reluu"}, "'activation' parameter .* Got 'reluu'"),
    "optimizer": ({"optimizer": "adamm"}, "optimizer='adamm' .* use a name such as 'adam'"),
    "loss": ({"loss": "msee"}, "loss='msee' .* use a name such as 'mse'"),
    "levels out of order": ({"quantiles": (0.9, 0.1)}, "quantiles=\\(0.9, 0.1\\) must be incr"),
    "level of one": ({"quantiles": (0.5, 1.0)}, "strictly between 0 and 1; use for example"),
    "loss beside levels": (
        {"quantiles": (0.1, 0.5, 0.9), "loss": "mse"},
        "loss='mse' cannot train quantiles=.*; use loss='auto'",
    ),
    "normalization": ({"normalization": "mean"}, "'normalization' parameter"),
    "windows": ({"window_length": (12, 0)}, "window_length=\\(12, 0\\) must be .* to try three"),
    "past": ({"past_regressors": ["c"]}, "past_regressors=\\['c'\\] names \\['c'\\], which X does"),
    "static": ({"static_regressors": ["c"]}, "static_regressors=\\['c'\\] names"),
    "calendar": ({"calendar_features": ["hour"]}, "names \\['hour'\\]; use 'auto' or names from"),
    "conformal": ({"conformal": True}, "conformal=True corrects .* give quantiles"),
    "update": ({"update_strategy": "all"}, "'update_strategy' parameter"),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_data_is_refused_by_a_sentence_that_names_it(case):
    changed, error, message = BAD_FITS[case]
    arguments = {"y": Y, "X": None, "fh": [1, 2], **changed}

    with pytest.raises(error, match=message):
        _forecaster().fit(**arguments)


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters_are_refused_by_a_sentence_that_names_them(case):
    parameters, message = BAD_PARAMETERS[case]

    with pytest.raises(ValueError, match=message):
        _forecaster().set_params(**parameters).fit(Y, fh=[1, 2])


def test_a_fit_that_fails_leaves_the_forecaster_as_it_was():
    forecaster = _forecaster().fit(Y, fh=[1, 2])
    before = forecaster.predict()

    with pytest.raises(ValueError, match="infinite values"):
        forecaster.fit(_with(Y, 3, np.inf), fh=[1, 2, 3])

    pd.testing.assert_series_equal(forecaster.predict(), before)


@pytest.fixture(scope="module")
def with_covariates():
    return _forecaster().fit(Y[:-6], X=X[:-6], fh=[1, 2, 3])


def test_future_covariates_left_out_are_asked_for_by_name(with_covariates):
    with pytest.raises(
        ValueError, match=r"X is missing, .*\['a', 'b'\]; give their values at 2022-11"
    ):
        with_covariates.predict()


def test_missing_future_rows_are_listed(with_covariates):
    with pytest.raises(ValueError, match="X has no row at 2022-12, 2023-01; give the covariates"):
        with_covariates.predict(X=X.iloc[-6:-5])


def test_missing_columns_are_listed(with_covariates):
    with pytest.raises(ValueError, match=r"X lacks the columns \['b'\]"):
        with_covariates.predict(X=X[["a"]][-6:])


def test_rows_that_no_step_depends_on_may_be_missing(with_covariates):
    whole = with_covariates.clone().fit(Y[:-6], X=X[:-6], fh=[1, 3])

    all_rows = whole.predict(X=X[-6:])
    asked_rows = whole.predict(X=X[-6:].iloc[[0, 2]])

    pd.testing.assert_series_equal(all_rows, asked_rows)


DATES = pd.date_range("2020-01-01", periods=N, freq="MS")
LONG = pd.DataFrame({"unique_id": np.repeat(["a", "b"], N), "ds": [*DATES, *DATES], "y": 1.0})
LAYOUTS = {
    "long": (LONG, "set_index(['unique_id', 'ds'])"),
    "numbered series": (
        LONG.assign(unique_id=np.repeat([0, 1], N)),
        "set_index(['unique_id', 'ds']",
    ),
    "unsorted": (LONG.iloc[::-1], "set_index(['unique_id', 'ds']).sort_index()"),
    "dates": (pd.DataFrame({"date": DATES, "y": 1.0}), "y.set_index(['date'])"),
    "dates and counts": (pd.DataFrame({"n": np.arange(N), "date": DATES}), "set_index(['date'])"),
    "periods": (pd.DataFrame({"month": INDEX, "y": 1.0}), "set_index(['month'])"),
    "text": (pd.DataFrame({"date": DATES.astype(str), "y": 1.0}), "pandas.to_datetime(y['date'])"),
    "days": (pd.DataFrame({"day": DATES.date, "y": 1.0}), "pandas.to_datetime(y['day'])"),
}


@pytest.mark.parametrize(("frame", "line"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_frame_with_dates_in_a_column_is_told_the_line_that_converts_it(frame, line):
    with pytest.raises(TypeError, match=r"^y has its time stamps in the column") as refusal:
        _forecaster().fit(frame, fh=[1, 2])

    assert line in str(refusal.value)
    code = str(refusal.value).split("for example with ")[1].rstrip(".")
    converted = eval(code, {"y": frame, "pandas": pd})
    assert _forecaster().fit(converted, fh=[1, 2]).predict().notna().all(axis=None)


def test_text_in_x_that_looks_like_a_date_is_a_category():
    y = Y.reset_index(drop=True).to_frame()
    cohort = pd.DataFrame({"cohort": ["2019-05", "2019-06"] * (N // 2)})

    assert len(_forecaster().fit(y, X=cohort, fh=1).predict(X=cohort[:1].set_axis([N]))) == 1
