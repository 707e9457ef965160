"""A convolution over time that is added to its input."""

from __future__ import annotations

from typing import Any

import keras

from skconvattn.layers.base import check_sizes, fresh_initializer
from skconvattn.layers.ops.convolutions import aligned_conv, convolve, convolved_mask
from skconvattn.layers.ops.masks import zero_masked


@keras.saving.register_keras_serializable(package="skconvattn")
class ResidualConv1D(keras.layers.Layer):
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
    kernel_initializer, bias_initializer : str or keras initializer
        How kernels and bias start.
    kernel_regularizer : str or keras regularizer, optional
        Penalty on the kernels.
    seed : int, optional
        Seed of the dropout.
    **kwargs
        Arguments of every Keras layer.

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
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(
            filters=filters, kernel_size=kernel_size, strides=strides, dilation_rate=dilation_rate
        )
        if padding == "valid":
            raise ValueError(
                "padding='valid' shortens the convolution but not its input; use 'same' or "
                "'causal'."
            )
        self.supports_masking = True
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.convolution = aligned_conv(
            filters,
            kernel_size,
            strides,
            padding,
            dilation_rate=dilation_rate,
            activation=self.activation,
            use_bias=use_bias,
            bias_initializer=self.bias_initializer,
            name="convolution",
            **self._kernel_settings(),
        )
        self.shortcut: Any = None
        self.drop: Any = None
        if dropout:
            self.drop = keras.layers.Dropout(
                dropout, seed=seed, dtype=self.dtype_policy, name="drop"
            )

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the convolutions."""
        shape = (input_shape[0], None, input_shape[-1])
        self.convolution.build(shape)
        if input_shape[-1] != self.filters:
            self.shortcut = keras.layers.Conv1D(
                self.filters, 1, use_bias=False, name="shortcut", **self._kernel_settings()
            )
            self.shortcut.build(shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, ceil(time / strides), filters)."""
        x = zero_masked(inputs, mask)
        convolved = convolve(self.convolution, x, self.padding)
        if self.drop is not None:
            convolved = self.drop(convolved, training=training)
        shortcut = x[:, :: self.strides]
        if self.shortcut is not None:
            shortcut = self.shortcut(shortcut)
        return zero_masked(convolved + shortcut, self.compute_mask(inputs, mask))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output."""
        return convolved_mask(previous_mask, self.convolution, self.padding)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, ceil(time / strides), filters)."""
        n_timepoints = input_shape[1]
        length = None if n_timepoints is None else -(-n_timepoints // self.strides)
        return (input_shape[0], length, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        plain = "filters kernel_size strides padding dilation_rate use_bias dropout seed"
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in plain.split()},
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

    def _kernel_settings(self) -> dict[str, Any]:
        return {
            "kernel_initializer": fresh_initializer(self.kernel_initializer),
            "kernel_regularizer": self.kernel_regularizer,
            "dtype": self.dtype_policy,
        }
