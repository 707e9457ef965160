"""Pure functions for attention in a band around the diagonal, at the cost of the band.

A band of ``width`` keys belongs to each query ``t``: the keys ``t - left, ..., t - left + width -
1``, with ``left = width // 2``, or ``left = width - 1`` if only the past is seen. Weights are held
as (batch, time, width) and never as (batch, time, time). Products are taken blockwise: a block of
queries against the block of keys that their bands cover.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from skconvattn.layers.ops.masks import LOWEST, masked_softmax, to_accumulator
from skconvattn.layers.ops.scores import additive_scores
from skconvattn.layers.ops.windows import cut, from_blocks, pad_time, to_blocks

# A block of fewer queries makes products too small to be fast.
SMALLEST_BLOCK = 16

# Up to this width one shifted copy of the keys per key of the band is faster than blocks.
MOST_SHIFTS = 32


def keys_before(width: int, history_only: bool) -> int:
    """Return how many keys of the band lie before the query, in time steps."""
    return width - 1 if history_only else width // 2


def band_mask(mask: Any, sequence: Any, width: int, history_only: bool = False) -> Any:
    """Mark the keys of the band that lie within the sequence and are valid.

    Parameters
    ----------
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    sequence : tensor of shape (batch, time, ...)
        A sequence, of which only the number of time steps matters.
    width : int
        Keys per query.
    history_only : bool, default=False
        Whether the band ends at the query.

    Returns
    -------
    boolean tensor of shape (1, time, width), or (batch, time, width) with a mask
        True where there is a key.
    """
    n_timepoints = ops.shape(sequence)[1]
    queries = ops.expand_dims(ops.arange(n_timepoints, dtype="int32"), 1)
    offsets = ops.arange(width, dtype="int32") - keys_before(width, history_only)
    positions = queries + offsets  # (time, width)
    inside = ops.logical_and(positions >= 0, positions < n_timepoints)
    inside = ops.expand_dims(inside, 0)
    if mask is None:
        return inside
    positions = ops.clip(positions, 0, n_timepoints - 1)
    return ops.logical_and(inside, ops.take(ops.cast(mask, "bool"), positions, axis=1))


def dot_band(queries: Any, keys: Any, width: int, history_only: bool = False) -> Any:
    """Multiply each query with the keys of its band.

    Parameters
    ----------
    queries, keys : tensor of shape (batch, time, channels)
        Queries and keys.
    width : int
        Keys per query.
    history_only : bool, default=False
        Whether the band ends at the query.

    Returns
    -------
    tensor of shape (batch, time, width)
        Products; meaningless where the band leaves the sequence.
    """
    blocks = ops.matmul(
        to_blocks(queries, _block(width)),
        ops.swapaxes(_key_blocks(keys, width, history_only), -1, -2),
    )  # (batch, blocks, block, covered keys)
    return from_blocks(_skew(blocks, width), ops.shape(queries)[1])


def additive_band(
    queries: Any, keys: Any, vector: Any, width: int, history_only: bool = False
) -> Any:
    r"""Score :math:`v^\top \tanh(q_t + k_s)` for the keys of the band.

    Parameters
    ----------
    queries, keys : tensor of shape (batch, time, units)
        Projected queries and keys.
    vector : tensor of shape (units,)
        Weights of the units.
    width : int
        Keys per query.
    history_only : bool, default=False
        Whether the band ends at the query.

    Returns
    -------
    tensor of shape (batch, time, width)
        Scores; meaningless where the band leaves the sequence.
    """
    if width > MOST_SHIFTS:
        query_blocks = to_blocks(queries, _block(width))
        key_blocks = _key_blocks(keys, width, history_only)
        scores = additive_scores(_merge(query_blocks), _merge(key_blocks), vector)
        shape = (-1, ops.shape(query_blocks)[1], *scores.shape[1:])
        return from_blocks(_skew(ops.reshape(scores, shape), width), ops.shape(queries)[1])
    before = keys_before(width, history_only)
    n_timepoints = ops.shape(keys)[1]
    keys = pad_time(keys, before, width - 1 - before)
    column = ops.expand_dims(vector, -1)
    shifted = [cut(keys, 1, shift, n_timepoints) for shift in range(width)]
    scores = [ops.matmul(ops.tanh(queries + key), column) for key in shifted]
    return ops.concatenate(scores, axis=-1)


def apply_band(weights: Any, values: Any, history_only: bool = False) -> Any:
    """Sum the values of the band of each query by their weights.

    Parameters
    ----------
    weights : tensor of shape (batch, time, width)
        Weights, zero where the band leaves the sequence.
    values : tensor of shape (batch, time, channels)
        Values.
    history_only : bool, default=False
        Whether the band ends at the query.

    Returns
    -------
    tensor of shape (batch, time, channels)
        Weighted sums.
    """
    width = weights.shape[-1]
    blocks = ops.matmul(
        _unskew(to_blocks(weights, _block(width))), _key_blocks(values, width, history_only)
    )
    return from_blocks(blocks, ops.shape(values)[1])


def attend_band(
    queries: Any,
    keys: Any,
    values: Any,
    mask: Any,
    width: int,
    history_only: bool = False,
    adjust: Callable[[Any], Any] | None = None,
    drop: Callable[[Any], Any] | None = None,
) -> Any:
    """Sum the values of the band of each query by a softmax of products, without the band.

    Weights stay where the blocks of queries meet the blocks of keys, which saves moving them into
    the form (batch, time, width) and back.

    Parameters
    ----------
    queries, keys : tensor of shape (batch * heads, time, channels)
        Queries and keys.
    values : tensor of shape (batch * heads, time, value channels)
        Values; may be the keys.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    width : int
        Keys per query.
    history_only : bool, default=False
        Whether the band ends at the query.
    adjust, drop : callable, optional
        Elementwise functions of scores and of weights.

    Returns
    -------
    tensor of shape (batch * heads, time, value channels)
        Weighted sums; zero for a query without a valid key.
    """
    key_blocks = _key_blocks(keys, width, history_only)
    value_blocks = key_blocks if values is keys else _key_blocks(values, width, history_only)
    # (batch * heads, blocks, block, covered keys)
    scores = ops.matmul(to_blocks(queries, _block(width)), ops.swapaxes(key_blocks, -1, -2))
    if adjust is not None:
        scores = adjust(scores)
    weights = _block_softmax(scores, keys, mask, width, history_only)
    if drop is not None:
        weights = drop(weights)
    return from_blocks(ops.matmul(weights, value_blocks), ops.shape(queries)[1])


def expand_band(weights: Any, history_only: bool = False) -> Any:
    """Expand weights of a band to the full square, for inspection.

    Parameters
    ----------
    weights : tensor of shape (batch, time, width) or (batch, heads, time, width)
        Attention of a layer with an ``attention_width``.
    history_only : bool, default=False
        As given to the layer.

    Returns
    -------
    tensor of shape (batch, time, time) or (batch, heads, time, time)
        The same weights, each at the step it belongs to, zero elsewhere.
    """
    shape, width = tuple(ops.shape(weights)), weights.shape[-1]
    n_timepoints = shape[-2]
    # Rows are one longer than those of the result, so that each is shifted by one more.
    rows = ops.reshape(weights, (-1, n_timepoints, width))
    rows = ops.pad(rows, [[0, 0], [0, 0], [0, n_timepoints]])
    flat = ops.reshape(rows, (-1, n_timepoints * (n_timepoints + width)))
    flat = cut(flat, 1, 0, n_timepoints * (n_timepoints + width - 1))
    placed = ops.reshape(flat, (-1, n_timepoints, n_timepoints + width - 1))
    square = cut(placed, 2, keys_before(width, history_only), n_timepoints)
    return ops.reshape(square, (*shape[:-1], n_timepoints))


def _block(width: int) -> int:
    return max(SMALLEST_BLOCK, width - 1)


def _key_blocks(keys: Any, width: int, history_only: bool) -> Any:
    """Return the (batch, blocks, block + width - 1, channels) keys that the blocks' bands cover."""
    block = _block(width)
    n_timepoints = ops.shape(keys)[1]
    n_blocks = -(-n_timepoints // block)
    before = keys_before(width, history_only)
    keys = pad_time(keys, before, (n_blocks + 1) * block - n_timepoints - before)
    keys = ops.reshape(keys, (-1, n_blocks + 1, block, keys.shape[-1]))
    # The bands of a block reach at most one block further.
    own, following = cut(keys, 1, 0, n_blocks), cut(keys, 1, 1, n_blocks)
    return ops.concatenate([own, cut(following, 2, 0, width - 1)], axis=2)


def _block_softmax(scores: Any, keys: Any, mask: Any, width: int, history_only: bool) -> Any:
    """Softmax of (batch * heads, blocks, block, covered keys) over the keys of the band."""
    inside = _block_mask(keys, width, history_only)  # (blocks, block, covered keys)
    if mask is None:
        wide = to_accumulator(scores)
        lowest = ops.full_like(inside, LOWEST, dtype=wide.dtype)
        # Every step attends to itself at least, so that a sum hides the others as well.
        hidden = ops.where(inside, ops.zeros_like(lowest), lowest)
        return ops.cast(ops.softmax(wide + hidden), scores.dtype)
    valid = ops.expand_dims(ops.cast(mask, "int32"), -1)
    valid = ops.swapaxes(_key_blocks(valid, width, history_only), -1, -2) > 0
    inside = ops.expand_dims(ops.logical_and(valid, inside), 1)
    n_series, shape = ops.shape(mask)[0], ops.shape(scores)
    by_series = ops.reshape(scores, (n_series, -1, *shape[1:]))
    return ops.reshape(masked_softmax(by_series, inside), shape)


def _block_mask(keys: Any, width: int, history_only: bool) -> Any:
    """Mark the pairs of a block that lie in the band and in the sequence."""
    block, n_timepoints = _block(width), ops.shape(keys)[1]
    n_blocks = -(-n_timepoints // block)
    covered = ops.arange(block + width - 1, dtype="int32")
    shift = covered - ops.expand_dims(ops.arange(block, dtype="int32"), 1)  # (block, covered)
    first = ops.reshape(ops.arange(n_blocks, dtype="int32") * block, (-1, 1, 1))
    positions = first + covered - keys_before(width, history_only)  # (blocks, 1, covered)
    in_band = ops.logical_and(shift >= 0, shift < width)
    return ops.logical_and(in_band, ops.logical_and(positions >= 0, positions < n_timepoints))


def _skew(blocks: Any, width: int) -> Any:
    """Turn (..., block, covered keys) into (..., block, width): row i starts at column i."""
    n_blocks = ops.shape(blocks)[1]
    block, covered = blocks.shape[2:]
    flat = ops.reshape(blocks, (-1, n_blocks, block * covered))
    flat = ops.pad(flat, [[0, 0], [0, 0], [0, block]])
    return cut(ops.reshape(flat, (-1, n_blocks, block, covered + 1)), 3, 0, width)


def _unskew(band: Any) -> Any:
    """Reverse :func:`_skew`, with zeros beside the band."""
    n_blocks = ops.shape(band)[1]
    block, width = band.shape[2:]
    covered = block + width - 1
    flat = ops.pad(band, [[0, 0], [0, 0], [0, 0], [0, block]])
    flat = ops.reshape(flat, (-1, n_blocks, block * (covered + 1)))
    return ops.reshape(cut(flat, 2, 0, block * covered), (-1, n_blocks, block, covered))


def _merge(blocks: Any) -> Any:
    return ops.reshape(blocks, (-1, *blocks.shape[2:]))
