"""Attention weights of fitted estimators, per time step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.forecasting.series.history import History
from skconvattn.forecasting.series.target_scaling import TargetScaling
from skconvattn.members.pretrained import Pretrained

# Whose attention can be asked for.
_MEMBERS = ("auto", "pretrained", "network")


def attention_weights(
    estimator: Any, X: Any = None, *, member: str = "auto"
) -> np.ndarray | pd.Series:
    """Return the attention of an estimator to each time step.

    Where an architecture pools or strides, one weight stands for several time steps; it is spread
    evenly over them, so that the weights of a series sum to one.

    Parameters
    ----------
    estimator : estimator of skconvattn
        A fitted forecaster, regressor or classifier.
    X : array-like or pandas.Series, optional
        For regressors and classifiers the series to inspect, of shape (n_samples, n_timepoints) or
        (n_samples, n_channels, n_timepoints). For forecasters a history of at least
        ``window_length_`` time steps, of which the last window is inspected; by default the window
        before the cutoff.
    member : {"auto", "pretrained", "network"}, default="auto"
        Whose attention, of a forecaster: that of pretrained attention over the last seasons, which
        is the same for every seed, or that of the network that was trained in ``fit``. "auto" is
        the pretrained member where the forecast is made of it, and else the network.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints), or pandas.Series of shape (window_length,)
        Weights, float64; the series, for forecasters, is indexed by the window's time stamps.
        Self-attention has one weight per pair of positions instead of one per time step: it is
        returned as it is, an ndarray of shape (n_samples, n_heads, n_positions, n_positions) whose
        last axis sums to one.

    Raises
    ------
    TypeError
        If ``estimator`` is no estimator of this package, or a history is no pandas.Series.
    ValueError
        If there is nothing to inspect: no series, a history shorter than a window, an architecture
        without attention, a forecast without the member.
    sklearn.exceptions.NotFittedError, sktime.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.inspection import attention_weights
    >>> forecaster = ConvAttentionForecaster(epochs=5, random_state=0)
    >>> weights = attention_weights(forecaster.fit(load_airline(), fh=range(1, 13)))
    >>> weights.index[0], weights.index[-1], round(weights.sum(), 3)
    (Period('1953-01', 'M'), Period('1960-12', 'M'), np.float64(1.0))
    """
    if isinstance(estimator, PanelForecaster):
        pretrained = _pretrained_of(estimator, member)
        if pretrained is not None:
            return _of_pretrained(estimator, pretrained, X)
        history = _history(estimator, X, estimator.window_length_)
        attention = _of_forecaster(estimator, history)
        if attention.ndim == 4:
            return attention
        stamps = history.y.index[-estimator.window_length_ :]
        return pd.Series(attention[0], index=stamps, name="attention")
    if not isinstance(estimator, BaseNeuralEstimator):
        raise TypeError(
            f"estimator is a {type(estimator).__name__}, which has no attention to show; give a "
            "fitted estimator of skconvattn, for a Pipeline its last step."
        )
    check_is_fitted(estimator)
    if X is None:
        raise ValueError(
            f"X is missing: a {type(estimator).__name__} keeps no series; give those to look at."
        )
    if not hasattr(estimator, "fitted_model_"):
        raise ValueError(
            f"This {type(estimator).__name__} was fitted without a network, and nothing else in it "
            "attends; fit with members=('network',), or name 'network' among others."
        )
    return _by_time_step(estimator.fitted_model_, estimator._inputs(X))


def forecaster_window(
    forecaster: PanelForecaster, n_timepoints: int, history: Any = None
) -> pd.Series:
    """Return the last window of a history.

    Parameters
    ----------
    forecaster : PanelForecaster
        A fitted forecaster.
    n_timepoints : int
        Time steps of the window.
    history : pandas.Series of shape (n_timepoints,), optional
        The forecaster's own history, up to the cutoff, by default.

    Returns
    -------
    pandas.Series of shape (n_timepoints,)
        Values in their own units.

    Raises
    ------
    TypeError
        If ``history`` is no pandas.Series.
    ValueError
        If the history is shorter than a window, or the forecaster holds one forecaster per series.
    """
    return _history(forecaster, history, n_timepoints).y.iloc[-n_timepoints:, 0]


def _pretrained_of(forecaster: PanelForecaster, member: str) -> Pretrained | None:
    """Return pretrained attention if it is asked for; None for the network."""
    _check_whole(forecaster)
    if member not in _MEMBERS:
        raise ValueError(f"member={member!r} is not known; use one of {', '.join(_MEMBERS)}.")
    found = forecaster.fitted_forecast_.pretrained_member
    if member == "network":
        if not isinstance(forecaster, BaseNeuralForecaster):
            raise ValueError(
                f"{type(forecaster).__name__} trains no network; use member='pretrained'."
            )
        return None
    if member == "pretrained" and found is None:
        raise ValueError(
            f"The forecast of this {type(forecaster).__name__} is not made of pretrained "
            "attention; use member='network', or fit with pretrained=True."
        )
    return found


def _check_whole(forecaster: PanelForecaster) -> None:
    """Refuse a forecaster that is not fitted, or holds one forecaster per series."""
    forecaster.check_is_fitted()
    if not hasattr(forecaster, "fitted_forecast_"):
        raise ValueError(
            f"{type(forecaster).__name__} was fitted to several series and holds one forecaster "
            "for each; look at the entries of forecaster.forecasters_."
        )


def _of_pretrained(forecaster: PanelForecaster, pretrained: Pretrained, given: Any) -> pd.Series:
    """Return the attention of the pretrained member over the time steps that it reads."""
    history = _history(forecaster, given, 1)
    values = history.observed[: len(history.y) - int(history.trailing_gaps(together=False)[0]), 0]
    weights = pretrained.attention(values, forecaster.fitted_forecast_.n_direct)
    stamps = history.y.index[: len(values)][-len(weights) :]
    return pd.Series(weights, index=stamps, name="attention")


def _history(forecaster: PanelForecaster, given: Any, length: int) -> History:
    """Return the history of one target, at least of a length."""
    _check_whole(forecaster)
    panel = forecaster.panel_
    if given is None:
        if len(panel.keys) > 1 or panel.n_targets > 1:
            raise ValueError(
                f"{type(forecaster).__name__} was fitted to several series; give the history of "
                "one of them as X, a pandas.Series."
            )
        return _long_enough(panel.first, length)
    if not isinstance(given, pd.Series):
        raise TypeError(
            f"X is a {type(given).__name__}; give a forecaster its history as a pandas.Series."
        )
    y = given.to_frame()
    if len(panel.keys) > 1 or panel.n_targets > 1:
        return _long_enough(History.of(y, None, panel.first.period), length)
    known = panel.first.X
    if known is not None:
        unseen = given.index[-length:].difference(known.index)
        if len(unseen):
            raise ValueError(
                f"X reaches to {unseen[-1]}, where the forecaster has no covariates; give a "
                "history that it was fitted or updated with."
            )
        known = known.reindex(y.index)
    return _long_enough(replace(panel.first, y=y, X=known), length)


def _long_enough(history: History, length: int) -> History:
    if len(history.y) < length:
        raise ValueError(
            f"X has {len(history.y)} time steps, less than the window of the forecaster; give at "
            f"least {length}."
        )
    return history


def spread_over_time(attention: np.ndarray, n_timepoints: int, width: int) -> np.ndarray:
    """Spread the attention of positions over the time steps that they cover.

    Parameters
    ----------
    attention : ndarray of shape (n_samples, n_positions)
        Attention over positions. Position ``p`` covers the time steps from ``p * width`` to
        before ``(p + 1) * width``, the last position those that remain.
    n_timepoints : int
        Time steps of a series.
    width : int
        Time steps that a position covers: pooling times striding.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints)
        Attention over time steps, with the same sums, float64.

    Raises
    ------
    ValueError
        If the positions do not cover the time steps.
    """
    position = np.arange(n_timepoints) // width
    n_positions = attention.shape[1]
    if position[-1] + 1 != n_positions:
        raise ValueError(
            f"attention over {n_positions} positions of {width} time steps does not cover a series "
            f"of {n_timepoints}; name the pooling and striding of the architecture pool_size and "
            "strides."
        )
    covered = np.bincount(position, minlength=n_positions)
    return (attention.astype(np.float64) / covered)[:, position]


def received_attention(estimator: Any, attention: np.ndarray, n_timepoints: int) -> np.ndarray:
    """Return how much attention each time step receives on average from all positions.

    Parameters
    ----------
    estimator : estimator of skconvattn
        The fitted estimator that the attention is of.
    attention : ndarray of shape (n_samples, n_heads, n_positions, n_positions)
        Self-attention.
    n_timepoints : int
        Time steps of a series.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints)
        Means over heads and attending positions, which sum to one per series.
    """
    received = attention.astype(np.float64).mean(axis=(1, 2))
    return spread_over_time(received, n_timepoints, _steps_per_position(estimator.fitted_model_))


def _steps_per_position(fitted: Any) -> int:
    """Return the number of time steps per position of the encoded sequence."""
    parameters = dict(fitted.spec.parameters)
    widths = [parameters.get(name, 1) for name in ("patch_size", "pool_size", "strides")]
    return int(np.prod(widths))


def _of_forecaster(forecaster: PanelForecaster, history: History) -> np.ndarray:
    fitted = forecaster.fitted_forecast_
    channels = fitted.channels
    if not channels.mixed:
        channels = replace(channels, n_targets=1)
    # Mixed targets see each other: copies of this one take the place of the others.
    tail = history.tail(forecaster.window_length_)
    y = pd.concat([tail.y.iloc[:, [0]]] * channels.n_targets, axis=1)
    first = TargetScaling(
        *(values[[0] * channels.n_targets] for values in vars(tail.scaling).values())
    )
    window = channels.of(replace(tail, y=y, scaling=first))[0]
    # Future covariates do not enter attention: zeros take their place.
    future = np.zeros((1, fitted.window.horizon, fitted.n_future), dtype=np.float32)
    return _by_time_step(forecaster.fitted_model_, fitted.inputs(window[None], future))


def _by_time_step(fitted: Any, inputs: list[np.ndarray]) -> np.ndarray:
    attention = fitted.attention(inputs)
    if attention.ndim == 4:
        return attention
    return spread_over_time(attention, inputs[0].shape[1], _steps_per_position(fitted))
