"""Training on JAX: an epoch is one call, and fits of the same shape share its trace."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.compiled_jax.compiling import compiled
from skconvattn.engine.compiled_jax.gathering import gatherer
from skconvattn.engine.compiled_jax.padding import rows_are_independent, share_of_padding
from skconvattn.engine.compiled_jax.sizes import Batches, cut, in_whole_batches, validation_cut
from skconvattn.engine.objectives.losses import make_loss
from skconvattn.engine.objectives.metrics import MetricKey, make_metrics
from skconvattn.engine.objectives.optimizers import OptimizerSpec
from skconvattn.engine.programs import model_program
from skconvattn.networks.spec import ModelSpec


class _Values(NamedTuple):
    """What steps change: weights (one vector, or one array per variable), state, optimiser."""

    weights: list[Any]
    state: list[Any]
    slots: list[Any]


class TrainingProgram:
    """Weights, optimiser and the compiled epoch of one model, loss and kind of data.

    Its arrays belong to one fit at a time. Methods are those of the program for TensorFlow, by
    whose ``claimed_program`` a fit gets it.

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
        How often the epoch was traced: once per size of batches and padded number of samples.
    """

    def __init__(
        self,
        spec: ModelSpec,
        optimizer: OptimizerSpec,
        loss: Any,
        source: Rows | Windows,
        metrics: Sequence[MetricKey] = (),
    ) -> None:
        self.lock = threading.RLock()
        self.claimed = False
        self.traces = 0
        self.model_program = model_program(spec)
        self.layout = self.model_program.layout
        self._model = model = self.model_program.model
        self._elementwise = optimizer.elementwise
        self._loss = make_loss(loss)
        _, targets, weights = source.batch(np.zeros(1, dtype=int))
        self._metrics = make_metrics(metrics, targets, model.output_shape[-1])
        self._share = None
        # Metrics may count samples whatever their weight is.
        if not self._metrics and rows_are_independent(spec, model):
            self._share = share_of_padding(self._loss, targets, weights, model.output_shape[1:])
        self._build_optimizer(optimizer)
        self._gather = gatherer(source)
        self._values = _Values([], [], [])
        self._train = compiled(self._trained, static_argnames="batches")
        self._evaluate = compiled(self._evaluated, static_argnames="batches")

    def _build_optimizer(self, spec: OptimizerSpec) -> None:
        import keras

        shapes = [(sum(self.layout.sizes),)] if self._elementwise else self.layout.shapes
        self.optimizer = spec.make()
        # Float32, where Keras would take the default of the process.
        self.optimizer.build(
            [keras.Variable(np.zeros(shape, "float32"), dtype="float32") for shape in shapes]
        )
        self._scheduled = spec.scheduled
        slots = self.optimizer.variables
        self._first_slots = [v.value for v in slots]
        by_id = {id(v): i for i, v in enumerate(slots)}
        self._rate = None if spec.scheduled else by_id.get(id(self.optimizer.learning_rate))
        self._iterations = by_id[id(self.optimizer.iterations)]
        averages = getattr(self.optimizer, "use_ema", False)
        self._averages = averages and [
            by_id[id(v)] for v in self.optimizer._model_variables_moving_average
        ]

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
        self._values = _Values([], [], list(self._first_slots))
        self.set_weights(weights)
        self.set_state(state)
        self.set_learning_rate(learning_rate)

    def set_weights(self, weights: np.ndarray) -> None:
        """Set the trainable weights from one vector."""
        import jax

        arrays = [weights] if self._elementwise else self.layout.split(weights)
        self._values = self._values._replace(weights=[jax.device_put(a) for a in arrays])

    def set_state(self, state: Sequence[np.ndarray]) -> None:
        """Set the non-trainable variables."""
        import jax

        arrays = self.model_program.state_as_built(state)
        self._values = self._values._replace(state=[jax.device_put(a) for a in arrays])

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate for the epochs to come, unless a schedule over steps is in place."""
        if not self._scheduled:
            self.optimizer.learning_rate = learning_rate

    def snapshot(self) -> tuple[Any, list[Any]]:
        """Return weights and state, as arrays that later epochs do not change."""
        return self._vector_of(self._values.weights), list(self._values.state)

    def kept(self) -> tuple[Any, list[Any]]:
        """Return weights and state that a fit ending here keeps, as :meth:`snapshot` does.

        These are moving averages where the optimiser has ``use_ema``, as at the end of Keras's
        ``fit``.
        """
        vector, state = self.snapshot()
        slots = self._values.slots
        if self._averages and int(slots[self._iterations]):
            vector = self._vector_of([slots[i] for i in self._averages])
        return vector, state

    def epoch(
        self, arrays: Sequence[Any], order: np.ndarray, validation: np.ndarray, batch_size: int
    ) -> tuple[float, float, list[float]]:
        """Train for one epoch and evaluate.

        Parameters
        ----------
        arrays : sequence of jax.Array
            Arrays of the source, from :func:`~skconvattn.engine.compiled_jax.gathering.on_device`.
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
        if self._rate is not None:
            # Callbacks set the rate of the optimiser itself.
            slots = list(self._values.slots)
            slots[self._rate] = self.optimizer.learning_rate.value
            self._values = self._values._replace(slots=slots)
        batches = cut(len(order), batch_size, padded=self._share is not None)
        self._values, trained = self._train(
            self._values, arrays, in_whole_batches(order, batch_size), len(order), batches=batches
        )
        self.optimizer.iterations.assign(self._values.slots[self._iterations])
        evaluated = self._on(arrays, validation)
        loss, *measured = np.asarray(trained).tolist()
        validation_loss, *measured_there = np.asarray(evaluated).tolist()
        return loss, validation_loss, [*measured, *measured_there]

    def evaluate(self, arrays: Sequence[Any], validation: np.ndarray) -> float:
        """Return the mean loss over samples, int32, without training."""
        return float(self._on(arrays, validation)[0])

    def _on(self, arrays: Sequence[Any], validation: np.ndarray) -> Any:
        """Return loss and metrics on validation samples, NaN where there are none."""
        if not len(validation):
            return np.full(1 + len(self._metrics), math.nan)
        batches = validation_cut(len(validation), padded=self._share is not None)
        order = in_whole_batches(validation, batches.size)
        return self._evaluate(self._values, arrays, order, len(validation), batches=batches)

    def _trained(
        self, values: _Values, arrays: Any, order: Any, n_samples: Any, batches: Batches
    ) -> Any:
        """Return the values after an epoch, and loss and metrics over it."""
        import jax.numpy as jnp

        self.traces += 1
        step = partial(self._step, arrays)
        values, total, counted = self._over(step, values, order, n_samples, batches)
        loss = total / n_samples
        # The last step may have spoilt the weights after its own loss was taken.
        usable = jnp.all(jnp.array([jnp.isfinite(w).all() for w in values.weights]))
        return values, jnp.stack([jnp.where(usable, loss, math.nan), *self._measured(counted)])

    def _evaluated(
        self, values: _Values, arrays: Any, order: Any, n_samples: Any, batches: Batches
    ) -> Any:
        """Return loss and metrics over samples."""
        import jax.numpy as jnp

        weights = self._split(values.weights)

        def step(unchanged: Any, counted: Any, indices: Any, n_valid: Any) -> Any:
            inputs, targets, sample_weight = self._batch(arrays, indices, n_valid)
            outputs = self._call(weights, values.state, inputs, training=False)[0]
            loss = self._loss_of(targets, outputs, sample_weight, n_valid)
            return unchanged, self._count(counted, targets, outputs, sample_weight), loss

        _, total, counted = self._over(step, (), order, n_samples, batches)
        return jnp.stack([total / n_samples, *self._measured(counted)])

    def _over(self, step: Any, values: Any, order: Any, n_samples: Any, batches: Batches) -> Any:
        """Take steps over all batches: whole ones in a loop, a smaller one in a shape of its own.

        Returns
        -------
        values
            After the last step.
        total : array of shape ()
            Sum of the losses of steps, each times its number of samples.
        counted : list of list
            What metrics have counted.
        """
        import jax
        import jax.numpy as jnp

        def whole(index: Any, carry: Any) -> Any:
            values, total, counted = carry
            start = index * batches.size
            indices = jax.lax.dynamic_slice_in_dim(order, start, batches.size)
            n_valid = jnp.minimum(batches.size, n_samples - start)
            values, counted, loss = step(values, counted, indices, n_valid)
            return values, total + loss * n_valid, counted

        n_loops = n_samples // batches.size
        if self._share is not None:
            n_loops = -(-n_samples // batches.size)
        counted = [[v.value for v in metric.variables] for metric in self._metrics]
        carry = values, jnp.float32(0.0), counted
        values, total, counted = jax.lax.fori_loop(0, n_loops, whole, carry)
        if batches.last:
            start = n_samples - batches.last
            indices = jax.lax.dynamic_slice_in_dim(order, start, batches.last)
            values, counted, loss = step(values, counted, indices, jnp.int32(batches.last))
            total = total + loss * batches.last
        return values, total, counted

    def _step(
        self, arrays: Any, values: _Values, counted: Any, indices: Any, n_valid: Any
    ) -> tuple[_Values, Any, Any]:
        """Take a step of the optimiser."""
        import jax
        import keras

        inputs, targets, sample_weight = self._batch(arrays, indices, n_valid)

        def objective(weights: list[Any]) -> Any:
            outputs, state, penalties = self._call(
                weights, values.state, inputs, training=True, return_losses=True
            )
            loss = self._loss_of(targets, outputs, sample_weight, n_valid) + sum(penalties)
            # The optimiser undoes its own loss scale when it applies the gradients.
            mapping = list(zip(self.optimizer.variables, values.slots, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                scaled = self.optimizer.scale_loss(loss)
            return scaled, (loss, outputs, state)

        gradient = jax.grad(objective, has_aux=True)
        gradients, (loss, outputs, state) = gradient(self._split(values.weights))
        if self._elementwise:
            gradients = [self._vector_of(gradients)]
        weights, slots = self.optimizer.stateless_apply(values.slots, gradients, values.weights)
        counted = self._count(counted, targets, outputs, sample_weight)
        return _Values(weights, state, slots), counted, loss

    def _call(self, weights: list[Any], state: list[Any], inputs: list[Any], **kwargs: Any) -> Any:
        given = inputs if len(inputs) > 1 else inputs[0]
        return self._model.stateless_call(weights, state, given, **kwargs)

    def _batch(self, arrays: Any, indices: Any, n_valid: Any) -> Any:
        """Gather a batch; samples behind the valid ones weigh nothing."""
        import jax.numpy as jnp

        inputs, targets, weights = self._gather(arrays, indices)
        if self._share is not None:
            valid = jnp.arange(len(indices)) < n_valid
            weights = jnp.where(valid.reshape(-1, *[1] * (weights.ndim - 1)), weights, 0.0)
        return inputs, targets, weights

    def _loss_of(self, targets: Any, outputs: Any, sample_weight: Any, n_valid: Any) -> Any:
        """Return the loss of the valid samples of a batch."""
        import jax.numpy as jnp

        loss = self._loss(targets, outputs, sample_weight=sample_weight).astype(jnp.float32)
        return loss * (len(sample_weight) / n_valid) if self._share else loss

    def _count(self, counted: Any, targets: Any, outputs: Any, sample_weight: Any) -> Any:
        """Count a batch for the metrics."""
        return [
            list(metric.stateless_update_state(before, targets, outputs, sample_weight))
            for metric, before in zip(self._metrics, counted, strict=True)
        ]

    def _measured(self, counted: Any) -> list[Any]:
        """Return the metrics over the batches counted."""
        return [
            metric.stateless_result(variables).astype("float32")
            for metric, variables in zip(self._metrics, counted, strict=True)
        ]

    def _split(self, weights: list[Any]) -> list[Any]:
        """Return one array per variable of the model."""
        import jax.numpy as jnp

        if not self._elementwise:
            return weights
        parts = jnp.split(weights[0], np.cumsum(self.layout.sizes)[:-1])
        return [p.reshape(s) for p, s in zip(parts, self.layout.shapes, strict=True)]

    def _vector_of(self, arrays: list[Any]) -> Any:
        import jax.numpy as jnp

        if len(arrays) == 1:
            return arrays[0].ravel()
        return jnp.concatenate([array.ravel() for array in arrays])
