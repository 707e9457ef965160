"""Causal linear attention: averages of the values up to each step by products of features."""

from __future__ import annotations

from typing import Any

from keras import ops

from skconvattn.layers.ops.scans import BLOCK, SMALLEST, before_each, running_sums
from skconvattn.layers.ops.windows import cut, from_blocks, to_blocks, triangle

# Sums (batch, key_dim, channels) of products of keys and values, and (batch, key_dim, 1) of keys.
State = tuple[Any, Any]


def linear_averages(parts: list[tuple[Any, Any, Any]], state: State | None = None) -> Any:
    r"""Average the values up to each step by the products of their keys with the step's query.

    .. math::

        y_t = \frac{S_t^\top q_t}{z_t^\top q_t}, \quad S_t = S_0 + \sum_{i \le t} k_i v_i^\top,
        \quad z_t = z_0 + \sum_{i \le t} k_i

    Within a block of steps products are taken pair by pair, across blocks through the sums. The
    gradient is made of sums of the same kind, so that little is kept for it: if a one is appended
    to each value, so that :math:`z` is a column of :math:`S`, then with
    :math:`g_t = \partial L / \partial (S_t^\top q_t)`

    .. math::

        \frac{\partial L}{\partial q_t} = S_t g_t, \quad
        \frac{\partial L}{\partial k_i} = R_i v_i, \quad
        \frac{\partial L}{\partial v_i} = R_i^\top k_i, \quad R_i = \sum_{t \ge i} q_t g_t^\top

    It can be taken once, not twice.

    Parameters
    ----------
    parts : list of triples of tensors
        Queries and keys (batch, time, key_dim) and values (batch, time, channels) of one segment
        of time after the other. Queries and keys are positive features; those of keys are zero
        where a step is masked.
    state : pair of tensors of shape (batch, key_dim, channels) and (batch, key_dim, 1), optional
        :math:`S_0` and :math:`z_0`; zero if None.

    Returns
    -------
    tensor of shape (batch, time, channels)
        Averages; zero before the first valid step.
    """
    if state is None:
        _, keys, values = parts[0]
        shape = (ops.shape(values)[0], keys.shape[-1], values.shape[-1])
        state = (ops.zeros(shape, values.dtype), ops.zeros((*shape[:2], 1), values.dtype))
    return _averages(*state, *(x for part in parts for x in part))


def linear_state(keys: Any, values: Any, state: State | None = None) -> State:
    """Return the sums over all steps, to continue from.

    Parameters
    ----------
    keys : tensor of shape (batch, time, key_dim)
        Features of keys.
    values : tensor of shape (batch, time, channels)
        Values.
    state : pair of tensors, optional
        As in :func:`linear_averages`.

    Returns
    -------
    pair of tensors of shape (batch, key_dim, channels) and (batch, key_dim, 1)
        Sums of products of keys and values, and of keys.
    """
    key_sums = ops.expand_dims(ops.sum(keys, axis=1), -1)
    sums = ops.matmul(ops.swapaxes(keys, 1, 2), values), key_sums
    return sums if state is None else (sums[0] + state[0], sums[1] + state[1])


@ops.custom_gradient
def _averages(*args: Any) -> Any:
    state, steps = args[:2], args[2:]
    lengths = [ops.shape(x)[1] for x in steps[::3]]
    averages, kept = [], []
    for i in range(0, len(steps), 3):
        part = _Part(*steps[i : i + 3], *state)
        averages.append(part.averages())
        state = part.state_after()
        kept.append(part)

    def gradient(*args: Any, upstream: Any = None) -> tuple[Any, ...]:
        upstream = args[-1] if upstream is None else upstream
        upstream = ops.split(upstream, _ends(lengths), axis=1) if len(kept) > 1 else [upstream]
        d_steps: list[Any] = []
        d_state: Any = None
        for part, slopes in zip(reversed(kept), reversed(upstream), strict=True):
            d_part, d_state = part.gradients(slopes, d_state)
            d_steps = [*d_part, *d_steps]
        return *d_state, *d_steps

    return ops.concatenate(averages, axis=1) if len(averages) > 1 else averages[0], gradient


class _Part:
    """A segment of time, in blocks: its averages, and their gradients."""

    def __init__(self, queries: Any, keys: Any, values: Any, start: Any, key_start: Any) -> None:
        self.size = BLOCK if queries.shape[1] is None else min(BLOCK, queries.shape[1])
        self.n_timepoints = ops.shape(queries)[1]
        steps = (to_blocks(x, self.size) for x in (queries, keys, values))
        self.queries, self.keys, self.values = steps
        # One column per block: TensorFlow before 2.21 is wrong where a product with a vector
        # broadcasts over a single block.
        self.column = ops.ones_like(self.values[..., :1])
        self.past = triangle(self.size, queries.dtype)
        self.before = _across(self.keys, self.values) + ops.expand_dims(start, 1)
        self.keys_before = _across(self.keys, self.column) + ops.expand_dims(key_start, 1)

    def averages(self) -> Any:
        """Return (batch, time, channels), and keep what the gradient needs of it."""
        weights = self._weights()
        numerators = ops.matmul(weights, self.values) + ops.matmul(self.queries, self.before)
        denominators = ops.matmul(weights, self.column)
        denominators = denominators + ops.matmul(self.queries, self.keys_before)
        shares = ops.reciprocal(ops.maximum(denominators, SMALLEST))
        # Without a valid step so far, there is nothing to divide, forwards or backwards.
        self.shares = ops.where(denominators > 0, shares, ops.zeros_like(shares))
        self.blocks = numerators * self.shares
        return from_blocks(self.blocks, self.n_timepoints)

    def state_after(self) -> State:
        """Return the sums up to and with the last block."""
        last = _transposed(_block_at(self.keys, -1))
        sums = _block_at(self.before, -1) + ops.matmul(last, _block_at(self.values, -1))
        return sums, _block_at(self.keys_before, -1) + ops.sum(last, axis=-1, keepdims=True)

    def gradients(self, upstream: Any, d_state: State | None) -> tuple[list[Any], State]:
        """Return gradients with respect to the steps, and to the state before the segment."""
        slopes = to_blocks(upstream, self.size) * self.shares
        falls = -ops.sum(slopes * self.blocks, axis=-1, keepdims=True)  # of the denominators
        crossed = (ops.matmul(slopes, _transposed(self.values)) + falls) * self.past
        after = _across(self.queries, slopes, backwards=True)
        falls_after = _across(self.queries, falls, backwards=True)
        if d_state is not None:
            after = after + ops.expand_dims(d_state[0], 1)
            falls_after = falls_after + ops.expand_dims(d_state[1], 1)
        d_queries = ops.matmul(crossed, self.keys) + ops.matmul(slopes, _transposed(self.before))
        d_queries = d_queries + falls * _transposed(self.keys_before)
        d_keys = ops.matmul(_transposed(crossed), self.queries) + _transposed(falls_after)
        d_keys = d_keys + ops.matmul(self.values, _transposed(after))
        # The weights again, because they would be the largest of all that is kept.
        d_values = ops.matmul(_transposed(self._weights()), slopes) + ops.matmul(self.keys, after)
        first = _transposed(_block_at(self.queries, 0))
        d_start = _block_at(after, 0) + ops.matmul(first, _block_at(slopes, 0))
        d_key_start = _block_at(falls_after, 0) + ops.matmul(first, _block_at(falls, 0))
        steps = [from_blocks(x, self.n_timepoints) for x in (d_queries, d_keys, d_values)]
        return steps, (d_start, d_key_start)

    def _weights(self) -> Any:
        """Return the products of queries and keys of the same block, (..., size, size)."""
        return ops.matmul(self.queries, _transposed(self.keys)) * self.past


def _across(one: Any, other: Any, backwards: bool = False) -> Any:
    """Sum products of (batch, blocks, size, ...) over the blocks before, or after, each block."""
    totals = ops.matmul(_transposed(one), other)  # (batch, blocks, key_dim, channels)
    shape = (-1, *ops.shape(totals)[1:])
    flat = ops.reshape(totals, (-1, shape[1], totals.shape[2] * totals.shape[3]))
    return ops.reshape(before_each(running_sums(flat, backwards), backwards), shape)


def _transposed(x: Any) -> Any:
    return ops.swapaxes(x, -1, -2)


def _block_at(blocks: Any, index: int) -> Any:
    start = index if index >= 0 else ops.shape(blocks)[1] + index
    return ops.squeeze(cut(blocks, 1, start, 1), axis=1)


def _ends(lengths: list[int]) -> list[int]:
    """Return the ends of all segments but the last, in time steps."""
    return [sum(lengths[: i + 1]) for i in range(len(lengths) - 1)]
