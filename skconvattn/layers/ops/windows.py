"""Pure functions on windows of a sequence: padding, shifts and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from skconvattn.layers.ops.masks import LOWEST, to_accumulator


def pad_time(x: Any, before: Any, after: Any, fill: Any = None) -> Any:
    """Pad the time axis.

    Parameters
    ----------
    x : tensor of shape (batch, time, ...)
        A sequence.
    before, after : int or scalar tensor
        Time steps to add at either end.
    fill : float, optional
        Value of the added steps; zero (False for a mask) if None.

    Returns
    -------
    tensor of shape (batch, before + time + after, ...)
        The padded sequence.
    """
    if isinstance(before, int) and isinstance(after, int) and before == after == 0:
        return x
    widths = [[0, 0], [before, after], *([[0, 0]] * (len(x.shape) - 2))]
    return ops.pad(x, widths, constant_values=fill)


def cut(x: Any, axis: int, start: Any, length: Any) -> Any:
    """Take consecutive entries along an axis, with a gradient that is cheap.

    TensorFlow's gradient of ``x[:, start:end]`` takes several times as long as that of a slice of
    given length.

    Parameters
    ----------
    x : tensor
        A tensor.
    axis : int
        Axis, counted from the front.
    start, length : int or scalar tensor
        First entry and number of entries.

    Returns
    -------
    tensor
        The part, of the same rank.
    """
    starts, shape = [0] * len(x.shape), list(ops.shape(x))
    starts[axis], shape[axis] = start, length
    return ops.slice(x, starts, shape)


def shift_blocks(x: Any, fill: Any = None) -> Any:
    """Move each block one position later along the second axis, and drop the last one.

    Parameters
    ----------
    x : tensor of shape (batch, n_blocks, ...)
        One array per block.
    fill : float, optional
        What comes first; zero if None.

    Returns
    -------
    tensor of shape (batch, n_blocks, ...)
        The array of the block before each block.
    """
    return pad_time(cut(x, 1, 0, ops.shape(x)[1] - 1), 1, 0, fill)


def to_blocks(x: Any, size: int, fill: Any = None) -> Any:
    """Cut time into blocks of ``size`` steps, the last one filled up.

    Parameters
    ----------
    x : tensor of shape (batch, time, ...)
        A sequence; its length may be unknown.
    size : int
        Time steps of a block.
    fill : float, optional
        Value of the steps that fill the last block; zero (False for a mask) if None.

    Returns
    -------
    tensor of shape (batch, ceil(time / size), size, ...)
        The blocks.
    """
    n_timepoints = ops.shape(x)[1]
    n_blocks = -(-n_timepoints // size)
    x = pad_time(x, 0, n_blocks * size - n_timepoints, fill)
    return ops.reshape(x, (-1, n_blocks, size, *x.shape[2:]))


def from_blocks(blocks: Any, n_timepoints: Any) -> Any:
    """Join blocks of time steps and drop the steps that fill the last block.

    Parameters
    ----------
    blocks : tensor of shape (batch, n_blocks, size, ...)
        Blocks made by :func:`to_blocks`.
    n_timepoints : int or scalar tensor
        Time steps of the sequence.

    Returns
    -------
    tensor of shape (batch, n_timepoints, ...)
        The sequence.
    """
    n_blocks, size = ops.shape(blocks)[1], blocks.shape[2]
    joined = ops.reshape(blocks, (-1, n_blocks * size, *blocks.shape[3:]))
    # A part that is everything would still be copied.
    fits = isinstance(n_timepoints, int) and joined.shape[1] == n_timepoints
    return joined if fits else cut(joined, 1, 0, n_timepoints)


def triangle(size: Any, dtype: Any, upper: bool = False, offset: int = 0) -> Any:
    """Return a square of ones on one side of the diagonal and zeros on the other.

    Parameters
    ----------
    size : int or scalar tensor
        Rows and columns.
    dtype : str
        Its dtype.
    upper : bool, default=False
        Whether the ones are above the diagonal, or below.
    offset : int, default=0
        Diagonal at which the ones begin; those beyond it are included.

    Returns
    -------
    tensor of shape (size, size)
        The square.
    """
    if isinstance(size, int):
        # A constant is one operation instead of a dozen.
        square = np.ones((size, size))
        part = np.triu(square, offset) if upper else np.tril(square, offset)
        return ops.convert_to_tensor(part, dtype)
    square = ops.ones((size, size), dtype=dtype)
    return ops.triu(square, offset) if upper else ops.tril(square, offset)


def max_pool(x: Any, mask: Any, size: int) -> tuple[Any, Any]:
    """Pool consecutive blocks of ``size`` steps, a shorter last one included.

    Masked steps never win the maximum. The blocks start at the first step, so that a masked tail
    pools like a shorter sequence.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        A sequence.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    size : int
        Time steps of a block.

    Returns
    -------
    pooled : tensor of shape (batch, ceil(time / size), channels)
        Maxima; zero where a whole block is masked.
    pooled_mask : boolean tensor of shape (batch, ceil(time / size)) or None
        True where a block has a valid step.
    """
    if size == 1:
        return x, mask
    if mask is None:
        wide = to_blocks(to_accumulator(x), size, LOWEST)  # (batch, blocks, size, channels)
        return ops.cast(ops.max(wide, axis=2), x.dtype), None
    valid = to_blocks(ops.cast(mask, "bool"), size)  # (batch, blocks, size)
    wide = to_accumulator(to_blocks(x, size))  # (batch, blocks, size, channels)
    lowest = ops.full_like(wide, LOWEST)
    pooled = ops.max(ops.where(ops.expand_dims(valid, -1), wide, lowest), axis=2)
    pooled_mask = ops.any(valid, axis=2)
    pooled = ops.where(ops.expand_dims(pooled_mask, -1), pooled, ops.zeros_like(pooled))
    return ops.cast(pooled, x.dtype), pooled_mask
