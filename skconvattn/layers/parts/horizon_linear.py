"""A linear map from window to horizon that starts at the seasonal naive forecast."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="skconvattn")
class HorizonLinear(keras.layers.Layer):
    r"""Linear map over time, shared by all channels.

    .. math:: y_h = \sum_t (S_{th} + \Delta_{th}) x_t + b_h

    :math:`S` repeats the last season of the window over the horizon (the last value for a period
    of one) and is fixed; :math:`\Delta` and :math:`b` are learned from zero. Untrained, the layer
    is the seasonal naive forecast. A linear map of this kind is the baseline of Zeng et al.
    (2023), "Are Transformers Effective for Time Series Forecasting?" (arXiv 2205.13504), where it
    starts at the mean of the window instead.

    Parameters
    ----------
    horizon : int
        Steps ahead.
    seasonal_period : int, default=1
        Time steps of a season. Where the window is shorter than a season, the last value is
        repeated.
    **kwargs
        Arguments of every Keras layer.

    Raises
    ------
    ValueError
        If the number of time steps is unknown, since the map has one weight per time step.
    """

    def __init__(
        self,
        horizon: int,
        seasonal_period: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.horizon = horizon
        self.seasonal_period = seasonal_period
        self.kernel_initializer = keras.initializers.Zeros()
        self.bias_initializer = keras.initializers.Zeros()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the departure from the seasonal naive forecast and the bias."""
        n_timepoints = input_shape[1]
        if n_timepoints is None:
            raise ValueError(
                "HorizonLinear has one weight per time step and takes no input of unknown length; "
                "give keras.Input a number of time steps."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(n_timepoints, self.horizon),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.horizon,), initializer=self.bias_initializer
        )
        self.seasonal = seasonal_naive_map(n_timepoints, self.horizon, self.seasonal_period)

    def call(self, inputs: Any) -> Any:
        """Map (batch, time, channels) to (batch, horizon, channels)."""
        kernel = ops.convert_to_tensor(self.seasonal, dtype=self.kernel.dtype) + self.kernel
        kernel = ops.cast(kernel, inputs.dtype)
        forecast = ops.einsum("btc,th->bhc", inputs, kernel)
        return forecast + ops.cast(self.bias, inputs.dtype)[:, None]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[Any, ...]:
        """Return (batch, horizon, channels)."""
        return (input_shape[0], self.horizon, input_shape[2])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "horizon": self.horizon,
            "seasonal_period": self.seasonal_period,
        }


def seasonal_naive_map(n_timepoints: int, horizon: int, seasonal_period: int) -> np.ndarray:
    """Return the matrix that repeats the last season of a window over the horizon.

    Parameters
    ----------
    n_timepoints : int
        Time steps of the window.
    horizon : int
        Steps ahead.
    seasonal_period : int
        Time steps of a season; taken as 1 where the window is shorter.

    Returns
    -------
    ndarray of shape (n_timepoints, horizon)
        One entry of 1 in each column.
    """
    period = seasonal_period if seasonal_period <= n_timepoints else 1
    matrix = np.zeros((n_timepoints, horizon), dtype="float32")
    steps = np.arange(horizon)
    matrix[n_timepoints - period + steps % period, steps] = 1.0
    return matrix
