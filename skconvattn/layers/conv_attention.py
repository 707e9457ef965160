"""Convolution, pooling and projection, then many-to-one attention."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from skconvattn.layers.attention import Attention
from skconvattn.layers.base import check_sizes
from skconvattn.layers.convolutions import ConvolutionalLayer
from skconvattn.layers.ops.masks import zero_masked
from skconvattn.layers.ops.products import on_steps
from skconvattn.layers.ops.windows import max_pool


@keras.saving.register_keras_serializable(package="skconvattn")
class ConvAttention(ConvolutionalLayer):
    r"""Attend over local patterns that a convolution found.

    .. math:: y = \mathrm{Attention}(\mathrm{relu}(W_p\,
              \mathrm{maxpool}(f(\mathrm{Conv1D}(x)) \,[+\, S x])))

    with the activation :math:`f` and, if ``residual``, the input added to the convolution's
    output through :math:`S`, a 1x1 convolution where the channels differ and the identity where
    they do not. This is the layer of the package ``keras-convattention``; its earlier, unpooled
    form is ``residual=True, pool_size=1``.

    Departures: a last pool of fewer steps is kept, where the original drops it (and fails on
    sequences shorter than ``pool_size``); a strided convolution is aligned with the first step
    whatever the length; masks are respected: a pooled step is valid if one of its steps is, and
    masked steps enter neither the convolution nor the maximum.

    Parameters
    ----------
    filters : int, default=64
        Channels of the convolution.
    kernel_size : int, default=3
        Time steps of the kernel.
    pool_size : int, default=2
        Time steps that are pooled into one; 1 means no pooling.
    units : int, default=128
        Channels of the output.
    score : {"luong", "bahdanau"}, default="bahdanau"
        How the attention compares two steps.
    activation : str or callable, default="relu"
        Activation of the convolution.
    dilation_rate : int, default=1
        Time steps between two entries of the kernel.
    strides : int, default=1
        Time steps from one output of the convolution to the next.
    padding : {"same", "causal", "valid"}, default="same"
        Where the convolution continues the sequence with zeros.
    projection_units : int, optional
        Channels that are attended over; ``filters`` if None.
    residual : bool, default=False
        Whether to add the input to the convolution's output.
    dropout : float, default=0.0
        Share of the projected values that are dropped in training.
    return_attention : bool, default=False
        Whether to return the weights beside the output.
    return_sequence : bool, default=False
        Whether to return what is attended over as well, after everything else.
    **kwargs
        Initialisers, regulariser and ``seed`` of
        :class:`~skconvattn.layers.convolutions.ConvolutionalLayer`, for the matrices and biases of
        the convolution, the projection and the attention, and arguments of every Keras layer.

    Raises
    ------
    ValueError
        If a number of channels or steps is below 1, ``score`` or ``padding`` none of the above, or
        ``residual`` asked for with ``padding="valid"``.

    Notes
    -----
    Input (batch, time, channels); output (batch, units), followed by the weights
    (batch, pooled time) if ``return_attention``, and by the projected values
    (batch, pooled time, projection_units) if ``return_sequence``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import ConvAttention
    >>> layer = ConvAttention(filters=4, pool_size=2, units=5, return_attention=True)
    >>> outputs, weights = layer(np.ones((2, 7, 3), "float32"))
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 5), (2, 4))
    """

    def __init__(
        self,
        filters: int = 64,
        kernel_size: int = 3,
        pool_size: int = 2,
        units: int = 128,
        score: str = "bahdanau",
        activation: Any = "relu",
        dilation_rate: int = 1,
        strides: int = 1,
        padding: str = "same",
        projection_units: int | None = None,
        residual: bool = False,
        dropout: float = 0.0,
        return_attention: bool = False,
        return_sequence: bool = False,
        **kwargs: Any,
    ) -> None:
        if residual and padding == "valid":
            raise ValueError(
                "residual=True adds input and convolution step by step, which padding='valid' "
                "makes differ in length; use padding='same' or 'causal'."
            )
        check_sizes(pool_size=pool_size, projection_units=projection_units)
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=True,
            dropout=dropout,
            **kwargs,
        )
        self.pool_size = pool_size
        self.units = units
        self.score = score
        self.projection_units = projection_units
        self.residual = residual
        self.return_attention = return_attention
        self.return_sequence = return_sequence
        self.projection = keras.layers.Dense(
            filters if projection_units is None else projection_units,
            activation="relu",
            name="projection",
            **self.bias_settings(),
            **self.kernel_settings(),
        )
        self.drop = self.make_dropout()
        self.attention = Attention(
            units, score, return_attention, name="attention", **self.kernel_settings()
        )

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the sublayers."""
        batch = input_shape[0]
        self.build_convolution(input_shape, shortcut=self.residual)
        self.projection.build((None, self.filters))
        self.attention.build((batch, None, self.projection.units))

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Map (batch, time, channels) to (batch, units)."""
        x = zero_masked(inputs, mask)
        features = self.convolve(x)
        if self.residual:
            features = self.add_shortcut(features, x)
        pooled, pooled_mask = max_pool(features, self.convolved_mask(mask), self.pool_size)
        projected = on_steps(self.projection, pooled)  # (batch, pooled time, projection_units)
        if self.drop is not None:
            projected = self.drop(projected, training=training)
        attended = self.attention(projected, mask=pooled_mask)
        if not self.return_sequence:
            return attended
        return (*(attended if self.return_attention else (attended,)), projected)

    def _in_own_order(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        n_before = len(arrays) - len(self.attention.weights)
        return [*arrays[:n_before], *self.attention._in_own_order(arrays[n_before:])]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return no mask, since time is gone."""
        n_outputs = 1 + self.return_attention + self.return_sequence
        return None if n_outputs == 1 else (None,) * n_outputs

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return (batch, units), and (batch, pooled time) for the weights."""
        output_shape = (input_shape[0], self.units)
        length = self.convolved_length(input_shape[1])
        pooled = (input_shape[0], length and -(-length // self.pool_size))
        shapes: list[tuple[Any, ...]] = [output_shape]
        if self.return_attention:
            shapes.append(pooled)
        if self.return_sequence:
            shapes.append((*pooled, self.projection.units))
        return tuple(shapes) if len(shapes) > 1 else output_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        plain = "pool_size units score projection_units residual return_attention return_sequence"
        return {**super().get_config(), **{name: getattr(self, name) for name in plain.split()}}
