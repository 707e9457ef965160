"""Averages of all values up to each step under a softmax, in linear time: causal attention."""

from __future__ import annotations

from typing import Any

from keras import ops

from skconvattn.layers.masks import LOWEST
from skconvattn.layers.scans import BLOCK, SMALLEST, decayed_sums, quotient, running_maximum
from skconvattn.layers.windows import cut, from_blocks, shift_blocks, to_blocks

# Where the running maximum rises by less than this within each block, one reference serves all
# steps of a block: no weight relative to it falls below exp(-STEEPEST) times that of its step.
STEEPEST = 20.0

# Fewer time steps are not worth the tracing of two ways.
FEWEST_TIMEPOINTS = 256

# Maximum (batch, heads), numerators (batch, heads * channels) and denominators (batch, heads).
State = tuple[Any, Any, Any]


def running_averages(scores: Any, values: Any, state: State | None = None) -> tuple[Any, State]:
    r"""Average the values up to each step by a softmax of their scores.

    .. math:: y_t = \frac{\sum_{i \le t} e^{s_i} v_i}{\sum_{i \le t} e^{s_i}}

    Exact at any range of scores. Where the scores of neighbouring steps are of similar size,
    which is tested, sums within a block of steps are taken relative to one maximum for all of
    them, as one product with a triangle of ones; otherwise each step has its own.

    Parameters
    ----------
    scores : tensor of shape (batch, time, heads)
        Scores; ``LOWEST`` where a step is masked.
    values : tensor of shape (batch, time, heads * channels)
        Values.
    state : three tensors, optional
        Sums over earlier steps: maximum (batch, heads), numerators (batch, heads * channels) and
        denominators (batch, heads), both relative to the maximum, which carries no gradient.

    Returns
    -------
    averages : tensor of shape (batch, time, heads * channels)
        Averages; zero before the first valid step.
    state : three tensors
        Sums over all steps.
    """
    if state is not None:
        maximum, *sums = (ops.cast(x, scores.dtype) for x in state)
        state = (ops.maximum(ops.stop_gradient(maximum), LOWEST), *sums)
    n_timepoints = scores.shape[1]
    if n_timepoints is not None and n_timepoints < FEWEST_TIMEPOINTS:
        averages, *sums = _average_by_steps(scores, values, state)
    else:
        maxima, steepest = _block_maxima(scores, state)
        averages, *sums = ops.cond(
            steepest < STEEPEST,
            lambda: _average_by_blocks(scores, values, maxima, state),
            lambda: _average_by_steps(scores, values, state),
        )
    return averages, tuple(sums)


def _block_maxima(scores: Any, state: State | None) -> tuple[Any, Any]:
    """Return running maxima (batch, blocks, heads), and by how much one rises within a block."""
    blocks = to_blocks(ops.stop_gradient(scores), BLOCK, LOWEST)  # (batch, blocks, BLOCK, heads)
    maxima = ops.max(blocks, axis=2)
    if state is not None:
        maxima = ops.maximum(maxima, ops.expand_dims(state[0], 1))
    heads = scores.shape[-1]
    running = running_maximum(ops.squeeze(_by_head(maxima, heads), axis=-1))
    maxima = _by_step(ops.expand_dims(running, -1), heads)
    before = shift_blocks(maxima, LOWEST)
    if state is not None:
        before = ops.maximum(before, ops.expand_dims(state[0], 1))
    # Each step has seen the maximum before its block, or at least the block's lowest score.
    valid = ops.where(blocks > LOWEST / 2, blocks, ops.full_like(blocks, -LOWEST))
    return maxima, ops.max(maxima - ops.maximum(before, ops.min(valid, axis=2)))


def _average_by_blocks(
    scores: Any, values: Any, maxima: Any, state: State | None
) -> tuple[Any, ...]:
    """Take sums relative to the maximum at the end of each block."""
    blocks = to_blocks(scores, BLOCK, LOWEST)
    weights = ops.exp(blocks - ops.expand_dims(maxima, 2))  # (batch, blocks, BLOCK, heads)
    # Where all steps so far are masked, the difference is zero.
    weights = ops.where(blocks > LOWEST / 2, weights, ops.zeros_like(weights))
    parts = [_scale(to_blocks(values, BLOCK), weights), weights]
    before, last = _sums_before(parts, maxima, state)
    past = ops.tril(ops.ones((BLOCK, BLOCK), dtype=weights.dtype))
    sums = [
        ops.matmul(past, part) + ops.expand_dims(earlier, 2)
        for part, earlier in zip(parts, before, strict=True)
    ]
    averages = _scale(sums[0], ops.reciprocal(ops.maximum(sums[1], SMALLEST)))
    return (from_blocks(averages, ops.shape(scores)[1]), _last(maxima), *last)


def _sums_before(parts: list[Any], maxima: Any, state: State | None) -> tuple[list[Any], list[Any]]:
    """Return sums before each block, relative to its maximum, and over all blocks."""
    heads = maxima.shape[-1]
    row = ops.ones((1, BLOCK), dtype=maxima.dtype)
    totals = [_by_head(ops.squeeze(ops.matmul(row, x), axis=2), heads) for x in parts]
    rows = _by_head(maxima, heads)  # (batch * heads, blocks, 1)
    totals = decayed_sums(ops.squeeze(rows, axis=-1), *totals)
    share = ops.exp(shift_blocks(rows, LOWEST) - rows)
    before = [shift_blocks(x) * share for x in totals]
    if state is not None:
        starts = [
            ops.reshape(x, (-1, 1, y.shape[-1])) for x, y in zip(state[1:], totals, strict=True)
        ]
        shares = ops.exp(ops.reshape(state[0], (-1, 1, 1)) - rows)
        before = [x + shares * start for x, start in zip(before, starts, strict=True)]
        totals = [x + shares * start for x, start in zip(totals, starts, strict=True)]
    last = [ops.reshape(_last(x), (-1, heads * x.shape[-1])) for x in totals]
    return [_by_step(x, heads) for x in before], last


def _average_by_steps(scores: Any, values: Any, state: State | None) -> tuple[Any, ...]:
    """Take sums relative to the maximum up to each step."""
    heads = scores.shape[-1]
    scores = ops.squeeze(_by_head(scores, heads), axis=-1)  # (batch * heads, time)
    values = _by_head(values, heads)
    maxima = running_maximum(scores)
    if state is not None:
        shapes = ((-1, 1), (-1, 1, values.shape[-1]), (-1, 1, 1))
        start = [ops.reshape(x, shape) for x, shape in zip(state, shapes, strict=True)]
        maxima = ops.maximum(maxima, start[0])
    weights = ops.exp(scores - maxima)
    # Where all steps so far are masked, the difference is zero.
    weights = ops.where(scores > LOWEST / 2, weights, ops.zeros_like(weights))
    weights = ops.expand_dims(weights, -1)
    sums = decayed_sums(maxima, values * weights, weights)
    if state is not None:
        share = ops.expand_dims(ops.exp(start[0] - maxima), -1)
        sums = [x + share * first for x, first in zip(sums, start[1:], strict=True)]
    last = (
        ops.reshape(_last(x), (-1, heads * x.shape[-1]))
        for x in (ops.expand_dims(maxima, -1), *sums)
    )
    return (_by_step(quotient(*sums), heads), *last)


def _by_head(x: Any, heads: int) -> Any:
    """Turn (batch, time, heads * channels) into (batch * heads, time, channels)."""
    n_timepoints, channels = ops.shape(x)[1], x.shape[-1] // heads
    x = ops.reshape(x, (-1, n_timepoints, heads, channels))
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, n_timepoints, channels))


def _by_step(x: Any, heads: int) -> Any:
    """Reverse :func:`_by_head`."""
    n_timepoints, channels = ops.shape(x)[1], x.shape[-1]
    x = ops.reshape(x, (-1, heads, n_timepoints, channels))
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, n_timepoints, heads * channels))


def _scale(x: Any, factors: Any) -> Any:
    """Multiply the channels (..., heads * channels) of each head by its factor (..., heads)."""
    heads, channels = factors.shape[-1], x.shape[-1] // factors.shape[-1]
    rows = ops.reshape(x, (-1, channels)) * ops.reshape(factors, (-1, 1))
    return ops.reshape(rows, (-1, *ops.shape(x)[1:-1], heads * channels))


def _last(x: Any) -> Any:
    return ops.squeeze(cut(x, 1, ops.shape(x)[1] - 1, 1), axis=1)
