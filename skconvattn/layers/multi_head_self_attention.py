"""Multi-head scaled dot-product self-attention, over the whole sequence or in a band."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import keras
from keras import ops

from skconvattn.layers.base import SequenceLayer, WeightedLayer, check_sizes
from skconvattn.layers.ops.bands import (
    apply_band,
    attend_band,
    band_mask,
    dot_band,
    keys_before,
)
from skconvattn.layers.ops.masks import masked_softmax, pair_mask, zero_masked
from skconvattn.layers.ops.positions import rotate_by_position
from skconvattn.layers.ops.products import project
from skconvattn.layers.ops.segments import in_segments


@keras.saving.register_keras_serializable(package="skconvattn")
class MultiHeadSelfAttention(SequenceLayer, WeightedLayer):
    r"""Let every step attend to all steps, or to those of a window around it, in several heads.

    .. math::

        y &= [o^1; \dots; o^H]\, W_o + b_o, \quad o^h_t = \sum_s a^h_{ts} v^h_s \\
        a^h_{ts} &= \mathrm{softmax}_s(q^h_t \cdot k^h_s / \sqrt{D} \,[+\, e'^h_{ts}])

    with :math:`q, k, v` linear in the input: Vaswani et al. (2017), "Attention Is All You Need"
    (arXiv 1706.03762). With the same weights it equals ``keras.layers.MultiHeadAttention`` on one
    input. :math:`e'` are scores carried over from the layer before, as in He et al. (2021),
    "RealFormer" (arXiv 2012.11747). With ``attention_width`` cost and memory grow with
    ``time * width``.

    Parameters
    ----------
    num_heads : int
        Heads :math:`H`.
    key_dim : int
        Channels :math:`D` of a query and a key.
    value_dim : int, optional
        Channels of a value; ``key_dim`` if None.
    output_dim : int, optional
        Channels of the output; those of the input if None.
    use_bias : bool, default=True
        Whether the projections have biases.
    dropout : float, default=0.0
        Share of the weights that are dropped in training.
    attention_width : int, optional
        Steps of the window, in time steps: from ``t - width // 2`` on, or with ``history_only``
        up to ``t``. None for the whole sequence.
    history_only : bool, default=False
        Whether a step sees only itself and earlier steps.
    positions : {None, "rotary", "learned"}, default=None
        How attention knows positions in time: not at all; by rotating queries and keys (Su et al.
        2021, "RoFormer", arXiv 2104.09864), which needs an even ``key_dim``; by one learned vector
        per step that is added to the input.
    max_timepoints : int, optional
        Time steps that have a learned position; those of the input if None.
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    return_scores : bool, default=False
        Whether to return the scores before mask and softmax, for the next layer's
        ``previous_scores``.
    seed : int, optional
        Seed of the dropout.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If ``positions`` is none of the above or a size is below 1, if ``key_dim`` is odd with
        rotary positions, or if learned positions meet a longer input than they are for, or one of
        unknown length without ``max_timepoints``.

    Notes
    -----
    Input (batch, time, channels); output (batch, time, output_dim). Weights and scores are
    (batch, heads, time, time), or (batch, heads, time, attention_width) in a band, laid out as
    in :class:`~skconvattn.layers.SeqSelfAttention`; :func:`~skconvattn.layers.expand_band` turns
    them into the full square.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import MultiHeadSelfAttention
    >>> layer = MultiHeadSelfAttention(num_heads=2, key_dim=8, return_attention=True)
    >>> outputs, weights = layer(np.ones((3, 7, 4), "float32"))
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((3, 7, 4), (3, 2, 7, 7))
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        output_dim: int | None = None,
        use_bias: bool = True,
        dropout: float = 0.0,
        attention_width: int | None = None,
        history_only: bool = False,
        positions: str | None = None,
        max_timepoints: int | None = None,
        return_attention: bool = False,
        return_scores: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(
            num_heads=num_heads, key_dim=key_dim, value_dim=value_dim, output_dim=output_dim
        )
        if positions not in (None, "rotary", "learned"):
            raise ValueError(
                f"positions={positions!r} is not known; use None, 'rotary' or 'learned'."
            )
        if positions == "rotary" and key_dim % 2:
            raise ValueError(
                f"key_dim={key_dim} is odd, but rotary positions turn pairs; use even."
            )
        if attention_width is not None and attention_width < 1:
            raise ValueError(
                f"attention_width={attention_width} holds no step; use a width >= 1 or None."
            )
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.output_dim = output_dim
        self.use_bias = use_bias
        self.dropout = dropout
        self.attention_width = attention_width
        self.history_only = history_only
        self.positions = positions
        self.max_timepoints = max_timepoints
        self.return_attention = return_attention
        self.return_scores = return_scores
        self.seed = seed
        self.position_embedding_initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.drop = None
        if dropout:
            self.drop = keras.layers.Dropout(
                dropout, seed=seed, dtype=self.dtype_policy, name="drop"
            )

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the projections, and the learned positions."""
        channels = self.channels_of(input_shape)
        keys, values = self._widths()
        for name, width in (("query", keys), ("key", keys), ("value", values)):
            setattr(self, f"{name}_kernel", self.add_kernel(f"{name}_kernel", (channels, width)))
            if self.use_bias:
                setattr(self, f"{name}_bias", self.add_bias(f"{name}_bias", (width,)))
        outputs = channels if self.output_dim is None else self.output_dim
        self.output_kernel = self.add_kernel("output_kernel", (values, outputs))
        if self.use_bias:
            self.output_bias = self.add_bias("output_bias", (outputs,))
        if self.positions == "learned":
            self.position_embedding = self.add_weight(
                name="position_embedding",
                shape=(self._learned_timepoints(input_shape), channels),
                initializer=self.position_embedding_initializer,
            )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        previous_scores: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Any:
        """Map (batch, time, channels) to (batch, time, output_dim).

        Parameters
        ----------
        inputs : tensor of shape (batch, time, channels)
            A sequence.
        mask : boolean tensor of shape (batch, time), optional
            True where a step is valid.
        previous_scores : tensor of the shape of the scores, optional
            Scores that the layer before returned; they are added to this layer's.
        training : bool, optional
            Whether to drop weights.
        return_attention_scores : bool, default=False
            Whether to return the weights in this call, as in ``keras.layers.MultiHeadAttention``.

        Returns
        -------
        tensor or tuple of tensors
            Output, followed by the weights and by the scores, each if it is asked for.
        """
        x = zero_masked(inputs, mask)
        if self.positions == "learned":
            x = x + self._positions(x)
        returns_weights = self.return_attention or return_attention_scores
        width, asked_for = self.attention_width, returns_weights or self.return_scores
        if width is not None and not asked_for and previous_scores is None:
            before = keys_before(width, self.history_only)
            attend = partial(self._attend_band, width=width, training=training)
            return in_segments(attend, x, mask, before, width - 1 - before)
        queries, keys, values = self._project(x)  # (batch * heads, time, channels)
        scores = self._scores(queries, keys)  # (batch, heads, time, time or width)
        if previous_scores is not None:
            scores = scores + previous_scores
        weights = masked_softmax(scores, self._mask(mask, x))
        dropped = weights if self.drop is None else self.drop(weights, training=training)
        outputs = self._output(self._apply(dropped, values))
        extras = [weights] * returns_weights + [scores] * self.return_scores
        return (outputs, *extras) if extras else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the input."""
        extras = [None] * (self.return_attention + self.return_scores)
        return (previous_mask, *extras) if extras else previous_mask

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        previous_scores: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Any:
        """Return shapes and dtypes of what ``call`` returns."""
        shapes = self._output_shapes(inputs.shape, self.return_attention or return_attention_scores)
        specs = tuple(keras.KerasTensor(shape, self.compute_dtype) for shape in shapes)
        return specs[0] if len(specs) == 1 else specs

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return (batch, time, output_dim), and the shapes of weights and scores."""
        shapes = self._output_shapes(input_shape, self.return_attention)
        return shapes[0] if len(shapes) == 1 else shapes

    def _output_shapes(self, input_shape: tuple[Any, ...], returns_weights: bool) -> Any:
        batch, n_timepoints, channels = input_shape
        outputs = (batch, n_timepoints, channels if self.output_dim is None else self.output_dim)
        keys = n_timepoints if self.attention_width is None else self.attention_width
        square = (batch, self.num_heads, n_timepoints, keys)
        return (outputs, *[square] * (returns_weights + self.return_scores))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        plain = (
            "num_heads key_dim value_dim output_dim use_bias dropout attention_width "
            "history_only positions max_timepoints return_attention return_scores seed"
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in plain.split()}}

    def _widths(self) -> tuple[int, int]:
        value_dim = self.key_dim if self.value_dim is None else self.value_dim
        return self.num_heads * self.key_dim, self.num_heads * value_dim

    def _learned_timepoints(self, input_shape: tuple[Any, ...]) -> int:
        n_timepoints = self.max_timepoints or input_shape[1]
        if n_timepoints is None:
            raise ValueError(
                "positions='learned' needs one vector per time step, but the number of time steps "
                "is unknown; give max_timepoints or use positions='rotary'."
            )
        return n_timepoints

    def _attend_band(self, x: Any, mask: Any, width: int, training: bool | None) -> Any:
        drop = None if self.drop is None else partial(self.drop, training=training)
        summed = attend_band(*self._project(x), mask, width, self.history_only, drop=drop)
        return self._output(summed)

    def _positions(self, x: Any) -> Any:
        n_timepoints, most = x.shape[1], self.position_embedding.shape[0]
        if n_timepoints is not None and n_timepoints > most:
            raise ValueError(
                f"The input has {n_timepoints} time steps, but only {most} have a learned "
                f"position; use max_timepoints >= {n_timepoints} or positions='rotary'."
            )
        return self.position_embedding[: ops.shape(x)[1]]

    def _project(self, x: Any) -> tuple[Any, Any, Any]:
        # One product for all three projections is faster than three.
        kernels = [self.query_kernel, self.key_kernel, self.value_kernel]
        projected = project(x, ops.concatenate(kernels, axis=-1))
        if self.use_bias:
            biases = [self.query_bias, self.key_bias, self.value_bias]
            projected = projected + ops.concatenate(biases, axis=-1)
        queries, keys, values = self._heads(projected)
        if self.positions == "rotary":
            queries, keys = rotate_by_position(queries), rotate_by_position(keys)
        return queries * (1 / math.sqrt(self.key_dim)), keys, values

    def _heads(self, projected: Any) -> list[Any]:
        """Split queries, keys and values, and turn each into (batch * heads, time, channels)."""
        keys, values = self._widths()
        if keys == values:
            # All heads are transposed in one copy, and split afterwards.
            parts = ops.split(self._by_head(projected, 3 * self.num_heads), 3, axis=1)
        else:
            parts = [
                self._by_head(part, self.num_heads)
                for part in ops.split(projected, [keys, 2 * keys], axis=-1)
            ]
        return [ops.reshape(x, (-1, *ops.shape(x)[2:])) for x in parts]

    def _by_head(self, x: Any, heads: int) -> Any:
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, x.shape[-1] // heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def _scores(self, queries: Any, keys: Any) -> Any:
        if self.attention_width is None:
            scores = ops.matmul(queries, ops.swapaxes(keys, 1, 2))
        else:
            scores = dot_band(queries, keys, self.attention_width, self.history_only)
        return ops.reshape(scores, (-1, self.num_heads, *ops.shape(scores)[1:]))

    def _mask(self, mask: Any, x: Any) -> Any:
        if self.attention_width is None:
            pairs = pair_mask(mask, x, self.history_only)
        else:
            pairs = band_mask(mask, x, self.attention_width, self.history_only)
        return None if pairs is None else ops.expand_dims(pairs, 1)

    def _apply(self, weights: Any, values: Any) -> Any:
        weights = ops.reshape(weights, (-1, *ops.shape(weights)[2:]))
        if self.attention_width is None:
            return ops.matmul(weights, values)
        return apply_band(weights, values, self.history_only)

    def _output(self, summed: Any) -> Any:
        n_timepoints, channels = ops.shape(summed)[1], summed.shape[-1]
        summed = ops.reshape(summed, (-1, self.num_heads, n_timepoints, channels))
        summed = ops.transpose(summed, (0, 2, 1, 3))
        joined = ops.reshape(summed, (-1, n_timepoints, self.num_heads * channels))
        outputs = project(joined, self.output_kernel)
        return outputs + self.output_bias if self.use_bias else outputs
