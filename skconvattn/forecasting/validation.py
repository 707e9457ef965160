"""Checks of series, regressors and levels: one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.history import Panel, split_panel
from skconvattn.forecasting.regressors import RegressorEncoder, regressor_rows
from skconvattn.forecasting.timeline import Timeline, listed

_MIN_LENGTH = 3


def check_given(y: Any, X: Any, fh: Any) -> None:
    """Refuse data that no fit can use, before sktime converts it.

    Parameters
    ----------
    y, X : object
        Target and regressors; only pandas objects are looked into.
    fh : object
        Forecasting horizon.

    Raises
    ------
    TypeError
        If there is no target, or values are not numbers.
    ValueError
        If the index, the values, the rows of ``X`` or the horizon are not usable.
    """
    if y is None:
        raise TypeError("y is None; give a series, for example a pandas.Series with a time index.")
    if fh is not None and np.size(fh) == 0:
        raise ValueError("fh is empty; give steps ahead, for example fh=range(1, 13).")
    for data, name in ((y, "y"), (X, "X")):
        check_index(data, name)
        check_values(data, name)
    if isinstance(y, pd.Series | pd.DataFrame) and isinstance(X, pd.Series | pd.DataFrame):
        missing = y.index.difference(X.index)
        if len(missing):
            raise ValueError(
                f"X has no row at {listed(missing)}, where y has one; give the regressors at all "
                "time stamps of y."
            )


def check_index(data: Any, name: str) -> None:
    """Refuse an empty, unsorted or duplicate index of a single series.

    Parameters
    ----------
    data : object
        Only pandas objects without a MultiIndex are looked at.
    name : str
        What the message calls it.

    Raises
    ------
    ValueError
        If time stamps are missing, out of order or repeated.
    """
    if not isinstance(data, pd.Series | pd.DataFrame) or isinstance(data.index, pd.MultiIndex):
        return
    if len(data) == 0:
        raise ValueError(f"{name} is empty; give a series of at least {_MIN_LENGTH} time steps.")
    if data.index.has_duplicates:
        stamps = listed(data.index[data.index.duplicated()].unique())
        raise ValueError(
            f"{name} has more than one row at {stamps}; keep one row a time stamp, for example "
            f"with {name}.groupby(level=0).mean()."
        )
    if not data.index.is_monotonic_increasing:
        raise ValueError(f"{name} is not in order of time; sort it with {name}.sort_index().")


def check_values(data: pd.Series | pd.DataFrame | None, name: str) -> None:
    """Refuse infinite values, and a target that is not a number; missing values are taken.

    Raises
    ------
    TypeError
        If a target has values that are not numbers.
    ValueError
        If any value is infinite.
    """
    for values, label in _columns(data, name):
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        if name == "y":
            _check_numeric(values, label)
        if numeric and not pd.api.types.is_complex_dtype(values.dtype):
            _check_finite(values.to_numpy(dtype=np.float64, na_value=np.nan), values.index, label)


def check_panel(parts: Mapping[Any, pd.DataFrame], X: pd.DataFrame | None) -> None:
    """Refuse series that are too short, empty or irregular, and regressors that do not cover them.

    Parameters
    ----------
    parts : mapping of key to pandas.DataFrame
        Series of the target; the key is empty for one outside of panels.
    X : pandas.DataFrame or None
        Regressors of all of them.

    Raises
    ------
    ValueError
        If a series has fewer than 3 time steps, no value at all, or gaps in its time stamps, or
        if ``X`` lacks rows.
    """
    regressors = None if X is None else split_panel(X)
    for key, y in parts.items():
        label = f"y{list(key)!r}" if key else "y"
        if len(y) < _MIN_LENGTH:
            raise ValueError(
                f"{label} has {len(y)} time steps; a forecaster needs at least {_MIN_LENGTH} to "
                "learn from."
            )
        empty = [column for column in y.columns if y[column].isna().all()]
        if empty:
            raise ValueError(
                f"{label} has only missing values in {empty}; give at least one number, or leave "
                "the column out."
            )
        Timeline.of(y.index)
        if regressors is not None:
            check_covered(y.index, regressors.get(key), label)


def check_covered(index: pd.Index, X: pd.DataFrame | None, label: str) -> None:
    """Refuse regressors without rows at the time stamps of a target.

    Raises
    ------
    ValueError
        If rows are missing; the message lists them.
    """
    missing = index if X is None else index.difference(X.index)
    if len(missing):
        raise ValueError(
            f"X has no row at {listed(missing)}, where {label} has one; give the regressors at "
            "all time stamps of y."
        )


def check_columns(X: pd.DataFrame | None, encoder: RegressorEncoder) -> None:
    """Refuse data without the regressors that a model was trained with.

    Raises
    ------
    ValueError
        If ``X`` or any of its columns is missing.
    """
    if not encoder.columns:
        return
    if X is None:
        raise ValueError(
            f"X is missing, but the forecaster was trained with the regressors "
            f"{list(encoder.columns)}; give them at all time stamps of y."
        )
    regressor_rows(X, encoder.columns)


def check_update(
    y: pd.DataFrame, X: pd.DataFrame | None, panel: Panel, encoder: RegressorEncoder
) -> None:
    """Refuse an update with data that lacks regressors, or with new series too short.

    Raises
    ------
    ValueError
        If regressors are missing, or a series that was not known before cannot be taken.
    """
    parts = split_panel(y)
    if encoder.columns:
        if X is None:
            first = next(iter(parts.values()))
            raise ValueError(
                f"X is missing, but the forecaster was fitted with the regressors "
                f"{list(encoder.columns)}; give their values at {listed(first.index)}."
            )
        regressor_rows(X, encoder.columns)
        regressors = split_panel(X)
        for key, part in parts.items():
            check_covered(part.index, regressors.get(key), f"y{list(key)!r}" if key else "y")
    known = set(panel.keys)
    check_panel({key: part for key, part in parts.items() if key not in known}, X)


def check_inside(positions: np.ndarray, index: pd.Index) -> None:
    """Refuse in-sample forecasts of steps before the series.

    Raises
    ------
    ValueError
        If any lies before the first time stamp.
    """
    if (positions < 0).any():
        raise ValueError(
            f"fh reaches {-int(positions.min())} time steps back before {index[0]}, where y begins;"
            " use steps within the series."
        )


def known_at(X: pd.DataFrame | None, columns: Sequence[Any], needed: pd.Index) -> pd.DataFrame:
    """Return the rows of regressors that a forecast depends on.

    Parameters
    ----------
    X : pandas.DataFrame or None
        Regressors given to predict.
    columns : sequence
        Columns seen in fit that are known ahead.
    needed : pandas.Index
        Time stamps that the forecast depends on.

    Returns
    -------
    pandas.DataFrame of shape (n_needed, n_columns)
        Their rows; values may be missing.

    Raises
    ------
    ValueError
        If columns or time stamps are missing; the message lists them.
    """
    if not columns:
        return pd.DataFrame(index=needed)
    if X is None:
        raise ValueError(
            f"X is missing, but the forecaster was fitted with the regressors {list(columns)}; "
            f"give their values at {listed(needed)}, or name those not known ahead in "
            "past_regressors."
        )
    X = regressor_rows(X, columns)
    missing = needed.difference(X.index)
    if len(missing):
        raise ValueError(
            f"X has no row at {listed(missing)}; give the regressors over the whole horizon."
        )
    rows = X.loc[needed]
    check_values(rows, "X")
    return rows


def check_window_lengths(window_length: Any) -> None:
    """Refuse a sequence of windows that holds none, or one that is no whole number from 1.

    Raises
    ------
    ValueError
        If it does.
    """
    if isinstance(window_length, str):
        return
    lengths = np.atleast_1d(window_length)
    if (
        lengths.ndim != 1
        or len(lengths) == 0
        or lengths.dtype.kind not in "iu"
        or lengths.min() < 1
    ):
        raise ValueError(
            f"window_length={window_length!r} must be a whole number from 1, several of them, or "
            "'auto'; use for example (24, 48, 96) to try three."
        )


def _columns(data: Any, name: str) -> list[tuple[pd.Series, str]]:
    """Return the columns of a series, each with what a message calls it."""
    if isinstance(data, np.ndarray) and data.ndim == 1:
        return [(pd.Series(data), name)]
    if isinstance(data, pd.Series):
        return [(data, name)]
    if isinstance(data, pd.DataFrame) and not _is_nested(data):
        return [(data[column], f"{name}[{column!r}]") for column in data.columns]
    return []


def _is_nested(data: pd.DataFrame) -> bool:
    """Whether cells hold series, as in sktime's kind nested_univ."""
    return data.size > 0 and isinstance(data.iloc[0, 0], pd.Series | np.ndarray)


def _check_numeric(values: pd.Series, name: str) -> None:
    dtype = values.dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        raise TypeError(
            f"{name} has values of type {dtype}; give real numbers, for example with "
            "astype(float), or pandas.get_dummies for categorical columns."
        )


def _check_finite(values: np.ndarray, index: pd.Index, name: str) -> None:
    bad = np.isinf(values)
    if bad.any():
        raise ValueError(
            f"{name} has infinite values at {listed(index[bad])}; replace them by numbers, or by "
            "NaN, which stands for missing."
        )
