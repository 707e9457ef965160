"""Compiled training: one call per epoch, and one trace for all fits of the same shape."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.compiled.compiling import Compiled
from skconvattn.engine.compiled.gathering import gatherer, input_signature
from skconvattn.engine.objectives.losses import make_loss
from skconvattn.engine.objectives.metrics import MetricKey, make_metrics
from skconvattn.engine.objectives.optimizers import OptimizerSpec
from skconvattn.engine.programs import ProgramCache, model_program
from skconvattn.networks.spec import ModelSpec

# Samples of a validation batch: the loss is the same for any, larger is quicker.
_VALIDATION_BATCH = 256


class TrainingProgram:
    """Weights, optimiser and the compiled epoch of one model, loss and kind of data.

    Its variables belong to one fit at a time, see :func:`claimed_program`.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    optimizer : OptimizerSpec
        The optimiser.
    loss : str or callable
        Key of the loss.
    source : Rows or Windows
        Kind and shape of the data; the data itself is not kept.
    metrics : sequence of MetricKey, optional
        What is measured beside the loss.

    Attributes
    ----------
    lock : threading.RLock
        One thread at a time.
    claimed : bool
        Whether a fit is using it.
    traces : int
        How often the epoch was traced.
    """

    def __init__(
        self,
        spec: ModelSpec,
        optimizer: OptimizerSpec,
        loss: Any,
        source: Rows | Windows,
        metrics: Sequence[MetricKey] = (),
    ) -> None:
        import tensorflow as tf

        self.lock = threading.RLock()
        self.claimed = False
        self.traces = 0
        self.model_program = model_program(spec)
        self.layout = self.model_program.layout
        model = self.model_program.model
        self._elementwise = optimizer.elementwise
        self._scheduled = optimizer.scheduled
        self._weights = (
            [_variable((sum(self.layout.sizes),), "weights")]
            if self._elementwise
            else [_variable(v.shape, v.name) for v in model.trainable_variables]
        )
        self._state = [
            tf.Variable(tf.zeros(v.shape, v.dtype)) for v in model.non_trainable_variables
        ]
        self._loss = make_loss(loss)
        _, targets, _ = source.batch(np.zeros(1, dtype=int))
        self._metrics = make_metrics(metrics, targets, model.output_shape[-1])
        self.optimizer = optimizer.make()
        self.optimizer.build(self._weights)
        self._first_slots = [np.asarray(v.numpy()) for v in self.optimizer.variables]
        self._gather_any = gatherer(source)
        self._epoch = self._compile(input_signature(source))

    def reset(self, weights: np.ndarray, state: Sequence[np.ndarray], learning_rate: float) -> None:
        """Set weights and state, and the optimiser to its beginning.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            Trainable weights.
        state : sequence of ndarray
            Non-trainable variables.
        learning_rate : float
            Ignored where the optimiser has a schedule over steps.
        """
        self.set_weights(weights)
        self.set_state(state)
        for variable, value in zip(self.optimizer.variables, self._first_slots, strict=True):
            variable.assign(value)
        self.set_learning_rate(learning_rate)
        # An epoch that was interrupted has counted some of its batches.
        for metric in self._metrics:
            metric.reset_state()

    def set_weights(self, weights: np.ndarray) -> None:
        """Set the trainable weights from one vector."""
        values = [weights] if self._elementwise else self.layout.split(weights)
        for variable, value in zip(self._weights, values, strict=True):
            variable.assign(value)

    def set_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the non-trainable variables."""
        for variable, value in zip(self._state, state, strict=True):
            variable.assign(value)

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate for the epochs to come, unless a schedule over steps is in place."""
        if not self._scheduled:
            self.optimizer.learning_rate = learning_rate

    def snapshot(self) -> tuple[Any, list[Any]]:
        """Return copies of weights and state, as tensors that later epochs do not change."""
        import tensorflow as tf

        return tf.identity(self._vector()), [tf.identity(v) for v in self._state]

    def kept(self) -> tuple[Any, list[Any]]:
        """Return weights and state that a fit ending here keeps, as :meth:`snapshot` does.

        These are moving averages where the optimiser has ``use_ema``, as at the end of Keras's
        ``fit``.
        """
        import tensorflow as tf

        vector, state = self.snapshot()
        if getattr(self.optimizer, "use_ema", False) and int(self.optimizer.iterations):
            averages = self.optimizer._model_variables_moving_average
            vector = tf.identity(self._vector_of([v.value for v in averages]))
        return vector, state

    def epoch(
        self, tensors: Sequence[Any], order: np.ndarray, validation: np.ndarray, batch_size: int
    ) -> tuple[float, float, list[float]]:
        """Train for one epoch and evaluate.

        Parameters
        ----------
        tensors : sequence of tensor
            Arrays of the source.
        order : ndarray of shape (n_training,)
            Samples in the order of training, int32.
        validation : ndarray of shape (n_validation,)
            Samples to evaluate on, int32; may be empty.
        batch_size : int
            Samples per step; the last batch may be smaller.

        Returns
        -------
        loss : float
            Mean loss over the epoch's steps; NaN where the weights are not finite after it.
        validation_loss : float
            Mean loss over the validation samples after the epoch; NaN where there are none.
        metrics : list of float
            Metrics over the epoch's steps, then those over the validation samples.
        """
        figures = self._epoch(list(tensors), order, validation, np.int32(batch_size)).numpy()
        loss, validation_loss, *metrics = figures.tolist()
        return loss, validation_loss, metrics

    def evaluate(self, tensors: Sequence[Any], validation: np.ndarray) -> float:
        """Return the mean loss over samples, int32, without training."""
        return self.epoch(tensors, np.zeros(0, np.int32), validation, 1)[1]

    def _vector(self) -> Any:
        return self._vector_of([v.value for v in self._weights])

    def _compile(self, signature: list[Any]) -> Any:
        import tensorflow as tf

        indices, number = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)

        def epoch(tensors: Any, order: Any, validation: Any, batch_size: Any) -> Any:
            self.traces += 1
            loss = self._train(tensors, order, batch_size)
            metrics = self._measured()
            validation_loss = self._evaluate(tensors, validation)
            return tf.stack([loss, validation_loss, *metrics, *self._measured()])

        return Compiled(epoch, [signature, indices, indices, number])

    def _train(self, tensors: Any, order: Any, batch_size: Any) -> Any:
        import tensorflow as tf

        n_samples = tf.shape(order)[0]

        def step(start: Any, total: Any) -> Any:
            indices = order[start : start + batch_size]
            loss = self._step(*self._gather(tensors, indices))
            share = tf.cast(tf.shape(indices)[0], tf.float32)
            return start + batch_size, total + loss * share

        _, total = tf.while_loop(
            lambda start, total: start < n_samples, step, (0, 0.0), parallel_iterations=1
        )
        loss = tf.math.divide_no_nan(total, tf.cast(n_samples, tf.float32))
        # The last step may have spoilt the weights after its own loss was taken.
        usable = tf.reduce_all(tf.math.is_finite(self._vector()))
        return tf.where(usable, loss, math.nan)

    def _step(self, inputs: Any, targets: Any, weights: Any) -> Any:
        import tensorflow as tf

        variables = [v.value for v in self._weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs, state, penalties = self.model_program.call(
                self.model_program.model,
                self._vector_of(variables),
                [tf.identity(v) for v in self._state],
                inputs,
                training=True,
                return_losses=True,
            )
            loss = tf.cast(self._loss(targets, outputs, sample_weight=weights), tf.float32)
            objective = tf.add_n([loss, *penalties]) if penalties else loss
            # The optimiser undoes its own loss scale when it applies the gradients.
            scaled = self.optimizer.scale_loss(objective)
        self.optimizer.apply(tape.gradient(scaled, variables), self._weights)
        for variable, value in zip(self._state, state, strict=True):
            variable.assign(value)
        self._measure(targets, outputs, weights)
        return objective

    def _measure(self, targets: Any, outputs: Any, weights: Any) -> None:
        """Count a batch for the metrics."""
        for metric in self._metrics:
            metric.update_state(targets, outputs, sample_weight=weights)

    def _measured(self) -> list[Any]:
        """Return the metrics over the batches counted, and forget these."""
        import tensorflow as tf

        results = [tf.cast(metric.result(), tf.float32) for metric in self._metrics]
        for metric in self._metrics:
            metric.reset_state()
        return results

    def _gather(self, tensors: Any, indices: Any) -> Any:
        """Gather a batch; traced programs are smaller where they know the number of time steps."""
        inputs, targets, weights = self._gather_any(tensors, indices)
        inputs[0].set_shape((None, self.model_program.spec.n_timepoints, inputs[0].shape[2]))
        return inputs, targets, weights

    def _evaluate(self, tensors: Any, indices: Any) -> Any:
        import tensorflow as tf

        n_samples = tf.shape(indices)[0]
        vector, state = self._vector(), [tf.identity(v) for v in self._state]

        def step(start: Any, total: Any) -> Any:
            batch = indices[start : start + _VALIDATION_BATCH]
            inputs, targets, weights = self._gather(tensors, batch)
            outputs = self.model_program.infer(vector, state, inputs)
            loss = tf.cast(self._loss(targets, outputs, sample_weight=weights), tf.float32)
            self._measure(targets, outputs, weights)
            return start + _VALIDATION_BATCH, total + loss * tf.cast(tf.shape(batch)[0], tf.float32)

        _, total = tf.while_loop(
            lambda start, total: start < n_samples, step, (0, 0.0), parallel_iterations=1
        )
        return total / tf.cast(n_samples, tf.float32)

    def _vector_of(self, variables: list[Any]) -> Any:
        import tensorflow as tf

        if self._elementwise:
            return variables[0]
        return tf.concat([tf.reshape(v, [-1]) for v in variables], axis=0)


def _variable(shape: Any, name: str) -> Any:
    """Return weights to train: float32, where Keras would take the default of the process."""
    import keras

    return keras.Variable(np.zeros(shape, "float32"), dtype="float32", name=name)


_PROGRAMS: ProgramCache[TrainingProgram] = ProgramCache(max_size=32)


def training_program(
    spec: ModelSpec,
    optimizer: OptimizerSpec,
    loss: Any,
    source: Rows | Windows,
    metrics: tuple[MetricKey, ...] = (),
) -> TrainingProgram:
    """Return the program for a model, an optimiser, a loss, a kind of data and metrics."""
    import keras

    # Keras keeps learning rates in the precision of the process.
    key = (spec, optimizer, loss, source.signature, metrics, keras.config.floatx())
    make = _program_class()
    return _PROGRAMS.get(key, lambda: make(spec, optimizer, loss, source, metrics))


def _program_class() -> type[Any]:
    """Return the class of programs of this backend."""
    import keras

    if keras.backend.backend() != "jax":
        return TrainingProgram
    from skconvattn.engine.compiled_jax import training_program

    return training_program.TrainingProgram


@contextmanager
def claimed_program(
    spec: ModelSpec,
    optimizer: OptimizerSpec,
    loss: Any,
    source: Rows | Windows,
    metrics: tuple[MetricKey, ...] = (),
) -> Iterator[TrainingProgram]:
    """Hold the program of :func:`training_program` for one fit; parameters are the same."""
    program = training_program(spec, optimizer, loss, source, metrics)
    with program.lock:
        if program.claimed:
            # By a fit of this thread, one of whose callbacks fits: it must keep its weights.
            program = _program_class()(spec, optimizer, loss, source, metrics)
        program.claimed = True
        try:
            yield program
        finally:
            program.claimed = False
