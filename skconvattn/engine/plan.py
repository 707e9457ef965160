"""How to train, what training gives, and the rules that both engines follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
        Samples a step.
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
    description: str = "fit"


@dataclass
class TrainingResult:
    """What training gives.

    Attributes
    ----------
    model : FittedModel
        Weights of the best epoch where there is a validation loss, else of the last.
    history : dict of str to list of float
        Names of :func:`history_names`, an entry an epoch.
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


def history_names(metrics: Sequence[str], *, validated: bool) -> list[str]:
    """Return ``"loss"`` and the metrics, then the same after ``"val_"`` where that is measured."""
    names = ["loss", *metrics]
    return names + [f"val_{name}" for name in names] * validated


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


def improves(plan: TrainingPlan, validation_loss: float, best_loss: float) -> bool:
    """Whether weights are kept; without a validation part or early stopping, the last ones are."""
    return plan.patience is None or not validation_loss >= best_loss


def stop_without_finite_loss(epoch: int, best_epoch: int) -> None:
    """Keep the best epoch if there is one, with a warning; else say what to do."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

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
