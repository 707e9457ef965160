"""Heads: from the encoding of a series to values, classes or a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from skconvattn.networks.base import Encoding

Encode = Callable[..., Encoding]


@dataclass(frozen=True)
class Head:
    """Base of all heads: says which further inputs it needs and what it makes of an encoding."""

    def further_inputs(self) -> list[Any]:
        """Return Keras inputs beside the series and its mask."""
        return []

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Put the head on an architecture.

        Parameters
        ----------
        encode : callable
            ``encode(series, mask) -> Encoding`` of the architecture.
        series : KerasTensor of shape (batch, n_timepoints, n_channels)
            Scaled series.
        mask : KerasTensor of shape (batch, n_timepoints) or None
            True where a time step is valid.
        *further : KerasTensor
            What :meth:`further_inputs` asked for.

        Returns
        -------
        output : KerasTensor
            The prediction.
        attention : KerasTensor or None
            See :class:`~skconvattn.networks.Encoding`.
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
    linear : bool
        Whether a linear map of all time steps and channels, which starts at zero, is added: it
        knows where in the series a value stands, which attention does not.
    quantiles : tuple of float
        Levels, increasing, predicted jointly and never crossing; empty for one value an output.
    linear_steps : int or None
        Time steps that the linear map sees, from the first; None for all of them.
    """

    n_outputs: int
    linear: bool = False
    quantiles: tuple[float, ...] = ()
    linear_steps: int | None = None

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the features linearly to the values."""
        import keras

        encoding = encode(series, mask)
        n_values = self.n_outputs * max(1, len(self.quantiles))
        output = keras.layers.Dense(n_values, name="values")(encoding.features)
        if self.quantiles:
            from skconvattn.layers.parts.non_crossing import NonCrossing

            output = keras.layers.Reshape((self.n_outputs, len(self.quantiles)))(output)
            output = NonCrossing(self.quantiles)(output)
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
            self.n_outputs, use_bias=False, kernel_initializer="zeros", name="linear"
        )(flat)
        # One shift of all levels keeps them apart.
        return keras.layers.Reshape((self.n_outputs, 1))(linear) if self.quantiles else linear


@dataclass(frozen=True)
class SequenceHead(Head):
    r"""One value a time step, output of shape (batch, n_timepoints) or (..., n_levels).

    .. math:: \hat y_t = w^\top s_{\lfloor t / r \rfloor} + v^\top x_t + b

    with the vectors :math:`s` of the encoded sequence, each of which covers :math:`r` time steps,
    and, if ``linear``, the series itself at that step, with weights that start at zero. Whether
    later steps enter is a matter of the architecture alone.

    Attributes
    ----------
    linear : bool
        Whether a linear map of the time step's channels is added.
    quantiles : tuple of float
        Levels, increasing, predicted jointly and never crossing; empty for one value a step.
    """

    linear: bool = False
    quantiles: tuple[float, ...] = ()

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the vector at each time step linearly to its value."""
        import keras

        encoding = encode(series, mask)
        steps = _by_time_step(encoding.sequence, series.shape[1])
        output = keras.layers.Dense(max(1, len(self.quantiles)), name="values")(steps)
        if self.quantiles:
            from skconvattn.layers.parts.non_crossing import NonCrossing

            output = NonCrossing(self.quantiles)(output)
        if self.linear:
            linear = keras.layers.Dense(
                1, use_bias=False, kernel_initializer="zeros", name="linear"
            )(series)
            output = keras.layers.Add()([output, linear])
        if not self.quantiles:
            output = keras.layers.Reshape((series.shape[1],))(output)
        return output, encoding.attention


@dataclass(frozen=True)
class ClassHead(Head):
    """Logits of a classification, output of shape (batch, n_classes).

    Attributes
    ----------
    n_classes : int
        Number of classes, at least two.
    """

    n_classes: int

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Map the features linearly to one logit a class."""
        import keras

        encoding = encode(series, mask)
        output = keras.layers.Dense(self.n_classes, name="logits")(encoding.features)
        return output, encoding.attention


@dataclass(frozen=True)
class HorizonHead(Head):
    r"""Forecast of all steps of the horizon, output of shape (batch, horizon, n_levels).

    The window is freed from the effect of the known regressors, normalised by its own location
    and scale, forecast, and brought back:

    .. math:: \hat y_{t+h} = c + s\,\bigl(L_h(z) + B_h(\mathrm{encode}(z))\bigr) + f(x_{t+h}),
              \qquad z = (y - f(x) - c) / s,

    where :math:`L` is a linear map from window to horizon that repeats the last season before it is
    given weights, and the branch :math:`B` through the architecture starts at zero: an untrained
    model gives the seasonal naive forecast, one that forecasters train the one of a ridge
    regression. Past regressors add a causal linear filter to :math:`f`, which sees no
    value after the window, and a learned cycle adds one value a position of the season, as in Lin
    et al. (2024), "CycleNet". Normalisation follows Kim et al. (2022), "Reversible Instance
    Normalization", the linear map Zeng et al. (2023), "Are Transformers Effective for Time Series
    Forecasting?".

    Attributes
    ----------
    horizon : int
        Steps ahead.
    n_known : int
        Channels that are known over the horizon; they are the last channels of the series, and an
        input of shape (batch, horizon, n_known).
    n_past : int
        Channels that are known up to the present only, between the target and the known ones.
    quantiles : tuple of float
        Levels, increasing, forecast jointly and never crossing; empty for a point forecast.
    normalization : {"standard", "last", "robust"} or None
        Statistics of the window by which it is normalised, see
        :class:`~skconvattn.layers.InstanceNormalization`.
    linear : bool
        Whether the linear map stands beside the branch.
    seasonal_period : int
        Time steps of a season, 1 for none.
    dropout : float
        Share of the features dropped in training before the branch.
    cycle : bool
        Whether a value a position of the season is learned. The last known channel then holds the
        position, a whole number from 0 to ``seasonal_period - 1``.
    """

    horizon: int
    n_known: int = 0
    n_past: int = 0
    quantiles: tuple[float, ...] = ()
    normalization: str | None = "standard"
    linear: bool = True
    seasonal_period: int = 1
    dropout: float = 0.0
    cycle: bool = False

    def further_inputs(self) -> list[Any]:
        """Return the input of the known regressors over the horizon, if there are any."""
        import keras

        if not self.n_known:
            return []
        return [keras.Input((self.horizon, self.n_known), name="known")]

    def predict_from(self, encode: Encode, series: Any, mask: Any, *further: Any) -> Any:
        """Forecast around the linear map and the effect of the regressors."""
        import keras

        target, regressors = series[..., :1], series[..., 1:]
        effects = self._effects(regressors, *further)
        for inside, _ in effects:
            target = keras.layers.Subtract()([target, inside])
        normalized, restore = self._normalized(target)
        # The network has no use for the position in the season as a number.
        n_seen = regressors.shape[-1] - self.cycle
        window = normalized
        if n_seen:
            window = keras.layers.Concatenate()([normalized, regressors[..., :n_seen]])
        encoding = encode(window, mask)
        forecast = self._branch(encoding.features)
        if self.linear:
            forecast = keras.layers.Add()([forecast, self._linear(normalized)])
        forecast = restore(forecast)
        for _, ahead in effects:
            forecast = keras.layers.Add()([forecast, ahead])
        return forecast, encoding.attention

    def _effects(self, regressors: Any, *further: Any) -> list[tuple[Any, Any]]:
        """Return each effect over the window, (batch, time, 1), and over the horizon."""
        effects = []
        n_known = self.n_known - self.cycle
        known = regressors[..., self.n_past :]
        if n_known:
            effect = _effect_of_known()
            effects.append((effect(known[..., :n_known]), effect(further[0][..., :n_known])))
        if self.n_past:
            effects.append(_effect_of_past(regressors[..., : self.n_past], self.horizon))
        if self.cycle:
            effect = _effect_of_cycle(self.seasonal_period)
            effects.append((effect(known[..., n_known]), effect(further[0][..., n_known])))
        return effects

    @property
    def n_levels(self) -> int:
        """Number of values a step: one for a point forecast, one a quantile otherwise."""
        return max(1, len(self.quantiles))

    def _normalized(self, target: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Return the normalised window and the way back for a forecast."""
        from skconvattn.layers import InstanceNormalization

        if self.normalization is None:
            return target, lambda forecast: forecast
        layer = InstanceNormalization(self.normalization, return_statistics=True)
        normalized, *statistics = layer(target)
        return normalized, lambda forecast: layer.denormalize(forecast, tuple(statistics))

    def _branch(self, features: Any) -> Any:
        """Map features to the horizon, starting from zero: (batch, horizon, n_levels)."""
        import keras

        from skconvattn.layers.parts.non_crossing import NonCrossing

        if self.dropout:
            features = keras.layers.Dropout(self.dropout)(features)
        flat = keras.layers.Dense(
            self.horizon * self.n_levels, kernel_initializer="zeros", name="branch"
        )(features)
        steps = keras.layers.Reshape((self.horizon, self.n_levels))(flat)
        return NonCrossing(self.quantiles)(steps) if self.quantiles else steps

    def _linear(self, normalized: Any) -> Any:
        from skconvattn.layers.parts.horizon_linear import HorizonLinear

        return HorizonLinear(self.horizon, seasonal_period=self.seasonal_period, name="linear")(
            normalized
        )


def _by_time_step(sequence: Any, n_timepoints: int) -> Any:
    """Repeat the vectors of pooled positions over the time steps that they cover."""
    import keras

    if sequence is None:
        raise ValueError(
            "sequence=True needs a vector a time step, and this architecture keeps none; use "
            "another, or sequence=False."
        )
    n_positions = sequence.shape[1]
    if n_positions == n_timepoints:
        return sequence
    return keras.layers.UpSampling1D(-(-n_timepoints // n_positions))(sequence)[:, :n_timepoints]


def _effect_of_known() -> Callable[[Any], Any]:
    """Return one map, used over window and horizon alike, from regressors to their effect."""
    import keras

    linear = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="effect_linear")
    hidden = keras.layers.Dense(16, activation="relu", name="effect_hidden")
    curved = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="effect_curved")
    add = keras.layers.Add()

    def effect(regressors: Any) -> Any:
        return add([linear(regressors), curved(hidden(regressors))])

    return effect


def _effect_of_past(past: Any, horizon: int) -> tuple[Any, Any]:
    """Filter regressors that end with the window: (batch, time, 1) and (batch, horizon, 1)."""
    import keras

    length = past.shape[1]
    # The filter goes on over the horizon, where it finds zeros: the mean of the regressors.
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
