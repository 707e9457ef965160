"""The training loop: epochs, early stopping, callbacks and progress."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.backend import load_backend
from skconvattn.engine.callbacks import CallbackRunner
from skconvattn.engine.choice import choose_engine
from skconvattn.engine.optimizers import OptimizerSpec, loss_key
from skconvattn.engine.progress import Progress
from skconvattn.engine.state import FittedModel
from skconvattn.networks.spec import ModelSpec

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
    callbacks : sequence of keras.callbacks.Callback
        Called around epochs.
    verbose : int
        See :class:`~skconvattn.engine.progress.Progress`.
    engine : {"auto", "compiled", "portable"}
        See :func:`~skconvattn.engine.choice.choose_engine`.
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
        ``"loss"``, and ``"val_loss"`` where there is one, an entry an epoch.
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


def train(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    *,
    training: np.ndarray | None = None,
    validation: np.ndarray | None = None,
    start: FittedModel | None = None,
) -> TrainingResult:
    """Train a model.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    source : Rows or Windows
        The data.
    plan : TrainingPlan
        How to train.
    rng : numpy.random.Generator
        Source of initial weights, order and dropout seeds.
    training : ndarray of shape (n_training,), optional
        Samples to train on; all by default.
    validation : ndarray of shape (n_validation,), optional
        Samples to evaluate on after each epoch; none by default.
    start : FittedModel, optional
        Weights to go on from.

    Returns
    -------
    TrainingResult
        Trained weights and history.

    Raises
    ------
    FloatingPointError
        If the loss is not finite before any epoch gave usable weights.
    """
    load_backend()
    training = np.arange(len(source)) if training is None else training
    validation = np.zeros(0, dtype=int) if validation is None else validation
    if choose_engine(plan.engine, plan.callbacks) == "portable":
        from skconvattn.engine.portable import train_portable

        return train_portable(spec, source, plan, rng, training, validation, start)
    return _train_compiled(spec, source, plan, rng, training, validation, start)


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


def _train_compiled(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    training: np.ndarray,
    validation: np.ndarray,
    start: FittedModel | None,
) -> TrainingResult:
    from skconvattn.engine.programs import training_program

    optimizer, rate = OptimizerSpec.of(plan.optimizer, starting_rate(plan))
    program = training_program(spec, optimizer, loss_key(plan.loss), source)
    with program.lock:
        return _Fit(program, spec, source, plan, rng, start, rate).run(training, validation)


class _Fit:
    """One fit on a program that it holds the lock of."""

    def __init__(
        self,
        program: Any,
        spec: ModelSpec,
        source: Rows | Windows,
        plan: TrainingPlan,
        rng: np.random.Generator,
        start: FittedModel | None,
        learning_rate: float,
    ) -> None:
        import tensorflow as tf

        self.program, self.spec, self.plan, self.rng = program, spec, plan, rng
        weights, state = program.model_program.initialization.draw(rng)
        vector = program.layout.flatten(weights)
        if start is not None:
            vector, state = start.weights, list(start.state)
        program.reset(vector, state, learning_rate)
        # Copied to the graph's memory once a fit, not once an epoch.
        self.tensors = [tf.constant(array) for array in source.arrays]
        self.callbacks = CallbackRunner(plan.callbacks, program, spec, plan.epochs)

    def run(self, training: np.ndarray, validation: np.ndarray) -> TrainingResult:
        """Train until the epochs or the patience run out."""
        validation = validation.astype(np.int32)
        history: dict[str, list[float]] = {"loss": []}
        best, best_epoch, best_loss = self.program.kept(), 0, math.nan
        if len(validation):
            history["val_loss"] = []
            # Weights may start from a good guess: they are a candidate too.
            best_loss = self.program.evaluate(self.tensors, validation)
        first_loss = best_loss
        with Progress(self.plan.verbose, self.plan.epochs, self.plan.description) as progress:
            self.callbacks.begin()
            for epoch in range(1, self.plan.epochs + 1):
                self.callbacks.epoch_begin(epoch)
                order = epoch_order(self.rng, training, self.plan)
                loss, validation_loss = self.program.epoch(
                    self.tensors, order, validation, self.plan.batch_size
                )
                if not math.isfinite(loss) or (len(validation) and math.isnan(validation_loss)):
                    stop_without_finite_loss(epoch, best_epoch)
                    break
                history["loss"].append(loss)
                if len(validation):
                    history["val_loss"].append(validation_loss)
                progress.epoch(epoch, loss, validation_loss)
                stop = self.callbacks.epoch_end(epoch, history)
                if improves(self.plan, validation_loss, best_loss):
                    best, best_epoch, best_loss = self.program.kept(), epoch, validation_loss
                if stop or (self.plan.patience and epoch - best_epoch >= self.plan.patience):
                    break
            vector, state = self.callbacks.end(best)
        model = FittedModel(self.spec, vector.numpy(), tuple(s.numpy() for s in state))
        return TrainingResult(model, history, best_epoch, first_loss)


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
