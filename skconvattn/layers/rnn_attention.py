"""Attention as a recurrent network: parallel over time for training, step by step for streams."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.masks import (
    LOWEST,
    accumulator_dtype,
    masked_softmax,
    pair_mask,
    zero_masked,
)
from skconvattn.layers.ops.products import project
from skconvattn.layers.ops.running_averages import final_state, running_averages
from skconvattn.layers.ops.scans import quotient
from skconvattn.layers.recurrences import CellForm, ParallelForm, Recurrence


class _LearnedQueries(Recurrence):
    """Scores of steps against one learned query per head, and their values.

    Weights, in this order: ``query`` (num_heads, key_dim), ``key_kernel`` (channels, num_heads *
    key_dim), ``key_bias``, ``value_kernel`` (channels, num_heads * value_dim), ``value_bias``.
    """

    @property
    def state_size(self) -> list[int]:
        """Size per series of each tensor of the state."""
        return [self.num_heads, self.output_size, self.num_heads]

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the queries and the projections."""
        channels, keys = self.channels_of(input_shape), self.num_heads * self.key_dim
        self.query = self.add_kernel("query", (self.num_heads, self.key_dim))
        self.key_kernel = self.add_kernel("key_kernel", (channels, keys))
        if self.use_bias:
            self.key_bias = self.add_bias("key_bias", (keys,))
        self.value_kernel = self.add_kernel("value_kernel", (channels, self.output_size))
        if self.use_bias:
            self.value_bias = self.add_bias("value_bias", (self.output_size,))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return the state before the first step.

        Parameters
        ----------
        batch_size : int or scalar tensor
            Number of series.

        Returns
        -------
        list of three tensors
            Maximum (batch, num_heads), numerator (batch, num_heads * value_dim) and denominator
            (batch, num_heads).
        """
        dtype = accumulator_dtype(self.dtype_policy.compute_dtype)
        start = [LOWEST, 0.0, 0.0]
        return [
            ops.full((batch_size, size), value, dtype=dtype)
            for size, value in zip(self.state_size, start, strict=True)
        ]

    def _project(self, x: Any) -> tuple[Any, Any]:
        """Return scores (..., num_heads) and values (..., num_heads * value_dim)."""
        policy = self.dtype_policy.compute_dtype
        accumulator = accumulator_dtype(policy)
        # q . (W x + b) = (W^T q) . x + q . b: the keys themselves are never needed.
        query = ops.expand_dims(self.query, 0) / math.sqrt(self.key_dim)
        keys = ops.reshape(self.key_kernel, (-1, self.num_heads, self.key_dim))
        score_kernel = ops.sum(keys * query, axis=-1)  # (channels, num_heads)
        x = ops.cast(x, policy)
        scores = ops.cast(project(x, ops.cast(score_kernel, policy)), accumulator)
        values = ops.cast(project(x, ops.cast(self.value_kernel, policy)), accumulator)
        if self.use_bias:
            bias = ops.reshape(self.key_bias, (1, self.num_heads, self.key_dim))
            scores = scores + ops.cast(ops.sum(bias * query, axis=-1), accumulator)
            values = values + ops.cast(self.value_bias, accumulator)
        return scores, values


@keras.saving.register_keras_serializable(package="skconvattn")
class RNNAttention(ParallelForm, _LearnedQueries):
    r"""Let every step attend to all steps up to it, with one learned query per head.

    .. math:: y_t = \frac{\sum_{i \le t} e^{s_i} v_i}{\sum_{i \le t} e^{s_i}}, \qquad
              s_i = q^\top k_i / \sqrt{D}

    with :math:`k, v` linear in the input: Feng et al. (2024), "Attention as an RNN"
    (arXiv 2405.13956). Since the query does not depend on the step, the two sums can be carried
    along. Their paper takes them by an associative scan; this layer takes them block by block (see
    :func:`~skconvattn.layers.ops.running_averages.running_averages`), which is as exact at any
    range of scores and does less work. Cost and memory grow linearly with time.

    :class:`RNNAttentionCell` computes the same step by step; the two take each other's weights
    unchanged.

    Parameters
    ----------
    num_heads : int
        Heads, one learned query each.
    key_dim : int
        Channels :math:`D` of a query and a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    use_bias : bool, default=True
        Whether keys and values have biases.
    return_attention : bool, default=False
        Whether to return the weights beside the output. They are (time, time) and for
        inspection: they cost what the layer otherwise saves.
    return_state : bool, default=False
        Whether to return the state after the last step; see :meth:`call`.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If a size is below 1.

    Notes
    -----
    Input (batch, time, channels); output (batch, time, num_heads * value_dim), followed by the
    weights (batch, num_heads, time, time) and by the state, each if it is asked for. A masked
    step repeats the output before it, as in :class:`keras.layers.RNN`; before the first valid
    step the output is zero. Sums are held in float32 at least.

    Examples
    --------
    A stream is continued from where a batch ended:

    >>> import numpy as np
    >>> from skconvattn.layers import RNNAttention
    >>> layer = RNNAttention(num_heads=2, key_dim=4)
    >>> series = np.random.default_rng(0).normal(size=(1, 9, 3)).astype("float32")
    >>> outputs, *state = layer(series[:, :6], return_state=True)
    >>> continued = layer(series[:, 6:], initial_state=state)
    >>> bool(np.allclose(continued, layer(series)[:, 6:], atol=1e-5))
    True
    """

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Any = None,
        return_state: bool | None = None,
        training: bool | None = None,
    ) -> Any:
        """Map (batch, time, channels) to (batch, time, num_heads * value_dim).

        Parameters
        ----------
        inputs : tensor of shape (batch, time, channels)
            A sequence.
        mask : boolean tensor of shape (batch, time), optional
            True where a step is valid.
        initial_state : list of three tensors, optional
            State to start from: maximum, numerator, denominator, as :meth:`get_initial_state`.
        return_state : bool, optional
            Whether to return the state after the last step; as in the constructor if None.
        training : bool, optional
            Without effect.

        Returns
        -------
        tensor or tuple of tensors
            Output, followed by the weights and by the three tensors of the state.
        """
        x = zero_masked(inputs, mask)
        scores, values = self._project(x)
        if mask is not None:
            valid = ops.expand_dims(ops.cast(mask, "bool"), -1)
            scores = ops.where(valid, scores, ops.full_like(scores, LOWEST))
        averages = running_averages(scores, values, initial_state)
        outputs: tuple[Any, ...] = (ops.cast(averages, self.dtype_policy.compute_dtype),)
        if self.return_attention:
            outputs += (self._attention(scores, pair_mask(mask, x, history_only=True)),)
        if self._returns_state(return_state):
            outputs += final_state(scores, values, initial_state)
        return outputs[0] if len(outputs) == 1 else outputs

    def _attention(self, scores: Any, pairs: Any) -> Any:
        scores = ops.expand_dims(ops.transpose(scores, (0, 2, 1)), 2)  # (batch, heads, 1, time)
        square = scores + ops.zeros_like(ops.swapaxes(scores, 2, 3))
        weights = masked_softmax(square, ops.expand_dims(pairs, 1))
        return ops.cast(weights, self.dtype_policy.compute_dtype)


@keras.saving.register_keras_serializable(package="skconvattn")
class RNNAttentionCell(CellForm, _LearnedQueries):
    r"""One step of :class:`RNNAttention`, for :class:`keras.layers.RNN` and for streams.

    .. math::

        m_t &= \max(m_{t-1}, s_t) \\
        n_t &= n_{t-1} e^{m_{t-1} - m_t} + e^{s_t - m_t} v_t \\
        d_t &= d_{t-1} e^{m_{t-1} - m_t} + e^{s_t - m_t}, \qquad y_t = n_t / d_t

    with the scores :math:`s_t` and values :math:`v_t` of that layer, as in Feng et al. (2024),
    "Attention as an RNN" (arXiv 2405.13956). A step costs the same after ten steps or ten thousand.

    Parameters
    ----------
    num_heads : int
        Heads, one learned query each.
    key_dim : int
        Channels of a query and a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    use_bias : bool, default=True
        Whether keys and values have biases.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If a size is below 1.

    Notes
    -----
    Input (batch, channels) and the state; output (batch, num_heads * value_dim) and the new
    state: maximum (batch, num_heads), numerator (batch, num_heads * value_dim) and denominator
    (batch, num_heads). On JAX, :class:`keras.layers.RNN` of Keras 3.15 accepts
    a mask only where the first state has the shape of the output, so not with this cell.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skconvattn.layers import RNNAttention, RNNAttentionCell
    >>> series = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    >>> parallel = RNNAttention(num_heads=2, key_dim=4)
    >>> recurrent = keras.layers.RNN(RNNAttentionCell(num_heads=2, key_dim=4))
    >>> recurrent.build(series.shape)
    >>> last = parallel(series)[:, -1]
    >>> recurrent.set_weights(parallel.get_weights())
    >>> bool(np.allclose(recurrent(series), last, atol=1e-5))
    True
    """

    def call(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        """Take one step.

        Parameters
        ----------
        inputs : tensor of shape (batch, channels)
            The step.
        states : list of three tensors
            Maximum, numerator, denominator.
        training : bool, optional
            Without effect.

        Returns
        -------
        outputs : tensor of shape (batch, num_heads * value_dim)
            The output.
        states : list of three tensors
            The new state.
        """
        scores, values = self._project(inputs)  # (batch, heads), (batch, heads * value_dim)
        values = ops.reshape(values, (-1, self.num_heads, self.output_size // self.num_heads))
        maximum, numerator, denominator = (ops.cast(x, scores.dtype) for x in states)
        maximum = ops.maximum(ops.stop_gradient(maximum), LOWEST)
        largest = ops.maximum(maximum, ops.stop_gradient(scores))
        share, weight = ops.exp(maximum - largest), ops.exp(scores - largest)
        numerator = ops.reshape(numerator, (-1, self.num_heads, values.shape[-1]))
        numerator = numerator * ops.expand_dims(share, -1) + values * ops.expand_dims(weight, -1)
        denominator = denominator * share + weight
        outputs = quotient(numerator, ops.expand_dims(denominator, -1))
        flat = (-1, self.output_size)
        state = [largest, ops.reshape(numerator, flat), denominator]
        return ops.reshape(outputs, flat), state
