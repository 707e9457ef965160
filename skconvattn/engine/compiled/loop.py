"""The compiled training loop: one call per epoch, the host in between."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.data.blocks import ALIGNMENT
from skconvattn.engine.compiled.callbacks import CallbackRunner
from skconvattn.engine.compiled.training_program import claimed_program
from skconvattn.engine.objectives.losses import loss_key
from skconvattn.engine.objectives.metrics import metric_keys
from skconvattn.engine.objectives.optimizers import OptimizerSpec
from skconvattn.engine.plan import (
    EpochLog,
    TrainingPlan,
    TrainingResult,
    epoch_order,
    starting_rate,
)
from skconvattn.engine.programs import FittedModel
from skconvattn.networks.spec import ModelSpec

# Optimisers given by name: Keras takes longer to describe one than an epoch may take.
_described_once = functools.lru_cache(maxsize=32)(OptimizerSpec.of)

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
    is_named = isinstance(plan.optimizer, str) and isinstance(plan.learning_rate, float | None)
    describe = _described_once if is_named else OptimizerSpec.of
    optimizer, rate = describe(plan.optimizer, starting_rate(plan))
    # The name of a loss is its own key.
    loss = plan.loss if isinstance(plan.loss, str) else loss_key(plan.loss)
    metrics = metric_keys(plan.metrics) if plan.metrics else ()
    with claimed_program(spec, optimizer, loss, source, metrics) as program:
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
        # Brought to the graph's memory once per fit, not once per epoch.
        self.tensors = _on_device(source)
        self.callbacks = (
            CallbackRunner(plan.callbacks, program, spec, plan.epochs) if plan.callbacks else None
        )

    def run(
        self, training: np.ndarray, validation: np.ndarray, metrics: list[str]
    ) -> TrainingResult:
        """Train until the epochs or the patience run out."""
        validation, validated = validation.astype(np.int32), len(validation) > 0
        loss = self.program.evaluate(self.tensors, validation) if validated else math.nan
        log = EpochLog(self.plan, metrics, loss, validated=validated)
        with log.shown(self.plan):
            if self.callbacks is not None:
                self.callbacks.begin()
            vector, state = self._best_weights(log, training, validation, len(metrics))
            if self.callbacks is not None:
                vector, state = self.callbacks.end((vector, state))
        return log.result(
            FittedModel(self.spec, np.array(vector), tuple(np.array(s) for s in state))
        )

    def _best_weights(
        self, log: EpochLog, training: np.ndarray, validation: np.ndarray, n_metrics: int
    ) -> tuple[Any, list[Any]]:
        """Train, and return weights and state of the best epoch, as tensors."""
        best = None
        for epoch in range(1, self.plan.epochs + 1):
            if self.callbacks is not None:
                self.callbacks.epoch_begin(epoch)
            order = epoch_order(self.rng, training, self.plan)
            if log.is_best:
                best = self.program.kept()  # before this epoch changes the variables
            loss, validation_loss, measured = self.program.epoch(
                self.tensors, order, validation, self.plan.batch_size
            )
            if not log.add([loss, *measured[:n_metrics]], [validation_loss, *measured[n_metrics:]]):
                break
            if self.callbacks is not None and self.callbacks.epoch_end(epoch, log.history):
                break
            if log.is_over:
                break
        return self.program.kept() if log.is_best or best is None else best


def _on_device(source: Rows | Windows) -> list[Any]:
    """Return the arrays of a source as programs of this backend take them."""
    import keras

    if keras.backend.backend() != "jax":
        return [to_tensor(array) for array in source.arrays]
    from skconvattn.engine.compiled_jax import gathering

    return gathering.on_device(source)


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
