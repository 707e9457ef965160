"""Attention of queries over keys and values, without any weights of its own."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from skconvattn.layers.base import SequenceLayer
from skconvattn.layers.ops.masks import masked_softmax, zero_masked


@keras.saving.register_keras_serializable(package="skconvattn")
class ScaledDotProductAttention(SequenceLayer):
    r"""Let every query attend to all keys, or to those up to its own position.

    .. math:: y_t = \sum_s a_{ts} v_s, \quad
              a_{ts} = \mathrm{softmax}_s(q_t \cdot k_s / \sqrt{D})

    with :math:`D` channels of queries and keys: Vaswani et al. (2017), "Attention Is All You Need"
    (arXiv 1706.03762). This is the layer of the package ``keras-self-attention``, apart from
    masked keys, which are attended to by no query, where the package lowers their score by 10,000.

    Parameters
    ----------
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    history_only : bool, default=False
        Whether a query sees only keys up to its own position.
    **kwargs
        Arguments of every Keras layer.

    Raises
    ------
    ValueError
        If an input is a list of other than three sequences, if queries and keys differ in
        channels, or keys and values in time steps.

    Notes
    -----
    Input (batch, time, channels), which is query, key and value, or a list of these three:
    (batch, query time, key channels), (batch, time, key channels) and (batch, time, channels).
    Output (batch, query time, channels), followed by the weights (batch, query time, time) if
    ``return_attention``. Of a list of masks, the one of the keys counts.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import ScaledDotProductAttention
    >>> query, key, value = (np.ones(s, "float32") for s in ((2, 3, 4), (2, 7, 4), (2, 7, 5)))
    >>> outputs, weights = ScaledDotProductAttention(return_attention=True)([query, key, value])
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 3, 5), (2, 3, 7))
    """

    _depends_on_channels = False

    def __init__(
        self, return_attention: bool = False, history_only: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.return_attention = return_attention
        self.history_only = history_only

    def build(self, input_shape: Any) -> None:
        """Check the shapes; there are no weights."""
        for shape in _shapes(input_shape):
            self._check_shape(tuple(shape))
        self._check_fit(*_shapes(input_shape))

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map query, key and value to (batch, query time, channels)."""
        query, key, value = inputs if _are_several(inputs) else (inputs,) * 3
        valid = mask[1] if isinstance(mask, list | tuple) else mask
        key, value = zero_masked(key, valid), zero_masked(value, valid)
        scores = ops.matmul(query / math.sqrt(query.shape[-1]), ops.swapaxes(key, 1, 2))
        pairs = None if valid is None else ops.expand_dims(ops.cast(valid, "bool"), 1)
        if self.history_only:
            past = ops.expand_dims(
                ops.expand_dims(ops.arange(ops.shape(query)[1], dtype="int32"), 1)
                >= ops.arange(ops.shape(key)[1], dtype="int32"),
                0,
            )
            pairs = past if pairs is None else ops.logical_and(past, pairs)
        weights = masked_softmax(scores, pairs)  # (batch, query time, time)
        outputs = ops.matmul(weights, value)
        return (outputs, weights) if self.return_attention else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the queries."""
        is_several = isinstance(previous_mask, list | tuple)
        mask = previous_mask[0] if is_several else previous_mask
        return (mask, None) if self.return_attention else mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, query time, channels), and (batch, query time, time) for the weights."""
        query, key, value = _shapes(input_shape)
        outputs = (*query[:2], value[2])
        return (outputs, (*query[:2], key[1])) if self.return_attention else outputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "return_attention": self.return_attention,
            "history_only": self.history_only,
        }

    def _sequences(self, inputs: Any) -> list[Any]:
        if not _are_several(inputs):
            return [inputs]
        if len(inputs) != 3:
            raise ValueError(
                f"ScaledDotProductAttention takes one sequence or [query, key, value], and inputs "
                f"are a list of {len(inputs)}; give three."
            )
        self._check_fit(*(each.shape for each in inputs))
        return list(inputs)

    def _check_fit(self, query: Any, key: Any, value: Any) -> None:
        if len(query) == len(key) == 3 and query[2] != key[2]:
            raise ValueError(
                f"Queries of {query[2]} channels cannot be compared with keys of {key[2]}; give "
                "both the same number of channels."
            )
        if len(key) == len(value) == 3 and None not in (key[1], value[1]) and key[1] != value[1]:
            raise ValueError(
                f"Keys have {key[1]} time steps and values {value[1]}; give one value per key."
            )


def _are_several(inputs: Any) -> bool:
    return isinstance(inputs, list | tuple) and all(hasattr(each, "shape") for each in inputs)


def _shapes(input_shape: Any) -> tuple[Any, ...]:
    """Return the shapes of query, key and value."""
    is_several = isinstance(input_shape[0], list | tuple)
    return tuple(input_shape) if is_several else (tuple(input_shape),) * 3
