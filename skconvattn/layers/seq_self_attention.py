"""Additive and multiplicative self-attention, over the whole sequence or in a band."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import keras
from keras import ops

from skconvattn.layers.base import SequenceLayer, WeightedLayer, check_sizes
from skconvattn.layers.ops.bands import (
    additive_band,
    apply_band,
    attend_band,
    band_mask,
    dot_band,
    keys_before,
)
from skconvattn.layers.ops.masks import masked_softmax, pair_mask, to_accumulator, zero_masked
from skconvattn.layers.ops.products import project
from skconvattn.layers.ops.scores import additive_scores
from skconvattn.layers.ops.segments import in_segments

ATTENTION_TYPES = ("additive", "multiplicative")


@keras.saving.register_keras_serializable(package="skconvattn")
class SeqSelfAttention(SequenceLayer, WeightedLayer):
    r"""Let every step attend to all steps, or to those of a window around it.

    .. math::

        y_t &= \sum_s a_{ts} x_s, \quad a_{ts} = \mathrm{softmax}_s(f(e_{ts})) \\
        e_{ts} &= v^\top \tanh(W_t^\top x_t + W_x^\top x_s + b_h) + b_a \quad \text{(additive)} \\
        e_{ts} &= x_t^\top W_a x_s + b_a \quad \text{(multiplicative)}

    The formulas, options and their names are those of the package ``keras-self-attention``
    (additive attention after Zheng et al. 2018, "OpenTag", arXiv 1806.01264). With
    ``attention_width`` the cost grows with ``time * width`` where the package computes the full
    square and masks it; without, additive scores take the memory of (batch, time, time) and not
    ``units`` times as much.

    Departures: masked steps are attended to by no step, where the package hides them only from
    each other; the weights of a band are returned as (batch, time, width).

    Parameters
    ----------
    units : int, default=32
        Channels in which additive attention compares two steps.
    attention_width : int, optional
        Steps of the window, in time steps: from ``t - width // 2`` on, or with ``history_only``
        up to ``t``. None for the whole sequence.
    attention_type : {"additive", "multiplicative"}, default="additive"
        How two steps are compared.
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    history_only : bool, default=False
        Whether a step sees only itself and earlier steps.
    use_additive_bias : bool, default=True
        Whether additive attention has the bias :math:`b_h`.
    use_attention_bias : bool, default=True
        Whether the scores have the bias :math:`b_a`.
    attention_activation : str or callable, optional
        Activation :math:`f` of the scores.
    attention_regularizer_weight : float, default=0.0
        Weight of the loss :math:`\|A A^\top - I\|^2`, averaged over the batch, which keeps steps
        from attending alike. Masked steps do not enter it.
    kernel_initializer : str or keras initializer, default="glorot_normal"
        How matrices start.
    **kwargs
        Further arguments of :class:`~skconvattn.layers.base.WeightedLayer`.

    Raises
    ------
    ValueError
        If ``attention_type`` is none of the above, or ``attention_width`` or ``units`` below 1.

    Notes
    -----
    Input and output (batch, time, channels). The weights are (batch, time, time), or
    (batch, time, attention_width) in a band, whose entry ``j`` in row ``t`` belongs to step
    ``t - attention_width // 2 + j`` (``t - attention_width + 1 + j`` with ``history_only``);
    :func:`~skconvattn.layers.expand_band` turns them into the full square.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import SeqSelfAttention, expand_band
    >>> layer = SeqSelfAttention(attention_width=3, return_attention=True)
    >>> outputs, weights = layer(np.ones((2, 7, 4), "float32"))
    >>> tuple(outputs.shape), tuple(weights.shape), tuple(expand_band(weights).shape)
    ((2, 7, 4), (2, 7, 3), (2, 7, 7))
    """

    # Names of the package ``keras-self-attention``.
    ATTENTION_TYPE_ADD: ClassVar[str] = "additive"
    ATTENTION_TYPE_MUL: ClassVar[str] = "multiplicative"

    def __init__(
        self,
        units: int = 32,
        attention_width: int | None = None,
        attention_type: str = "additive",
        return_attention: bool = False,
        history_only: bool = False,
        use_additive_bias: bool = True,
        use_attention_bias: bool = True,
        attention_activation: Any = None,
        attention_regularizer_weight: float = 0.0,
        kernel_initializer: Any = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if attention_type not in ATTENTION_TYPES:
            raise ValueError(
                f"attention_type={attention_type!r} is not known; use 'additive' or "
                "'multiplicative'."
            )
        if attention_width is not None and attention_width < 1:
            raise ValueError(
                f"attention_width={attention_width} holds no step; use a width >= 1 or None."
            )
        check_sizes(units=units)
        self.units = units
        self.attention_width = attention_width
        self.attention_type = attention_type
        self.return_attention = return_attention
        self.history_only = history_only
        self.use_additive_bias = use_additive_bias
        self.use_attention_bias = use_attention_bias
        self.attention_activation = keras.activations.get(attention_activation)
        self.attention_regularizer_weight = attention_regularizer_weight

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the matrices of the score."""
        channels = self.channels_of(input_shape)
        if self._is_additive():
            self.query_kernel = self.add_kernel("query_kernel", (channels, self.units))
            self.key_kernel = self.add_kernel("key_kernel", (channels, self.units))
            if self.use_additive_bias:
                self.additive_bias = self.add_bias("additive_bias", (self.units,))
            self.score_kernel = self.add_kernel("score_kernel", (self.units, 1))
        else:
            self.score_kernel = self.add_kernel("score_kernel", (channels, channels))
        if self.use_attention_bias:
            self.attention_bias = self.add_bias("attention_bias", (1,))

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to the same shape."""
        x = zero_masked(inputs, mask)
        width = self.attention_width
        asked_for = self.return_attention or self.attention_regularizer_weight > 0
        if width is not None and not asked_for:
            before = keys_before(width, self.history_only)
            # Additive scores take one operation per key of the band.
            times = 2 if self._is_additive() else 1
            attend = partial(self._attend_band, width=width)
            return in_segments(attend, x, mask, before, width - 1 - before, times)
        outputs, weights = self._attend(x, mask)
        if self.attention_regularizer_weight > 0:
            self.add_loss(self.attention_regularizer_weight * self._repetition(weights, mask))
        return (outputs, weights) if self.return_attention else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the input."""
        return (previous_mask, None) if self.return_attention else previous_mask

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return the shape of the input, and that of the weights."""
        if not self.return_attention:
            return tuple(input_shape)
        keys = input_shape[1] if self.attention_width is None else self.attention_width
        return tuple(input_shape), (*input_shape[:2], keys)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        plain = (
            "units attention_width attention_type return_attention history_only "
            "use_additive_bias use_attention_bias attention_regularizer_weight"
        )
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in plain.split()},
            "attention_activation": keras.activations.serialize(self.attention_activation),
        }

    def _is_additive(self) -> bool:
        return self.attention_type == "additive"

    def _attend(self, x: Any, mask: Any) -> tuple[Any, Any]:
        scores = self._adjust(self._scores(x))  # (batch, time, time or width)
        if self.attention_width is None:
            weights = masked_softmax(scores, pair_mask(mask, x, self.history_only))
            return ops.matmul(weights, x), weights
        inside = band_mask(mask, x, self.attention_width, self.history_only)
        weights = masked_softmax(scores, inside)
        return apply_band(weights, x, self.history_only), weights

    def _attend_band(self, x: Any, mask: Any, width: int) -> Any:
        if self._is_additive():
            return self._attend(x, mask)[0]
        queries = project(x, self.score_kernel)
        return attend_band(queries, x, x, mask, width, self.history_only, adjust=self._adjust)

    def _adjust(self, scores: Any) -> Any:
        if self.use_attention_bias:
            scores = scores + self.attention_bias
        if self.attention_activation is not None:
            scores = self.attention_activation(scores)
        return scores

    def _scores(self, x: Any) -> Any:
        width, history_only = self.attention_width, self.history_only
        if not self._is_additive():
            queries = ops.matmul(x, self.score_kernel)
            if width is None:
                return ops.matmul(queries, ops.swapaxes(x, 1, 2))
            return dot_band(queries, x, width, history_only)
        queries, keys = ops.matmul(x, self.query_kernel), ops.matmul(x, self.key_kernel)
        if self.use_additive_bias:
            keys = keys + self.additive_bias
        vector = ops.squeeze(ops.convert_to_tensor(self.score_kernel, keys.dtype), axis=-1)
        if width is None:
            return additive_scores(queries, keys, vector)
        return additive_band(queries, keys, vector, width, history_only)

    def _repetition(self, weights: Any, mask: Any) -> Any:
        """Return the squared distance of A A^T from the identity, averaged over the batch."""
        # One term per step: half precision would overflow at long series.
        weights = to_accumulator(weights)
        valid = ops.ones_like(weights[:, :, 0])
        if mask is not None:
            valid = ops.cast(mask, weights.dtype)
            weights = weights * ops.expand_dims(valid, -1)
        batch = ops.cast(ops.shape(weights)[0], weights.dtype)
        diagonal = ops.sum(ops.square(weights), axis=-1)
        total = ops.sum(ops.square(diagonal - valid))
        if self.attention_width is None:
            products = ops.matmul(weights, ops.swapaxes(weights, 1, 2))
            return (total + ops.sum(ops.square(products)) - ops.sum(ops.square(diagonal))) / batch
        for shift in range(1, self.attention_width):
            # Row t and row t + shift have all but `shift` keys in common.
            shared = weights[:, :-shift, shift:] * weights[:, shift:, :-shift]
            total = total + 2 * ops.sum(ops.square(ops.sum(shared, axis=-1)))
        return total / batch
