"""Checks of series, regressors and levels: one sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sktime.forecasting.base import ForecastingHorizon

_MIN_LENGTH = 3
# Stamps listed in a message before the rest is counted.
_MAX_LISTED = 5


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
                f"X has no row at {_listed(missing)}, where y has one; give the regressors at all "
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
        stamps = _listed(data.index[data.index.duplicated()].unique())
        raise ValueError(
            f"{name} has more than one row at {stamps}; keep one row a time stamp, for example "
            f"with {name}.groupby(level=0).mean()."
        )
    if not data.index.is_monotonic_increasing:
        raise ValueError(f"{name} is not in order of time; sort it with {name}.sort_index().")


def check_length(y: pd.Series) -> None:
    """Refuse a series too short to learn from.

    Raises
    ------
    ValueError
        If it has fewer than 3 time steps.
    """
    if len(y) < _MIN_LENGTH:
        raise ValueError(
            f"y has {len(y)} time steps; a forecaster needs at least {_MIN_LENGTH} to learn from."
        )


def check_values(data: pd.Series | pd.DataFrame | None, name: str) -> None:
    """Refuse values that are not finite numbers.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If any is missing or infinite.
    """
    for values, label in _columns(data, name):
        _check_numeric(values, label)
        _check_finite(values.to_numpy(dtype=np.float64), values.index, label)


def known_at(X: pd.DataFrame | None, columns: pd.Index, needed: pd.Index) -> pd.DataFrame:
    """Return the rows of regressors that a forecast depends on.

    Parameters
    ----------
    X : pandas.DataFrame or None
        Regressors given to predict or update.
    columns : pandas.Index
        Columns seen in fit.
    needed : pandas.Index
        Time stamps that the forecast depends on.

    Returns
    -------
    pandas.DataFrame of shape (n_needed, n_columns)
        Finite numbers.

    Raises
    ------
    ValueError
        If columns or time stamps are missing; the message lists them.
    """
    if X is None:
        raise ValueError(
            f"X is missing, but the forecaster was fitted with the regressors {list(columns)}; "
            f"give their values at {_listed(needed)}."
        )
    absent = [column for column in columns if column not in X.columns]
    if absent:
        raise ValueError(
            f"X lacks the columns {absent} that the forecaster was fitted with; give all of "
            f"{list(columns)}."
        )
    missing = needed.difference(X.index)
    if len(missing):
        raise ValueError(
            f"X has no row at {_listed(missing)}; give the regressors over the whole horizon."
        )
    rows = X.loc[needed, columns]
    check_values(rows, "X")
    return rows


def check_quantiles(quantiles: Any, loss: Any) -> None:
    """Refuse levels that are not increasing strictly between 0 and 1, and another loss with them.

    Raises
    ------
    ValueError
        If they are not, or if there is another loss.
    """
    if quantiles is None:
        return
    levels = np.asarray(quantiles, dtype=np.float64)
    valid = levels.ndim == 1 and len(levels) > 0 and np.all((levels > 0) & (levels < 1))
    if not valid or np.any(np.diff(levels) <= 0):
        raise ValueError(
            f"quantiles={quantiles!r} must be increasing levels strictly between 0 and 1; use for "
            "example (0.05, 0.5, 0.95)."
        )
    if not (isinstance(loss, str) and loss == "auto"):
        raise ValueError(
            f"loss={loss!r} cannot train quantiles={quantiles!r}, which take the pinball loss; use "
            "loss='auto'."
        )


def stamps_ahead(fh: ForecastingHorizon, cutoff: pd.Index, n_steps: int) -> pd.Index:
    """Return the time stamps of the steps from 1 to ``n_steps`` after the cutoff."""
    from sktime.forecasting.base import ForecastingHorizon

    ahead = ForecastingHorizon(np.arange(1, n_steps + 1), is_relative=True, freq=fh.freq)
    return ahead.to_absolute_index(cutoff)


def _columns(data: Any, name: str) -> list[tuple[pd.Series, str]]:
    """Return the columns of a series, each with what a message calls it."""
    if isinstance(data, np.ndarray) and data.ndim == 1:
        return [(pd.Series(data), name)]
    if isinstance(data, pd.Series):
        return [(data, name)]
    if isinstance(data, pd.DataFrame):
        return [(data[column], f"{name}[{column!r}]") for column in data.columns]
    return []


def _check_numeric(values: pd.Series, name: str) -> None:
    dtype = values.dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        raise TypeError(
            f"{name} has values of type {dtype}; give real numbers, for example with "
            "astype(float), or pandas.get_dummies for categorical columns."
        )


def _check_finite(values: np.ndarray, index: pd.Index, name: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        kind = "missing values" if np.isnan(values[bad]).all() else "infinite values"
        raise ValueError(
            f"{name} has {kind} at {_listed(index[bad])}; fill or drop them first, for example "
            "with sktime.transformations.series.impute.Imputer."
        )


def _listed(stamps: pd.Index) -> str:
    shown = ", ".join(str(stamp) for stamp in stamps[:_MAX_LISTED])
    rest = len(stamps) - _MAX_LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown
