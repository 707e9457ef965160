"""Linear self-attention: parallel over time for training, step by step for streams."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.linear_averages import linear_averages, linear_state
from skconvattn.layers.ops.masks import accumulator_dtype, pair_mask, zero_masked
from skconvattn.layers.ops.positive_features import positive_features
from skconvattn.layers.ops.products import project
from skconvattn.layers.ops.scans import quotient
from skconvattn.layers.ops.segments import segments
from skconvattn.layers.recurrences import CellForm, ParallelForm, Recurrence


class _PositiveFeatures(Recurrence):
    """Positive features of queries and keys, and values.

    Weights, in this order: ``query_kernel`` (channels, num_heads * key_dim), ``query_bias``, the
    same for ``key``, and for ``value`` with num_heads * value_dim columns.
    """

    @property
    def state_size(self) -> list[int]:
        """Size per series of each tensor of the state."""
        return [self.output_size * self.key_dim, self.num_heads * self.key_dim]

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the projections."""
        channels, keys = self.channels_of(input_shape), self.num_heads * self.key_dim
        for name, width in (("query", keys), ("key", keys), ("value", self.output_size)):
            setattr(self, f"{name}_kernel", self.add_kernel(f"{name}_kernel", (channels, width)))
            if self.use_bias:
                setattr(self, f"{name}_bias", self.add_bias(f"{name}_bias", (width,)))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return the state before the first step.

        Parameters
        ----------
        batch_size : int or scalar tensor
            Number of series.

        Returns
        -------
        list of two tensors
            Zeros of shape (batch, num_heads * key_dim * value_dim) and
            (batch, num_heads * key_dim).
        """
        dtype = accumulator_dtype(self.dtype_policy.compute_dtype)
        return [ops.zeros((batch_size, size), dtype=dtype) for size in self.state_size]

    def _linear(self, x: Any, *names: str) -> Any:
        policy = self.dtype_policy.compute_dtype
        # One product for several projections is faster than several.
        kernels = [ops.cast(getattr(self, f"{name}_kernel"), policy) for name in names]
        projected = project(ops.cast(x, policy), ops.concatenate(kernels, axis=-1))
        projected = ops.cast(projected, accumulator_dtype(policy))
        if self.use_bias:
            biases = [getattr(self, f"{name}_bias") for name in names]
            projected = projected + ops.cast(ops.concatenate(biases, axis=-1), projected.dtype)
        return projected


@keras.saving.register_keras_serializable(package="skconvattn")
class LinearSelfAttention(ParallelForm, _PositiveFeatures):
    r"""Let every step attend to all steps, or all steps up to it, at a cost linear in time.

    .. math:: y_t = \frac{\sum_i \phi(q_t)^\top \phi(k_i)\, v_i}{\sum_i \phi(q_t)^\top \phi(k_i)},
              \qquad \phi(x) = \mathrm{elu}(x) + 1

    with :math:`q, k, v` linear in the input: Katharopoulos et al. (2020), "Transformers are RNNs"
    (arXiv 2006.16236). Sums over :math:`i` are taken once for all queries, or block by block if
    each step sees only its past. Departures: where the paper adds a small number to the
    denominator, :math:`\phi` is kept from falling below 1e-6.

    :class:`LinearSelfAttentionCell` computes the causal form step by step; the two take each
    other's weights unchanged.

    Parameters
    ----------
    num_heads : int
        Heads.
    key_dim : int
        Channels of a query and a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    use_bias : bool, default=True
        Whether the projections have biases.
    history_only : bool, default=True
        Whether a step sees only itself and earlier steps.
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
        If a size is below 1, or a state is given or asked for with ``history_only=False``.

    Notes
    -----
    Input (batch, time, channels); output (batch, time, num_heads * value_dim), followed by the
    weights (batch, num_heads, time, time) and by the state, each if it is asked for. A series
    without a valid step gives zeros. Sums are held in float32 at least.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import LinearSelfAttention
    >>> layer = LinearSelfAttention(num_heads=2, key_dim=4)
    >>> series = np.random.default_rng(0).normal(size=(1, 9, 3)).astype("float32")
    >>> outputs, *state = layer(series[:, :6], return_state=True)
    >>> continued = layer(series[:, 6:], initial_state=state)
    >>> bool(np.allclose(continued, layer(series)[:, 6:], atol=1e-5))
    True
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        use_bias: bool = True,
        history_only: bool = True,
        return_attention: bool = False,
        return_state: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_heads, key_dim, value_dim, use_bias, return_attention, return_state, **kwargs
        )
        self.history_only = history_only
        self._check_state(return_state)

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
        initial_state : list of two tensors, optional
            State to start from, as :meth:`get_initial_state`.
        return_state : bool, optional
            Whether to return the state after the last step; as in the constructor if None.
        training : bool, optional
            Without effect.

        Returns
        -------
        tensor or tuple of tensors
            Output, followed by the weights and by the two tensors of the state.
        """
        self._check_state(return_state or initial_state is not None)
        x = zero_masked(inputs, mask)
        state: Any = None if initial_state is None else self._unflatten(initial_state)
        parts = [self._project(*part) for part in segments(x, mask)]
        averages = linear_averages(parts, state) if self.history_only else self._average_all(parts)
        joined = ops.cast(self._join_heads(averages), self.dtype_policy.compute_dtype)
        outputs: tuple[Any, ...] = (joined,)
        if self.return_attention:
            outputs += (self._attention(parts, pair_mask(None, x, self.history_only)),)
        if self._returns_state(return_state):
            for _, keys, values in parts:
                state = linear_state(keys, values, state)
            outputs += tuple(
                ops.reshape(part, (-1, size))
                for part, size in zip(state, self.state_size, strict=True)
            )
        return outputs[0] if len(outputs) == 1 else outputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "history_only": self.history_only}

    def _check_state(self, uses_state: bool | None) -> None:
        if uses_state and not self.history_only:
            raise ValueError(
                "history_only=False lets steps see the future, which no state can hold; use "
                "history_only=True to continue a stream."
            )

    def _project(self, x: Any, mask: Any) -> tuple[Any, Any, Any]:
        """Return features of queries and keys, and values, (batch * heads, time, channels) each."""
        names = ("query", "key", "value")
        if self.output_size == self.num_heads * self.key_dim:
            # All heads are transposed in one copy, and split afterwards.
            parts = ops.split(self._by_head(self._linear(x, *names), 3 * self.num_heads), 3, axis=1)
        else:
            parts = [self._by_head(self._linear(x, name), self.num_heads) for name in names]
        queries, keys, values = (ops.reshape(part, (-1, *ops.shape(part)[2:])) for part in parts)
        queries, keys = positive_features(queries), positive_features(keys)
        if mask is not None:
            valid = ops.repeat(ops.expand_dims(ops.cast(mask, keys.dtype), -1), self.num_heads, 0)
            keys = keys * valid
        return queries, keys, values

    def _average_all(self, parts: list[tuple[Any, Any, Any]]) -> Any:
        state: Any = None
        for _, keys, values in parts:
            state = linear_state(keys, values, state)
        sums, key_sums = state
        queries = ops.concatenate([part[0] for part in parts], axis=1)
        denominators = ops.sum(queries * ops.swapaxes(key_sums, 1, 2), axis=-1, keepdims=True)
        return quotient(ops.matmul(queries, sums), denominators)

    def _by_head(self, x: Any, heads: int) -> Any:
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, x.shape[-1] // heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def _attention(self, parts: list[tuple[Any, Any, Any]], pairs: Any) -> Any:
        queries, keys = (ops.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
        products = ops.matmul(queries, ops.swapaxes(keys, 1, 2))
        if pairs is not None:
            products = ops.where(pairs, products, ops.zeros_like(products))
        weights = quotient(products, ops.sum(products, axis=-1, keepdims=True))
        weights = ops.reshape(weights, (-1, self.num_heads, *ops.shape(weights)[1:]))
        return ops.cast(weights, self.dtype_policy.compute_dtype)

    def _unflatten(self, state: Any) -> tuple[Any, Any]:
        dtype = accumulator_dtype(self.dtype_policy.compute_dtype)
        sums, keys = (ops.cast(x, dtype) for x in state)
        values = self.output_size // self.num_heads
        shape = (-1, self.key_dim, values)
        return ops.reshape(sums, shape), ops.reshape(keys, (-1, self.key_dim, 1))

    def _join_heads(self, x: Any) -> Any:
        n_timepoints, channels = ops.shape(x)[1], x.shape[2]
        x = ops.reshape(x, (-1, self.num_heads, n_timepoints, channels))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, n_timepoints, self.output_size))


@keras.saving.register_keras_serializable(package="skconvattn")
class LinearSelfAttentionCell(CellForm, _PositiveFeatures):
    r"""One step of causal :class:`LinearSelfAttention`, for :class:`keras.layers.RNN` and streams.

    .. math:: S_t = S_{t-1} + \phi(k_t) v_t^\top, \quad z_t = z_{t-1} + \phi(k_t), \quad
              y_t = \frac{S_t^\top \phi(q_t)}{z_t^\top \phi(q_t)}

    with the queries, keys and values of that layer, as in Katharopoulos et al. (2020),
    "Transformers are RNNs" (arXiv 2006.16236). A step costs the same after ten steps or ten
    thousand.

    Parameters
    ----------
    num_heads : int
        Heads.
    key_dim : int
        Channels of a query and a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    use_bias : bool, default=True
        Whether the projections have biases.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If a size is below 1.

    Notes
    -----
    Input (batch, channels) and the state; output (batch, num_heads * value_dim) and the new
    state: sums of outer products (batch, num_heads * key_dim * value_dim) and of keys
    (batch, num_heads * key_dim). On JAX, :class:`keras.layers.RNN` of Keras 3.15 accepts
    a mask only where the first state has the shape of the output, so not with this cell.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skconvattn.layers import LinearSelfAttention, LinearSelfAttentionCell
    >>> series = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    >>> parallel = LinearSelfAttention(num_heads=2, key_dim=4)
    >>> recurrent = keras.layers.RNN(LinearSelfAttentionCell(num_heads=2, key_dim=4))
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
        states : list of two tensors
            Sums of outer products and of keys.
        training : bool, optional
            Without effect.

        Returns
        -------
        outputs : tensor of shape (batch, num_heads * value_dim)
            The output.
        states : list of two tensors
            The new state.
        """
        features = positive_features(self._linear(inputs, "query", "key"))
        features = ops.reshape(features, (-1, 2 * self.num_heads, self.key_dim))
        queries, keys = ops.split(features, 2, axis=1)  # (batch, heads, key_dim)
        values = ops.reshape(
            self._linear(inputs, "value"), (-1, self.num_heads, self.output_size // self.num_heads)
        )
        sums, key_sums = (ops.cast(x, keys.dtype) for x in states)
        shape = (-1, self.num_heads, self.key_dim, values.shape[-1])
        sums = ops.reshape(sums, shape) + ops.expand_dims(keys, -1) * ops.expand_dims(values, -2)
        key_sums = ops.reshape(key_sums, shape[:3]) + keys
        numerators = ops.squeeze(ops.matmul(ops.expand_dims(queries, -2), sums), axis=-2)
        denominators = ops.sum(queries * key_sums, axis=-1, keepdims=True)
        outputs = ops.reshape(quotient(numerators, denominators), (-1, self.output_size))
        parts = zip((sums, key_sums), self.state_size, strict=True)
        return outputs, [ops.reshape(part, (-1, size)) for part, size in parts]
