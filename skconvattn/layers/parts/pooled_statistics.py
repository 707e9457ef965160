"""Average, maximum and minimum of a sequence over time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.masks import LOWEST, to_accumulator, zero_masked


@keras.saving.register_keras_serializable(package="skconvattn")
class PooledStatistics(keras.layers.Layer):
    r"""Pool a sequence by its average, maximum and minimum over the valid steps.

    .. math:: y = \bigl[\tfrac{1}{T} \sum_t x_t;\ \max_t x_t;\ \min_t x_t\bigr]

    Notes
    -----
    Input (batch, time, channels); output (batch, 3 * channels). A series without a valid step
    gives zeros. Averages are taken in float32 at least.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.pooled_statistics import PooledStatistics
    >>> series = np.array([[[1.0], [5.0], [3.0]]], "float32")
    >>> np.asarray(PooledStatistics()(series)).tolist()
    [[3.0, 5.0, 1.0]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Map (batch, time, channels) to (batch, 3 * channels)."""
        wide = to_accumulator(zero_masked(inputs, mask))
        if mask is None:
            average = ops.mean(wide, axis=1)
            largest, least = ops.max(wide, axis=1), ops.min(wide, axis=1)
        else:
            valid = ops.expand_dims(ops.cast(mask, "bool"), -1)
            count = ops.sum(ops.cast(valid, wide.dtype), axis=1)
            average = ops.sum(wide, axis=1) / ops.maximum(count, 1)
            # Masked steps hold an end of the scale, so that neither extreme is theirs.
            end = ops.full_like(wide, LOWEST)
            largest = ops.max(ops.where(valid, wide, end), axis=1)
            least = ops.min(ops.where(valid, wide, -end), axis=1)
            none = count == 0
            largest, least = (ops.where(none, ops.zeros_like(x), x) for x in (largest, least))
        return ops.cast(ops.concatenate([average, largest, least], axis=-1), inputs.dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return no mask, since time is gone."""
        return

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, 3 * channels)."""
        return (input_shape[0], 3 * input_shape[-1])
