"""Heads of networks: from the encoding of a series to values, classes or a forecast."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.networks.base import Encoding
from skconvattn.networks.outputs import POINT, ClassOutput, Output, PointOutput, QuantileOutput

Encode = Callable[..., Encoding]
Values = MutableMapping[str, np.ndarray]

# Names of the layers of heads, by which their variables are found; nothing else knows them.
_LINEAR = "linear"
_EFFECT = "effect_linear"
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
            self.n_outputs, use_bias=False, kernel_initializer="zeros", name=_LINEAR
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
            linear = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=_LINEAR)
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

    def set_start(self, values: Values, coefficients: np.ndarray, intercepts: np.ndarray) -> None:
        """Set initial weights by which logits are a linear map of the first features.

        Parameters
        ----------
        values : mutable mapping of str to ndarray
            Initial values of all variables by path; changed.
        coefficients : ndarray of shape (n_first, n_classes)
            Weights of the first features; those of all others become zero.
        intercepts : ndarray of shape (n_classes,)
            Biases.
        """
        kernel = np.zeros_like(values[f"{_LOGITS}/kernel"])
        kernel[: len(coefficients)] = coefficients
        values[f"{_LOGITS}/kernel"], values[f"{_LOGITS}/bias"] = kernel, intercepts


@dataclass(frozen=True)
class HorizonHead(Head):
    r"""Forecast of all steps of the horizon, output of shape (batch, horizon, n_values).

    The effect :math:`f` of covariates is subtracted from the window, which is normalised by its own
    location and scale, forecast, and brought back:

    .. math:: \hat y_{t+h} = c + s\,\bigl(L_h(z) + B_h(\mathrm{encode}(z))\bigr) + f(x_{t+h}),
              \qquad z = (y - f(x) - c) / s,

    where :math:`L` is a linear map from window to horizon that repeats the last season as long as
    its weights are zero, and the branch :math:`B` through the architecture starts at zero: an
    untrained model gives the seasonal naive forecast, and forecasters start training at the
    forecast of a ridge regression. Future covariates have the same effect in window and horizon,
    past covariates add a causal linear filter to :math:`f`, which sees no value after the window,
    and a learned cycle adds one value per position of the season, as in Lin et al. (2024),
    "CycleNet". Normalisation follows Kim et al. (2022), "Reversible Instance Normalization", the
    linear map Zeng et al. (2023), "Are Transformers Effective for Time Series Forecasting?".

    Attributes
    ----------
    horizon : int
        Steps ahead.
    n_known : int
        Number of future covariates; they are the last channels of the series, and a further input
        of shape (batch, horizon, n_known).
    n_past : int
        Number of past covariates, the channels between the target and the future covariates.
    output : PointOutput or QuantileOutput
        What is forecast for each step.
    normalization : {"standard", "last", "robust"} or None
        Statistics of the window by which it is normalised, see
        :class:`~skconvattn.layers.InstanceNormalization`.
    linear : bool
        Whether the linear map is added to the branch.
    seasonal_period : int
        Time steps of a season, 1 for none.
    dropout : float
        Share of the features dropped in training before the branch.
    cycle : bool
        Whether one value per position of the season is learned. The last future covariate is then
        the position, an integer from 0 to ``seasonal_period - 1``.
    """

    horizon: int
    n_known: int = 0
    n_past: int = 0
    output: PointOutput | QuantileOutput = POINT
    normalization: str | None = "standard"
    linear: bool = True
    seasonal_period: int = 1
    dropout: float = 0.0
    cycle: bool = False

    def further_inputs(self) -> list[Any]:
        """Return the input of the future covariates over the horizon, if there are any."""
        import keras

        if not self.n_known:
            return []
        return [keras.Input((self.horizon, self.n_known), name="known")]

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Forecast by the linear map, the branch and the effects of covariates."""
        import keras

        target, covariates = series[..., :1], series[..., 1:]
        effects = self._effects(covariates, *further)
        for in_window, _ in effects:
            target = keras.layers.Subtract()([target, in_window])
        normalized, restore = self._normalized(target)
        # The position in the season is an index, of which the architecture could not make use.
        n_seen = covariates.shape[-1] - self.cycle
        window = normalized
        if n_seen:
            window = keras.layers.Concatenate()([normalized, covariates[..., :n_seen]])
        encoding = encode(window, mask)
        forecast = self._branch(encoding.features)
        if self.linear:
            forecast = keras.layers.Add()([forecast, self._linear(normalized)])
        forecast = restore(forecast)
        for _, ahead in effects:
            forecast = keras.layers.Add()([forecast, ahead])
        return forecast, encoding.attention

    def _effects(self, covariates: Any, *further: Any) -> list[tuple[Any, Any]]:
        """Return each effect over the window, (batch, time, 1), and over the horizon."""
        effects = []
        n_future = self.n_known - self.cycle
        future = covariates[..., self.n_past :]
        if n_future:
            effect = _effect_of_future()
            effects.append((effect(future[..., :n_future]), effect(further[0][..., :n_future])))
        if self.n_past:
            effects.append(_effect_of_past(covariates[..., : self.n_past], self.horizon))
        if self.cycle:
            effect = _effect_of_cycle(self.seasonal_period)
            effects.append((effect(future[..., n_future]), effect(further[0][..., n_future])))
        return effects

    def set_start(
        self, values: Values, departure: np.ndarray, effect: np.ndarray | None = None
    ) -> None:
        """Set initial weights by which the network gives a linear forecast.

        Parameters
        ----------
        values : mutable mapping of str to ndarray
            Initial values of all variables by path; changed.
        departure : ndarray of shape (window_length, horizon)
            Map from the normalised window to the horizon minus the map of the seasonal naive
            forecast, to which the layer adds its weights.
        effect : ndarray of shape (n_known - cycle,), optional
            Linear effect of one unit of each future covariate on the target.
        """
        values[f"{_LINEAR}/kernel"] = departure
        if effect is not None:
            values[f"{_EFFECT}/kernel"] = effect[:, None]

    def _normalized(self, target: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Return the normalised window, and the function that reverses it for a forecast."""
        from skconvattn.layers import InstanceNormalization

        if self.normalization is None:
            return target, lambda forecast: forecast
        layer = InstanceNormalization(self.normalization, return_statistics=True)
        normalized, *statistics = layer(target)
        return normalized, lambda forecast: layer.denormalize(forecast, tuple(statistics))

    def _branch(self, features: Any) -> Any:
        """Map features to the horizon, starting from zero: (batch, horizon, n_values)."""
        import keras

        if self.dropout:
            features = keras.layers.Dropout(self.dropout)(features)
        flat = keras.layers.Dense(
            self.horizon * self.output.n_values, kernel_initializer="zeros", name="branch"
        )(features)
        return self.output.constrained(keras.layers.Reshape((self.horizon, -1))(flat))

    def _linear(self, normalized: Any) -> Any:
        from skconvattn.layers.parts.horizon_linear import HorizonLinear

        return HorizonLinear(self.horizon, seasonal_period=self.seasonal_period, name=_LINEAR)(
            normalized
        )


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


def _effect_of_future() -> Callable[[Any], Any]:
    """Return the map from future covariates to their effect, the same in window and horizon."""
    import keras

    linear = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=_EFFECT)
    hidden = keras.layers.Dense(16, activation="relu", name="effect_hidden")
    curved = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="effect_curved")
    add = keras.layers.Add()

    def effect(covariates: Any) -> Any:
        return add([linear(covariates), curved(hidden(covariates))])

    return effect


def _effect_of_past(past: Any, horizon: int) -> tuple[Any, Any]:
    """Filter past covariates, which end with the window: (batch, time, 1), (batch, horizon, 1)."""
    import keras

    length = past.shape[1]
    # The filter continues over the horizon, where its input is zero, the mean of the covariates.
    filtered = keras.layers.Conv1D(
        1,
        length,
        padding="causal",
        use_bias=False,
        kernel_initializer="zeros",
        name="effect_past",
    )(keras.layers.ZeroPadding1D((0, horizon))(past))
    return filtered[:, :length], filtered[:, length:]


def _effect_of_cycle(seasonal_period: int) -> Callable[[Any], Any]:
    """Return the map from positions in the season, (batch, time), to (batch, time, 1)."""
    import keras

    return keras.layers.Embedding(
        seasonal_period, 1, embeddings_initializer="zeros", name="effect_cycle"
    )
