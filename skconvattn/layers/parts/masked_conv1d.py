"""A convolution over time that leaves masked steps out, with nothing added to it."""

from __future__ import annotations

from typing import Any

import keras

from skconvattn.layers.ops.masks import zero_masked
from skconvattn.layers.residual_conv1d import ResidualConv1D


@keras.saving.register_keras_serializable(package="skconvattn")
class MaskedConv1D(ResidualConv1D):
    r"""Apply a convolution to the valid steps.

    .. math:: y = f(\mathrm{Conv1D}(x))

    with the activation :math:`f`: :class:`~skconvattn.layers.ResidualConv1D` without the input that
    it adds. Arguments and shapes are the same.

    Notes
    -----
    Input (batch, time, channels); output (batch, ceil(time / strides), filters). Masked steps
    do not enter the convolution and come out as zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.masked_conv1d import MaskedConv1D
    >>> tuple(MaskedConv1D(filters=5)(np.ones((2, 7, 3), "float32")).shape)
    (2, 7, 5)
    """

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the convolution."""
        self.build_convolution(input_shape, shortcut=False)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, ceil(time / strides), filters)."""
        convolved = self.convolve(zero_masked(inputs, mask))
        if self.drop is not None:
            convolved = self.drop(convolved, training=training)
        return zero_masked(convolved, self.convolved_mask(mask))
