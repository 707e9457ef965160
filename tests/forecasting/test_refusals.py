"""Data refused by a fitted forecaster leave it unchanged, with the remedy in one sentence."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster

SMALL = {"filters": 2, "units": 2, "epochs": 1, "window_length": 6, "random_state": 0}
N = 40
INDEX = pd.period_range("2020-01", periods=N, freq="M")
Y = pd.Series(np.sin(np.arange(N) / 2), index=INDEX, name="y")
X = pd.DataFrame(
    {"a": np.arange(N, dtype=float), "b": np.cos(np.arange(N)), "c": list("uv") * 20}, index=INDEX
)
# The four steps after the fit.
MORE, MORE_X = Y[30:34], X[30:34]
QUARTERS = pd.period_range("2022Q3", periods=4, freq="Q")
HOURS = pd.date_range("2022-07-01", periods=4, freq="h")


@pytest.fixture(scope="module")
def alone():
    return ConvAttentionForecaster(**SMALL).fit(Y[:30], fh=[1, 2, 3])


@pytest.fixture(scope="module")
def with_covariates():
    return ConvAttentionForecaster(**SMALL).fit(Y[:30], X=X[:30], fh=[1, 2, 3])


def _refused(forecaster, call, error, message, **to_predict):
    """Call on a copy, and compare its forecasts and cutoff before and after."""
    forecaster = copy.deepcopy(forecaster)
    before, cutoff = forecaster.predict(**to_predict), forecaster.cutoff

    with pytest.raises(error, match=message) as refusal:
        call(forecaster)

    text = str(refusal.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert ". " not in text  # one sentence
    assert forecaster.cutoff.equals(cutoff)
    pd.testing.assert_series_equal(forecaster.predict(**to_predict), before)
    interval = forecaster.predict_interval(**to_predict)
    assert np.isfinite(interval).all(axis=None)


UPDATES = {
    "quarters": (MORE.set_axis(QUARTERS), ValueError, "do not follow the frequency 'M'"),
    "dates": (MORE.set_axis(MORE.index.to_timestamp()), ValueError, "another kind .* give periods"),
    "numbers": (MORE.reset_index(drop=True), ValueError, "another kind .* give periods"),
    "array": (MORE.to_numpy(), ValueError, "another kind .* give periods"),
    "infinite": (MORE + np.inf, ValueError, "y has infinite values at 2022-07, .* replace them"),
    "text": (MORE.astype(str), TypeError, "y has values of type (str|object); give real numbers"),
    "complex": (MORE + 1j, TypeError, "y has values of type complex128; give real numbers"),
    "repeated": (pd.concat([MORE, MORE[:1]]).sort_index(), ValueError, "more than one row at 2022"),
    "unsorted": (MORE[::-1], ValueError, "y is not in order of time; sort it with y.sort_index"),
    "more columns": (pd.DataFrame({"y": MORE, "z": MORE}), ValueError, r"\['y', 'z'\], but .*\['y"),
    "panel": (
        pd.concat({"s": MORE.to_frame()}),
        ValueError,
        "index of 2 levels, but the forecaster was fitted to one of 1",
    ),
}


@pytest.mark.parametrize("update_params", [False, True])
@pytest.mark.parametrize("case", UPDATES)
def test_an_update_that_does_not_continue_the_fit_is_refused(alone, case, update_params):
    y, error, message = UPDATES[case]

    _refused(alone, lambda f: f.update(y, update_params=update_params), error, message)


@pytest.mark.parametrize("case", UPDATES)
def test_a_backtest_refuses_the_same(alone, case):
    y, error, message = UPDATES[case]

    _refused(alone, lambda f: f.update_predict(y, update_params=False), error, message)
    _refused(alone, lambda f: f.update_predict_single(y, update_params=False), error, message)


COVARIATES = {
    "none": (None, ValueError, r"X is missing, .* \['a', 'b', 'c'\]; give .* at 2022-07"),
    "too short": (MORE_X[:2], ValueError, "X has no row at 2022-09"),
    "fewer columns": (MORE_X[["a"]], ValueError, r"X lacks the columns \['b', 'c'\]"),
    "quarters": (MORE_X.set_axis(QUARTERS), ValueError, "X has no row at 2022-07"),
    "dates": (MORE_X.set_axis(HOURS), ValueError, "X has no row at 2022-07"),
    "array": (MORE_X[["a", "b"]].to_numpy(), ValueError, r"X lacks the columns \['a', 'b', 'c'\]"),
    "infinite": (MORE_X.assign(a=np.inf), ValueError, r"X\['a'\] has infinite values at 2022-07"),
    "text": (MORE_X.assign(a="one"), TypeError, r"X\['a'\] has values .* but held numbers in fit"),
    "new category": (MORE_X.assign(c="w"), ValueError, r"categories \['w'\], .* use one of \['u'"),
    "repeated": (pd.concat([MORE_X, MORE_X[:1]]).sort_index(), ValueError, "X has more than one r"),
    "unsorted": (MORE_X[::-1], ValueError, "X is not in order of time"),
    "repeated column": (MORE_X.set_axis(list("aac"), axis=1), ValueError, "one column called a;"),
}


@pytest.mark.parametrize("case", COVARIATES)
def test_covariates_that_do_not_match_are_refused(with_covariates, case):
    bad, error, message = COVARIATES[case]

    def refused(call):
        _refused(with_covariates, call, error, message, X=MORE_X)

    refused(lambda f: f.predict(X=bad))
    refused(lambda f: f.predict_interval(X=bad))
    refused(lambda f: f.predict_var(X=bad))
    if case == "array":
        message = "X has no row|X lacks the columns"  # its rows have other time stamps as well
    refused(lambda f: f.update(MORE, X=bad, update_params=False))
    refused(lambda f: f.update(MORE, X=bad, update_params=True))


ANSWERS = {
    "no steps": (lambda f: f.predict(fh=[]), ValueError, "fh is empty; give steps ahead"),
    "no steps of intervals": (lambda f: f.predict_interval(fh=[]), ValueError, "fh is empty"),
    "before the series": (
        lambda f: f.predict(fh=[-30]),
        ValueError,
        "fh reaches 1 time steps back before 2020-01, where y begins; use steps within",
    ),
    "quarters": (lambda f: f.predict(fh=QUARTERS), ValueError, "frequency 'M' of y in fit; give"),
    "dates": (lambda f: f.predict(fh=HOURS), ValueError, "another kind .* give periods"),
    "alpha of 0": (
        lambda f: f.predict_quantiles(alpha=0.0),
        ValueError,
        r"alpha=0.0 must lie strictly between 0 and 1; use for example \(0.05, 0.95\)",
    ),
    "alpha of 1": (lambda f: f.predict_quantiles(alpha=[0.5, 1]), ValueError, r"alpha=\[0.5, 1\]"),
    "alpha below 0": (lambda f: f.predict_quantiles(alpha=-0.1), ValueError, "alpha=-0.1 must"),
    "alpha of nothing": (lambda f: f.predict_quantiles(alpha=[]), ValueError, r"alpha=\[\] must"),
    "alpha of NaN": (lambda f: f.predict_quantiles(alpha=np.nan), ValueError, "alpha=nan must"),
    "alpha of text": (lambda f: f.predict_quantiles(alpha="a"), TypeError, "alpha='a' is not a n"),
    "coverage of 0": (lambda f: f.predict_interval(coverage=0.0), ValueError, "coverage=0.0 must"),
    "coverage of 1": (lambda f: f.predict_interval(coverage=1.0), ValueError, "coverage=1.0 must"),
    "coverage of 90": (lambda f: f.predict_interval(coverage=90), ValueError, "coverage=90 must"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_cannot_be_answered_is_refused(alone, case):
    _refused(alone, *ANSWERS[case])


def test_a_horizon_is_asked_for_where_there_is_none():
    forecaster = ConvAttentionForecaster(**SMALL).fit(Y)

    with pytest.raises(ValueError, match="`fh` must be passed"):
        forecaster.predict()


@pytest.mark.parametrize("fh", [0, [0], [-3, 0]])
def test_a_horizon_within_the_series_asks_for_in_sample_forecasts(fh):
    """A horizon of zero is the last step seen, not an empty one."""
    forecast = ConvAttentionForecaster(**SMALL).fit(Y, fh=fh).predict()

    assert list(forecast.index) == [INDEX[-1] + step for step in np.atleast_1d(fh)]


@pytest.mark.parametrize("panel", ["global", "local"])
def test_a_panel_with_one_bad_series_is_not_updated_at_all(panel):
    names = ["series", "month"]
    y = pd.concat({"s": Y[:30].to_frame(), "t": 2 * Y[:30].to_frame()}, names=names)
    bad = pd.concat({"s": MORE.to_frame(), "t": np.inf * MORE.to_frame()}, names=names)
    forecaster = ConvAttentionForecaster(panel=panel, **SMALL).fit(y, fh=[1, 2])
    before = forecaster.predict()

    with pytest.raises(ValueError, match="infinite values"):
        forecaster.update(bad, update_params=False)

    pd.testing.assert_frame_equal(forecaster.predict(), before)


def test_local_models_are_updated_all_or_none(monkeypatch):
    """The second model fails after the first one was updated."""
    names = ["series", "month"]
    y = pd.concat({"s": Y[:30].to_frame(), "t": 2 * Y[:30].to_frame()}, names=names)
    more = pd.concat({"s": MORE.to_frame(), "t": MORE.to_frame()}, names=names)
    forecaster = ConvAttentionForecaster(panel="local", **SMALL).fit(y, fh=[1, 2])
    before = forecaster.predict()
    original, calls = ConvAttentionForecaster._update, []

    def failing(self, *arguments, **named):
        calls.append(self)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return original(self, *arguments, **named)

    monkeypatch.setattr(ConvAttentionForecaster, "_update", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        forecaster.update(more, update_params=False)
    monkeypatch.undo()

    pd.testing.assert_frame_equal(forecaster.predict(), before)
    forecaster.update(more, update_params=False)
    assert forecaster.predict().index[0] == ("s", INDEX[34])


def test_an_update_of_one_column_may_have_another_name(alone):
    named, other = copy.deepcopy(alone), copy.deepcopy(alone)

    named.update(MORE, update_params=False)
    other.update(MORE.rename("sales"), update_params=False)

    np.testing.assert_array_equal(named.predict(), other.predict())
    assert other.panel_.first.y.notna().all(axis=None)


def test_an_update_may_have_its_columns_in_another_order():
    two = pd.DataFrame({"a": Y, "b": 100 + Y})
    forecaster = ConvAttentionForecaster(**SMALL).fit(two[:30], fh=[1, 2])
    other = copy.deepcopy(forecaster)

    forecaster.update(two[30:34], update_params=False)
    other.update(two.loc[MORE.index, ["b", "a"]], update_params=False)

    pd.testing.assert_frame_equal(
        forecaster.predict(), other.predict(), check_like=True, check_names=False
    )
    with pytest.raises(ValueError, match=r"y has the columns \['a', 'c'\], but .* \['a', 'b'\]"):
        other.update(two[34:].set_axis(["a", "c"], axis=1), update_params=False)


def test_fit_predict_checks_as_fit_does():
    forecaster = ConvAttentionForecaster(**SMALL)
    np.testing.assert_array_equal(
        forecaster.clone().fit_predict(Y[:30], fh=[1, 2]),
        forecaster.clone().fit(Y[:30], fh=[1, 2]).predict(),
    )

    with pytest.raises(ValueError, match="'filters' parameter"):
        forecaster.clone().set_params(filters=0).fit_predict(Y, fh=[1])
    fitted = forecaster.fit(Y[:30], fh=[1, 2])
    before = fitted.predict()
    with pytest.raises(ValueError, match="y has infinite values"):
        fitted.fit_predict(MORE + np.inf, fh=[1])
    pd.testing.assert_series_equal(fitted.predict(), before)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([[1.0], [2.0], [np.inf], [3.0]]), r"y\[:, 0\] has infinite values at 2;"),
        (np.array([[[1.0, 2.0, np.inf, 3.0]]]), r"y\[0\]\['.*'\] has infinite values at 2;"),
        (
            pd.Series(1.0, pd.timedelta_range("1h", periods=9, freq="h")),
            "of type timedelta64.* giv",
        ),
        (pd.concat([Y, Y], axis=1), "y has more than one column called y; give each its own name"),
        (
            pd.concat([pd.concat({"s": Y.to_frame()}), pd.concat({"s": Y[-1:].to_frame()})]),
            r"y has more than one row at \('s', Period\('2023-04', 'M'\)\); keep .*level=\[0, 1\]",
        ),
    ],
)
def test_containers_of_all_kinds_are_checked(y, message):
    with pytest.raises(ValueError, match=message):
        ConvAttentionForecaster(**SMALL).fit(y, fh=[1])


def test_categories_that_pretraining_did_not_see_are_refused():
    names = ["series", "month"]
    y = pd.concat({"s": Y.to_frame(), "t": 2 * Y.to_frame()}, names=names)
    covariates = pd.concat({"s": X[["c"]], "t": X[["c"]]}, names=names)
    forecaster = ConvAttentionForecaster(**SMALL).pretrain(y, X=covariates, fh=[1, 2])

    with pytest.raises(ValueError, match=r"categories \['w'\], .* use one of \['u', 'v'\]"):
        forecaster.fit(Y, X=X[["c"]].replace("u", "w"))


@pytest.mark.parametrize("dtype", ["string", "category", object])
def test_missing_categories_have_an_indicator_for_any_type(dtype):
    """The nullable kind of strings compares a missing value with another to a missing value."""
    values = pd.Series([*"uv", None] * 14, dtype=dtype)[:N].set_axis(INDEX)
    forecaster = ConvAttentionForecaster(**SMALL)
    forecaster.fit(Y[:30], X=values[:30].to_frame("c"), fh=[1, 2, 3])

    channels = forecaster.fitted_forecast_.channels.encoder.future_channels(
        values[:3].to_frame("c"), INDEX[:3]
    )

    scaling = forecaster.fitted_forecast_.channels.encoder.future_scaling
    np.testing.assert_allclose(channels * scaling.scale + scaling.center, np.eye(3), atol=1e-6)
    assert np.isfinite(forecaster.predict(X=values[30:].to_frame("c"))).all()
