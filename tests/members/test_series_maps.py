"""Corrections of a model of many series: one linear map per series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sktime.split import ExpandingWindowSplitter

import skconvattn
from skconvattn import ConvAttentionForecaster
from skconvattn.members import series_maps
from skconvattn.members.series_maps import SeriesMaps, candidate_shares, combined_map

SMALL = {
    "filters": 2,
    "units": 2,
    "epochs": 2,
    "window_length": 4,
    "seasonal_period": 1,
    # Without exponential smoothing, which has a share of its own.
    "members": ("linear", "network"),
    "random_state": 0,
}
FH = [1, 2, 3]
# Each follows its own law: an oscillation of another period.
PERIODS = {"a": 3.0, "b": 5.0, "c": 7.0}


def _series(period: float, n: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(n) / period) + 0.05 * rng.normal(size=n)


def _panel(n: int = 120) -> pd.DataFrame:
    parts = {key: pd.DataFrame({"y": _series(p, n)}) for key, p in PERIODS.items()}
    return pd.concat(parts, names=["series", "time"])


def _split(y: pd.DataFrame, n_ahead: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    last = y.index.get_level_values("time").max()
    later = y.index.get_level_values("time") > last - n_ahead
    return y[~later], y[later]


def _learned(window, target, forecast, simple):
    """Return weights and map of one series."""
    present = np.ones(target.shape)
    task = series_maps.series_task(window, target, present, forecast, simple)
    shares = candidate_shares(task, np.arange(len(window)))
    return shares.ravel(), combined_map(task, shares, simple)


def _naive(window, target, forecast, simple):
    """Return weights and map by least squares of extended systems, candidate by candidate."""
    n, length = window.shape
    horizon = target.shape[1]

    def ridge(rows, rest, penalty):
        if np.isinf(penalty):
            return np.zeros((length, horizon))
        unit = np.mean(np.linalg.eigvalsh(window[rows].T @ window[rows]))
        extended = np.concatenate([window[rows], np.sqrt(penalty * unit) * np.eye(length)])
        targets = np.concatenate([rest[rows], np.zeros((length, horizon))])
        return np.linalg.lstsq(extended, targets, rcond=None)[0]

    maps, errors = [], []
    for base in [None, *simple]:
        rest = target - (forecast if base is None else window @ base)
        for penalty in series_maps._PENALTIES:
            error = 0.0
            for block in np.array_split(np.arange(n), 4):
                before = np.arange(0, max(block[0] - horizon + 1, 0))
                after = np.arange(min(block[-1] + horizon, n), n)
                kernel = ridge(np.concatenate([before, after]), rest, penalty)
                error += np.abs(rest[block] - window[block] @ kernel).sum()
            errors.append(error)
            maps.append(ridge(np.arange(n), rest, penalty) + (0 if base is None else base))
    weights = (min(errors) / np.array(errors)) ** 12
    weights[weights <= 1e-3] = 0.0
    weights /= weights.sum()
    return weights, np.tensordot(weights, maps, axes=1)


def test_weights_and_map_are_those_of_ridge_regressions_one_by_one():
    rng = np.random.default_rng(0)
    window, simple = rng.normal(size=(60, 5)), [np.eye(5, 3), np.full((5, 3), 0.2)]
    target = window @ rng.normal(size=(5, 3)) + rng.normal(size=(60, 3))
    forecast = target + rng.normal(size=(60, 3))

    shares, kernel = _learned(window, target, forecast, simple)

    expected_shares, expected_kernel = _naive(window, target, forecast, simple)
    np.testing.assert_allclose(shares, expected_shares, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(kernel, expected_kernel, rtol=1e-4, atol=1e-6)


def test_a_series_that_adds_nothing_to_the_model_keeps_its_forecast():
    """The model is right, and its residuals are noise with a variance of one."""
    rng = np.random.default_rng(1)
    window, noise = rng.normal(size=(400, 12)), rng.normal(size=(400, 3))
    forecast = 3 * window @ rng.normal(size=(12, 3))

    shares, kernel = _learned(window, forecast + noise, forecast, [np.zeros((12, 3))])

    added = kernel - (1 - shares[:4].sum()) * np.linalg.lstsq(window, forecast, rcond=None)[0]
    # Least squares alone would add 12 / 400.
    assert (added**2).sum(axis=0).mean() < 0.015


def test_a_perfect_model_is_not_corrected():
    rng = np.random.default_rng(0)
    window, target = rng.normal(size=(60, 5)), rng.normal(size=(60, 3))

    shares, kernel = _learned(window, target, target, [np.zeros((5, 3))])

    assert shares[:4].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(kernel, 0.0, atol=1e-6)


@pytest.mark.parametrize("n_windows", [1, 8, 15])
def test_series_with_few_windows_are_not_corrected(n_windows):
    groups = series_maps._groups(np.arange(n_windows), np.zeros(n_windows, dtype=int))

    assert groups == []


def test_many_series_are_forecast_some_at_a_time(monkeypatch):
    monkeypatch.setattr(series_maps, "_AT_ONCE", 50)
    series = np.repeat([0, 1, 2, 4], [20, 20, 20, 60])

    groups = series_maps._groups(np.arange(120), series)

    assert [numbers for numbers, _ in groups] == [[0, 1], [2], [4]]
    np.testing.assert_array_equal(groups[1][1][0], np.arange(40, 60))


def test_each_series_gets_its_own_map_and_new_ones_none():
    kernels = np.arange(2 * 2 * 1, dtype=np.float32).reshape(2, 2, 1)
    shares = np.zeros((2, 8))
    shares[0, 3] = 1.0  # all for the model's own forecast
    shares[1, 5] = 1.0  # all for a departure from a simple one
    maps = SeriesMaps((("a",), ("b",), ("c",)), np.array([1, -1, 0]), kernels, shares)
    windows, forecasts = np.array([[[3.0], [1.0]]] * 4), np.full((4, 1), 7.0)

    positions = maps.of([("c",), ("new",), ("a",), ("b",)], 1)

    np.testing.assert_array_equal(positions, [0, -1, 1, -1])
    # Centred by the mean to (1, -1) and a forecast of 5, or by the last value to (2, 0) and 6.
    by_mean = maps.correction(windows, forecasts, positions, "standard")[:, 0]
    by_last = maps.correction(windows, forecasts, positions, "last")[:, 0]
    np.testing.assert_array_equal(by_mean, [0 - 1, 0, 2 - 3 - 5, 0])
    np.testing.assert_array_equal(by_last, [0, 0, 4 - 6, 0])


def test_series_that_follow_laws_of_their_own_are_forecast_by_maps_of_their_own():
    train, test = _split(_panel())

    errors = {
        corrected: (
            ConvAttentionForecaster(series_correction=corrected, **SMALL)
            .fit(train, fh=FH)
            .predict()
            .sub(test)
            .abs()
            .to_numpy()
            .mean()
        )
        for corrected in (True, False)
    }

    assert errors[True] < errors[False] / 4


def test_intervals_are_those_of_the_corrected_forecast():
    """The noise has a standard deviation of 0.05: 90 % of it lie within 0.08 to both sides."""
    train, test = _split(_panel(400))
    forecaster = ConvAttentionForecaster(**SMALL).fit(train, fh=FH)

    interval = forecaster.predict_interval(coverage=0.9)

    half_width = (interval.iloc[:, 1] - interval.iloc[:, 0]) / 2
    assert half_width.mean() < 0.2
    assert ((interval.iloc[:, 0] < test["y"]) & (test["y"] < interval.iloc[:, 1])).mean() > 0.7


def test_every_kind_of_forecast_is_corrected_alike():
    y = pd.DataFrame({key: _series(period) for key, period in PERIODS.items()})
    forecaster = ConvAttentionForecaster(branch_dropout=0.1, **SMALL).fit(y[:100], fh=FH)
    assert forecaster.fitted_forecast_.maps.keys == ((),)

    later = forecaster.clone().fit(y[:100], fh=FH)
    later.update(y[100:101], update_params=False)

    in_sample = later.predict(fh=[0])
    moved = forecaster.update_predict(
        y[100:103], ExpandingWindowSplitter(fh=[1], initial_window=1), update_params=False
    )
    samples = later.sample(400, fh=[1]).T.groupby(level=0, sort=False).mean().T

    np.testing.assert_allclose(in_sample, forecaster.predict(fh=[1]), rtol=1e-6)
    np.testing.assert_allclose(moved.iloc[:1], later.predict(fh=[1]), rtol=1e-6)
    np.testing.assert_allclose(samples, later.predict(fh=[1]), atol=0.05)


def test_files_keep_the_maps(tmp_path):
    train, _ = _split(_panel())
    forecaster = ConvAttentionForecaster(**SMALL).fit(train, fh=FH)
    assert len(forecaster.fitted_forecast_.maps.kernels) == 3

    forecaster.save(tmp_path / "panel.zip")

    pd.testing.assert_frame_equal(
        skconvattn.load(tmp_path / "panel.zip").predict(), forecaster.predict()
    )


def test_a_series_added_without_training_is_forecast_by_the_model_of_all():
    y = _panel()
    forecaster = ConvAttentionForecaster(**SMALL).fit(y, fh=FH)
    plain = ConvAttentionForecaster(series_correction=False, **SMALL).fit(y, fh=FH)
    added = pd.concat({"d": y.loc["a"]}, names=["series", "time"])

    for each in (forecaster, plain):
        each.update(added, update_params=False)

    predicted, expected = forecaster.predict(), plain.predict()
    pd.testing.assert_frame_equal(predicted.loc[["d"]], expected.loc[["d"]])
    assert not np.allclose(predicted.loc["a"], expected.loc["a"])


def test_after_pretraining_a_series_is_corrected_from_its_own_past():
    pretrained = {
        corrected: ConvAttentionForecaster(series_correction=corrected, **SMALL).pretrain(
            _panel(), fh=FH
        )
        for corrected in (True, False)
    }
    y = pd.Series(_series(11.0, seed=5))

    errors = {
        corrected: np.abs(forecaster.fit(y[:117], fh=FH).predict() - y[117:]).mean()
        for corrected, forecaster in pretrained.items()
    }

    assert errors[True] < errors[False] / 2


def test_resumed_training_learns_the_maps_anew():
    y = _panel()
    train, later = _split(y, 20)
    forecaster = ConvAttentionForecaster(**SMALL).fit(train, fh=FH)
    before = forecaster.fitted_forecast_.maps.kernels.copy()

    forecaster.update(later)

    assert not np.array_equal(before, forecaster.fitted_forecast_.maps.kernels)


def test_a_single_series_has_no_map_beside_its_model():
    forecaster = ConvAttentionForecaster(**SMALL).fit(pd.Series(_series(5.0)), fh=FH)

    assert forecaster.fitted_forecast_.maps is None
