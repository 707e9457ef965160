"""Products over the last axis, with the time steps of a batch as rows of one matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops


def project(x: Any, kernel: Any) -> Any:
    """Multiply each time step by a matrix.

    Parameters
    ----------
    x : tensor of shape (batch, ..., channels)
        Vectors.
    kernel : tensor of shape (channels, units)
        A matrix.

    Returns
    -------
    tensor of shape (batch, ..., units)
        ``x @ kernel``.
    """
    return on_steps(lambda rows: ops.matmul(rows, kernel), x)


def on_steps(function: Callable[[Any], Any], x: Any) -> Any:
    """Apply a function of vectors to each time step.

    On TensorFlow, a product of a three-dimensional tensor with a matrix computes the shape of a
    batch of unknown size in two dozen operations, which are slow to trace.

    Parameters
    ----------
    function : callable
        Maps (rows, channels) to (rows, units).
    x : tensor of shape (batch, ..., channels)
        Vectors.

    Returns
    -------
    tensor of shape (batch, ..., units)
        The function's values.
    """
    between = tuple(x.shape[1:-1])
    if not between or None in between:
        return function(x)
    rows = function(ops.reshape(x, (-1, x.shape[-1])))
    return ops.reshape(rows, (-1, *between, rows.shape[-1]))
