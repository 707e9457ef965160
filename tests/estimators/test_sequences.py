"""Sequence-to-sequence regression: one value per time step."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import AttentionRegressor, ConvAttentionRegressor, RNNAttentionRegressor, load
from tests.estimator_params import every

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 9))
SMALL = {"units": 2, "epochs": 2, "random_state": 0, "sequence": True}


@every("regressor", quick="ConvAttention")
def test_every_architecture_predicts_one_value_per_time_step(cls):
    y = 3 * X + 5
    regressor = cls(random_state=0, sequence=True, epochs=40, learning_rate=0.02).fit(
        X[:80], y[:80]
    )
    assert regressor.predict(X).shape == y.shape
    assert regressor.score(X[80:], y[80:]) > 0.8


@pytest.mark.parametrize("pool_size", [1, 2, 4, 20])
def test_pooled_positions_are_spread_over_their_time_steps(pool_size):
    regressor = ConvAttentionRegressor(**SMALL, pool_size=pool_size).fit(X, X)
    assert regressor.predict(X).shape == X.shape


def test_neighbours_enter_through_the_architecture():
    before = np.roll(X, 1, axis=1)
    before[:, 0] = 0
    regressor = AttentionRegressor(sequence=True, random_state=0, epochs=150, learning_rate=0.02)
    assert regressor.fit(X[:80], before[:80]).score(X[80:], before[80:]) > 0.8


def test_a_causal_architecture_sees_no_later_time_step():
    regressor = RNNAttentionRegressor(**SMALL).fit(X, np.cumsum(X, axis=1))
    moved = X.copy()
    moved[:, 5:] += 10
    change = np.abs(regressor.predict(moved) - regressor.predict(X)).max(axis=0)
    np.testing.assert_allclose(change[:5], 0, atol=1e-5)
    assert (change[5:] > 1e-3).all()


def test_all_time_steps_have_one_scale():
    y = X * np.arange(1, 10)
    regressor = ConvAttentionRegressor(**SMALL).fit(X, y)
    np.testing.assert_allclose(regressor._target_scaling_.scale, [y.std()])


def test_quantiles_of_a_sequence():
    y = 3 * X + RNG.normal(size=X.shape)
    regressor = ConvAttentionRegressor(**SMALL, quantiles=(0.1, 0.9)).fit(X, y)
    quantiles = regressor.predict_quantiles(X)
    assert quantiles.shape == (120, 9, 2)
    median = regressor.predict(X)
    assert (quantiles[..., 0] <= median).all()
    assert (median <= quantiles[..., 1]).all()
    # Held-out series correct the coverage over all time steps.
    assert (y[..., None] < quantiles).mean(axis=(0, 1)) == pytest.approx([0.1, 0.9], abs=0.06)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the compiled engine is of TensorFlow"
)
def test_both_engines_give_the_same_losses():
    losses = [
        ConvAttentionRegressor(**SMALL, engine=engine).fit(X, 2 * X).history_["loss"]
        for engine in ("compiled", "portable")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_sequences_survive_a_file(tmp_path):
    regressor = ConvAttentionRegressor(**SMALL).fit(X, 2 * X)
    regressor.save(tmp_path / "model.zip")
    np.testing.assert_array_equal(load(tmp_path / "model.zip").predict(X), regressor.predict(X))


@pytest.mark.parametrize("y", [X[:, 0], X[:, :5]])
def test_targets_without_one_value_per_time_step_are_refused(y):
    with pytest.raises(ValueError, match=r"y of shape \(120, 9\), and y has .* use sequence=False"):
        ConvAttentionRegressor(**SMALL).fit(X, y)


def test_series_of_unequal_length_are_refused():
    series = [row[: 4 + i % 5] for i, row in enumerate(X)]
    with pytest.raises(ValueError, match="those of X have 4 to 8 time steps; cut them to one"):
        ConvAttentionRegressor(**SMALL).fit(series, X)
    with pytest.raises(ValueError, match="y has rows or cells of unequal length; cut them to one"):
        ConvAttentionRegressor(**SMALL).fit(series, series)
    with pytest.raises(ValueError, match="y has rows or cells of unequal length; cut them to one"):
        ConvAttentionRegressor(**SMALL).partial_fit(series, series)
    regressor = ConvAttentionRegressor(**SMALL).fit(X, X)
    message = r"X has 4 to 8 time steps and 1 channels, but .* was fitted on 9 and 1; give series"
    with pytest.raises(ValueError, match=message):
        regressor.predict(series)
    with pytest.raises(ValueError, match="validation_data does not .* " + message):
        regressor.fit(X, X, validation_data=(series, X))
