"""Training of a network, by the compiled engine or the portable one."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.data import Rows, Windows
from skconvattn.engine.callback_copies import copied_callbacks
from skconvattn.engine.forking import refuse_in_forked_child
from skconvattn.engine.plan import TrainingPlan, TrainingResult
from skconvattn.engine.programs import FittedModel, in_distribution_scope
from skconvattn.networks.spec import ModelSpec

_LOGGER = logging.getLogger("skconvattn")

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


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
        Weights to start from; drawn by default.

    Returns
    -------
    TrainingResult
        Trained weights and history.

    Raises
    ------
    FloatingPointError
        If the loss is not finite before any epoch gave usable weights.
    RuntimeError
        If this process was forked from one that has computed.
    """
    refuse_in_forked_child()
    load_backend()
    if validation is None or not len(validation):
        plan = replace(plan, callbacks=without_validation(plan))
    with _told_of_the_loss():
        if not plan.callbacks:
            return _train(spec, source, plan, rng, training, validation, start)
        with copied_callbacks(plan.callbacks) as callbacks:
            plan = replace(plan, callbacks=callbacks)
            return _train(spec, source, plan, rng, training, validation, start)


@contextmanager
def _told_of_the_loss() -> Iterator[None]:
    """Say what is wrong with a loss that no weight changes; the backend names no parameter."""
    try:
        yield
    except ValueError as error:
        if "No gradients provided" not in str(error):
            raise
        raise ValueError(
            "loss gives the same value whatever is predicted, so that nothing can be trained; "
            "compute it from y_pred with operations of keras.ops."
        ) from error


def _train(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    training: np.ndarray | None,
    validation: np.ndarray | None,
    start: FittedModel | None,
) -> TrainingResult:
    training = np.arange(len(source)) if training is None else training
    validation = np.zeros(0, dtype=int) if validation is None else validation
    if choose_engine(plan.engine, plan.callbacks) == "portable":
        from skconvattn.engine.portable.training import train_portable

        return train_portable(spec, source, plan, rng, training, validation, start)
    from skconvattn.engine.compiled.loop import train_compiled

    return train_compiled(spec, source, plan, rng, training, validation, start)


def without_validation(plan: TrainingPlan) -> list[Any]:
    """Return the callbacks of a fit that holds nothing out; those that would wait for it are named.

    Keras would warn in every epoch, and its callbacks would do nothing.

    Parameters
    ----------
    plan : TrainingPlan
        How to train.

    Returns
    -------
    list of keras.callbacks.Callback
        Those that wait for nothing.
    """
    callbacks = list(plan.callbacks)
    if not callbacks:
        return callbacks
    import keras

    known = keras.callbacks
    kinds = (known.EarlyStopping, known.ReduceLROnPlateau, known.ModelCheckpoint)
    waiting = [
        c
        for c in callbacks
        if isinstance(c, kinds)
        and c.monitor.startswith("val_")
        and getattr(c, "save_best_only", True)
    ]
    if waiting and plan.epochs > 1:
        names = ", ".join(f"{type(c).__name__} of {c.monitor!r}" for c in waiting)
        warnings.warn(
            f"callbacks has {names}, and this fit holds nothing out, for which it is too small or "
            "early_stopping is off; it is trained without. Give validation_data or a larger "
            "validation_fraction, or monitor='loss'.",
            UserWarning,
            stacklevel=2,
        )
    return [c for c in callbacks if c not in waiting]


def choose_engine(engine: str, callbacks: Sequence[Any]) -> str:
    """Choose the engine of a fit, with Keras's backend loaded.

    Parameters
    ----------
    engine : {"auto", "compiled", "portable"}
        What the user asked for. "auto" takes the compiled engine wherever it serves, and says in
        an info log where it does not.
    callbacks : sequence of keras.callbacks.Callback
        Of the fit.

    Returns
    -------
    {"compiled", "portable"}
        The engine.

    Raises
    ------
    ValueError
        If the compiled engine was asked for and cannot serve.
    """
    if engine == "portable":
        return engine
    reason = _why_never_compiled()
    say: Callable[[str], None] = _say_once  # it holds for more than this fit
    if reason is None:
        reason, say = _why_not_compiled(callbacks), _say
    if reason is None:
        return "compiled"
    if engine == "compiled":
        raise ValueError(
            f"engine='compiled' cannot train this fit: {reason}; use engine='auto' or "
            "engine='portable'."
        )
    say(reason)
    return "portable"


def watches_batches(callback: Any) -> bool:
    """Whether a callback has to be called around batches.

    Keras's own epoch-level callbacks have batch hooks too, which do nothing, or nothing that an
    epoch does not, unless they are asked to.
    """
    import keras

    known = keras.callbacks
    for kind, still in (
        (known.TerminateOnNaN, lambda c: True),
        (known.ModelCheckpoint, lambda c: c.save_freq == "epoch"),
        (known.BackupAndRestore, lambda c: c.save_freq == "epoch"),
        (known.TensorBoard, _tensorboard_is_still),
    ):
        if type(callback) is kind and still(callback):
            return False
    return any(_overrides(callback, hook) for hook in _BATCH_HOOKS)


def _overrides(callback: Any, hook: str) -> bool:
    import keras

    own = vars(callback).get(hook) or getattr(type(callback), hook, None)
    return own is not None and own is not getattr(keras.callbacks.Callback, hook)


def _tensorboard_is_still(callback: Any) -> bool:
    return (
        callback.update_freq == "epoch"
        and not callback.write_steps_per_second
        and not getattr(callback, "_should_trace", False)
    )


def _why_never_compiled() -> str | None:
    import keras

    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        return f"it needs the backend TensorFlow or JAX, and Keras runs on {backend}"
    if in_distribution_scope():
        return "it does not distribute, and this is the scope of a tf.distribute strategy"
    if keras.distribution.distribution() is not None:
        return "it does not distribute, and keras.distribution is set"
    return None


def _why_not_compiled(callbacks: Sequence[Any]) -> str | None:
    watching = [type(callback).__name__ for callback in callbacks if watches_batches(callback)]
    if not watching:
        return None
    return f"it calls callbacks around epochs, and {', '.join(watching)} watches batches"


def _say(reason: str) -> None:
    _LOGGER.info("Training with the portable engine, not the compiled one: %s.", reason)


@functools.cache
def _say_once(reason: str) -> None:
    _say(reason)
