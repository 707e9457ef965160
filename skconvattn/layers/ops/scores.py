"""Pure functions that score each query against each key by additive attention."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from skconvattn.layers.ops.windows import cut, to_blocks

# Queries that are scored at once; their (batch, queries, keys, units) tensor is all that is held.
CHUNK = 2

# Values per series up to which all pairs and units are held at once, which is faster.
FEW = 2**17


def additive_scores(queries: Any, keys: Any, vector: Any) -> Any:
    r"""Score :math:`v^\top \tanh(q_t + k_s)` for all pairs, holding no tensor of pairs and units.

    A few queries are scored at a time, and the hyperbolic tangents are computed again for the
    gradient instead of being kept. Memory is that of the scores, not ``units`` times as much.
    The gradient can be taken once, not twice.

    Parameters
    ----------
    queries : tensor of shape (batch, n_queries, units)
        Projected queries; their number may be unknown.
    keys : tensor of shape (batch, n_keys, units)
        Projected keys, biases included.
    vector : tensor of shape (units,)
        Weights of the units.

    Returns
    -------
    tensor of shape (batch, n_queries, n_keys)
        Scores.
    """
    sizes = (queries.shape[1], keys.shape[1], keys.shape[2])
    if None not in sizes and math.prod(sizes) <= FEW:
        return _score(queries, keys, vector)
    chunks = ops.swapaxes(to_blocks(queries, CHUNK), 0, 1)  # (chunks, batch, CHUNK, units)
    scores = _chunked_scores(chunks, keys, vector)  # (chunks, batch, CHUNK, n_keys)
    n_chunks, n_keys = ops.shape(scores)[0], ops.shape(scores)[3]
    scores = ops.reshape(ops.swapaxes(scores, 0, 1), (-1, n_chunks * CHUNK, n_keys))
    return cut(scores, 1, 0, ops.shape(queries)[1])


@ops.custom_gradient
def _chunked_scores(chunks: Any, keys: Any, vector: Any) -> Any:
    def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
        return _scores_gradient(chunks, keys, vector, args[-1] if upstream is None else upstream)

    return ops.map(lambda chunk: _score(chunk, keys, vector), chunks), gradient


def _scores_gradient(chunks: Any, keys: Any, vector: Any, upstream: Any) -> tuple[Any, Any, Any]:
    def body(i: Any, d_chunks: Any, d_keys: Any, d_vector: Any) -> tuple[Any, ...]:
        slope = ops.take(upstream, i, axis=0)  # (batch, CHUNK, n_keys)
        hidden = _hidden(ops.take(chunks, i, axis=0), keys)
        d_vector += ops.einsum("bck,bcku->u", slope, hidden)
        d_hidden = ops.expand_dims(slope, -1) * (vector - vector * ops.square(hidden))
        d_chunk = ops.expand_dims(ops.sum(d_hidden, axis=2), 0)
        d_chunks = ops.scatter_update(d_chunks, ops.reshape(i, (1, 1)), d_chunk)
        return i + 1, d_chunks, d_keys + ops.sum(d_hidden, axis=1), d_vector

    n_chunks = ops.shape(chunks)[0]
    start = (ops.zeros((), "int32"), *(ops.zeros_like(x) for x in (chunks, keys, vector)))
    return tuple(ops.while_loop(lambda i, *_: i < n_chunks, body, start)[1:])


def _score(queries: Any, keys: Any, vector: Any) -> Any:
    return ops.einsum("bqku,u->bqk", _hidden(queries, keys), vector)


def _hidden(queries: Any, keys: Any) -> Any:
    return ops.tanh(ops.expand_dims(queries, 2) + ops.expand_dims(keys, 1))
