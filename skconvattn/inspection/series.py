"""The series that a forecaster was fitted to, by their names, and their parts of its forecasts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from skconvattn.forecasting.contract import PanelForecaster

# Keys of the index without its last level, and the column where there are several.
Name = tuple[Any, ...]


def histories_of(forecaster: PanelForecaster) -> dict[Name, pd.Series]:
    """Return every target of every series up to the cutoff.

    Parameters
    ----------
    forecaster : PanelForecaster
        A fitted forecaster, also one that holds one forecaster per series.

    Returns
    -------
    dict of tuple to pandas.Series
        By keys of the panel, followed by the column where ``y`` has several; the empty tuple for a
        single series.
    """
    if not hasattr(forecaster, "fitted_forecast_"):
        # One forecaster per series, which sktime keeps in a frame.
        parts = forecaster.forecasters_
        return {
            (*_as_tuple(key), *name): history
            for key, own in zip(parts.index, parts.to_numpy().ravel(), strict=True)
            for name, history in histories_of(own).items()
        }
    found = {}
    for key, history in forecaster.panel_:
        for column in history.y.columns:
            name = (*key, column) if history.y.shape[1] > 1 else key
            found[name] = history.y[column]
    return found


def chosen(names: Iterable[Name], wanted: Any) -> list[Name]:
    """Return the names that are asked for.

    Parameters
    ----------
    names : iterable of tuple
        All names.
    wanted : object or list of object
        A name, the beginning of one, such as a region of a hierarchy, or a list of them.

    Returns
    -------
    list of tuple
        Names in the order asked for.

    Raises
    ------
    ValueError
        If there is no such series.
    """
    names = list(names)
    found: list[Name] = []
    for each in wanted if isinstance(wanted, list) else [wanted]:
        start = _as_tuple(each)
        matching = [name for name in names if name[: len(start)] == start]
        if not matching:
            known = ", ".join(repr(as_label(name)) for name in names[:5])
            raise ValueError(f"series={each!r} is not among the series {known}, ...; name one.")
        found.extend(matching)
    return found


def part_of(values: pd.Series | pd.DataFrame, name: Name) -> pd.Series:
    """Return one series of a forecast, or of actual values.

    Parameters
    ----------
    values : pandas.Series or pandas.DataFrame
        A series, columns, or a panel.
    name : tuple
        Name as in :func:`histories_of`.

    Returns
    -------
    pandas.Series of shape (n_steps,)
        The series; empty if there is none of this name.
    """
    rows = rows_of(values, name)
    if isinstance(rows, pd.Series):
        return rows
    column = name[-1] if rows.shape[1] > 1 else rows.columns[0]
    return rows[column] if column in rows.columns else rows.iloc[:0, 0]


def rows_of(values: Any, name: Name) -> Any:
    """Return the rows of one series of a panel; all rows of what is no panel."""
    n_keys = values.index.nlevels - 1
    if n_keys == 0:
        return values
    keys = values.index.droplevel(-1)
    key = name[:n_keys] if n_keys > 1 else name[0]
    rows = values[keys == key]
    return rows.set_axis(rows.index.get_level_values(-1))


def as_label(name: Name) -> Any:
    """Return a name as it is written in ``series=``: without the tuple where it has one part."""
    return name[0] if len(name) == 1 else name


def as_text(name: Name) -> str:
    """Return a name as a title."""
    return ", ".join(str(part) for part in name)


def _as_tuple(name: Any) -> Name:
    return name if isinstance(name, tuple) else (name,)
