"""The base of the layers that convolve over time and may add their input to the result."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.base import SequenceLayer, check_sizes, fresh_initializer
from skconvattn.layers.ops.windows import pad_time
from skconvattn.layers.parts.unfolded_conv1d import make_conv1d

_PADDINGS = ("same", "causal", "valid")


class ConvolutionalLayer(SequenceLayer):
    """A layer that supports masking and whose first sublayer is a convolution over time.

    The convolution is aligned with the first step whatever the length: its output ``i`` is centred
    at input step ``i * strides`` (``padding="same"``), ends there ("causal") or starts there
    ("valid"). Keras aligns a strided "same" convolution by the length, so that masked steps at the
    end would shift it.

    Parameters
    ----------
    filters : int
        Channels of the convolution.
    kernel_size : int
        Time steps of the kernel.
    strides : int
        Time steps from one output to the next.
    padding : {"same", "causal", "valid"}
        Where the sequence is continued with zeros.
    dilation_rate : int
        Time steps between two entries of the kernel.
    activation : str, callable or None
        Activation of the convolution.
    use_bias : bool
        Whether the convolution has a bias.
    dropout : float
        Share of the values that the sublayer of :meth:`make_dropout` drops in training.
    kernel_initializer, bias_initializer : str or keras initializer
        How the matrices and biases of all sublayers start.
    kernel_regularizer : str or keras regularizer, optional
        Penalty on the matrices of all sublayers.
    seed : int, optional
        Seed of the dropout.
    **kwargs
        Arguments of every Keras layer.

    Raises
    ------
    ValueError
        If a number of channels or steps is below 1, or ``padding`` is none of the above.
    """

    def __init__(
        self,
        *,
        filters: int,
        kernel_size: int,
        strides: int,
        padding: str,
        dilation_rate: int,
        activation: Any,
        use_bias: bool,
        dropout: float,
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
        if padding not in _PADDINGS:
            raise ValueError(
                f"padding={padding!r} is not known; use one of {', '.join(_PADDINGS)}."
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
        self.convolution = self._make_convolution()
        self.shortcut: Any = None

    def kernel_settings(self) -> dict[str, Any]:
        """Return how the matrix of one more sublayer starts, its penalty and its dtype."""
        return {
            "kernel_initializer": fresh_initializer(self.kernel_initializer),
            "kernel_regularizer": self.kernel_regularizer,
            "dtype": self.dtype_policy,
        }

    def bias_settings(self) -> dict[str, Any]:
        """Return how the bias of one more sublayer starts."""
        return {"bias_initializer": fresh_initializer(self.bias_initializer)}

    def make_dropout(self) -> Any:
        """Return the sublayer that drops values in training; None if none are dropped."""
        if not self.dropout:
            return None
        return keras.layers.Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy, name="drop"
        )

    def build_convolution(self, input_shape: tuple[Any, ...], shortcut: bool) -> None:
        """Build the convolution, and the shortcut around it if it is asked for.

        Parameters
        ----------
        input_shape : tuple
            The shape (batch, time, channels).
        shortcut : bool
            Whether :meth:`add_shortcut` will be called. It takes a 1x1 convolution where
            ``channels`` and ``filters`` differ.
        """
        channels = self.channels_of(input_shape)
        shape = (input_shape[0], None, channels)
        self.convolution.build(shape)
        if shortcut and channels != self.filters:
            self.shortcut = make_conv1d(
                self.filters, 1, use_bias=False, name="shortcut", **self.kernel_settings()
            )
            self.shortcut.build(shape)

    def convolve(self, x: Any) -> Any:
        """Apply the convolution.

        Parameters
        ----------
        x : tensor of shape (batch, time, channels)
            A sequence, zero where it is masked.

        Returns
        -------
        tensor of shape (batch, ceil(time / strides), filters), shorter for "valid"
            The convolved sequence.
        """
        if self.convolution.padding != self.padding:
            reach = self._reach()
            before = reach // 2 if self.padding == "same" else reach
            x = pad_time(x, before, reach - before)
        return self.convolution(x)

    def add_shortcut(self, convolved: Any, x: Any) -> Any:
        """Add the input of the convolution to what was made of its output.

        Parameters
        ----------
        convolved : tensor of shape (batch, ceil(time / strides), filters)
            The convolved sequence.
        x : tensor of shape (batch, time, channels)
            The sequence.

        Returns
        -------
        tensor of shape (batch, ceil(time / strides), filters)
            The sum.
        """
        shortcut = x[:, :: self.strides]
        return convolved + (shortcut if self.shortcut is None else self.shortcut(shortcut))

    def convolved_mask(self, mask: Any) -> Any:
        """Return where the convolution of a masked sequence is valid.

        Parameters
        ----------
        mask : boolean tensor of shape (batch, time) or None
            True where a step is valid.

        Returns
        -------
        boolean tensor of shape (batch, convolved time) or None
            True where the centre of the kernel ("same"), its end ("causal") or all of it ("valid")
            lies on valid steps.
        """
        if mask is None:
            return None
        mask = ops.cast(mask, "bool")
        if self.padding == "valid":
            reach = self._reach()
            taps = [
                mask[:, shift : shift - reach or None]
                for shift in range(0, reach + 1, self.dilation_rate)
            ]
            mask = ops.all(ops.stack(taps, axis=0), axis=0)
        return mask[:, :: self.strides]

    def convolved_length(self, n_timepoints: int | None) -> int | None:
        """Return the time steps of the convolved sequence; None where the input's are unknown."""
        if n_timepoints is None:
            return None
        reach = self._reach() if self.padding == "valid" else 0
        return max(0, -((reach - n_timepoints) // self.strides))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor that all such layers take."""
        plain = "filters kernel_size strides padding dilation_rate dropout seed"
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in plain.split()},
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

    def _check_shape(self, shape: tuple[Any, ...]) -> None:
        super()._check_shape(shape)
        if shape[1] is not None and self.convolved_length(shape[1]) == 0:
            raise ValueError(
                f"padding='valid' leaves nothing of inputs of shape {shape}, whose convolution "
                f"reaches over {self._reach() + 1} time steps; use 'same' or 'causal'."
            )

    def _make_convolution(self) -> Any:
        return make_conv1d(
            self.filters,
            self.kernel_size,
            self.strides,
            # What Keras would align by the length is padded in convolve.
            padding=self.padding if self.strides == 1 else "valid",
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            use_bias=self.use_bias,
            name="convolution",
            **self.bias_settings(),
            **self.kernel_settings(),
        )

    def _reach(self) -> int:
        """Return the time steps from the first entry of the kernel to the last."""
        return (self.kernel_size - 1) * self.dilation_rate
