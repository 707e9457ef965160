"""The pretrained forecaster forecasts without any training, whatever the series are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import PretrainedForecaster, load
from skconvattn.data.patches import window_steps
from skconvattn.datasets import simulate_series


def _panel(lengths: dict[str, int]) -> pd.DataFrame:
    y = load_airline()
    return pd.concat({name: y[-n:].to_frame("y") for name, n in lengths.items()}, names=["s", "t"])


def test_airline_passengers_are_forecast_far_better_than_by_their_last_season():
    y = load_airline()
    forecast = PretrainedForecaster().fit(y[:-12], fh=range(1, 13)).predict()

    naive = np.abs(y[-24:-12].to_numpy() - y[-12:].to_numpy()).mean()
    assert np.abs(forecast - y[-12:]).mean() < 0.6 * naive
    assert forecast.index.equals(y.index[-12:])


def test_no_backend_is_loaded():
    script = """
import sys
from sktime.datasets import load_airline
from skconvattn import PretrainedForecaster
PretrainedForecaster().fit(load_airline(), fh=[1, 2]).predict_interval()
print(sorted({"keras", "tensorflow", "jax", "torch"} & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_each_series_of_a_panel_is_forecast_as_it_is_alone():
    panel = _panel({"a": 140, "b": 30, "c": 5})
    together = PretrainedForecaster(seasonal_period=12).fit(panel, fh=range(1, 20)).predict()

    for name in "abc":
        alone = PretrainedForecaster(seasonal_period=12).fit(panel.loc[name], fh=range(1, 20))
        np.testing.assert_allclose(together.loc[name], alone.predict(), rtol=1e-4)


def test_columns_are_forecast_one_by_one():
    y = simulate_series(3, 60, 4, random_state=2)
    together = PretrainedForecaster().fit(y, fh=range(1, 9)).predict()

    assert together.shape == (8, 3)
    for name in y.columns:
        alone = PretrainedForecaster().fit(y[name], fh=range(1, 9)).predict()
        np.testing.assert_allclose(together[name], alone, rtol=1e-4)


def test_an_update_is_a_longer_series():
    y = load_airline()
    updated = PretrainedForecaster().fit(y[:-7], fh=range(1, 13)).update(y[-7:])

    assert updated.cutoff[0] == y.index[-1]
    whole = PretrainedForecaster().fit(y, fh=range(1, 13))
    np.testing.assert_allclose(updated.predict(), whole.predict())


def test_a_file_and_its_clone_forecast_the_same(tmp_path):
    forecaster = PretrainedForecaster(lower_bound=0).fit(load_airline(), fh=range(1, 13))
    forecaster.save(tmp_path / "model.zip")
    loaded = load(tmp_path / "model.zip")

    assert loaded.get_params() == forecaster.get_params()
    pd.testing.assert_frame_equal(loaded.predict_interval(), forecaster.predict_interval())


def test_intervals_hold_about_as_much_as_they_say():
    y = simulate_series(300, 78, 12, random_state=5)
    intervals = PretrainedForecaster().fit(y[:-18], fh=range(1, 19)).predict_interval(coverage=0.9)
    lower, upper = (intervals.xs(end, axis=1, level=2).to_numpy() for end in ("lower", "upper"))
    held = (y[-18:].to_numpy() >= lower) & (y[-18:].to_numpy() <= upper)

    assert 0.82 < held.mean() < 0.97
    levels = PretrainedForecaster().fit(y[0], fh=[1, 5]).predict_quantiles(alpha=[0.01, 0.5, 0.99])
    assert (np.diff(levels.to_numpy(), axis=1) > 0).all()


def test_missing_values_at_the_end_are_forecast_over():
    y = load_airline()
    gap = y.copy()
    gap.iloc[-3:] = np.nan
    forecast = PretrainedForecaster().fit(gap, fh=range(1, 10)).predict()
    before = PretrainedForecaster().fit(y[:-3], fh=range(4, 13)).predict()

    np.testing.assert_allclose(forecast, before, rtol=0.02)


def test_one_outlier_changes_little():
    y = load_airline()
    struck = y.copy()
    struck.iloc[100] = 1e6
    clean, other = (
        PretrainedForecaster().fit(each, fh=range(1, 13)).predict() for each in (y, struck)
    )

    assert np.abs(clean / other - 1).max() < 0.05


@pytest.mark.parametrize(
    "values", [[3.0] * 30, [0.0] * 20, [1.0, 2.0, 1.5, 3.0, 2.0], [4.0, 5.0, 4.5]]
)
def test_short_and_constant_series_get_finite_forecasts_within_reach(values):
    y = pd.Series(values, index=pd.period_range("2020", periods=len(values), freq="M"))
    forecaster = PretrainedForecaster().fit(y, fh=range(1, 25))

    assert np.isfinite(forecaster.predict_interval().to_numpy()).all()
    reach = 3 * (y.max() - y.min()) + 1e-6
    assert (np.abs(forecaster.predict() - y.mean()) <= reach).all()


def test_in_sample_steps_are_forecast_from_what_came_before():
    y = load_airline()
    forecaster = PretrainedForecaster().fit(y)
    inner = forecaster.predict(fh=range(-100, 1))
    alone = PretrainedForecaster().fit(y[:-30], fh=[1]).predict()

    assert inner.loc[alone.index[0]] == pytest.approx(alone.iloc[0], rel=1e-3)
    assert np.isfinite(forecaster.predict(fh=y.index)).all()


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e300])
def test_units_of_any_size_are_forecast_alike(factor):
    y = load_airline()
    one, other = (PretrainedForecaster().fit(each, fh=range(1, 13)) for each in (y, y * factor))

    np.testing.assert_allclose(other.predict() / factor, one.predict(), rtol=1e-3)


@pytest.mark.parametrize("n_ahead", [60, 600])
def test_distant_steps_stay_within_reach_of_what_was_seen(n_ahead):
    y = load_airline()
    forecast = PretrainedForecaster().fit(y, fh=range(1, n_ahead + 1)).predict()
    seen = y[-window_steps(12) :]

    reach = 3 * (seen.max() - seen.min())
    assert forecast.max() <= seen.max() + reach + 1e-6
    assert forecast.min() >= seen.min() - reach - 1e-6


def test_bounds_hold():
    y = load_airline()
    forecaster = PretrainedForecaster(lower_bound=420, upper_bound=500).fit(y, fh=range(1, 13))

    assert forecaster.predict_interval().to_numpy().min() >= 420
    assert forecaster.predict_interval().to_numpy().max() <= 500


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seasonal_period": 0}, "seasonal_period"),
        ({"seasonal_period": ()}, "is not a sequence of time steps"),
        ({"lower_bound": 5, "upper_bound": 5}, "is not below"),
    ],
)
def test_impossible_parameters_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        PretrainedForecaster(**given).fit(load_airline(), fh=[1])


def test_a_fit_that_is_refused_leaves_the_one_before():
    forecaster = PretrainedForecaster().fit(load_airline(), fh=[1])
    before, wrong = forecaster.predict(), load_airline()
    wrong.iloc[5] = np.inf
    with pytest.raises(ValueError, match="infinit"):
        forecaster.fit(wrong, fh=[1])
    pd.testing.assert_series_equal(forecaster.predict(), before)
