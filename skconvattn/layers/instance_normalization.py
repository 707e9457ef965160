"""Reversible normalisation of each series by its own location and scale."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn._normalization import EPSILON, Normalization, normalization_of
from skconvattn.layers.base import SequenceLayer
from skconvattn.layers.ops.masks import to_accumulator, zero_masked
from skconvattn.layers.ops.summaries import MaskedSummaries


@keras.saving.register_keras_serializable(package="skconvattn")
class InstanceNormalization(SequenceLayer):
    r"""Normalise each channel of each series over time, and undo it later.

    .. math:: z_t = \gamma\,(x_t - c) / s + \beta, \qquad s = \sqrt{d^2 + \epsilon}

    with the centre :math:`c` and the dispersion :math:`d` by ``method``: mean and standard
    deviation ("standard"), last valid value and standard deviation ("last"), median and
    interquartile range over 1.349 ("robust").
    A network normalises its window and reverses the normalisation on its forecast. "standard"
    and "last" are those of Kim et al. (2022), "Reversible Instance Normalization for Accurate
    Time-Series Forecasting against Distribution Shift" (RevIN); "robust" resists outliers.

    Parameters
    ----------
    method : {"standard", "last", "robust"} or None, default="standard"
        Centre and scale, as above; None leaves the series as they are.
    epsilon : float, default=1e-5
        Added to the squared dispersion, so that constant windows stay finite.
    affine : bool, default=False
        Whether to learn one :math:`\gamma` and one :math:`\beta` per channel.
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
        method: str | None = "standard",
        epsilon: float = EPSILON,
        affine: bool = False,
        return_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        # Statistics keep their precision when they come back as arguments.
        super().__init__(**{"autocast": False, **kwargs})
        self._normalization = normalization_of(method, "method")
        self.supports_masking = True
        self.method = method
        self.epsilon = epsilon
        self.affine = affine
        self.return_statistics = return_statistics
        self._depends_on_channels = affine
        self.gamma_initializer = keras.initializers.Ones()
        self.beta_initializer = keras.initializers.Zeros()

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create scale and offset if they are learned."""
        self._check_shape(tuple(input_shape))
        if self.affine:
            shape = (self.channels_of(input_shape),)
            self.gamma = self.add_weight(
                name="gamma", shape=shape, initializer=self.gamma_initializer
            )
            self.beta = self.add_weight(name="beta", shape=shape, initializer=self.beta_initializer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer; what is denormalised may have an axis more, see :meth:`denormalize`."""
        if kwargs.get("statistics") is not None or len(args) > 2:
            return keras.layers.Layer.__call__(self, *args, **kwargs)
        return super().__call__(*args, **kwargs)

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
        outputs = self._normalization.normalize(ops.cast(inputs, center.dtype), (center, scale))
        if self.affine:
            outputs = outputs * self.gamma + self.beta
        outputs = zero_masked(ops.cast(outputs, self.compute_dtype), mask)
        return (outputs, center, scale) if self.return_statistics else outputs

    def denormalize(self, outputs: Any, statistics: Any) -> Any:
        """Reverse the normalisation.

        Parameters
        ----------
        outputs : tensor of shape (batch, horizon, channels) or (batch, horizon, channels, n)
            Values on the normalised scale; ``n`` per channel may be given, such as quantiles.
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
    x: Any, mask: Any = None, method: str | None = "standard", epsilon: float = EPSILON
) -> tuple[Any, Any]:
    """Return the centre and the scale of each channel of each series.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    mask : boolean tensor of shape (batch, time), optional
        True where a step is valid.
    method : {"standard", "last", "robust"} or None, default="standard"
        Mean and standard deviation, last valid value and standard deviation, or median and
        interquartile range over 1.349 (the standard deviation of normal data); None for zero and
        one.
    epsilon : float, default=1e-5
        Added to the squared dispersion.

    Returns
    -------
    center : tensor of shape (batch, 1, channels)
        Zero for a series without a valid step.
    scale : tensor of shape (batch, 1, channels)
        Positive.

    Raises
    ------
    ValueError
        If ``method`` is none of the above.
    """
    return normalization_of(method, "method").statistics(MaskedSummaries(x, mask), epsilon)


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
    return Normalization.denormalize(ops.cast(x, center.dtype), (center, scale))
