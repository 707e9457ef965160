"""What values in files are looked up by, in dicts and indices: nothing that could take long.

Python hashes text with a secret of the process, and whole numbers of 64 bits to hashes that differ.
Of tuples anyone can find many with one hash, and pandas cuts hashes to 32 bits: looking up such
values takes quadratic time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.persistence.archive import SaveFileError

_PLAIN = (str, bool, int, float, type(None), np.generic)
_MOST_OTHERS = 100


def check_lookups(values: Iterable[Any]) -> None:
    """Refuse many values that are neither text nor numbers where they are looked up.

    Raises
    ------
    SaveFileError
        If there are more than 100 of them.
    """
    n = sum(not isinstance(value, _PLAIN) for value in values)
    if n > _MOST_OTHERS:
        raise SaveFileError(
            f"{n} keys of a dict, or labels of an index, are neither text nor numbers, and files "
            f"hold at most {_MOST_OTHERS} of these together; use text."
        )


def increases(index: pd.Index) -> bool:
    """Whether each label of an index is greater than the one before it, found without hashes."""
    if isinstance(index, pd.RangeIndex):
        return len(index) < 2 or index.step > 0
    values: Any = index.to_numpy()
    if isinstance(index, pd.PeriodIndex | pd.DatetimeIndex | pd.TimedeltaIndex):
        values = index.asi8
    return bool((values[1:] > values[:-1]).all())


def of_levels(levels: list[pd.Index]) -> pd.MultiIndex:
    """Return an index of several levels, as ``pandas.MultiIndex.from_arrays`` does.

    Parameters
    ----------
    levels : list of pandas.Index
        One label of each level per entry; all are equally long.

    Raises
    ------
    ValueError
        If they are not.
    """
    if len({len(level) for level in levels}) != 1:
        raise ValueError("the levels of an index have different lengths")
    found = [_distinct(level) for level in levels]
    labels: list[Any] = [each for each, _ in found]
    codes: list[Any] = [each for _, each in found]
    return pd.MultiIndex(
        levels=labels,
        codes=codes,
        names=[level.name for level in levels],
        verify_integrity=False,
    )


def _distinct(level: pd.Index) -> tuple[pd.Index, np.ndarray]:
    """Return the different labels in order, and which of them each entry has, -1 where missing."""
    present = ~np.asarray(level.isna())
    known = level[present]
    if isinstance(known, pd.PeriodIndex | pd.DatetimeIndex | pd.TimedeltaIndex):
        first, codes = _sorted(known.asi8)
    elif isinstance(known.dtype, np.dtype) and known.dtype.kind in "biuf":
        first, codes = _sorted(known.to_numpy())
    else:
        first, codes = _looked_up(known.tolist())
    of_all = np.full(len(level), -1, dtype=np.intp)
    of_all[present] = codes
    return known.take(first), of_all


def _sorted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, first, codes = np.unique(values, return_index=True, return_inverse=True)
    return first, codes


def _looked_up(values: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    check_lookups(values)
    first: dict[Any, int] = {}
    for i, value in enumerate(values):
        first.setdefault(value, i)
    try:  # as pandas does: numbers before text
        labels = sorted(first, key=lambda label: (isinstance(label, str), label))
    except TypeError:  # others stay in the order in which they come
        labels = list(first)
    position = {label: i for i, label in enumerate(labels)}
    codes = [position[value] for value in values]
    return np.array([first[label] for label in labels], dtype=int), np.array(codes, dtype=int)
