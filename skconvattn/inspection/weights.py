"""The attention that each time step of a series gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.forecasting import BaseNeuralForecaster


def attention_weights(estimator: Any, X: Any = None) -> np.ndarray | pd.Series:
    """Return how much attention an estimator pays to each time step.

    Where an architecture pools or strides, one weight stands for several time steps; it is spread
    evenly over them, so that the weights of a series sum to one.

    Parameters
    ----------
    estimator : estimator of skconvattn
        A fitted forecaster, regressor or classifier.
    X : array-like or pandas.Series, optional
        For regressors and classifiers the series to look at, of shape (n_samples, n_timepoints) or
        (n_samples, n_channels, n_timepoints). For forecasters a history of at least
        ``window_length_`` time steps, of which the last window is looked at; by default the window
        before the cutoff.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints), or pandas.Series of shape (window_length,)
        Weights, float64; the series, for forecasters, is indexed by the window's time stamps.
        Self-attention has a weight for each pair of positions instead of each time step: it is
        returned as it is, an ndarray of shape (n_samples, n_heads, n_positions, n_positions) whose
        last axis sums to one.

    Raises
    ------
    TypeError
        If the estimator is not one of this package's, or a history is not a pandas.Series.
    ValueError
        If there is nothing to look at: no series, a history shorter than a window, an architecture
        without attention.
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
    (Period('1959-01', 'M'), Period('1960-12', 'M'), np.float64(1.0))
    """
    if isinstance(estimator, BaseNeuralForecaster):
        window = forecaster_window(estimator, X)
        attention = _of_forecaster(estimator, window)
        if attention.ndim == 4:
            return attention
        return pd.Series(attention[0], index=window.index, name="attention")
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
    scaled = estimator._scaling_.apply(estimator._validated_series(X))
    return _by_time_step(estimator.fitted_model_, [scaled])


def forecaster_window(forecaster: BaseNeuralForecaster, history: Any = None) -> pd.Series:
    """Return the last window of a history.

    Parameters
    ----------
    forecaster : BaseNeuralForecaster
        A fitted forecaster.
    history : pandas.Series of shape (n_timepoints,), optional
        The forecaster's own history, up to the cutoff, by default.

    Returns
    -------
    pandas.Series of shape (window_length,)
        Values in their own units.

    Raises
    ------
    TypeError
        If the history is not a pandas.Series.
    ValueError
        If it is shorter than a window, or the forecaster holds one forecaster a series.
    """
    forecaster.check_is_fitted()
    if not hasattr(forecaster, "fitted_model_"):
        raise ValueError(
            f"{type(forecaster).__name__} was fitted to several series and holds one forecaster "
            "for each; look at the entries of forecaster.forecasters_."
        )
    length = forecaster.window_length_
    if history is None:
        return forecaster._history.y.iloc[-length:]
    if not isinstance(history, pd.Series):
        raise TypeError(
            f"X is a {type(history).__name__}; give a forecaster its history as a pandas.Series."
        )
    if len(history) < length:
        raise ValueError(
            f"X has {len(history)} time steps, less than the window of the forecaster; give at "
            f"least {length}."
        )
    return history.iloc[-length:]


def spread_over_time(attention: np.ndarray, n_timepoints: int, width: int) -> np.ndarray:
    """Spread the attention of positions over the time steps that they cover.

    Parameters
    ----------
    attention : ndarray of shape (n_samples, n_positions)
        Attention over positions. Position ``p`` covers the time steps from ``p * width`` to
        before ``(p + 1) * width``, the last one those that are left.
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


def _of_forecaster(forecaster: BaseNeuralForecaster, window: pd.Series) -> np.ndarray:
    history = forecaster._history
    scaled = history.scaling.apply(window.to_numpy(np.float64)[:, None])
    if history.regressors is not None:
        scaled = np.concatenate([scaled, _regressors_at(history.regressors, window.index)], axis=1)
    # What is known of the horizon comes after attention: zeros stand for it.
    future = np.zeros((1, forecaster._cut.horizon, history.n_known), dtype=np.float32)
    return _by_time_step(forecaster.fitted_model_, forecaster._inputs(scaled[None], future))


def _regressors_at(regressors: Any, stamps: pd.Index) -> np.ndarray:
    """Return scaled regressors at time stamps that the forecaster has seen."""
    unseen = stamps.difference(regressors.values.index)
    if len(unseen):
        raise ValueError(
            f"X reaches to {unseen[-1]}, where the forecaster knows no regressors; give a history "
            "that it was fitted or updated with."
        )
    return regressors.scaled(regressors.values.loc[stamps])


def _by_time_step(fitted: Any, inputs: list[np.ndarray]) -> np.ndarray:
    attention = fitted.attention(inputs)
    if attention.ndim == 4:
        return attention
    parameters = dict(fitted.spec.parameters)
    width = parameters.get("pool_size", 1) * parameters.get("strides", 1)
    return spread_over_time(attention, inputs[0].shape[1], width)
