"""The width of intervals in a panel follows the errors of each series, where these differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import polygamma

from skconvattn import ConvAttentionForecaster, load
from skconvattn.intervals.series_scales import _inverse_trigamma, series_scales

H = 12


def errors_of(sizes, n_windows, seed=0):
    """Return independent errors of series with these sizes, and the series of each window."""
    rng = np.random.default_rng(seed)
    sizes = np.repeat(np.asarray(sizes, dtype=float), n_windows)
    of_series = np.repeat(np.arange(len(sizes) // n_windows), n_windows)
    return rng.normal(size=(len(sizes), 1)) * sizes[:, None], of_series


def panel(n_series=16, n_timepoints=160, seed=0):
    """Return monthly series that change as much: even ones seasonal, odd ones noise."""
    rng = np.random.default_rng(seed)
    index = pd.period_range("2000-01", periods=n_timepoints, freq="M")
    frames = {}
    for number in range(n_series):
        noise = rng.normal(size=n_timepoints)
        season = np.sin(2 * np.pi * (np.arange(n_timepoints) / 12 + rng.random()))
        values = 0.9 * noise if number % 2 else season + 0.1 * noise
        frames[f"series {number:02d}"] = pd.DataFrame({"y": 10 + values}, index=index)
    return pd.concat(frames, names=["series", "month"])


def before(y, last):
    return y[y.index.get_level_values("month") <= last]


@pytest.fixture(scope="module")
def fitted():
    y = panel()
    cutoff = y.index.get_level_values("month").max() - H
    return ConvAttentionForecaster(random_state=0).fit(before(y, cutoff), fh=range(1, H + 1)), y


def test_predictable_and_noisy_series_have_the_coverage_asked_for(fitted):
    forecaster, y = fitted
    interval = forecaster.predict_interval(coverage=0.9)
    actual = y.loc[interval.index, "y"].to_numpy()
    lower, upper = interval.to_numpy().T
    covered = ((actual >= lower) & (actual <= upper)).reshape(-1, H)
    assert 0.8 < covered[::2].mean() < 0.98
    assert 0.8 < covered[1::2].mean() < 0.98
    width = (upper - lower).reshape(-1, H).mean(axis=1)
    # Their noise is a ninth of that of the others.
    assert width[1::2].mean() > 4 * width[::2].mean()


def test_files_keep_the_intervals_of_each_series(fitted, tmp_path):
    forecaster, _ = fitted
    forecaster.save(tmp_path / "model.zip")
    found = load(tmp_path / "model.zip").predict_interval(coverage=0.9)
    pd.testing.assert_frame_equal(found, forecaster.predict_interval(coverage=0.9), rtol=1e-12)


def test_equal_series_have_equal_factors():
    errors, of_series = errors_of(np.ones(30), 12)
    factors, cross_fitted = series_scales(errors, of_series, 30)
    # Chance alone differs by a fifth from series to series.
    assert np.ptp(factors) < 0.4
    assert np.ptp(cross_fitted) < 0.5


def test_many_windows_tell_the_factors():
    sizes = np.geomspace(0.2, 5, 9)
    errors, of_series = errors_of(sizes, 400)
    factors, cross_fitted = series_scales(errors, of_series, 9)
    np.testing.assert_allclose(factors / factors[4], sizes, rtol=0.12)
    np.testing.assert_allclose(cross_fitted.reshape(9, -1).mean(axis=1), factors, rtol=0.05)


def test_the_factor_of_a_window_comes_from_the_other_half_of_its_series():
    errors, of_series = errors_of([1.0, 3.0, 0.3], 40)
    _, cross_fitted = series_scales(errors, of_series, 3)
    moved = errors.copy()
    moved[:20] *= 5
    _, now = series_scales(moved, of_series, 3)
    # All are relative to the pooled errors; the halves of the first series are compared.
    assert now[20] / now[0] > 3 * cross_fitted[20] / cross_fitted[0]


def test_factors_of_few_windows_are_shrunk_towards_those_of_the_others():
    few = np.array([[1.0], [4.0]])
    errors, of_series = errors_of([0.5, 1.0, 2.0], 200)
    joined, numbers = np.concatenate([errors, few]), np.append(of_series, [3, 3])
    factors, _ = series_scales(joined, numbers, 4)
    own = np.sqrt(np.mean(few**2) / np.mean(joined**2))
    assert factors[:3].max() < factors[3] < own


def test_series_without_windows_or_errors_have_a_factor():
    errors, of_series = errors_of([0.5, 1.0, 2.0], 50)
    errors[:50] = 0.0
    factors, cross_fitted = series_scales(errors, of_series, 4)
    assert factors[3] == 1.0
    assert 0 < factors[0] < factors[1] < factors[2]
    assert (cross_fitted > 0).all()
    ones, _ = series_scales(np.zeros((6, 2)), np.repeat([0, 1], 3), 2)
    np.testing.assert_array_equal(ones, 1.0)
    missing, _ = series_scales(np.full((6, 2), np.nan), np.repeat([0, 1], 3), 2)
    np.testing.assert_array_equal(missing, 1.0)


@pytest.mark.parametrize("x", [1e-3, 0.5, 1.0, 7.0, 1e4])
def test_the_inverse_of_trigamma(x):
    assert _inverse_trigamma(float(polygamma(1, x))) == pytest.approx(x, rel=1e-6)
