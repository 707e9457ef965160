"""The compiled training loop: one call an epoch, the host in between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.data.blocks import ALIGNMENT
from skconvattn.engine.compiled.callbacks import CallbackRunner
from skconvattn.engine.compiled.training_program import claimed_program
from skconvattn.engine.objectives.metrics import metric_keys
from skconvattn.engine.objectives.optimizers import OptimizerSpec, loss_key
from skconvattn.engine.plan import (
    TrainingPlan,
    TrainingResult,
    epoch_order,
    history_names,
    improves,
    starting_rate,
    stop_without_finite_loss,
)
from skconvattn.engine.programs import FittedModel
from skconvattn.engine.progress import Progress
from skconvattn.networks.spec import ModelSpec

# Bytes of an array that is not copied into a tensor.
_WORTH_SHARING = 1 << 22


def train_compiled(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    training: np.ndarray,
    validation: np.ndarray,
    start: FittedModel | None,
) -> TrainingResult:
    """Train a model; parameters and result are those of :func:`~skconvattn.engine.train`."""
    optimizer, rate = OptimizerSpec.of(plan.optimizer, starting_rate(plan))
    metrics = metric_keys(plan.metrics)
    with claimed_program(spec, optimizer, loss_key(plan.loss), source, metrics) as program:
        fit = _Fit(program, spec, source, plan, rng, start, rate)
        return fit.run(training, validation, [metric.name for metric in metrics])


class _Fit:
    """One fit on a program that it has claimed."""

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
        self.program, self.spec, self.plan, self.rng = program, spec, plan, rng
        weights, state = program.model_program.initialization.draw(rng)
        vector = program.layout.flatten(weights)
        if start is not None:
            vector, state = start.weights, list(start.state)
        program.reset(vector, state, learning_rate)
        # Brought to the graph's memory once a fit, not once an epoch.
        self.tensors = [to_tensor(array) for array in source.arrays]
        self.callbacks = CallbackRunner(plan.callbacks, program, spec, plan.epochs)

    def run(
        self, training: np.ndarray, validation: np.ndarray, metrics: list[str]
    ) -> TrainingResult:
        """Train until the epochs or the patience run out."""
        validation = validation.astype(np.int32)
        names = history_names(metrics, validated=len(validation) > 0)
        history: dict[str, list[float]] = {name: [] for name in names}
        best, best_epoch, best_loss = self.program.kept(), 0, math.nan
        if len(validation):
            # Weights may start from a good guess: they are a candidate too.
            best_loss = self.program.evaluate(self.tensors, validation)
        first_loss = best_loss
        with Progress(self.plan.verbose, self.plan.epochs, self.plan.description) as progress:
            self.callbacks.begin()
            for epoch in range(1, self.plan.epochs + 1):
                self.callbacks.epoch_begin(epoch)
                order = epoch_order(self.rng, training, self.plan)
                loss, validation_loss, measured = self.program.epoch(
                    self.tensors, order, validation, self.plan.batch_size
                )
                if not math.isfinite(loss) or (len(validation) and math.isnan(validation_loss)):
                    stop_without_finite_loss(epoch, best_epoch)
                    break
                # Without validation samples what is measured on them has no name.
                figures = [
                    loss,
                    *measured[: len(metrics)],
                    validation_loss,
                    *measured[len(metrics) :],
                ]
                for name, figure in zip(names, figures, strict=False):
                    history[name].append(figure)
                progress.epoch(epoch, loss, validation_loss)
                stop = self.callbacks.epoch_end(epoch, history)
                if improves(self.plan, validation_loss, best_loss):
                    best, best_epoch, best_loss = self.program.kept(), epoch, validation_loss
                if stop or (self.plan.patience and epoch - best_epoch >= self.plan.patience):
                    break
            vector, state = self.callbacks.end(best)
        model = FittedModel(self.spec, vector.numpy(), tuple(s.numpy() for s in state))
        return TrainingResult(model, history, best_epoch, first_loss)


def to_tensor(array: np.ndarray) -> Any:
    """Return a tensor of the values; large arrays lend it their memory where they can.

    Parameters
    ----------
    array : ndarray
        Not changed as long as the tensor lives.
    """
    import tensorflow as tf

    if array.nbytes < _WORTH_SHARING or array.dtype != np.float32:
        return tf.constant(array)
    if tf.config.list_logical_devices("GPU"):
        return tf.constant(array)  # once into the memory of the device, not in each epoch
    if array.ctypes.data % ALIGNMENT or not (array.flags.c_contiguous and array.flags.writeable):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
