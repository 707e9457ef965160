"""Checks of series and targets given by users, which return the series as a panel."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    _check_y,
    assert_all_finite,
    check_consistent_length,
    validate_data,
)

from skconvattn.data.containers import series_of
from skconvattn.data.panel import Panel, Preparation
from skconvattn.estimators.axes import check_axes, hint_at_axes
from skconvattn.estimators.given import check_given, check_target_axes

# Types that are kept and scaled to float32 in blocks; all others become float64.
_TYPES = [
    np.float64, np.float32, np.bool_, np.int8, np.int16, np.int32, np.int64,
    np.uint8, np.uint16, np.uint32, np.uint64,
]  # fmt: skip
# scikit-learn refuses weights that are all zero since 1.9, where it is not told otherwise.
_ALL_ZERO = {"allow_all_zero_weights"} & inspect.signature(_check_sample_weight).parameters.keys()
_CHECKS: dict[str, Any] = {"dtype": _TYPES, "allow_nd": True, "ensure_all_finite": "allow-nan"}


def training_data(estimator: Any, X: Any, y: Any, *, numeric: bool, reset: bool = True) -> Any:
    """Check data for a fit.

    Parameters
    ----------
    estimator : estimator
        Estimator that remembers number and names of features.
    X : array-like or panel
        See :meth:`~skconvattn.estimators.base.BaseNeuralEstimator.fit`.
    y : array-like of shape (n_samples, ...)
        Targets.
    numeric : bool
        Whether targets have to be numbers.
    reset : bool
        Whether features are remembered anew, or compared with those of the first fit.

    Returns
    -------
    panel : Panel
        The series.
    y : ndarray of shape (n_samples, ...)
        The targets.

    Raises
    ------
    ValueError
        If series or targets are empty, infinite or not numbers where these are needed, or if they
        differ in number from each other, or in features from those of the first fit.
    """
    checks = {"multi_output": True, "y_numeric": numeric, "reset": reset}
    series = series_of(X)
    _check_target(y)
    if series is None:
        check_given(X, "X", at_least_2d=True)
        if not reset:
            check_axes(estimator, X)
        X, y = validate_data(estimator, _as_fitted(estimator, X, reset), y, **checks, **_CHECKS)
        panel = Panel(to_keras_axes(X))
        _check_some_value(panel)
        if reset:
            hint_at_axes(panel, None)
        return panel, y
    _check_names_and_numbers(estimator, *series, reset=reset)
    panel = _padded(*series)
    if reset:
        hint_at_axes(panel, series[1])
    estimator._check_lengths(panel)
    # Names are those of the container, checked above; the array made from it has none.
    y = checked_targets(estimator, y, numeric)
    check_consistent_length(panel.values, y)
    return panel, y


def series_to_predict(estimator: Any, X: Any) -> Panel:
    """Check series for a prediction; parameters and errors as for :func:`training_data`."""
    series = series_of(X)
    if series is None:
        if type(X) is not np.ndarray or X.dtype.kind not in "biuf" or X.ndim < 2:
            check_given(X, "X", at_least_2d=True)
        check_axes(estimator, X)
    if _needs_no_check(estimator, X):
        panel = Panel(to_keras_axes(X))
    elif series is None:
        X = validate_data(estimator, _as_fitted(estimator, X, False), reset=False, **_CHECKS)
        panel = Panel(to_keras_axes(X))
    else:
        _check_names_and_numbers(estimator, *series, reset=False)
        panel = _padded(*series)
    check_shape(estimator, panel, estimator._preparation_)
    return panel


def _check_target(y: Any) -> None:
    if y is None or isinstance(y, str):
        return  # named by scikit-learn's checks
    check_given(y, "y", labels=True)
    check_target_axes(y)


def _check_some_value(panel: Panel) -> None:
    """Refuse series of which every value is missing."""
    if panel.values.dtype.kind == "f" and np.isnan(panel.values).all():
        raise ValueError("X has no value that is not missing; give series with numbers in them.")


def check_shape(
    estimator: Any, panel: Panel, preparation: Preparation, longest: int | None = None
) -> None:
    """Refuse series of another shape than those of the fit.

    Parameters
    ----------
    estimator : estimator
        Estimator named in messages.
    panel : Panel
        The series.
    preparation : Preparation
        Preparation of the fit.
    longest : int, optional
        Most time steps of a series, where lengths may differ.

    Raises
    ------
    ValueError
        If the number of channels differs, if lengths do where the fit saw a single length, or if a
        series is longer than ``longest``.
    """
    n_channels = len(preparation.scaling.center)
    n_timepoints = preparation.n_timepoints
    lengths = [panel.values.shape[1]] if panel.lengths is None else sorted(set(panel.lengths))
    shown = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    if panel.values.shape[2] != n_channels or not (preparation.masked or lengths == [n_timepoints]):
        raise ValueError(
            f"X has {shown} time steps and {panel.values.shape[2]} channels, but "
            f"{type(estimator).__name__} was fitted on {n_timepoints} and {n_channels}; give "
            "series of the shape seen in fit."
        )
    if longest is not None and lengths[-1] > longest:
        raise ValueError(
            f"X has {shown} time steps, and {type(estimator).__name__} was first fitted on at "
            f"most {longest}; cut longer series for this, or fit anew with them."
        )


def checked_targets(estimator: Any, y: Any, numeric: bool) -> np.ndarray:
    """Check targets without their series.

    Parameters
    ----------
    estimator : estimator
        Estimator named in messages.
    y : array-like of shape (n_samples, ...)
        Targets.
    numeric : bool
        Whether targets have to be numbers.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        The targets.

    Raises
    ------
    ValueError
        If targets are None, missing, infinite, or not numbers where numbers are needed.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target "
            "y is None."
        )
    return _check_y(y, multi_output=True, y_numeric=numeric, estimator=estimator)


def to_keras_axes(X: np.ndarray) -> np.ndarray:
    """Return series as (n_samples, n_timepoints, n_channels).

    Raises
    ------
    ValueError
        If series have more than three axes.
    """
    if X.ndim > 3:
        raise ValueError(
            f"X has {X.ndim} axes, {X.shape}; give series as (n_samples, n_timepoints) or "
            "(n_samples, n_channels, n_timepoints)."
        )
    return X[:, :, None] if X.ndim == 2 else X.transpose(0, 2, 1)


def _needs_no_check(estimator: Any, X: Any) -> bool:
    """Whether X is valid as it is: scikit-learn's checks take as long as a small network."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim in (2, 3)
        and X.size > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
        and not estimator._preparation_.masked
        and not np.isinf(X).any()
    )


def _as_fitted(estimator: Any, X: Any, reset: bool) -> Any:
    """Add the axis of channels to series of equal length where the fit saw unequal lengths."""
    preparation = getattr(estimator, "_preparation_", None)
    if reset or preparation is None or not preparation.masked or hasattr(X, "columns"):
        return X
    if np.ndim(X) != 2 or hasattr(X, "toarray"):
        return X
    return np.asarray(X)[:, None]


def _padded(series: list[np.ndarray], names: Any) -> Panel:
    panel = Panel.padded(series)
    assert_all_finite(panel.values.reshape(len(panel), -1), allow_nan=True, input_name="X")
    return panel.cut_to(np.arange(len(panel)))


def _check_names_and_numbers(
    estimator: Any, series: list[np.ndarray], names: Any, *, reset: bool
) -> None:
    _check_feature_names(estimator, names, reset=reset)
    preparation = None if reset else getattr(estimator, "_preparation_", None)
    if preparation is None or estimator.n_features_in_ == len(preparation.scaling.center):
        _check_n_features(estimator, np.empty((1, series[0].shape[0])), reset=reset)
    # Else the fit saw time steps as features, in an array of two axes: check_shape compares them.


def checked_weights(sample_weight: Any, series: np.ndarray) -> np.ndarray:
    """Return the weights of samples, one each where none are given.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    series : ndarray of shape (n_samples, n_channels, n_timepoints)
        Series of the samples.

    Returns
    -------
    ndarray of shape (n_samples,)
        Weights as float64.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if their number is another, or if all are zero.
    """
    if sample_weight is not None:
        check_given(sample_weight, "sample_weight")
    weights: np.ndarray = _check_sample_weight(
        sample_weight,
        series,
        dtype=np.float64,
        ensure_non_negative=True,
        **dict.fromkeys(_ALL_ZERO, True),
    )
    if not weights.any():
        raise ValueError(
            "sample_weight is zero for every sample; give at least one sample a positive weight."
        )
    return weights
