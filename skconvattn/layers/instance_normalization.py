"""Reversible normalisation of every series by its own level and spread."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.masks import LOWEST, last_valid, to_accumulator, zero_masked

METHODS = ("standard", "last", "robust")


@keras.saving.register_keras_serializable(package="skconvattn")
class InstanceNormalization(keras.layers.Layer):
    r"""Normalise each channel of each series over time, and undo it later.

    .. math:: z_t = \gamma\,(x_t - c) / s + \beta, \qquad
              s = \sqrt{\mathrm{spread}^2 + \epsilon}

    with centre and spread by ``method``: mean and standard deviation ("standard"), last valid
    value and standard deviation ("last"), median and interquartile range over 1.349 ("robust").
    A network normalises its window and reverses the normalisation on its forecast. "standard"
    and "last" are those of Kim et al. (2022), "Reversible Instance Normalization for Accurate
    Time-Series Forecasting against Distribution Shift" (RevIN); "robust" resists outliers.

    Parameters
    ----------
    method : {"standard", "last", "robust"}, default="standard"
        Centre and spread, as above.
    epsilon : float, default=1e-5
        Added to the squared spread, so that constant windows stay finite.
    affine : bool, default=False
        Whether to learn :math:`\gamma` and :math:`\beta`, one each a channel.
    return_statistics : bool, default=False
        Whether to return centre and scale beside the output.
    **kwargs
        Arguments of every Keras layer.

    Raises
    ------
    ValueError
        If ``method`` is none of the above.

    Notes
    -----
    Input and output (batch, time, channels); centre and scale (batch, 1, channels). Masked steps
    do not enter the statistics and come out as zero. Statistics are taken in float32 at least.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers import InstanceNormalization
    >>> layer = InstanceNormalization(return_statistics=True)
    >>> window = np.array([[[1.0], [3.0]]], "float32")
    >>> normalised, center, scale = layer(window)
    >>> np.asarray(normalised).round(3).tolist()
    [[[-1.0], [1.0]]]
    >>> np.asarray(layer.denormalize(normalised, (center, scale))).round(3).tolist()
    [[[1.0], [3.0]]]
    """

    def __init__(
        self,
        method: str = "standard",
        epsilon: float = 1e-5,
        affine: bool = False,
        return_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        # Statistics keep their precision when they come back as arguments.
        super().__init__(**{"autocast": False, **kwargs})
        if method not in METHODS:
            raise ValueError(f"method={method!r} is not known; use one of {', '.join(METHODS)}.")
        self.supports_masking = True
        self.method = method
        self.epsilon = epsilon
        self.affine = affine
        self.return_statistics = return_statistics
        self.gamma_initializer = keras.initializers.Ones()
        self.beta_initializer = keras.initializers.Zeros()

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create scale and offset if they are learned."""
        if self.affine:
            shape = (input_shape[-1],)
            self.gamma = self.add_weight(
                name="gamma", shape=shape, initializer=self.gamma_initializer
            )
            self.beta = self.add_weight(name="beta", shape=shape, initializer=self.beta_initializer)

    def call(
        self, inputs: Any, mask: Any = None, statistics: Any = None, training: bool | None = None
    ) -> Any:
        """Normalise, or denormalise if statistics are given.

        Parameters
        ----------
        inputs : tensor of shape (batch, time, channels)
            A window, or with ``statistics`` the outputs of a network.
        mask : boolean tensor of shape (batch, time), optional
            True where a step is valid.
        statistics : pair of tensors of shape (batch, 1, channels), optional
            Centre and scale.
        training : bool, optional
            Without effect.

        Returns
        -------
        tensor of shape (batch, time, channels)
            The result, followed by centre and scale if ``return_statistics`` and no statistics
            were given.
        """
        if statistics is not None:
            return self._restore(inputs, statistics)
        center, scale = instance_statistics(inputs, mask, self.method, self.epsilon)
        outputs = normalize(inputs, (center, scale))
        if self.affine:
            outputs = outputs * self.gamma + self.beta
        outputs = zero_masked(ops.cast(outputs, self.compute_dtype), mask)
        return (outputs, center, scale) if self.return_statistics else outputs

    def denormalize(self, outputs: Any, statistics: Any) -> Any:
        """Reverse the normalisation.

        Parameters
        ----------
        outputs : tensor of shape (batch, horizon, channels) or (batch, horizon, channels, n)
            Values on the normalised scale; there may be several, such as quantiles, a channel.
        statistics : pair of tensors of shape (batch, 1, channels)
            Centre and scale of the window.

        Returns
        -------
        tensor of the shape of ``outputs``
            Values on the scale of the window.
        """
        return self(outputs, statistics=statistics)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the input."""
        return (previous_mask, None, None) if self.return_statistics else previous_mask

    def compute_output_spec(
        self, inputs: Any, mask: Any = None, statistics: Any = None, training: bool | None = None
    ) -> Any:
        """Return shapes and dtypes of what ``call`` returns."""
        outputs = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if statistics is not None or not self.return_statistics:
            return outputs
        shape = (inputs.shape[0], 1, *inputs.shape[2:])
        dtype = to_accumulator(inputs).dtype
        return outputs, keras.KerasTensor(shape, dtype), keras.KerasTensor(shape, dtype)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Any:
        """Return the shape of the input, and (batch, 1, channels) twice for the statistics."""
        if not self.return_statistics:
            return tuple(input_shape)
        statistics_shape = (input_shape[0], 1, *input_shape[2:])
        return tuple(input_shape), statistics_shape, statistics_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "method": self.method,
            "epsilon": self.epsilon,
            "affine": self.affine,
            "return_statistics": self.return_statistics,
        }

    def _restore(self, outputs: Any, statistics: Any) -> Any:
        wide = to_accumulator(outputs)
        if self.affine:
            gamma, beta = self.gamma, self.beta
            if len(outputs.shape) == 4:
                gamma, beta = ops.expand_dims(gamma, -1), ops.expand_dims(beta, -1)
            wide = (wide - beta) / (gamma + self.epsilon**2)
        return ops.cast(denormalize(wide, statistics), self.compute_dtype)


def instance_statistics(
    x: Any, mask: Any = None, method: str = "standard", epsilon: float = 1e-5
) -> tuple[Any, Any]:
    """Return the centre and the scale of each channel of each series.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    mask : boolean tensor of shape (batch, time), optional
        True where a step is valid.
    method : {"standard", "last", "robust"}, default="standard"
        Mean and standard deviation, last valid value and standard deviation, or median and
        interquartile range over 1.349 (the standard deviation of normal data).
    epsilon : float, default=1e-5
        Added to the squared spread.

    Returns
    -------
    center : tensor of shape (batch, 1, channels)
        Zero for a series without a valid step.
    scale : tensor of shape (batch, 1, channels)
        Positive.
    """
    x = zero_masked(to_accumulator(x), mask)
    if method == "robust":
        low, center, high = (masked_quantile(x, mask, level) for level in (0.25, 0.5, 0.75))
        return center, ops.sqrt(ops.square((high - low) / 1.349) + epsilon)
    if mask is None:
        mean = ops.mean(x, axis=1, keepdims=True)
        variance = ops.mean(ops.square(x - mean), axis=1, keepdims=True)
    else:
        valid = ops.expand_dims(ops.cast(mask, x.dtype), -1)
        count = ops.maximum(ops.sum(valid, axis=1, keepdims=True), 1)
        mean = ops.sum(x, axis=1, keepdims=True) / count
        variance = ops.sum(valid * ops.square(x - mean), axis=1, keepdims=True) / count
    center = mean if method == "standard" else ops.expand_dims(last_valid(x, mask), 1)
    return center, ops.sqrt(variance + epsilon)


def normalize(x: Any, statistics: Any) -> Any:
    """Subtract the centre and divide by the scale.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    statistics : pair of tensors of shape (batch, 1, channels)
        Centre and scale.

    Returns
    -------
    tensor of shape (batch, time, channels)
        Normalised series, in the dtype of the statistics.
    """
    center, scale = statistics
    return (ops.cast(x, center.dtype) - center) / scale


def denormalize(x: Any, statistics: Any) -> Any:
    """Multiply by the scale and add the centre.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels) or (batch, time, channels, n)
        Normalised values.
    statistics : pair of tensors of shape (batch, 1, channels)
        Centre and scale.

    Returns
    -------
    tensor of the shape of ``x``
        Values on the original scale, in the dtype of the statistics.
    """
    center, scale = statistics
    if len(x.shape) == 4:
        center, scale = ops.expand_dims(center, -1), ops.expand_dims(scale, -1)
    return ops.cast(x, center.dtype) * scale + center


def masked_quantile(x: Any, mask: Any, level: float) -> Any:
    """Return a quantile of the valid steps, interpolated linearly.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    level : float
        Level of the quantile, between 0 and 1.

    Returns
    -------
    tensor of shape (batch, 1, channels)
        The quantile, zero for a series without a valid step.
    """
    valid = ops.ones_like(x[:, :, 0], dtype="bool") if mask is None else ops.cast(mask, "bool")
    # Masked steps sort to the end.
    ordered = ops.sort(ops.where(ops.expand_dims(valid, -1), x, ops.full_like(x, -LOWEST)), axis=1)
    count = ops.sum(ops.cast(valid, "int32"), axis=1)  # (batch,)
    position = level * ops.cast(ops.maximum(count - 1, 0), x.dtype)
    below = ops.cast(ops.floor(position), "int32")
    above = ops.minimum(below + 1, ops.maximum(count - 1, 0))
    share = ops.reshape(position - ops.cast(below, x.dtype), (-1, 1, 1))
    quantile = _step(ordered, below) * (1 - share) + _step(ordered, above) * share
    return ops.where(ops.reshape(count, (-1, 1, 1)) > 0, quantile, ops.zeros_like(quantile))


def _step(x: Any, index: Any) -> Any:
    indices = ops.broadcast_to(ops.reshape(index, (-1, 1, 1)), ops.shape(x[:, :1]))
    return ops.take_along_axis(x, indices, axis=1)
