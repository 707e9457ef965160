"""A layer that shows the attention weights of a band as the full square."""

from __future__ import annotations

from typing import Any

import keras

from skconvattn.layers.ops.bands import expand_band


@keras.saving.register_keras_serializable(package="skconvattn")
class ExpandedBand(keras.layers.Layer):
    """Expand the weights of a band; see :func:`~skconvattn.layers.expand_band`.

    Parameters
    ----------
    history_only : bool, default=False
        As given to the layer that returned the weights.
    **kwargs
        Arguments of every Keras layer.

    Notes
    -----
    Input (batch, heads, time, width); output (batch, heads, time, time).

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.expanded_band import ExpandedBand
    >>> band = np.array([[[[0.0, 1.0], [0.5, 0.5]]]], "float32")
    >>> np.asarray(ExpandedBand(history_only=True)(band)).tolist()
    [[[[1.0, 0.0], [0.5, 0.5]]]]
    """

    def __init__(self, history_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.history_only = history_only

    def call(self, inputs: Any) -> Any:
        """Map (batch, heads, time, width) to (batch, heads, time, time)."""
        return expand_band(inputs, self.history_only)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, heads, time, time)."""
        return (*input_shape[:-1], input_shape[-2])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "history_only": self.history_only}
