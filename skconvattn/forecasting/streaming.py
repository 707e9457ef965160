"""Forecasts of a stream: the network keeps its state from one observation to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.engine.stepping import SteppedModel, weights_by_path
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.fitted import Beside, last_window
from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.series.timeline import listed
from skconvattn.networks import Encoding


class ForecastStream:
    """A forecaster that continues a series, one observation after the other.

    Each observation costs the same, however long the series is: the network keeps running sums,
    exponential smoothing its states, and the linear map and pretrained attention read the last
    values. Forecasts equal
    those from the whole series at once, with the weights of the fit.

    Parameters
    ----------
    forecaster : BaseNeuralForecaster
        A fitted forecaster whose architecture can resume from a state. It is not changed.

    Attributes
    ----------
    cutoff : object
        Time stamp of the last observation.
    n_timepoints : int
        Observations so far.

    Raises
    ------
    ValueError
        If the forecaster normalises windows one by one or pools their steps, or was fitted with
        covariates or to several series.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import RNNAttentionForecaster
    >>> y = load_airline()
    >>> forecaster = RNNAttentionForecaster(normalization="series", epochs=5, random_state=0)
    >>> stream = forecaster.fit(y[:-3], fh=range(1, 13)).stream()
    >>> stream.update(y.iloc[-3]).cutoff
    Period('1960-10', 'M')
    >>> stream.predict().shape
    (12,)
    """

    def __init__(self, forecaster: Any) -> None:
        forecaster.check_is_fitted()
        _check_streamable(forecaster)
        self._fitted = forecaster.fitted_forecast_
        self._history = forecaster.panel_.first
        self._name = self._history.y.columns[0]
        self._scaling = self._history.scaling
        self._network = _network(self._fitted.model.spec)
        self._models = [
            SteppedModel(
                lambda: _streaming_model(self._fitted, self._network), weights_by_path(network)
            )
            for network in self._fitted.model.networks
        ]
        self.restart(self._history.y.iloc[:, 0])

    def restart(self, y: pd.Series) -> ForecastStream:
        """Begin anew with another history, read at once.

        Parameters
        ----------
        y : pandas.Series of shape (n_timepoints,)
            A series in order of time, in the units of the fit; values may be missing.

        Returns
        -------
        ForecastStream
            The stream itself.
        """
        history = replace(self._history, y=y.to_frame(), X=None)
        scaled = history.scaled_targets()[0]
        self.cutoff = y.index[-1]
        self.n_timepoints = 0
        self._states = [self._network.initial_state(1) for _ in self._models]
        self._window = last_window(scaled[:1], self._fitted.window.length)
        self._univariate = self._going_on = None
        found = self._fitted.combination
        if found is not None and found.shares.any():
            panel = Panel(((),), (history,))
            self._univariate = UnivariateTargets.of(panel, found.univariate, mixed=False)
            self._going_on = self._univariate.state()
        self._see(scaled)
        return self

    def update(self, y: Any) -> ForecastStream:
        """Take further observations.

        Parameters
        ----------
        y : float or array-like of shape (n_timepoints,)
            Observations that follow the cutoff, in order of time and in the units of the fit. A
            missing value repeats the one before it.

        Returns
        -------
        ForecastStream
            The stream itself.

        Raises
        ------
        ValueError
            If values are infinite or not a single series, or a pandas.Series has other time
            stamps than those after the cutoff.
        """
        if isinstance(y, pd.Series) and len(y):
            self._check_follows(y.index)
        values = np.atleast_1d(np.asarray(y, dtype=np.float64))
        if values.ndim != 1 or len(values) == 0 or np.isinf(values).any():
            raise ValueError(
                f"y={y!r} is not a series of finite numbers; give one observation or several in "
                "order of time."
            )
        scaled = self._scaling.apply(values[:, None])
        last = self._window[-1, 0]
        for i in np.flatnonzero(np.isnan(values)):
            scaled[i] = scaled[i - 1] if i else last
        if self._going_on is not None and self._univariate is not None:
            self._going_on.take(values / self._univariate.units[0])
        self._see(scaled)
        self.cutoff = self._fitted.channels.timeline.after(self.cutoff, len(values))[-1]
        return self

    def predict(self) -> pd.Series:
        """Forecast the horizon after the cutoff.

        Returns
        -------
        pandas.Series of shape (horizon,)
            Forecast in the units of the fit.
        """
        return pd.Series(
            self._quantiles(np.array([0.5]))[:, 0], index=self._stamps(), name=self._name
        )

    def predict_interval(self, coverage: float = 0.9) -> pd.DataFrame:
        """Forecast intervals over the horizon.

        Parameters
        ----------
        coverage : float, default=0.9
            Share of the values to be covered, strictly between 0 and 1.

        Returns
        -------
        pandas.DataFrame of shape (horizon, 2)
            Columns "lower" and "upper".

        Raises
        ------
        ValueError
            If ``coverage`` is not strictly between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise ValueError(f"coverage={coverage} must lie strictly between 0 and 1; use 0.9.")
        ends = np.array([0.5 - coverage / 2, 0.5 + coverage / 2])
        return pd.DataFrame(self._quantiles(ends), index=self._stamps(), columns=["lower", "upper"])

    def _check_follows(self, index: pd.Index) -> None:
        timeline = self._fitted.channels.timeline
        expected = timeline.after(self.cutoff, len(index))
        if (timeline.steps(index) != timeline.steps(expected)).any():
            raise ValueError(
                f"y has values at {listed(index)}, which do not follow {self.cutoff}; give those "
                f"at {listed(expected)}, missing ones as NaN."
            )

    def _see(self, scaled: np.ndarray) -> None:
        """Advance state and window by scaled observations, (n_timepoints, 1), float32."""
        window = np.concatenate([self._window, scaled])[-len(self._window) :]
        forecasts, states = [], []
        for model, before in zip(self._models, self._states, strict=True):
            one, *state = model([scaled[None], window[None], *before])
            forecasts.append(one)
            states.append(state)
        forecast = np.mean(forecasts, axis=0, dtype=forecasts[0].dtype)
        if self._going_on is not None and self._univariate is not None:
            ahead = self._univariate.scaled(0, self._going_on.ahead(forecast.shape[1]))
            assert self._fitted.combination is not None
            beside = Beside(ahead[None], self._fitted.combination.shares)
            forecast = self._fitted.mixed(forecast, beside, 0)
        self._forecast, self._states, self._window = forecast[0], states, window
        self.n_timepoints += len(scaled)

    def _quantiles(self, levels: np.ndarray) -> np.ndarray:
        horizon = self._fitted.window.horizon
        outputs, steps = self._forecast.astype(np.float64), np.arange(1, horizon + 1)
        window = self._window[None, :, 0]
        values = self._fitted.intervals.quantiles(outputs[None], window, steps, levels)
        return self._fitted.bounded(self._scaling.reverse(values[0]))

    def _stamps(self) -> pd.Index:
        return self._fitted.channels.timeline.after(self.cutoff, self._fitted.window.horizon)


def _network(spec: Any) -> Any:
    return spec.network(**dict(spec.parameters))


def _streaming_model(fitted: Any, network: Any) -> Any:
    """Return the model from further steps, the last window and a state to forecast and state."""
    import keras

    steps = keras.Input((None, 1), batch_size=1, name="steps")
    window = keras.Input((fitted.window.length, 1), batch_size=1, name="series")
    before = [
        keras.Input(array.shape[1:], batch_size=1, name=f"state_{i}")
        for i, array in enumerate(network.initial_state(1))
    ]
    features, after = network.encode_further(steps, before)
    forecast, _ = fitted.head.predict_from(lambda *_: Encoding(features), window, None)
    return keras.Model([steps, window, *before], [forecast, *after])


def _check_streamable(forecaster: Any) -> None:
    fitted = getattr(forecaster, "fitted_forecast_", None)
    name = type(forecaster).__name__
    if fitted is None or len(forecaster.panel_.keys) > 1 or forecaster.panel_.n_targets > 1:
        raise ValueError(
            f"{name} was fitted to several series; a stream is of one: fit to each by itself."
        )
    if fitted.head.normalization is not None:
        raise ValueError(
            f"{name} has normalization={fitted.head.normalization!r}, by which every new "
            "observation changes all of the window; fit with normalization='series' to stream."
        )
    pooling = _network(fitted.model.spec).pooling
    if pooling != "last":
        raise ValueError(
            f"{name} was fitted with pooling={pooling!r}, which is of the whole window; fit with "
            "pooling='last' to stream."
        )
    if fitted.head.n_known or fitted.head.n_past:
        raise ValueError(
            f"{name} was fitted with covariates, calendar features, a learned cycle or missing "
            "values, which a stream does not carry; fit without them to stream."
        )
