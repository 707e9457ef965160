"""Refusals of arrays that no estimator can use, in one sentence that names the argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def check_given(values: Any, name: str, *, labels: bool = False, at_least_2d: bool = False) -> None:
    """Refuse what is no array of numbers, or of labels.

    Parameters
    ----------
    values : object
        What the user gave; sparse matrices and containers of series are left to other checks.
    name : str
        Name of the argument.
    labels : bool
        Whether text is accepted.
    at_least_2d : bool
        Whether a second axis is needed.

    Raises
    ------
    TypeError
        If values are dates, durations or containers.
    ValueError
        If values are masked, complex, text, or have too few axes.
    """
    if isinstance(values, pd.DataFrame):
        for column, dtype in zip(values.columns, values.dtypes, strict=True):
            _check_type(dtype, f"{name}[{column!r}]", labels)
        return
    if hasattr(values, "toarray"):
        return
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise ValueError(
            f"{name} is a masked array, whose mask would be lost; mark missing values by NaN, as "
            f"{name}.astype(float).filled(numpy.nan) does, or leave the rows out."
        )
    if values is None or isinstance(values, Mapping | str) or np.isscalar(values):
        raise (TypeError if isinstance(values, Mapping) else ValueError)(
            f"{name} is {'None' if values is None else f'a {type(values).__name__}'}, and has to "
            "be an array; Reshape your data to one row per sample, where it is a single one."
        )
    array = _as_array(values, name)
    _check_type(array.dtype, name, labels)
    if array.dtype.kind in "OUS":
        _check_cells(array, name, labels)
    if at_least_2d and array.ndim < 2:
        raise ValueError(
            f"{name} has one axis; Reshape your data with {name}.reshape(1, -1) if it is a single "
            f"series, or with {name}.reshape(-1, 1) if series have one time step."
        )


def check_target_axes(y: Any) -> None:
    """Refuse targets without a column, or with more than two axes.

    Raises
    ------
    ValueError
        If ``y`` is one of them.
    """
    shape = np.asarray(y).shape  # of objects that have __array__ alone, too
    if len(shape) > 2 or 0 in shape[1:]:
        raise ValueError(
            f"y has the shape {shape}; give targets of shape (n_samples,) or "
            "(n_samples, n_outputs)."
        )


def _as_array(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} has rows or cells of unequal length; cut them to one length, with one number "
            "per cell."
        ) from error


def _check_type(dtype: Any, name: str, labels: bool) -> None:
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"Complex data not supported: {name} is of {dtype}; give its real parts.")
    dated = getattr(dtype, "kind", "") in "Mm" or isinstance(dtype, pd.PeriodDtype)
    if dated:
        kind = "labels or numbers" if labels else "numbers"
        raise TypeError(
            f"{name} has values of type {dtype}, dates or durations, and {kind} are needed; "
            "convert them, for example to days as a number."
        )


def _check_cells(array: np.ndarray, name: str, labels: bool) -> None:
    """Refuse cells that hold containers, and text where numbers are needed."""
    for cell in array.ravel():
        if isinstance(cell, list | tuple | set | np.ndarray | Mapping):
            raise TypeError(
                f"{name} has a {type(cell).__name__} in a cell; the argument must be a string or a "
                "real number per cell, such as one column for each entry."
            )
        if labels or cell is None or not isinstance(cell, str | bytes):
            continue
        try:
            float(cell)
        except ValueError as error:
            raise ValueError(
                f"{name} has the text {cell!r}: could not convert string to float; give numbers, "
                "or encode categories first."
            ) from error
