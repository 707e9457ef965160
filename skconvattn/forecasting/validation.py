"""Checks of the arguments of a forecaster, with errors of one sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.given import check_container
from skconvattn.forecasting.horizons import check_horizon
from skconvattn.forecasting.series.history import split_panel
from skconvattn.forecasting.series.timeline import Timeline, listed

if TYPE_CHECKING:
    from sktime.forecasting.base import ForecastingHorizon

_MIN_LENGTH = 3
# The beginning of a date as text.
_DATE = re.compile(r"\d{4}[-/]\d{1,2}\b")


def check_given(y: Any, X: Any, fh: Any) -> None:
    """Refuse data that no fit can use, before sktime converts it.

    Parameters
    ----------
    y, X : object
        Target and covariates; only pandas objects are checked.
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
    check_horizon(fh)
    check_container(y, "y")
    for data, name in ((y, "y"), (X, "X")):
        if isinstance(data, pd.Series | pd.DataFrame) and len(data) == 0:
            raise ValueError(
                f"{name} is empty; give a series of at least {_MIN_LENGTH} time steps."
            )
    check_data(y, X)
    if isinstance(y, pd.Series | pd.DataFrame) and isinstance(X, pd.Series | pd.DataFrame):
        missing = y.index.difference(X.index)
        if len(missing):
            raise ValueError(
                f"X has no row at {listed(missing)}, where y has one; give the covariates at all "
                "time stamps of y."
            )


def largest_step(fh: ForecastingHorizon, y: pd.DataFrame) -> int:
    """Return the most steps ahead of a horizon that is not tied to one series.

    Parameters
    ----------
    fh : ForecastingHorizon
        Steps ahead, or durations.
    y : pandas.DataFrame
        One series or a panel.

    Returns
    -------
    int
        Steps, at least 0.

    Raises
    ------
    ValueError
        If the horizon gives time stamps, or durations that are no whole steps.
    """
    if not fh.is_relative:
        raise ValueError(
            f"fh={fh.to_pandas().tolist()!r} gives time stamps, but series that are pretrained on "
            "may end at different ones; give steps ahead, such as fh=range(1, 13)."
        )
    steps = fh.to_pandas()
    if isinstance(steps, pd.TimedeltaIndex):
        first = next(iter(split_panel(y).values()))
        return max(int(Timeline.of(first.index).counts(steps).max()), 0)
    return max(int(steps.max()), 0)


def check_levels(levels: Any, name: str, example: Any) -> None:
    """Refuse quantile levels or coverages that are not strictly between 0 and 1.

    Raises
    ------
    TypeError
        If levels are not numbers.
    ValueError
        If there are no levels, or one is not strictly between 0 and 1.
    """
    if levels is None:
        return
    values = np.asarray(levels)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name}={levels!r} is not a number; use for example {example}.")
    if values.size == 0 or not np.all((values > 0) & (values < 1)):
        raise ValueError(
            f"{name}={levels!r} must lie strictly between 0 and 1; use for example {example}."
        )


def check_data(y: Any, X: Any) -> None:
    """Refuse time stamps and values that neither fit nor update can use.

    Parameters
    ----------
    y, X : object
        Target and covariates; only pandas objects and arrays are checked.

    Raises
    ------
    TypeError
        If values are not numbers.
    ValueError
        If time stamps are out of order or repeated, or values infinite.
    """
    for data, name in ((y, "y"), (X, "X")):
        check_container(data, name)
        check_layout(data, name)
        check_order(data, name)
        check_values(data, name)


def check_layout(data: Any, name: str) -> None:
    """Refuse frames whose time stamps are a column, as those of statsforecast and of databases.

    Parameters
    ----------
    data : object
        Only frames with one level of index, without dates or periods in it, are checked.
    name : str
        Name of the data in messages.

    Raises
    ------
    TypeError
        If a column holds dates; the message gives the line that makes it the index.
    """
    indexed = pd.MultiIndex | pd.DatetimeIndex | pd.PeriodIndex
    if not isinstance(data, pd.DataFrame) or isinstance(data.index, indexed):
        return
    if data.columns.has_duplicates:  # refused by the next check
        return
    # Text in X may be a category.
    holds = _holds_dates if name == "y" else _is_dated
    dates = next((column for column in data.columns if holds(data[column])), None)
    if dates is None:
        return
    keys = [
        column
        for column in data.columns
        if column != dates and not pd.api.types.is_float_dtype(data[column].dtype)
    ]
    # A column names series if it distinguishes the rows of one date.
    series = next((k for k in keys if not data.duplicated([k, dates]).any()), None)
    is_panel = data[dates].duplicated().any() and series is not None
    names = [series, dates] if is_panel else [dates]
    converted = f".assign(**{{{dates!r}: pandas.to_datetime({name}[{dates!r}])}})"
    if _is_dated(data[dates]):
        converted = ""
    raise TypeError(
        f"{name} has its time stamps in the column {dates!r}; make them the index, for example "
        f"with {name}{converted}.set_index({names!r}).sort_index()."
    )


def check_order(data: Any, name: str) -> None:
    """Refuse time stamps of a single series that are unsorted or repeated, and repeated columns.

    Parameters
    ----------
    data : object
        Only pandas objects are checked, and the order of time only without a MultiIndex.
    name : str
        Name of the data in messages.

    Raises
    ------
    ValueError
        If time stamps are out of order or repeated, or columns repeated.
    """
    if not isinstance(data, pd.Series | pd.DataFrame):
        return
    if isinstance(data, pd.DataFrame) and data.columns.has_duplicates:
        columns = list(data.columns[data.columns.duplicated()].unique())
        raise ValueError(
            f"{name} has more than one column called {listed(columns)}; give each its own name."
        )
    if data.index.has_duplicates:
        stamps = listed(data.index[data.index.duplicated()].unique())
        levels = "level=0" if data.index.nlevels == 1 else f"level={[*range(data.index.nlevels)]}"
        raise ValueError(
            f"{name} has more than one row at {stamps}; keep one row per time stamp, for example "
            f"with {name}.groupby({levels}).mean()."
        )
    if not isinstance(data.index, pd.MultiIndex) and not data.index.is_monotonic_increasing:
        raise ValueError(f"{name} is not in order of time; sort it with {name}.sort_index().")


def check_values(data: Any, name: str) -> None:
    """Refuse infinite values, and targets that are not numbers; missing values are accepted.

    Parameters
    ----------
    data : object
        Only pandas objects and arrays of one or two dimensions are checked.
    name : str
        Name of the data in messages; "X" may have categories.

    Raises
    ------
    TypeError
        If a target has values that are not numbers.
    ValueError
        If any value is infinite.
    """
    for values, label in _columns(data, name):
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        if name != "X":
            _check_numeric(values, label)
        if numeric and not pd.api.types.is_complex_dtype(values.dtype):
            _check_finite(values.to_numpy(dtype=np.float64, na_value=np.nan), values.index, label)


def check_panel(parts: Mapping[Any, pd.DataFrame], X: pd.DataFrame | None) -> None:
    """Refuse series that are too short, empty or irregular, and covariates that lack their rows.

    Parameters
    ----------
    parts : mapping of key to pandas.DataFrame
        Series of the target; the key is empty for one outside of panels.
    X : pandas.DataFrame or None
        Covariates of all series.

    Raises
    ------
    ValueError
        If a series has fewer than 3 time steps, no value at all, gaps in its time stamps, or
        another frequency than the longest series, or if ``X`` lacks rows.
    """
    covariates = None if X is None else split_panel(X)
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
        check_values(y, label)
        Timeline.of(y.index, label)
        if covariates is not None:
            check_covered(y.index, covariates.get(key), label)
    _check_one_frequency(parts)


def check_covered(index: pd.Index, X: pd.DataFrame | None, label: str) -> None:
    """Refuse covariates without rows at the time stamps of a target.

    Raises
    ------
    ValueError
        If rows are missing; the message lists them.
    """
    missing = index if X is None else index.difference(X.index)
    if len(missing):
        raise ValueError(
            f"X has no row at {listed(missing)}, where {label} has one; give the covariates at "
            "all time stamps of y."
        )


def _check_one_frequency(parts: Mapping[Any, pd.DataFrame]) -> None:
    """Refuse a panel of series that do not share one grid of time stamps."""
    if len(parts) < 2:
        return
    usual, longest = max(parts.items(), key=lambda item: len(item[1]))
    timeline = Timeline.of(longest.index)
    for key, y in parts.items():
        if y.index.equals(longest.index):
            continue
        try:
            follows = bool((np.diff(timeline.steps(y.index)) == 1).all())
        except ValueError:
            follows = False
        if not follows:
            raise ValueError(
                f"y{list(key)!r} has the time stamps {listed(y.index)}, which do not follow the "
                f"frequency of y{list(usual)!r}, {timeline.freq or 'one step'}; fit series of "
                "different frequencies separately, or bring them to one with resample."
            )


def _columns(data: Any, name: str) -> list[tuple[pd.Series, str]]:
    """Return the columns of a series, each with its name in messages."""
    if isinstance(data, np.ndarray) and data.ndim == 1:
        return [(pd.Series(data), name)]
    if isinstance(data, np.ndarray) and data.ndim == 2:
        return [(pd.Series(column), f"{name}[:, {i}]") for i, column in enumerate(data.T)]
    if isinstance(data, pd.Series):
        return [(data, name)]
    if isinstance(data, pd.DataFrame) and not _is_nested(data):
        return [(data[column], f"{name}[{column!r}]") for column in data.columns]
    return []


def _holds_dates(values: pd.Series) -> bool:
    """Whether a column holds dates or periods, or text that begins like one: 2026-11."""
    if _is_dated(values):
        return True
    if pd.api.types.is_numeric_dtype(values.dtype) or values.empty:
        return False
    given = values.dropna()
    return bool(len(given)) and all(
        isinstance(each, date) or (isinstance(each, str) and _DATE.match(each) is not None)
        for each in given.iloc[:5]
    )


def _is_dated(values: pd.Series) -> bool:
    """Whether a column is of a type of dates or periods."""
    dtype = values.dtype
    return pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype)


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
