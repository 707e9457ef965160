"""Heads of networks: from the encoding of a series to values, classes or a forecast."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.networks.base import Encoding
from skconvattn.networks.outputs import POINT, ClassOutput, Output, PointOutput

Encode = Callable[..., Encoding]
Values = MutableMapping[str, np.ndarray]

# Names of the layers of heads, by which their variables are found; nothing else knows them.
LINEAR = "linear"
_LOGITS = "logits"


@dataclass(frozen=True)
class Head:
    """Base of all heads, which declare further inputs and map an encoding to a prediction.

    Each head has an ``output``, the meaning of the last axis of its prediction.
    """

    def further_inputs(self) -> list[Any]:
        """Return Keras inputs beside the series and its mask."""
        return []

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Predict from series with an architecture and this head.

        Parameters
        ----------
        encode : callable
            ``encode(series, mask) -> Encoding`` of the architecture.
        series : KerasTensor of shape (batch, n_timepoints, n_channels)
            Scaled series.
        mask : KerasTensor of shape (batch, n_timepoints) or None
            True where a time step is valid.
        *further : KerasTensor
            The inputs that :meth:`further_inputs` returned.

        Returns
        -------
        output : KerasTensor
            The prediction.
        attention : KerasTensor or None
            Attention of the :class:`~skconvattn.networks.Encoding`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not implement predict_from(encode, series, mask)."
        )

    def for_longer_series(self, n_timepoints: int) -> Head:
        """Return the head with the same weights for series of more than ``n_timepoints`` steps."""
        return self


@dataclass(frozen=True)
class ValueHead(Head):
    """Values of a regression, output of shape (batch, n_outputs) or (batch, n_outputs, n_levels).

    Attributes
    ----------
    n_outputs : int
        Number of target variables.
    output : PointOutput or QuantileOutput
        What is predicted for each target variable; a point has no axis of its own.
    linear : bool
        Whether a linear map of all time steps and channels, which starts at zero, is added: it
        depends on the position of a value in the series, which attention does not.
    linear_steps : int or None
        Time steps that the linear map sees, from the first; None for all of them.
    """

    n_outputs: int
    output: Output = POINT
    linear: bool = False
    linear_steps: int | None = None

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the features linearly to the values."""
        import keras

        encoding = encode(series, mask)
        n_values = self.output.n_values
        output = keras.layers.Dense(self.n_outputs * n_values, name="values")(encoding.features)
        if not _is_point(self.output):
            output = keras.layers.Reshape((self.n_outputs, n_values))(output)
            output = self.output.constrained(output)
        if self.linear:
            output = keras.layers.Add()([output, self._linear(series)])
        return output, encoding.attention

    def for_longer_series(self, n_timepoints: int) -> ValueHead:
        """Return the head whose linear map sees the first ``n_timepoints`` steps alone."""
        steps = n_timepoints if self.linear_steps is None else self.linear_steps
        return replace(self, linear_steps=steps)

    def _linear(self, series: Any) -> Any:
        import keras

        if self.linear_steps is not None:
            series = series[:, : self.linear_steps]
        flat = keras.layers.Flatten()(series)
        linear = keras.layers.Dense(
            self.n_outputs, use_bias=False, kernel_initializer="zeros", name=LINEAR
        )(flat)
        # One shift of all levels keeps them in order.
        return linear if _is_point(self.output) else keras.layers.Reshape((-1, 1))(linear)


@dataclass(frozen=True)
class SequenceHead(Head):
    r"""One value per time step, output of shape (batch, n_timepoints) or (..., n_levels).

    .. math:: \hat y_t = w^\top s_{\lfloor t / r \rfloor} + v^\top x_t + b

    with the vectors :math:`s` of the encoded sequence, each of which covers :math:`r` time steps,
    and, if ``linear``, the series itself at that step, with weights that start at zero. Whether
    later steps have an effect depends on the architecture alone.

    Attributes
    ----------
    output : PointOutput or QuantileOutput
        What is predicted for each time step; a point has no axis of its own.
    linear : bool
        Whether a linear map of the channels at each time step is added.
    """

    output: Output = POINT
    linear: bool = False

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the vector at each time step linearly to its value."""
        import keras

        encoding = encode(series, mask)
        steps = _by_time_step(encoding.sequence, series.shape[1])
        output = keras.layers.Dense(self.output.n_values, name="values")(steps)
        output = self.output.constrained(output)
        if self.linear:
            linear = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=LINEAR)
            output = keras.layers.Add()([output, linear(series)])
        if _is_point(self.output):
            output = keras.layers.Reshape((series.shape[1],))(output)
        return output, encoding.attention


@dataclass(frozen=True)
class ClassHead(Head):
    """Logits of a classification, output of shape (batch, n_classes).

    Attributes
    ----------
    output : ClassOutput
        Logits of at least two classes.
    """

    output: ClassOutput

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the features linearly to one logit per class."""
        import keras

        encoding = encode(series, mask)
        output = keras.layers.Dense(self.output.n_values, name=_LOGITS)(encoding.features)
        return output, encoding.attention


def _is_point(output: Output) -> bool:
    """Whether an output is one number, which needs no axis of its own."""
    return isinstance(output, PointOutput)


def _by_time_step(sequence: Any, n_timepoints: int) -> Any:
    """Repeat the vectors of pooled positions over the time steps that they cover."""
    import keras

    if sequence is None:
        raise ValueError(
            "sequence=True needs one vector per time step, and this architecture keeps none; use "
            "another, or sequence=False."
        )
    n_positions = sequence.shape[1]
    if n_positions == n_timepoints:
        return sequence
    return keras.layers.UpSampling1D(-(-n_timepoints // n_positions))(sequence)[:, :n_timepoints]
