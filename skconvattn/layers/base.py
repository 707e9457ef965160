"""The bases of layers: what takes sequences, and what creates weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


class SequenceLayer(keras.layers.Layer):
    """A layer of sequences (batch, time, channels), which refuses other inputs in one sentence."""

    _n_built_channels: int | None = None
    # Whether the layer has weights for each channel.
    _depends_on_channels = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer after a look at the shape of its first argument.

        Raises
        ------
        ValueError
            If the shape is not (batch, time, channels) with the channels that the layer was built
            for and one time step at least.
        """
        for sequence in self._sequences(args[0] if args else kwargs.get("inputs")):
            shape = _known_shape(sequence)
            if shape is not None:
                self._check_shape(shape)
        return super().__call__(*args, **kwargs)

    @classmethod
    def get_custom_objects(cls) -> dict[str, type]:
        """Return the class by its name, as the original packages do; loading does not need it."""
        return {cls.__name__: cls}

    def channels_of(self, input_shape: tuple[Any, ...]) -> int:
        """Return the channels of an input, for which the layer is built from now on.

        Parameters
        ----------
        input_shape : tuple
            The shape (batch, time, channels).

        Returns
        -------
        int
            The channels.

        Raises
        ------
        ValueError
            If the shape is another one, or leaves the channels open.
        """
        self._n_built_channels = None
        self._check_shape(tuple(input_shape))
        channels = int(input_shape[-1])
        self._n_built_channels = channels
        return channels

    def original_weights(self, weights: Sequence[Any]) -> list[np.ndarray]:
        """Map the weights of an original layer to those of this layer, which is built.

        Originals are the layers of the packages ``attention`` 5.0, whose Bahdanau score begins with
        its vector, ``keras-convattention``, ``keras-self-attention`` and ``keras-multi-head``, and
        ``keras.layers.MultiHeadAttention``, whose heads have an axis of their own.

        Parameters
        ----------
        weights : sequence of ndarray
            What ``get_weights`` of the original returns.

        Returns
        -------
        list of ndarray
            For ``set_weights``.

        Raises
        ------
        ValueError
            If the layer is not built, or the weights differ in number or sizes from its own.

        Examples
        --------
        >>> import numpy as np
        >>> from skconvattn.layers import Attention
        >>> layer = Attention(units=2, score="bahdanau")
        >>> layer.build((None, None, 3))
        >>> vector, query, key, output = (np.ones(s) for s in ((3, 1), (3, 3), (3, 3), (6, 2)))
        >>> layer.set_weights(layer.original_weights([vector, query, key, output]))
        >>> [weight.shape for weight in layer.get_weights()]
        [(3, 3), (3, 3), (3, 1), (6, 2)]
        """
        name = type(self).__name__
        if not self.built:
            raise ValueError(
                f"{name} has no weights yet; build it first, as in layer.build((None, None, 5))."
            )
        shapes = [tuple(weight.shape) for weight in self.weights]
        arrays = [np.asarray(weight) for weight in weights]
        if len(arrays) == len(shapes):
            arrays = self._in_own_order(arrays)
        if [array.size for array in arrays] != [math.prod(shape) for shape in shapes]:
            raise ValueError(
                f"{name} has weights of the shapes {shapes}, and those given have "
                f"{[array.shape for array in arrays]}; give the layer the settings of the original."
            )
        return [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)]

    def _in_own_order(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights of the original in the order of this layer's."""
        return arrays

    def _sequences(self, inputs: Any) -> list[Any]:
        """Return the sequences that the first argument holds."""
        return [inputs]

    def _check_shape(self, shape: tuple[Any, ...]) -> None:
        name, n_channels = type(self).__name__, self._n_built_channels
        if len(shape) != 3:
            remedy = (
                "give the layer before it return_sequences=True, or add the axis that is missing"
                if len(shape) < 3
                else "reshape them, or put the layer into keras.layers.TimeDistributed"
            )
            raise ValueError(
                f"{name} takes sequences of shape (batch, time, channels), and inputs have the "
                f"shape {shape}; {remedy}."
            )
        if shape[1] == 0:
            raise ValueError(
                f"{name} takes sequences of one time step at least, and inputs have the shape "
                f"{shape}; leave empty sequences out."
            )
        if shape[2] is None and self._depends_on_channels:
            raise ValueError(
                f"{name} has weights for each channel, and inputs of shape {shape} leave their "
                "number open; give it, as in keras.Input((None, 8))."
            )
        if n_channels is not None and shape[2] != n_channels:
            raise ValueError(
                f"{name} was built for {n_channels} channels, and inputs have the shape {shape}; "
                f"give {n_channels} channels, or use another layer for these."
            )


class WeightedLayer(keras.layers.Layer):
    """A layer that supports masking and creates its kernels and biases by one convention.

    A weight named ``x`` is drawn by the attribute ``x_initializer`` of its layer, as in Keras's
    own layers, so that new initial weights can be drawn without building the layer again.

    Parameters
    ----------
    kernel_initializer, bias_initializer : str or keras initializer
        How matrices and biases start.
    kernel_regularizer, bias_regularizer : str or keras regularizer, optional
        Penalties on matrices and biases.
    kernel_constraint, bias_constraint : str or keras constraint, optional
        Constraints on matrices and biases.
    **kwargs
        Arguments of every Keras layer.
    """

    def __init__(
        self,
        *,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def add_kernel(self, name: str, shape: tuple[int, ...]) -> Any:
        """Create the matrix ``name`` and remember its initialiser as ``<name>_initializer``."""
        return self._add(name, shape, "kernel")

    def add_bias(self, name: str, shape: tuple[int, ...]) -> Any:
        """Create the bias ``name`` and remember its initialiser as ``<name>_initializer``."""
        return self._add(name, shape, "bias")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }

    def _add(self, name: str, shape: tuple[int, ...], role: str) -> Any:
        # An initialiser draws the same numbers every time, so each weight needs one of its own.
        initializer = fresh_initializer(getattr(self, f"{role}_initializer"))
        setattr(self, f"{name}_initializer", initializer)
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=getattr(self, f"{role}_regularizer"),
            constraint=getattr(self, f"{role}_constraint"),
        )


def check_sizes(**sizes: int | None) -> None:
    """Refuse sizes below one.

    Parameters
    ----------
    **sizes : int or None
        Sizes by the names of their parameters; None is left to the layer.

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{name}={size} leaves nothing to compute; use {name} >= 1.")


def fresh_initializer(initializer: Any) -> Any:
    """Return an initialiser of the same settings; one without a seed draws other numbers."""
    if isinstance(initializer, keras.initializers.Initializer):
        return initializer.__class__.from_config(initializer.get_config())
    return initializer


def _known_shape(inputs: Any) -> tuple[Any, ...] | None:
    """Return the shape of an input; None where that is left to Keras."""
    try:
        return tuple(inputs.shape) if hasattr(inputs, "shape") else np.shape(inputs)
    except (TypeError, ValueError):
        return None  # a tensor of unknown rank, or a structure of several
