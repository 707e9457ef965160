"""How to train, what training returns, and the rules for epochs that both engines follow."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skconvattn.engine.progress import Progress

if TYPE_CHECKING:
    from skconvattn.engine.programs import FittedModel

_DEFAULT_LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class TrainingPlan:
    """How to train: the estimator's parameters, resolved.

    Attributes
    ----------
    epochs : int
        Epochs, at most.
    batch_size : int
        Samples per step.
    optimizer, learning_rate, loss
        As Keras takes them; ``learning_rate`` may be None.
    steps_per_epoch : int or None
        Steps of an epoch, on samples drawn anew for each; None sees all samples in each.
    patience : int or None
        Epochs without a lower validation loss before training stops; None trains to the end.
    metrics : sequence of str, dict, callable or keras.metrics.Metric
        What is measured beside the loss.
    callbacks : sequence of keras.callbacks.Callback
        Called around epochs.
    verbose : int
        See :class:`~skconvattn.engine.progress.Progress`.
    engine : {"auto", "compiled", "portable"}
        See :func:`~skconvattn.engine.training.choose_engine`.
    n_networks : int
        Networks to train and average, for :func:`~skconvattn.engine.copies.train_copies`.
    description : str
        What the progress bar calls the fit.
    """

    epochs: int
    batch_size: int
    optimizer: Any
    learning_rate: Any
    loss: Any
    steps_per_epoch: int | None = None
    patience: int | None = None
    metrics: Any = ()
    callbacks: Any = ()
    verbose: int = 0
    engine: str = "auto"
    n_networks: int = 1
    description: str = "fit"


@dataclass
class TrainingResult:
    """What training gives.

    Attributes
    ----------
    model : FittedModel
        Weights of the best epoch where there is a validation loss, else of the last.
    history : dict of str to list of float
        ``"loss"`` and the metrics, then the same after ``"val_"``, one entry per epoch.
    best_epoch : int
        Epochs trained up to the weights kept; 0 for the weights that training began with.
    first_loss : float
        Validation loss before training.
    """

    model: FittedModel
    history: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    first_loss: float = math.nan

    @property
    def best_loss(self) -> float:
        """Loss of the weights kept: of the validation part where there is one."""
        if self.best_epoch == 0:
            return self.first_loss
        return (self.history.get("val_loss") or self.history["loss"])[self.best_epoch - 1]


class EpochLog:
    """The record of a fit, epoch by epoch: its history, its best epoch, and when it is over.

    The first candidate for the best epoch are the initial weights, since these may be a good
    guess: epoch 0.

    Parameters
    ----------
    plan : TrainingPlan
        How to train.
    metrics : sequence of str
        Names of what is measured beside the loss.
    initial_loss : float
        Validation loss before training; NaN where there is no validation part.
    validated : bool
        Whether there is a validation part.

    Attributes
    ----------
    history : dict of str to list of float
        As in :class:`TrainingResult`.
    best_epoch : int
        Epochs trained up to the weights to keep.
    best_loss : float
        Validation loss of the best epoch.
    is_best : bool
        Whether the weights of the latest epoch are those to keep.
    is_over : bool
        Whether the patience has run out.
    """

    def __init__(
        self, plan: TrainingPlan, metrics: Sequence[str], initial_loss: float, *, validated: bool
    ) -> None:
        self.history: dict[str, list[float]] = {
            name: [] for name in _history_names(metrics, validated=validated)
        }
        self.best_epoch, self.best_loss = 0, initial_loss
        self.is_best, self.is_over = True, False
        self._initial_loss = initial_loss
        self._patience, self._validated = plan.patience, validated
        self._n_epochs = 0
        self._progress: Progress | None = None

    def shown(self, plan: TrainingPlan) -> AbstractContextManager[Any]:
        """Return the context in which epochs are shown as ``plan.verbose`` asks for."""
        if not plan.verbose or not plan.epochs:
            return nullcontext()
        self._progress = Progress(plan.verbose, plan.epochs, plan.description)
        return self._progress

    def add(self, training: Sequence[float], validation: Sequence[float]) -> bool:
        """Record an epoch.

        Parameters
        ----------
        training : sequence of float
            Loss and metrics over the steps of the epoch; a loss of NaN where the weights are not
            finite after it.
        validation : sequence of float
            Loss and metrics over the validation part after the epoch; of no effect without one.

        Returns
        -------
        bool
            False where a loss is not finite: training ends, and the epoch does not count.

        Raises
        ------
        FloatingPointError
            If a loss is not finite and no epoch before improved on the initial weights.
        """
        number, loss = self._n_epochs + 1, training[0]
        validation_loss = validation[0] if self._validated else math.nan
        self.is_best = False
        if not math.isfinite(loss) or (self._validated and math.isnan(validation_loss)):
            _stop_without_finite_loss(number, self.best_epoch)
            return False
        self._n_epochs = number
        # Without a validation part, what is measured on it has no name.
        for values, value in zip(self.history.values(), [*training, *validation], strict=False):
            values.append(value)
        if self._progress is not None:
            self._progress.epoch(number, loss, validation_loss)
        # Without a validation part or early stopping, the latest weights are kept.
        if self._patience is None or not validation_loss >= self.best_loss:
            self.best_epoch, self.best_loss, self.is_best = number, validation_loss, True
        self.is_over = bool(self._patience) and number - self.best_epoch >= (self._patience or 0)
        return True

    def result(self, model: FittedModel) -> TrainingResult:
        """Return the result of training with the weights that were kept."""
        return TrainingResult(model, self.history, self.best_epoch, self._initial_loss)


def starting_rate(plan: TrainingPlan) -> Any:
    """Return the learning rate of a plan; ours where the optimiser is given by name alone."""
    rate = plan.learning_rate
    if rate is None and isinstance(plan.optimizer, str):
        rate = _DEFAULT_LEARNING_RATE
    return rate


def epoch_order(rng: np.random.Generator, training: np.ndarray, plan: TrainingPlan) -> np.ndarray:
    """Shuffle the samples, or draw as many of them as an epoch is to see: int32."""
    order = rng.permutation(training).astype(np.int32)
    if plan.steps_per_epoch is None:
        return order
    return order[: plan.steps_per_epoch * plan.batch_size]


def _history_names(metrics: Sequence[str], *, validated: bool) -> list[str]:
    """Return ``"loss"`` and the metrics, then the same after ``"val_"`` where that is measured."""
    names = ["loss", *metrics]
    return names + [f"val_{name}" for name in names] * validated


def _stop_without_finite_loss(epoch: int, best_epoch: int) -> None:
    """Keep the best epoch if there is one, with a warning; else say what to do."""
    if best_epoch == 0:
        raise FloatingPointError(
            f"Loss or weights were not finite in epoch {epoch}, and no epoch before was better "
            "than the start; lower learning_rate, set optimizer to one with clipnorm, or look for "
            "extreme values in the data."
        )
    warnings.warn(
        f"Loss or weights were not finite in epoch {epoch}; training stopped and the weights of "
        f"epoch {best_epoch} were kept. Lower learning_rate to train longer.",
        ConvergenceWarning,
        stacklevel=2,
    )
