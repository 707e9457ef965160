"""Pure functions on boolean masks of shape (batch, time), True where a step is valid."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def zero_masked(x: Any, mask: Any = None) -> Any:
    """Set masked steps to zero, whatever they hold, NaN included.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        A sequence.
    mask : boolean tensor of shape (batch, time), optional
        True where a step is valid.

    Returns
    -------
    tensor of shape (batch, time, channels)
        The sequence with zeros where the mask is False.
    """
    if mask is None:
        return x
    return ops.where(ops.expand_dims(_boolean(mask), -1), x, ops.zeros_like(x))


def masked_softmax(scores: Any, mask: Any = None, axis: int = -1) -> Any:
    """Softmax over the valid entries; where none is valid, all weights are zero.

    Half precision is computed in float32.

    Parameters
    ----------
    scores : tensor
        Scores of any shape.
    mask : boolean tensor, optional
        True where an entry is valid; broadcast to the shape of the scores.
    axis : int, default=-1
        Axis over which the weights sum to one.

    Returns
    -------
    tensor of the shape and dtype of ``scores``
        Weights, exactly zero where the mask is False.
    """
    wide = to_accumulator(scores)
    if mask is not None:
        mask = _boolean(mask)
        # Mask before the softmax: zeroing alone would break the sum to one.
        wide = ops.where(mask, wide, ops.full_like(wide, LOWEST))
    # Keras warns of a softmax over one entry, which a sequence of one step has every right to.
    single = wide.shape[axis] == 1
    weights = ops.exp(wide - wide) if single else ops.softmax(wide, axis=axis)
    if mask is not None:
        weights = ops.where(mask, weights, ops.zeros_like(weights))
    return ops.cast(weights, scores.dtype)


def last_valid(x: Any, mask: Any = None) -> Any:
    """Return the last valid step of every series; zeros where no step is valid.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        A sequence.
    mask : boolean tensor of shape (batch, time), optional
        True where a step is valid.

    Returns
    -------
    tensor of shape (batch, channels)
        The steps.
    """
    if mask is None:
        return x[:, -1]
    is_last = ops.cast(last_valid_one_hot(mask), x.dtype)
    return ops.squeeze(ops.matmul(ops.expand_dims(is_last, 1), zero_masked(x, mask)), axis=1)


def last_valid_one_hot(mask: Any) -> Any:
    """Mark the last valid step of every series.

    Parameters
    ----------
    mask : boolean tensor of shape (batch, time)
        True where a step is valid.

    Returns
    -------
    boolean tensor of shape (batch, time)
        True at the last valid step only; nowhere if a series has none.
    """
    valid = ops.cast(_boolean(mask), "int32")
    count = ops.cumsum(valid, axis=1)
    total = ops.sum(valid, axis=1, keepdims=True)
    return ops.logical_and(_boolean(mask), ops.equal(count, total))


def pair_mask(mask: Any, sequence: Any, history_only: bool = False) -> Any:
    """Mark which keys each query may attend to.

    Parameters
    ----------
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    sequence : tensor of shape (batch, time, ...)
        A sequence, of which only the number of time steps matters.
    history_only : bool, default=False
        Whether a query sees only itself and earlier keys.

    Returns
    -------
    boolean tensor or None
        Of shape (batch, 1, time), (1, time, time) or (batch, time, time): True where query (second
        axis) may attend to key (third axis). None if all pairs are allowed.
    """
    valid = None if mask is None else ops.expand_dims(_boolean(mask), 1)
    if not history_only:
        return valid
    steps = ops.arange(ops.shape(sequence)[1], dtype="int32")
    past = ops.expand_dims(ops.expand_dims(steps, 1) >= steps, 0)
    return past if valid is None else ops.logical_and(past, valid)


def to_accumulator(x: Any) -> Any:
    """Cast half precision to float32, in which sums and exponentials are safe."""
    return ops.cast(x, accumulator_dtype(x.dtype))


def accumulator_dtype(dtype: Any) -> str:
    """Return float32 for half precision, else the dtype itself."""
    name = keras.backend.standardize_dtype(dtype)
    return "float32" if name in ("float16", "bfloat16") else name


# Below every score, yet finite: differences of two of them are zero and not NaN.
LOWEST = -1e30


def _boolean(mask: Any) -> Any:
    return ops.cast(mask, "bool")
