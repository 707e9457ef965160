"""Names outside TensorFlow's public API, and what is done where a release has moved one."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PrivateName:
    """A name outside TensorFlow's public API.

    Attributes
    ----------
    module : str
        Module to import; empty for attributes of a traced function.
    attributes : str
        Attributes from there on, with dots between them.
    fallback : str
        What is done without the name.
    """

    module: str
    attributes: str
    fallback: str

    def __str__(self) -> str:
        """Return the whole name."""
        return f"{self.module or 'tf.types.experimental.ConcreteFunction'}.{self.attributes}"


_KEPT = "gradients registered while tracing stay in memory, with their graphs"
_DEFAULT = "functions run with TensorFlow's own options: two passes of optimisation, all threads"
_BOUND = "functions are called through their public signature, which checks every argument"

_REGISTRY = PrivateName("tensorflow.python.framework.ops", "gradient_registry._registry.pop", _KEPT)
_CONTEXT = PrivateName("tensorflow.python.eager.context", "context", _DEFAULT)
_STARTED = PrivateName(
    "tensorflow.python.eager.context",
    "_context._initialized",
    "a forked process waits for ever where TensorFlow was used by other code before the fork",
)
_OPTIONS = PrivateName("tensorflow.python.eager.context", "FunctionCallOptions", _DEFAULT)
# Attributes of the options of a thread, whose values may be None.
_GIVEN = ("executor_type", "config_proto_serialized")
_CALL = PrivateName("", "inference_fn.call_flat", _BOUND)


@dataclass(frozen=True)
class CallOptions:
    """How the options of TensorFlow's function calls are read and set, per thread.

    Attributes
    ----------
    thread : callable
        Returns the context of the thread, whose ``function_call_options`` may be set.
    make : callable
        Returns options from an ``executor_type`` and a ``config_proto``.
    """

    thread: Callable[[], Any]
    make: Callable[..., Any]


@functools.cache
def call_options() -> CallOptions | None:
    """Return how options of function calls are set, or None where that is not possible."""
    thread, make = _found(_CONTEXT), _found(_OPTIONS)
    if thread is None or make is None:
        return None
    return None if _lacking(thread()) else CallOptions(thread, make)


@functools.cache
def gradient_registry() -> MutableMapping[str, Any] | None:
    """Return the registered gradients by name, or None where they cannot be reached."""
    owner = PrivateName(_REGISTRY.module, _REGISTRY.attributes.rpartition(".")[0], _KEPT)
    return None if _found(_REGISTRY) is None else _found(owner)


def runtime_has_started() -> bool:
    """Return whether TensorFlow has started its threads; False where it does not say."""
    return bool(_found(_STARTED))


def flat_call(concrete: Any) -> Callable[..., Any]:
    """Return a function of the flat tensors of a traced function that returns its first result.

    Parameters
    ----------
    concrete : tf.types.experimental.ConcreteFunction
        The traced function.

    Returns
    -------
    callable
        ``call(*tensors)``, tensors in the order of the signature.
    """
    call = _attribute(concrete, _CALL.attributes)
    if call is None:
        import tensorflow as tf

        arguments, _ = concrete.structured_input_signature

        def bound(*tensors: Any) -> Any:
            return tf.nest.flatten(concrete(*tf.nest.pack_sequence_as(arguments, tensors)))[0]

        return bound
    captured = concrete.captured_inputs
    return lambda *tensors: call(*tensors, *captured)[0]


def missing_names(concrete: Any) -> list[str]:
    """Return a sentence for every private name that this version of TensorFlow does not have.

    Parameters
    ----------
    concrete : tf.types.experimental.ConcreteFunction
        Any traced function.

    Returns
    -------
    list of str
        Which name is gone, what is done instead, and where to mend it.
    """
    import tensorflow as tf

    missing = [name for name in (_REGISTRY, _CONTEXT, _OPTIONS, _STARTED) if _found(name) is None]
    if _CONTEXT not in missing:
        missing += _lacking(_found(_CONTEXT)())
    if _attribute(concrete, _CALL.attributes) is None:
        missing.append(_CALL)
    return [
        f"TensorFlow {tf.__version__} has no {name}: {name.fallback}. Give {__name__} the new "
        "name, or leave the way out for good."
        for name in missing
    ]


def _lacking(thread: Any) -> list[PrivateName]:
    """Return what the context of a thread does not say about the options of function calls."""
    given = _attribute(thread, "function_call_options")
    return [
        PrivateName(_CONTEXT.module, f"context().function_call_options.{name}", _DEFAULT)
        for name in _GIVEN
        if not hasattr(given, name)
    ]


def _found(name: PrivateName) -> Any:
    """Return what a name stands for, or None where it does not exist."""
    try:
        module = importlib.import_module(name.module)
    except ImportError:
        return None
    return _attribute(module, name.attributes)


def _attribute(owner: Any, names: str) -> Any:
    """Return an attribute of an attribute and so on, or None where one does not exist."""
    for name in names.split("."):
        owner = getattr(owner, name, None)
    return owner
