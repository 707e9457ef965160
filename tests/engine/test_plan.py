"""The record of epochs finds the best one and the end of a fit, for both engines alike."""

from __future__ import annotations

import math

import pytest
from sklearn.exceptions import ConvergenceWarning

from skconvattn.engine.plan import EpochLog, TrainingPlan

NAN = math.nan


def _log(initial_loss=NAN, *, metrics=(), validated=True, **parameters) -> EpochLog:
    plan = {"epochs": 9, "batch_size": 1, "optimizer": "sgd", "learning_rate": None, "loss": "mse"}
    return EpochLog(TrainingPlan(**plan | parameters), metrics, initial_loss, validated=validated)


def test_initial_weights_are_the_first_candidate():
    log = _log(1.0, patience=2)
    assert (log.is_best, log.best_epoch, log.best_loss) == (True, 0, 1.0)
    assert log.add([0.5], [1.5])
    assert (log.is_best, log.best_epoch, log.is_over) == (False, 0, False)
    assert log.add([0.4], [1.0])  # no lower than before
    assert (log.is_best, log.best_epoch, log.is_over) == (False, 0, True)


def test_patience_counts_from_the_best_epoch():
    log = _log(3.0, patience=2)
    states = []
    for loss in (2.0, 2.5, 1.0, 1.5, 1.2):
        assert log.add([0.1], [loss])
        states.append((log.best_epoch, log.is_best, log.is_over))
    assert states == [
        (1, True, False), (1, False, False), (3, True, False), (3, False, False), (3, False, True),
    ]  # fmt: skip
    assert log.best_loss == 1.0
    assert log.history == {"loss": [0.1] * 5, "val_loss": [2.0, 2.5, 1.0, 1.5, 1.2]}


def test_without_patience_the_latest_epoch_is_kept():
    log = _log(1.0)
    assert log.add([0.5], [7.0])
    assert (log.is_best, log.best_epoch, log.is_over) == (True, 1, False)


def test_metrics_stand_under_their_names_and_without_validation_have_one():
    log = _log(1.0, metrics=["mae"])
    log.add([0.5, 0.6], [0.7, 0.8])
    assert log.history == {"loss": [0.5], "mae": [0.6], "val_loss": [0.7], "val_mae": [0.8]}
    log = _log(metrics=["mae"], validated=False)
    log.add([0.5, 0.6], [NAN, NAN])
    assert log.history == {"loss": [0.5], "mae": [0.6]}


def test_an_epoch_that_is_not_finite_does_not_count():
    log = _log(1.0, patience=5)
    with pytest.raises(FloatingPointError, match="epoch 1"):
        log.add([NAN], [0.5])
    assert log.add([0.5], [0.9])
    with pytest.warns(ConvergenceWarning, match="epoch 2.*epoch 1 were kept"):
        assert not log.add([0.5], [NAN])
    assert (log.best_epoch, log.is_best) == (1, False)
    assert log.history == {"loss": [0.5], "val_loss": [0.9]}


@pytest.mark.parametrize(("verbose", "n_lines"), [(0, 0), (2, 2)])
def test_epochs_are_shown_as_the_plan_says(verbose, n_lines, capsys):
    plan = TrainingPlan(2, 1, "sgd", None, "mse", verbose=verbose, description="a fit")
    log = EpochLog(plan, [], NAN, validated=False)
    with log.shown(plan):
        log.add([0.5], [NAN])
        log.add([0.25], [NAN])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == n_lines
    assert lines[1:] == ["a fit  epoch 2/2  loss 0.25"] * (verbose == 2)
