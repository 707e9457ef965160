"""Causal attention in linear time: averages of the values up to each step under a softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from skconvattn.layers.ops.masks import LOWEST
from skconvattn.layers.ops.scans import BLOCK, SMALLEST, decayed_sums, quotient, running_maximum
from skconvattn.layers.ops.windows import from_blocks, shift_blocks, to_blocks, triangle

# Where the running maximum rises by less than this within each block, one reference serves all
# steps of a block: no weight relative to it falls below exp(-STEEPEST) times that of its step.
STEEPEST = 20.0

# Fewer time steps are not worth tracing both ways.
FEWEST_TIMEPOINTS = 256

# Maximum (batch, heads), numerators (batch, heads * channels) and denominators (batch, heads).
State = tuple[Any, Any, Any]


def running_averages(scores: Any, values: Any, state: State | None = None) -> Any:
    r"""Average the values up to each step by a softmax of their scores.

    .. math:: y_t = \frac{\sum_{i \le t} e^{s_i} v_i}{\sum_{i \le t} e^{s_i}}

    Exact at any range of scores. Where the scores of neighbouring steps are of similar size,
    which is tested, sums within a block of steps are taken relative to one maximum for all of
    them, as one product with a triangle of ones; otherwise each step has its own. The gradient is
    a running sum from the end, taken in the same way:

    .. math:: \frac{\partial L}{\partial v_i} = \sum_{t \ge i} p_{ti} g_t, \qquad
              \frac{\partial L}{\partial s_i} = \sum_{t \ge i} p_{ti}\, g_t^\top (v_i - y_t)

    with the weights :math:`p_{ti} = e^{s_i} / \sum_{j \le t} e^{s_j}` and
    :math:`g_t = \partial L / \partial y_t`. It can be taken once, not twice.

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
    tensor of shape (batch, time, heads * channels)
        Averages; zero before the first valid step.
    """
    return _averages(scores, values, *(() if state is None else _prepared(state, scores)))


def final_state(scores: Any, values: Any, state: State | None = None) -> State:
    """Return the sums over all steps, to continue from.

    Parameters
    ----------
    scores, values, state
        As in :func:`running_averages`.

    Returns
    -------
    three tensors of shape (batch, heads), (batch, heads * channels) and (batch, heads)
        Maximum, numerators and denominators.
    """
    maximum = ops.max(ops.stop_gradient(scores), axis=1)
    if state is not None:
        state = _prepared(state, scores)
        maximum = ops.maximum(maximum, state[0])
    weights = _weights(scores, ops.expand_dims(maximum, 1))
    numerators = ops.sum(_scale(values, weights), axis=1)
    denominators = ops.sum(weights, axis=1)
    if state is not None:
        share = ops.exp(state[0] - maximum)
        numerators = numerators + _scale(state[1], share)
        denominators = denominators + state[2] * share
    return maximum, numerators, denominators


def _prepared(state: State, scores: Any) -> State:
    maximum, numerators, denominators = (ops.cast(x, scores.dtype) for x in state)
    return ops.maximum(ops.stop_gradient(maximum), LOWEST), numerators, denominators


@ops.custom_gradient
def _averages(scores: Any, values: Any, *state: Any) -> Any:
    n_timepoints, maxima, alike = scores.shape[1], None, None
    if n_timepoints is None or n_timepoints >= FEWEST_TIMEPOINTS:
        maxima, steepest = _block_maxima(scores, state)
        alike = steepest < STEEPEST
    averages, references, denominators = _either(
        alike,
        lambda: _average_by_blocks(scores, values, maxima, state),
        lambda: _average_by_steps(scores, values, state),
    )

    def gradient(*args: Any, upstream: Any = None) -> tuple[Any, ...]:
        upstream = args[-1] if upstream is None else upstream
        shares = ops.reciprocal(ops.maximum(denominators, SMALLEST))
        shares = ops.where(denominators > 0, shares, ops.zeros_like(shares))
        products = _sum_heads(upstream * averages, scores)  # (batch, time, heads)
        parts = [_scale(upstream, shares), products * shares]
        later, later_products = _either(
            alike,
            lambda: _sums_after_by_blocks(parts, maxima),
            lambda: _sums_after_by_steps(parts, references),
        )
        weights = _weights(scores, references)
        d_values = _scale(later, weights)
        d_scores = _sum_heads(values * d_values, scores) - weights * later_products
        if not state:
            return d_scores, d_values
        shares = ops.exp(ops.expand_dims(state[0], 1) - references)
        d_numerators = ops.sum(_scale(parts[0], shares), axis=1)
        d_denominators = -ops.sum(parts[1] * shares, axis=1)
        return d_scores, d_values, ops.zeros_like(state[0]), d_numerators, d_denominators

    return averages, gradient


def _either(condition: Any, by_blocks: Callable[[], Any], by_steps: Callable[[], Any]) -> Any:
    return by_steps() if condition is None else ops.cond(condition, by_blocks, by_steps)


def _block_maxima(scores: Any, state: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return running maxima (batch, blocks, heads), and the largest rise within a block."""
    blocks = to_blocks(scores, BLOCK, LOWEST)  # (batch, blocks, BLOCK, heads)
    maxima = ops.max(blocks, axis=2)
    if state:
        maxima = ops.maximum(maxima, ops.expand_dims(state[0], 1))
    heads = scores.shape[-1]
    running = running_maximum(ops.squeeze(_by_head(maxima, heads), axis=-1))
    maxima = _by_step(ops.expand_dims(running, -1), heads)
    before = shift_blocks(maxima, LOWEST)
    if state:
        before = ops.maximum(before, ops.expand_dims(state[0], 1))
    # Each step has seen the maximum before its block, or at least the block's lowest score.
    valid = ops.where(blocks > LOWEST / 2, blocks, ops.full_like(blocks, -LOWEST))
    return maxima, ops.max(maxima - ops.maximum(before, ops.min(valid, axis=2)))


def _average_by_blocks(
    scores: Any, values: Any, maxima: Any, state: tuple[Any, ...]
) -> tuple[Any, Any, Any]:
    """Return averages, and denominators relative to references: the maximum of each block."""
    n_timepoints, heads = ops.shape(scores)[1], scores.shape[-1]
    blocks = to_blocks(scores, BLOCK, LOWEST)  # (batch, blocks, BLOCK, heads)
    references = ops.expand_dims(maxima, 2) + ops.zeros_like(blocks)
    weights = _weights(blocks, references)
    parts = [_scale(to_blocks(values, BLOCK), weights), weights]
    before = _sums_before(parts, _by_head(maxima, heads), state)
    past = triangle(BLOCK, weights.dtype)
    numerators, denominators = (
        ops.matmul(past, part) + ops.expand_dims(_by_step(earlier, heads), 2)
        for part, earlier in zip(parts, before, strict=True)
    )
    averages = _scale(numerators, ops.reciprocal(ops.maximum(denominators, SMALLEST)))
    return tuple(from_blocks(x, n_timepoints) for x in (averages, references, denominators))


def _sums_after_by_blocks(parts: list[Any], maxima: Any) -> tuple[Any, ...]:
    """Sum what is relative to the maximum of each block from each step on."""
    n_timepoints, heads = ops.shape(parts[0])[1], maxima.shape[-1]
    parts = [to_blocks(x, BLOCK) for x in parts]
    future = triangle(BLOCK, maxima.dtype, upper=True)
    # Backwards in time maxima fall, and their negatives rise.
    backwards = [ops.flip(x, axis=1) for x in (*map(_totals, parts), maxima)]
    carried = _carry(backwards[:2], -_by_head(backwards[2], heads))
    after = [ops.flip(_by_step(x, heads), axis=1) for x in carried]
    sums = (
        ops.matmul(future, part) + ops.expand_dims(later, 2)
        for part, later in zip(parts, after, strict=True)
    )
    return tuple(from_blocks(x, n_timepoints) for x in sums)


def _sums_before(parts: list[Any], rows: Any, state: tuple[Any, ...]) -> list[Any]:
    """Return the sums (batch * heads, blocks, ...) before each block, relative to its maximum."""
    before = _carry([_totals(x) for x in parts], rows)
    if not state:
        return before
    shares = ops.exp(ops.reshape(state[0], (-1, 1, 1)) - rows)
    return [
        x + shares * ops.reshape(start, (-1, 1, x.shape[-1]))
        for x, start in zip(before, state[1:], strict=True)
    ]


def _totals(blocks: Any) -> Any:
    row = ops.ones((1, BLOCK), dtype=blocks.dtype)
    return ops.squeeze(ops.matmul(row, blocks), axis=2)  # (batch, blocks, ...)


def _carry(totals: list[Any], rows: Any) -> list[Any]:
    """Sum (batch, blocks, ...) totals of earlier blocks, with (batch * heads, blocks, 1) maxima."""
    heads = totals[-1].shape[-1]
    sums = decayed_sums(ops.squeeze(rows, axis=-1), *(_by_head(x, heads) for x in totals))
    share = ops.exp(shift_blocks(rows, LOWEST) - rows)
    return [shift_blocks(x) * share for x in sums]


def _average_by_steps(scores: Any, values: Any, state: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Return averages, and denominators relative to references: the maximum up to each step."""
    heads = scores.shape[-1]
    rows, values = _by_head(scores, heads), _by_head(values, heads)
    maxima = running_maximum(ops.squeeze(rows, axis=-1))  # (batch * heads, time)
    if state:
        maxima = ops.maximum(maxima, ops.reshape(state[0], (-1, 1)))
    references = ops.expand_dims(maxima, -1)
    weights = _weights(rows, references)
    sums = decayed_sums(maxima, values * weights, weights)
    if state:
        share = ops.exp(ops.reshape(state[0], (-1, 1, 1)) - references)
        starts = [
            ops.reshape(x, (-1, 1, y.shape[-1])) for x, y in zip(state[1:], sums, strict=True)
        ]
        sums = [x + share * start for x, start in zip(sums, starts, strict=True)]
    return tuple(_by_step(x, heads) for x in (quotient(*sums), references, sums[1]))


def _sums_after_by_steps(parts: list[Any], references: Any) -> tuple[Any, ...]:
    """Sum what is relative to the maximum up to each step from each step on."""
    heads = references.shape[-1]
    rows = [ops.flip(_by_head(x, heads), axis=1) for x in (*parts, references)]
    sums = decayed_sums(-ops.squeeze(rows[2], axis=-1), *rows[:2])
    return tuple(_by_step(ops.flip(x, axis=1), heads) for x in sums)


def _weights(scores: Any, references: Any) -> Any:
    weights = ops.exp(scores - references)
    # Where all steps so far are masked, the difference is zero.
    return ops.where(scores > LOWEST / 2, weights, ops.zeros_like(weights))


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


def _sum_heads(x: Any, like: Any) -> Any:
    """Sum the channels (batch, time, heads * channels) of each head: (batch, time, heads)."""
    heads = like.shape[-1]
    rows = ops.reshape(x, (-1, x.shape[-1] // heads))
    return ops.reshape(ops.sum(rows, axis=-1), (-1, ops.shape(x)[1], heads))
