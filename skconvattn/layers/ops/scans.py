"""Pure functions for causal attention in linear time: running sums over blocks of time steps.

Within a block of time steps sums are taken as one product with a triangular matrix; across blocks
the same is done with the blocks' totals. No loop runs over time, so gradients, unknown lengths
and compilers need no special treatment.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from skconvattn.layers.ops.masks import LOWEST
from skconvattn.layers.ops.windows import (
    cut,
    from_blocks,
    pad_time,
    shift_blocks,
    to_blocks,
    triangle,
)

# Time steps of a block; larger ones do more work per step, smaller ones make products too small.
BLOCK = 16

# Levels of blocks: with three, the cost is linear up to BLOCK**3 blocks of time steps.
LEVELS = 3

# Below every sum of weights that is not zero.
SMALLEST = 1e-13


def running_maximum(scores: Any, levels: int = LEVELS) -> Any:
    """Return the maximum up to every step, without a gradient.

    Parameters
    ----------
    scores : tensor of shape (batch, time)
        Scores.
    levels : int, default=LEVELS
        Levels of blocks.

    Returns
    -------
    tensor of shape (batch, time)
        Running maxima.
    """
    scores = ops.stop_gradient(scores)
    if _fits_one_block(scores, levels):
        n_timepoints = ops.shape(scores)[1]
        hidden = 2 * LOWEST * triangle(n_timepoints, scores.dtype, upper=True, offset=1)
        return ops.max(ops.expand_dims(scores, 1) + hidden, -1)
    blocks = to_blocks(scores, BLOCK, LOWEST)
    shift = 1
    while shift < BLOCK:
        earlier = ops.pad(
            blocks[:, :, :-shift], [[0, 0], [0, 0], [shift, 0]], constant_values=LOWEST
        )
        blocks = ops.maximum(blocks, earlier)
        shift *= 2
    before = shift_blocks(running_maximum(blocks[:, :, -1], levels - 1), LOWEST)
    return from_blocks(ops.maximum(blocks, ops.expand_dims(before, 2)), ops.shape(scores)[1])


def decayed_sums(maxima: Any, *values: Any, levels: int = LEVELS) -> list[Any]:
    r"""Sum values up to every step, each relative to the running maximum of its own step.

    .. math:: y_t = \sum_{i \le t} e^{m_i - m_t} v_i

    With :math:`v_i = e^{s_i - m_i} u_i` these are the sums of a causal softmax. No exponent is
    positive, and each is relative to a maximum that was reached by then, so that neither early
    nor late scores overflow or vanish, whatever their range.

    Parameters
    ----------
    maxima : tensor of shape (batch, time)
        Running maxima, never falling. They carry no gradient: it cancels in quotients of sums.
    *values : tensor of shape (batch, time, channels)
        Values, of any number of channels each.
    levels : int, default=LEVELS
        Levels of blocks.

    Returns
    -------
    list of tensors of shape (batch, time, channels)
        Their sums.
    """
    if _fits_one_block(maxima, levels):
        decays = _decays(maxima)
        return [ops.matmul(decays, x) for x in values]
    n_timepoints = ops.shape(maxima)[1]
    # What fills the last block lies in the future of every step.
    maxima = to_blocks(maxima, BLOCK, -LOWEST)
    decays = _decays(maxima)  # (batch, blocks, BLOCK, BLOCK)
    values = tuple(to_blocks(x, BLOCK) for x in values)
    within = [ops.matmul(decays, x) for x in values]
    # The last row again, because the gradient of a slice of `within` would be as large as that.
    totals = [ops.squeeze(ops.matmul(decays[:, :, -1:], x), axis=2) for x in values]
    last = maxima[:, :, -1]
    before = decayed_sums(last, *totals, levels=levels - 1)
    reference = ops.expand_dims(shift_blocks(last, LOWEST), 2)
    shares = ops.expand_dims(ops.exp(reference - maxima), -1)  # (batch, blocks, BLOCK, 1)
    earlier = [ops.matmul(shares, ops.expand_dims(shift_blocks(x), 2)) for x in before]
    return [from_blocks(x + y, n_timepoints) for x, y in zip(within, earlier, strict=True)]


def running_sums(x: Any, backwards: bool = False, levels: int = LEVELS) -> Any:
    """Sum up to every step, or from every step on.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Values.
    backwards : bool, default=False
        Whether to sum from the end.
    levels : int, default=LEVELS
        Levels of blocks.

    Returns
    -------
    tensor of shape (batch, time, channels)
        Running sums.
    """
    if _fits_one_block(x, levels):
        return ops.matmul(triangle(ops.shape(x)[1], x.dtype, upper=backwards), x)
    blocks = to_blocks(x, BLOCK)
    totals = ops.squeeze(ops.matmul(ops.ones((1, BLOCK), dtype=x.dtype), blocks), axis=2)
    before = before_each(running_sums(totals, backwards, levels - 1), backwards)
    within = ops.matmul(triangle(BLOCK, x.dtype, upper=backwards), blocks)
    return from_blocks(within + ops.expand_dims(before, 2), ops.shape(x)[1])


def before_each(sums: Any, backwards: bool = False) -> Any:
    """Turn sums up to and with each block into sums of the blocks before it.

    Parameters
    ----------
    sums : tensor of shape (batch, n_blocks, ...)
        Running sums.
    backwards : bool, default=False
        Whether they run from the end.

    Returns
    -------
    tensor of shape (batch, n_blocks, ...)
        The same sums, one block later; zero at the first block.
    """
    if backwards:
        return pad_time(cut(sums, 1, 1, ops.shape(sums)[1] - 1), 0, 1)
    return shift_blocks(sums)


def quotient(numerators: Any, denominators: Any) -> Any:
    """Divide, and return zero where both are zero because no step is valid.

    Parameters
    ----------
    numerators : tensor of shape (..., channels)
        Weighted sums of values.
    denominators : tensor of shape (..., 1)
        Sums of the weights.

    Returns
    -------
    tensor of shape (..., channels)
        Weighted means.
    """
    # One reciprocal is cheaper than one division per channel.
    return numerators * ops.reciprocal(ops.maximum(denominators, SMALLEST))


def _fits_one_block(sequence: Any, levels: int) -> bool:
    n_timepoints = sequence.shape[1]
    return levels == 1 or (n_timepoints is not None and n_timepoints <= 2 * BLOCK)


def _decays(maxima: Any) -> Any:
    """Return the (..., time, time) triangle of exp(m_i - m_t)."""
    past = ops.expand_dims(maxima, -2) - ops.expand_dims(maxima, -1)
    # In the future the exponent is positive; it must become low before it is taken.
    hidden = 4 * LOWEST * triangle(ops.shape(maxima)[-1], maxima.dtype, upper=True, offset=1)
    return ops.exp(past + hidden)
