"""Reading panels of sktime and lists of arrays as one array per series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def series_of(X: Any) -> tuple[list[np.ndarray], Any] | None:
    """Read a container that holds one object per series.

    These are lists of arrays of unequal length, lists of frames, and frames whose cells are series
    or whose index has two levels: sktime's df-list, nested_univ and pd-multiindex.

    Parameters
    ----------
    X : object
        Series in any container.

    Returns
    -------
    tuple of (list of ndarray, DataFrame or ndarray) or None
        Each series as (n_channels, n_timepoints), and the object that names the channels; None for
        everything else, which is or becomes one array.

    Raises
    ------
    ValueError
        If the series differ in number or names of channels, if a series has channels of different
        lengths, no time steps or complex values, or if an index has more than two levels.
    """
    if isinstance(X, pd.DataFrame):
        if X.index.nlevels > 1:
            return _of_levels(X), X
        return (_of_cells(X), X) if _is_nested(X) else None
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        return _of_arrays(X.tolist(), even_if_equal=True)
    if not isinstance(X, list | tuple) or not len(X):
        return None
    if all(isinstance(each, pd.DataFrame) for each in X):
        return _of_frames(X), X[0]
    return _of_arrays(X)


def _of_arrays(
    X: Sequence[Any], even_if_equal: bool = False
) -> tuple[list[np.ndarray], Any] | None:
    """Read a list of arrays, unless it makes one array as it is."""
    if not all(hasattr(each, "__array__") for each in X):
        # Lists of lists of unequal length, or of numbers.
        if len({_length(each) for each in X}) == 1:
            return None
        X = [_array(each) for each in X]
    arrays = [np.asarray(each) for each in X]
    shapes = {array.shape for array in arrays}
    if (len(shapes) == 1 and not even_if_equal) or not all(
        len(shape) in (1, 2) for shape in shapes
    ):
        return None
    series = [_numeric(array if array.ndim == 2 else array[None]) for array in arrays]
    return _checked(series), series[0]


def _of_frames(frames: Sequence[pd.DataFrame]) -> list[np.ndarray]:
    columns = frames[0].columns
    for i, frame in enumerate(frames):
        if not frame.columns.equals(columns):
            raise ValueError(
                f"X holds frames of different columns, {list(columns)} and, at position {i}, "
                f"{list(frame.columns)}; give each series the same channels in the same order."
            )
    return _checked([_numeric(frame.to_numpy().T) for frame in frames])


def _of_levels(X: pd.DataFrame) -> list[np.ndarray]:
    if X.index.nlevels > 2:
        raise ValueError(
            f"X has an index of {X.index.nlevels} levels; give a panel one level for the series "
            "and one for time."
        )
    # By the level's codes, since a series may have any name.
    codes, _ = pd.factorize(X.index.get_level_values(0))
    values = _numeric(X.to_numpy())
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))[:-1]
    return _checked([part.T for part in np.split(values[order], ends)])


def _is_nested(X: pd.DataFrame) -> bool:
    kinds = (pd.Series, np.ndarray)
    return bool(len(X)) and any(isinstance(value, kinds) for value in X.iloc[0])


def _of_cells(X: pd.DataFrame) -> list[np.ndarray]:
    series = []
    for i in range(len(X)):
        channels = [np.atleast_1d(np.asarray(value)) for value in X.iloc[i]]
        lengths = sorted({len(channel) for channel in channels})
        if len(lengths) > 1:
            raise ValueError(
                f"X has channels of {lengths[0]} to {lengths[-1]} time steps in row {i}; give all "
                "channels of a series the same time steps."
            )
        series.append(_numeric(np.stack(channels)))
    return _checked(series)


def _checked(series: list[np.ndarray]) -> list[np.ndarray]:
    numbers = sorted({values.shape[0] for values in series})
    if len(numbers) > 1:
        raise ValueError(
            f"X holds series of {numbers[0]} to {numbers[-1]} channels; give all series the same "
            "channels, each as (n_channels, n_timepoints)."
        )
    for i, values in enumerate(series):
        if not values.size:
            raise ValueError(
                f"X holds a series without time steps at position {i}; leave it out, or give it "
                "at least one."
            )
    return series


def _numeric(values: np.ndarray) -> np.ndarray:
    """Return float32 as it is, everything else as float64."""
    if values.dtype.kind == "c":
        raise ValueError("Complex data not supported: X holds complex series; give real ones.")
    return values if values.dtype == np.float32 else values.astype(np.float64)


def _array(values: Any) -> np.ndarray:
    return values if hasattr(values, "__array__") else np.array(values)


def _length(values: Any) -> int:
    return len(values) if hasattr(values, "__len__") and not isinstance(values, str) else -1
