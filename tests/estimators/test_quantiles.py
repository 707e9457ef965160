"""Quantile regression: levels in order, a median to predict, and coverage that holds."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionRegressor, load
from skconvattn.intervals import quantile_shifts
from tests.estimator_params import every

LEVELS = (0.1, 0.25, 0.75, 0.9)
SMALL = {"units": 2, "epochs": 2, "random_state": 0, "quantiles": LEVELS}


def _data(n_samples: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A value with noise whose size follows the level of the series."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, 3, size=n_samples)
    X = level[:, None] + rng.normal(scale=0.2, size=(n_samples, 10))
    return X, 2 * level + rng.normal(size=n_samples) * (0.3 + level)


@every("regressor", quick="ConvAttention")
@pytest.mark.parametrize("n_outputs", [0, 3])
def test_quantiles_do_not_cross_and_the_median_is_predicted(cls, n_outputs):
    X, y = _data(160)
    y = y if not n_outputs else np.stack([y, -100 * y, 5 + 0 * y], axis=1)
    regressor = cls(**SMALL).fit(X, y)
    quantiles = regressor.predict_quantiles(X)
    assert quantiles.shape == (*y.shape, 4)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    median = regressor.predict(X)
    assert (quantiles[..., 1] <= median).all()
    assert (median <= quantiles[..., 2]).all()


def test_the_median_is_one_of_the_quantiles_where_it_was_asked_for():
    X, y = _data()
    regressor = ConvAttentionRegressor(**{**SMALL, "quantiles": [0.1, 0.5]}).fit(X, y)
    np.testing.assert_array_equal(regressor.predict_quantiles(X)[:, 1], regressor.predict(X))


def test_held_out_samples_correct_the_coverage():
    """Of 2000 fresh values in each of 5 draws, as many lie below as the level says.

    With 100 held-out samples the coverage has a standard deviation of 0.05 about 0.5 and of 0.03
    about 0.1, over five draws of less than half of that.
    """
    below = []
    for seed in range(5):
        X, y = _data(500, seed)
        settings = {"quantiles": (0.1, 0.5, 0.9), "epochs": 15, "random_state": seed}
        regressor = ConvAttentionRegressor(**settings, patience=3).fit(X, y)
        X, y = _data(2000, 100 + seed)
        below.append((y[:, None] < regressor.predict_quantiles(X)).mean(axis=0))
    np.testing.assert_allclose(np.mean(below, axis=0), [0.1, 0.5, 0.9], atol=0.04)


def test_intervals_are_wider_where_the_noise_is():
    X, y = _data(500)
    regressor = ConvAttentionRegressor(quantiles=(0.1, 0.9), epochs=60, random_state=0).fit(X, y)
    calm, wild = np.zeros((1, 10)) + 0.3, np.zeros((1, 10)) + 2.7
    low, high = (np.diff(regressor.predict_quantiles(x))[0, 0] for x in (calm, wild))
    assert high > 2 * low


def test_shifts_are_order_statistics_of_the_errors():
    errors = np.arange(1, 20, dtype=float)[::-1, None, None]  # 1 to 19, n + 1 = 20
    shifts = quantile_shifts(
        np.repeat(errors, 5, axis=-1), np.ones(19), (0.05, 0.1, 0.5, 0.9, 0.99)
    )
    # At the ranks 1, 2, 10 and 18; 0.99 is more than 19 samples can show.
    np.testing.assert_array_equal(shifts, [1, 2, 10, 18, 19])


def test_shifts_count_weights_as_repetition():
    errors, times = np.random.default_rng(0).normal(size=(30, 1, 1)), np.arange(30) % 3
    weighted = quantile_shifts(errors, times.astype(float), (0.5,))
    repeated = quantile_shifts(np.repeat(errors, times, axis=0), np.ones(30), (0.5,))
    np.testing.assert_allclose(weighted, repeated)


def test_sample_weights_count_for_all_outputs_alike():
    X, y = _data()
    y = np.stack([y, -y], axis=1)
    times = np.arange(60) % 3
    weighted = ConvAttentionRegressor(**SMALL).fit(X, y, sample_weight=times)
    repeated = ConvAttentionRegressor(**SMALL).fit(
        np.repeat(X, times, axis=0), np.repeat(y, times, axis=0)
    )
    np.testing.assert_array_equal(weighted.predict_quantiles(X), repeated.predict_quantiles(X))


def test_quantiles_survive_a_file(tmp_path):
    X, y = _data(160)
    regressor = ConvAttentionRegressor(**SMALL).fit(X, y)
    regressor.save(tmp_path / "model.zip")
    again = load(tmp_path / "model.zip")
    np.testing.assert_array_equal(again.predict_quantiles(X), regressor.predict_quantiles(X))


@pytest.mark.parametrize("quantiles", [(0.9, 0.1), (0.0, 0.5), (), (0.5, 1.5)])
def test_levels_that_are_none_are_refused(quantiles):
    with pytest.raises(ValueError, match="must be increasing levels strictly between 0 and 1"):
        ConvAttentionRegressor(quantiles=quantiles).fit(*_data())


def test_another_loss_with_quantiles_is_refused():
    with pytest.raises(ValueError, match="loss='mse' cannot train quantiles"):
        ConvAttentionRegressor(quantiles=LEVELS, loss="mse").fit(*_data())


def test_only_a_regressor_of_quantiles_predicts_them():
    assert not hasattr(ConvAttentionRegressor(), "predict_quantiles")
    assert hasattr(ConvAttentionRegressor(quantiles=LEVELS), "predict_quantiles")


def test_quantiles_asked_for_after_the_fit_are_refused():
    regressor = ConvAttentionRegressor(random_state=0, epochs=1).fit(*_data(40))
    regressor.set_params(quantiles=(0.1, 0.9))
    with pytest.raises(ValueError, match=r"quantiles=\(0.1, 0.9\) was set after .*; fit anew\.$"):
        regressor.predict_quantiles(_data(40)[0])
