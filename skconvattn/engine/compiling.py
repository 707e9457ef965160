"""Functions traced once, at their first call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any], signature: list[Any]) -> Callable[..., Any]:
    """Return a function that is traced at its first call and never again.

    Parameters
    ----------
    function : callable
        Of tensors, in TensorFlow.
    signature : list
        Specification of each argument, or lists of them.

    Returns
    -------
    callable
        Of tensors or arrays, returning tensors. It may be called from any number of threads.
    """
    import tensorflow as tf

    # AutoGraph would write its translation into temporary files, and nothing here needs it.
    traceable = tf.function(function, input_signature=signature, autograph=False)
    lock = threading.Lock()
    concrete: list[Any] = []

    def call(*arguments: Any) -> Any:
        with lock:
            if not concrete:
                # TensorFlow counts the first calls of tf.function over all programs, and warns of
                # retracing where there is none; it does not count those of concrete functions.
                concrete.append(traceable.get_concrete_function())
        return concrete[0](*arguments)

    return call
