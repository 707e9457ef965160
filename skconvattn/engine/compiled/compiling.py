"""TensorFlow functions that are traced once, at their first call."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from skconvattn.engine.compiled.tensorflow_private import (
    call_options,
    flat_call,
    gradient_registry,
)

# Operations that TensorFlow's single-threaded executor refuses, or does once they are lowered.
_CONTROL_FLOW = frozenset(
    {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"}
    | {"Enter", "Switch", "Merge"}
)


class Compiled:
    """A function that is traced at its first call and never again.

    It may be called from any number of threads, and within other functions: it then is a part of
    them without being traced again.

    Parameters
    ----------
    function : callable
        Of tensors, in TensorFlow.
    signature : list
        Specification of each argument, or lists of them.
    """

    def __init__(self, function: Callable[..., Any], signature: list[Any]) -> None:
        import tensorflow as tf

        # AutoGraph would write its translation into temporary files, and nothing here needs it.
        self._traceable = tf.function(function, input_signature=signature, autograph=False)
        self._lock = threading.Lock()
        self._traced: Any = None
        self._flat: Any = None
        self._in_turn = False

    def __call__(self, *arguments: Any) -> Any:
        """Return tensors for tensors or arrays of the signature."""
        concrete = self._concrete()
        with _optimized_once():
            return concrete(*arguments)

    def flat(self, *tensors: Any) -> Any:
        """Return the first tensor, outside of graphs and gradients, without any checks.

        Parameters
        ----------
        *tensors : tensor
            Of the signature, one after the other. Binding and casting arguments takes as long as
            a small network, and so does waking threads: on a CPU operations run in this one, in
            turn, unless there are loops or conditions among them.

        Returns
        -------
        tensor
            First of the results.
        """
        self._concrete()
        with _optimized_once(in_turn=self._in_turn):
            return self._flat(*tensors)

    def _concrete(self) -> Any:
        with self._lock:
            if self._traced is None:
                import tensorflow as tf

                # TensorFlow counts the first calls of tf.function over all programs, and warns of
                # retracing where there is none; it does not count those of concrete functions.
                # Within another function, this one is traced outside of that; otherwise the
                # scope would only keep gradients from being taken.
                with nullcontext() if tf.executing_eagerly() else tf.init_scope():
                    traced = self._traceable.get_concrete_function()
                definition = traced.graph.as_graph_def()
                _forget_custom_gradients(definition)
                self._in_turn = all(
                    device.device_type == "CPU" for device in tf.config.list_logical_devices()
                ) and not any(n.op in _CONTROL_FLOW for n in _nodes(definition))
                self._flat = flat_call(traced)
                self._traced = traced
        return self._traced


def _nodes(definition: Any) -> list[Any]:
    """Return the nodes of a graph and of all functions in it."""
    parts = [definition.node, *(function.node_def for function in definition.library.function)]
    return list(itertools.chain.from_iterable(parts))


def _forget_custom_gradients(definition: Any) -> None:
    """Forget the gradients that ``tf.custom_gradient`` registered while a graph was traced.

    TensorFlow 2.21 keeps each for good, with the graph that it is of: 1.4 MB for one of 120
    operations that nothing else refers to. They are looked up where gradients are taken, which the
    functions here do within themselves or not at all.
    """
    registry = gradient_registry()
    if registry is None:
        return
    for node in (n for n in _nodes(definition) if "_gradient_op_type" in n.attr):
        name = node.attr["_gradient_op_type"].s.decode()
        # Each call of a custom gradient has a name of its own; others may be a user's for all.
        if name.startswith("CustomGradient-"):
            registry.pop(name, None)


@contextmanager
def _optimized_once(*, in_turn: bool = False) -> Iterator[None]:
    """Let TensorFlow optimise graphs in one pass, and not in two, in this thread.

    The second pass finds nothing in graphs of this kind, and takes as long as the first.

    Parameters
    ----------
    in_turn : bool, default=False
        Whether operations run one after the other in this thread.
    """
    options = call_options()
    if options is None:
        yield
        return
    thread = options.thread()
    given = thread.function_call_options
    executor_type = "SINGLE_THREADED_EXECUTOR" if in_turn else given.executor_type
    thread.function_call_options = _with_one_pass(
        options.make, executor_type, given.config_proto_serialized
    )
    try:
        yield
    finally:
        thread.function_call_options = given


@functools.lru_cache(maxsize=8)
def _with_one_pass(make: Callable[..., Any], executor_type: Any, serialized: bytes) -> Any:
    """Return the options of the user's but for the number of passes, where none is set."""
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto.FromString(serialized)
    rewriting = config.graph_options.rewrite_options
    if rewriting.meta_optimizer_iterations == rewriting.DEFAULT_NUM_ITERS:
        rewriting.meta_optimizer_iterations = rewriting.ONE
    return make(executor_type=executor_type, config_proto=config)
