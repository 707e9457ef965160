"""Refusals of objects that hold no series, before sktime lists all containers that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def check_container(data: Any, name: str) -> None:
    """Refuse what is no container of series.

    Parameters
    ----------
    data : object
        What the user gave; None and containers that pandas and NumPy do not know are left alone.
    name : str
        Name of the argument.

    Raises
    ------
    TypeError
        If it is a number, a text or a dict, or has lists in its cells.
    ValueError
        If it has no column, more than three axes, or masked values.
    """
    if isinstance(data, str | bytes | Mapping) or (data is not None and np.isscalar(data)):
        raise TypeError(
            f"{name} is a {type(data).__name__}; give a series, for example a pandas.Series with a "
            "time index."
        )
    if np.ma.isMaskedArray(data) and np.ma.getmaskarray(data).any():
        raise ValueError(
            f"{name} is a masked array, whose mask would be lost; mark missing values by NaN, as "
            f"{name}.astype(float).filled(numpy.nan) does."
        )
    if isinstance(data, np.ndarray) and data.ndim not in (1, 2, 3):
        raise ValueError(
            f"{name} has {data.ndim} axes, {data.shape}; give one series as (n_timepoints,) or "
            "(n_timepoints, n_columns), and many as (n_series, n_columns, n_timepoints)."
        )
    if isinstance(data, pd.Series | pd.DataFrame):
        _check_columns(data, name)


def _check_columns(data: pd.Series | pd.DataFrame, name: str) -> None:
    frame = data.to_frame() if isinstance(data, pd.Series) else data
    if frame.shape[1] == 0 and name == "y":
        raise ValueError(f"{name} has no column; give at least one.")
    for i, column in enumerate(frame.columns):
        values = frame.iloc[:, i]
        if values.dtype == object and values.map(lambda cell: isinstance(cell, list | dict)).any():
            raise TypeError(
                f"{name}[{column!r}] has lists or dicts in its cells; give one value per cell, "
                "such as one column for each entry."
            )
