"""Early stopping of regressors and classifiers waits for epochs, and for fewer of many steps."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 8))
Y = X[:, 0] + RNG.normal(size=400)


@pytest.mark.parametrize(
    ("n_training", "epochs"),
    # Batches hold 8 samples of 100, and 64 of 4,000 and more: 63, 125, 250 and 625 steps.
    [(100, 15), (4000, 15), (8000, 8), (16_000, 5), (40_000, 5)],
)
def test_a_thousand_steps_are_waited_for_within_5_and_15_epochs(n_training, epochs):
    assert ConvAttentionClassifier()._patience(n_training) == epochs


def test_batches_of_the_user_count_and_so_does_patience():
    assert ConvAttentionClassifier(batch_size=8)._patience(1600) == 5
    assert ConvAttentionClassifier(patience=15)._patience(40_000) == 15


@pytest.mark.parametrize(("parameters", "waited"), [({"batch_size": 2}, 6), ({"patience": 3}, 3)])
def test_training_stops_after_as_many_epochs_without_a_lower_loss(parameters, waited):
    # 320 of 400 samples are trained on, in 160 steps per epoch.
    regressor = ConvAttentionRegressor(
        filters=2, units=2, learning_rate=0.03, members=("network",), random_state=0, **parameters
    ).fit(X, Y)
    best = int(np.argmin(regressor.history_["val_loss"]))
    assert regressor.n_iter_ < 200
    assert regressor.n_iter_ - (best + 1) == waited
