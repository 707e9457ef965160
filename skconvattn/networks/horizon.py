"""The head of forecasters: from the encoding of a window to all steps of the horizon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skconvattn.networks.heads import LINEAR, Encode, Head, Values
from skconvattn.networks.outputs import POINT, PointOutput, QuantileOutput

# Names of the layers, by which their variables are found; nothing else knows them.
_EFFECT = "effect_linear"
_BRANCH = "branch"
# Layers of a forecast that start at zero, or at the weights of a linear forecast.
_LAST_LAYERS = (LINEAR, _BRANCH, _EFFECT, "effect_curved", "effect_past", "effect_cycle")


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
        return [keras.Input((self.horizon, self.n_known), dtype="float32", name="known")]

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
        values[f"{LINEAR}/kernel"] = departure
        if effect is not None:
            values[f"{_EFFECT}/kernel"] = effect[:, None]

    def blend(self, values: Values, start: Mapping[str, np.ndarray], share: float) -> None:
        """Move the weights of the last layers back towards those before training.

        Without covariates, the forecast is then ``share`` of the way from the one before training
        to the one after it, since it is linear in these weights.

        Parameters
        ----------
        values : mutable mapping of str to ndarray
            Values of all variables after training by path; changed.
        start : mapping of str to ndarray
            Values before training.
        share : float
            Between 0, for the forecast before training, and 1.
        """
        for path, value in values.items():
            if path.split("/")[0] in _LAST_LAYERS:
                values[path] = start[path] + share * (value - start[path])

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
            self.horizon * self.output.n_values, kernel_initializer="zeros", name=_BRANCH
        )(features)
        return self.output.constrained(keras.layers.Reshape((self.horizon, -1))(flat))

    def _linear(self, normalized: Any) -> Any:
        from skconvattn.layers.parts.horizon_linear import HorizonLinear

        return HorizonLinear(self.horizon, seasonal_period=self.seasonal_period, name=LINEAR)(
            normalized
        )


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
