"""Ending a trial within a fit, by its held-out loss after each epoch."""

from __future__ import annotations

import time
from typing import Any

# Reports of whole validation parts come after those of epochs.
_AFTER_EPOCHS = 1_000_000


class Reports:
    """What one trial tells its pruner: held-out losses by epoch, and scores by validation part.

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial.
    sign : float
        1 where the study is minimised, -1 where it is maximised: losses are multiplied by it.
    deadline : float or None
        When the search has to end, on the clock of ``time.monotonic``, in seconds.
    """

    def __init__(self, trial: Any, sign: float, deadline: float | None = None) -> None:
        self.trial, self._sign, self._deadline = trial, sign, deadline
        self._n_trainings, self._n_parts = 0, 0

    def training_begins(self) -> None:
        """Note that a training begins; epochs of the first are reported."""
        self._n_trainings += 1

    def epoch(self, epoch: int, loss: float) -> None:
        """Report a loss, and end the trial where it does not pay to go on.

        Raises
        ------
        optuna.TrialPruned
            If the pruner says so, or the time is up.
        """
        if self._n_trainings == 1:
            self.trial.report(self._sign * loss, epoch)
            self._end_if_hopeless()
        self.end_if_late()

    def part(self, mean_score: float) -> None:
        """Report the mean score of the validation parts so far, and end the trial likewise."""
        self._n_trainings = max(self._n_trainings, 1)
        self._n_parts += 1
        self.trial.report(mean_score, _AFTER_EPOCHS + self._n_parts)
        self._end_if_hopeless()
        self.end_if_late()

    def end_if_late(self) -> None:
        """End the trial if the time is up.

        Raises
        ------
        optuna.TrialPruned
            If it is.
        """
        if self._deadline is not None and time.monotonic() > self._deadline:
            from optuna import TrialPruned

            raise TrialPruned("the time of the search was up")

    def _end_if_hopeless(self) -> None:
        if self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned("the pruner ended it")


def with_reports(estimator: Any, reports: Reports) -> Any:
    """Let the estimators of this package within an estimator report their epochs.

    Parameters
    ----------
    estimator : estimator
        An estimator, a pipeline, or another composition; its parameters are changed.
    reports : Reports
        Where epochs are reported.

    Returns
    -------
    estimator
        The same.
    """
    for name, one in _of_this_package(estimator):
        estimator.set_params(**{name: [*(one.callbacks or ()), _callback(reports)]})
    return estimator


def watched(estimator: Any) -> Any:
    """Let an estimator train the networks that it trains when epochs are reported.

    Parameters
    ----------
    estimator : estimator
        An estimator, a pipeline, or another composition; its parameters are changed.

    Returns
    -------
    estimator
        The same: "all" members have the network among them where there are callbacks, though none.
    """
    for name, one in _of_this_package(estimator):
        if one.callbacks is None:
            estimator.set_params(**{name: ()})
    return estimator


def _of_this_package(estimator: Any) -> list[tuple[str, Any]]:
    """Return the estimators of this package within one, with the names of their callbacks."""
    found = {"": estimator, **estimator.get_params(deep=True)}
    return [
        (f"{name}__callbacks" if name else "callbacks", one)
        for name, one in found.items()
        if hasattr(type(one), "network_class")
    ]


def _callback(reports: Reports) -> Any:
    import keras

    class Reporting(keras.callbacks.Callback):
        """Report the held-out loss of each epoch; copies report to the same trial."""

        def __deepcopy__(self, memo: Any) -> Any:
            return _callback(reports)

        def on_train_begin(self, logs: Any = None) -> None:
            reports.training_begins()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs = logs or {}
            reports.epoch(epoch, float(logs.get("val_loss", logs.get("loss", float("nan")))))

    return Reporting()
