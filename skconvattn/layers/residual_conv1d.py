"""A convolution over time that is added to its input."""

from __future__ import annotations

from typing import Any

import keras

from skconvattn.layers.convolutions import ConvolutionalLayer
from skconvattn.layers.ops.masks import zero_masked


@keras.saving.register_keras_serializable(package="skconvattn")
class ResidualConv1D(ConvolutionalLayer):
    r"""Add a convolution to its input.

    .. math:: y = S x + f(\mathrm{Conv1D}(x))

    with the activation :math:`f` and the shortcut :math:`S`: the identity, or a 1x1 convolution
    where the channels differ, as in He et al. (2016), "Deep Residual Learning for Image
    Recognition" (arXiv 1512.03385).

    Parameters
    ----------
    filters : int
        Channels of the output.
    kernel_size : int, default=3
        Time steps of the kernel.
    strides : int, default=1
        Time steps from one output to the next.
    padding : {"same", "causal"}, default="same"
        Where the sequence is continued with zeros.
    dilation_rate : int, default=1
        Time steps between two entries of the kernel.
    activation : str or callable, optional
        Activation of the convolution.
    use_bias : bool, default=True
        Whether the convolution has a bias.
    dropout : float, default=0.0
        Share of the convolved values that are dropped in training.
    **kwargs
        Initialisers, regulariser and ``seed`` of
        :class:`~skconvattn.layers.convolutions.ConvolutionalLayer`, and arguments of every Keras
        layer.

    Raises
    ------
    ValueError
        If a number of channels or steps is below 1, or ``padding`` none of the above: "valid" would
        make the two terms differ in length.

    Notes
    -----
    Input (batch, time, channels); output (batch, ceil(time / strides), filters). Masked steps
    do not enter the convolution and come out as zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import ResidualConv1D
    >>> tuple(ResidualConv1D(filters=5)(np.ones((2, 7, 3), "float32")).shape)
    (2, 7, 5)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        padding: str = "same",
        dilation_rate: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if padding == "valid":
            raise ValueError(
                "padding='valid' shortens the convolution but not its input; use 'same' or "
                "'causal'."
            )
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            dropout=dropout,
            **kwargs,
        )
        self.drop = self.make_dropout()

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the convolutions."""
        self.build_convolution(input_shape, shortcut=True)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, ceil(time / strides), filters)."""
        x = zero_masked(inputs, mask)
        convolved = self.convolve(x)
        if self.drop is not None:
            convolved = self.drop(convolved, training=training)
        return zero_masked(self.add_shortcut(convolved, x), self.convolved_mask(mask))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output."""
        return self.convolved_mask(previous_mask)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, ceil(time / strides), filters)."""
        return (input_shape[0], self.convolved_length(input_shape[1]), self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "use_bias": self.use_bias}
