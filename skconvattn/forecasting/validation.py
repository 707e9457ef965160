"""Checks of series, regressors and levels: one sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sktime.forecasting.base import ForecastingHorizon

# Stamps listed in a message before the rest is counted.
_MAX_LISTED = 5


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
        raise ValueError(f"{name} is empty; give a series of at least 3 time steps.")
    if data.index.has_duplicates:
        stamps = _listed(data.index[data.index.duplicated()].unique())
        raise ValueError(
            f"{name} has more than one row at {stamps}; keep one row a time stamp, for example "
            f"with {name}.groupby(level=0).mean()."
        )
    if not data.index.is_monotonic_increasing:
        raise ValueError(f"{name} is not in order of time; sort it with {name}.sort_index().")


def check_series(y: pd.Series, min_length: int = 3) -> None:
    """Refuse a target that is not numeric, not finite or too short.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If there are infinite values or too few.
    """
    if not pd.api.types.is_numeric_dtype(y.dtype) or pd.api.types.is_complex_dtype(y.dtype):
        raise TypeError(
            f"y has values of type {y.dtype}; give real numbers, for example y.astype(float)."
        )
    if len(y) < min_length:
        raise ValueError(
            f"y has {len(y)} time steps; a forecaster needs at least {min_length} to learn from."
        )
    _check_finite(y.to_numpy(dtype=np.float64), y.index, "y")


def check_regressors(X: pd.DataFrame | None) -> None:
    """Refuse regressors that are not numeric or not finite.

    Raises
    ------
    TypeError
        If a column is not numeric.
    ValueError
        If there are infinite or missing values.
    """
    if X is None:
        return
    for column in X.columns:
        if not pd.api.types.is_numeric_dtype(X[column].dtype):
            raise TypeError(
                f"X[{column!r}] has values of type {X[column].dtype}; encode it as numbers, for "
                "example with pandas.get_dummies."
            )
        _check_finite(X[column].to_numpy(dtype=np.float64), X.index, f"X[{column!r}]")


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
    check_regressors(rows)
    return rows


def check_quantiles(quantiles: Any) -> None:
    """Refuse levels that are not increasing strictly between 0 and 1.

    Raises
    ------
    ValueError
        If they are not.
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


def stamps_ahead(fh: ForecastingHorizon, cutoff: pd.Index, n_steps: int) -> pd.Index:
    """Return the time stamps of the steps from 1 to ``n_steps`` after the cutoff."""
    from sktime.forecasting.base import ForecastingHorizon

    ahead = ForecastingHorizon(np.arange(1, n_steps + 1), is_relative=True, freq=fh.freq)
    return ahead.to_absolute_index(cutoff)


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
