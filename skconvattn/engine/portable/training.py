"""The portable engine: the same network through SciKeras, for every backend and callback."""

from __future__ import annotations

import importlib
import logging
import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.objectives.losses import loss_key, make_loss
from skconvattn.engine.objectives.metrics import make_metrics, metric_keys
from skconvattn.engine.objectives.optimizers import OptimizerSpec
from skconvattn.engine.plan import (
    EpochLog,
    TrainingPlan,
    TrainingResult,
    epoch_order,
    starting_rate,
)
from skconvattn.engine.portable.workers import Workers
from skconvattn.engine.programs import FittedModel, model_program, outside_scopes
from skconvattn.engine.weights import Layout
from skconvattn.networks.spec import ModelSpec

# Samples of a validation batch, as in the compiled engine.
_VALIDATION_BATCH = 256
# Samples by which processes see that they were given the same data.
_COMPARED = 1000
_IMPORT_LOCK = threading.Lock()


def train_portable(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    training: np.ndarray,
    validation: np.ndarray,
    start: FittedModel | None,
) -> TrainingResult:
    """Train a model; parameters and result are those of :func:`~skconvattn.engine.train`.

    Initial weights, order of samples, losses and choice of the best epoch are those of the
    compiled engine, so that both give the same losses. In the scope of a strategy of several
    processes each trains on its part of every batch.
    """
    workers = Workers.current()

    def run() -> TrainingResult:
        return _train(spec, source, plan, rng, training, validation, start, workers)

    if workers is None:
        return run()
    some = training[:: max(len(training) // _COMPARED, 1)]
    workers.check_equal(rng, np.append(source.batch(some)[1], len(training)))
    return outside_scopes(run)


def _train(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    training: np.ndarray,
    validation: np.ndarray,
    start: FittedModel | None,
    workers: Workers | None,
) -> TrainingResult:
    weights, state = model_program(spec).initialization.draw(rng)
    if start is not None:
        weights, state = Layout.of(weights).split(start.weights), list(start.state)
    model = spec.build().model
    _seed_layers(model)
    _assign(model, weights, state)
    optimizer, rate = OptimizerSpec.of(plan.optimizer, starting_rate(plan))
    _, targets, _ = source.batch(np.zeros(1, dtype=int))
    model.compile(
        optimizer=optimizer.make(),
        loss=make_loss(loss_key(plan.loss)),
        weighted_metrics=make_metrics(metric_keys(plan.metrics), targets, model.output_shape[-1]),
        # The fused kernels of the compiled engine are no XLA; JAX without its compiler is slow.
        jit_compile=keras.backend.backend() == "jax",
    )
    if not optimizer.scheduled:
        model.optimizer.learning_rate = rate
    if workers is not None:
        workers.share_gradients(model.optimizer)
    held_out = _Batches(source, validation, _VALIDATION_BATCH) if len(validation) else None
    fit = _Fit(model, source, plan, rng, training, held_out, workers)
    return fit.run(spec)


class _Fit:
    """One fit: Keras's loop between two callbacks that do what the compiled engine does."""

    def __init__(
        self,
        model: keras.Model,
        source: Rows | Windows,
        plan: TrainingPlan,
        rng: np.random.Generator,
        training: np.ndarray,
        held_out: _Batches | None,
        workers: Workers | None,
    ) -> None:
        self.model, self.plan, self.rng, self.held_out = model, plan, rng, held_out
        self.training, self.workers = training, workers
        n_first = len(training)
        if plan.steps_per_epoch is not None:
            n_first = min(n_first, plan.steps_per_epoch * plan.batch_size)
        self.batches = _Batches(source, training[:n_first], plan.batch_size, workers)
        self.metrics = [metric.name for metric in metric_keys(plan.metrics)]
        self.best = _kept(model)

    def run(self, spec: ModelSpec) -> TrainingResult:
        """Train until the epochs or the patience run out."""
        loss = math.nan
        if self.held_out is not None:
            loss = float(self.model.evaluate(self.held_out, verbose=0, return_dict=True)["loss"])
        self.log = EpochLog(self.plan, self.metrics, loss, validated=self.held_out is not None)
        if self.plan.epochs:
            with self.log.shown(self.plan):
                self._fit_with_scikeras()
        vector = Layout.of(self.model.trainable_variables).flatten(self.best[0])
        return self.log.result(FittedModel(spec, vector, tuple(self.best[1])))

    def _fit_with_scikeras(self) -> None:
        # SciKeras's random_state would reseed NumPy, Python and TensorFlow: it is never given.
        wrapper = _wrapper_class()(
            model=self.model,
            callbacks=[_Before(self), *self.plan.callbacks, _After(self)],
            epochs=self.plan.epochs,
            shuffle=False,
            verbose=0,
        )
        # Arrays of the right form for SciKeras to check; what Keras gets are the batches.
        rows = np.arange(len(self.training))
        wrapper.batches = self.batches
        with _silent_on_tracing():
            wrapper.fit(rows[:, None], rows, validation_data=self.held_out)

    def begin_epoch(self) -> None:
        """Shuffle."""
        self.batches.indices = epoch_order(self.rng, self.training, self.plan)

    def begin_batch(self, number: int) -> None:
        """Tell other processes' gradients how large the batch is."""
        if self.workers is not None:
            self.workers.begin_batch(len(self.batches.indices_of(number)))

    def end_batch(self, model: Any, number: int) -> None:
        """Join the losses of all processes after the last batch of an epoch."""
        if self.workers is not None and number == len(self.batches) - 1:
            self.workers.share_metrics(model, len(self.batches.indices))

    def end_epoch(self, model: Any, logs: dict[str, Any]) -> None:
        """Keep the weights of the best epoch, and stop where the compiled engine would."""
        kept = _kept(model)
        usable = all(np.isfinite(w).all() for w in kept[0])
        names = ["loss", *self.metrics]
        training, validation = (
            [float(logs.get(f"{prefix}{name}", math.nan)) for name in names]
            for prefix in ("", "val_")
        )
        if not usable:
            training[0] = math.nan
        if self.workers is not None:
            validation = self.workers.of_first(validation)
            model.stop_training = self.workers.any(bool(model.stop_training))
        if not self.log.add(training, validation) or self.log.is_over:
            model.stop_training = True
        if self.log.is_best:
            self.best = kept


@contextmanager
def _silent_on_tracing() -> Iterator[None]:
    """Keep TensorFlow from complaining that each fit, with a model of its own, is traced anew."""
    logger = logging.getLogger("tensorflow")

    def is_other(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


class _Before(keras.callbacks.Callback):
    """First in the list: orders the samples, and gives other callbacks the best weights to end."""

    def __init__(self, fit: _Fit) -> None:
        super().__init__()
        self._fit = fit

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Order the samples."""
        self._fit.begin_epoch()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note the size of the batch."""
        self._fit.begin_batch(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Join losses, before other callbacks see those of the epoch."""
        self._fit.end_batch(self.model, batch)

    def on_train_end(self, logs: Any = None) -> None:
        """Set the best weights."""
        _assign(self.model, *self._fit.best)


class _After(keras.callbacks.Callback):
    """Last in the list: sees weights and losses as other callbacks left them."""

    def __init__(self, fit: _Fit) -> None:
        super().__init__()
        self._fit = fit

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the losses."""
        self._fit.end_epoch(self.model, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Take the weights as other callbacks left them."""
        self._fit.best = _values(self.model.trainable_variables), _state(self.model)


class _Batches(keras.utils.PyDataset):
    """Batches of a source in the order of the indices."""

    def __init__(
        self,
        source: Rows | Windows,
        indices: np.ndarray,
        batch_size: int,
        workers: Workers | None = None,
    ) -> None:
        super().__init__()
        self.source, self.indices, self.batch_size = source, indices, batch_size
        # Keras's class has an attribute of the name workers.
        self.shared_by = workers

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.indices) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return inputs, targets and weights of a batch, or of this process's part of it."""
        indices = self.indices_of(index)
        if self.shared_by is None:
            inputs, targets, weights = self.source.batch(indices)
        else:
            indices, counts = self.shared_by.part(indices)
            inputs, targets, weights = self.source.batch(indices)
            weights = weights * counts.reshape(-1, *[1] * (weights.ndim - 1))
        return inputs[0] if len(inputs) == 1 else tuple(inputs), targets, weights

    def indices_of(self, index: int) -> np.ndarray:
        """Return the samples of a batch: (n_samples,)."""
        start = index * self.batch_size
        return self.indices[start : start + self.batch_size]


def _wrapper_class() -> Any:
    """Return SciKeras's wrapper, fed by batches of ours."""
    base = _imported_wrapper()

    class Wrapper(base):  # type: ignore[misc, valid-type]
        """SciKeras checks and transforms arrays; these transformations hand on batches instead."""

        @property
        def feature_encoder(self) -> _Replacement:
            return _Replacement(self.batches)

        @property
        def target_encoder(self) -> _Replacement:
            return _Replacement(None)

    return Wrapper


class _Replacement:
    """A transformation that returns one thing whatever it is given."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def fit(self, X: Any) -> _Replacement:
        return self

    def transform(self, X: Any) -> Any:
        return self._value


def _imported_wrapper() -> Any:
    """Import SciKeras without its effect on Keras.

    At its import it replaces how all Keras objects in the process are pickled. That is undone, and
    the import forgotten, so that a user who imports SciKeras gets it whole.
    """
    with _IMPORT_LOCK:
        if "scikeras.wrappers" in sys.modules:
            return sys.modules["scikeras.wrappers"].BaseWrapper
        if _imported:
            return _imported[0]
        kinds = (keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)
        methods = [(kind, name) for kind in kinds for name in ("__reduce__", "__deepcopy__")]
        before = [vars(kind).get(name) for kind, name in methods]
        try:
            _imported.append(importlib.import_module("scikeras.wrappers").BaseWrapper)
        except ImportError as error:
            raise ImportError(
                "The portable engine trains through SciKeras, which is not installed; run "
                "pip install scikeras, or use engine='compiled' on TensorFlow or JAX."
            ) from error
        finally:
            for (kind, name), method in zip(methods, before, strict=True):
                if method is not None:
                    setattr(kind, name, method)
                elif name in vars(kind):
                    delattr(kind, name)
            for name in [n for n in sys.modules if n.partition(".")[0] == "scikeras"]:
                del sys.modules[name]
        return _imported[0]


_imported: list[Any] = []


def _seed_layers(model: Any) -> None:
    """Let dropout on torch draw from the state of its layer, as on the other backends.

    Without a seed of its own, which only says here that there is one, Keras leaves it to torch's
    global generator.
    """
    if keras.backend.backend() != "torch":
        return
    for layer in model._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if generator is not None and generator._initial_seed is None:
            generator._initial_seed = 0


def _kept(model: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return weights and state that a fit ending here keeps: moving averages if there are any."""
    optimizer: Any = getattr(model, "optimizer", None)
    variables = model.trainable_variables
    if getattr(optimizer, "use_ema", False) and int(optimizer.iterations):
        variables = optimizer._model_variables_moving_average
    return _values(variables), _state(model)


def _values(variables: Any) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def _state(model: Any) -> list[np.ndarray]:
    return _values(model.non_trainable_variables)


def _assign(model: Any, weights: list[np.ndarray], state: list[np.ndarray]) -> None:
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    for variable, value in zip(model.non_trainable_variables, state, strict=True):
        variable.assign(np.asarray(value, dtype=str(variable.dtype)))
