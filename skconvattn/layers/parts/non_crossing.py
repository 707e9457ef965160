"""A layer whose quantiles cannot cross, whatever the weights before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="skconvattn")
class NonCrossing(keras.layers.Layer):
    r"""Turn unconstrained values into increasing quantiles.

    The level :math:`m` nearest to the median is taken as it is; its neighbours lie softplus
    distances away:

    .. math:: q_{m+k} = x_m + \sum_{j=1}^{k} \mathrm{softplus}(x_{m+j}), \qquad
              q_{m-k} = x_m - \sum_{j=1}^{k} \mathrm{softplus}(x_{m-j}).

    Parameters
    ----------
    levels : sequence of float
        Quantile levels in increasing order, strictly between 0 and 1.
    **kwargs
        Arguments of every Keras layer.
    """

    def __init__(self, levels: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        self.median_index = int(np.argmin(np.abs(np.asarray(self.levels) - 0.5)))

    def call(self, inputs: Any) -> Any:
        """Map (..., n_levels) to increasing values of the same shape."""
        below, median, above = ops.split(
            inputs, [self.median_index, self.median_index + 1], axis=-1
        )
        rising = median + ops.cumsum(ops.softplus(above), axis=-1)
        falling = ops.flip(ops.cumsum(ops.softplus(ops.flip(below, -1)), axis=-1), -1)
        return ops.concatenate([median - falling, median, rising], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[Any, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "levels": self.levels}
