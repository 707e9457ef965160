"""Which attributes estimators of a class have in files, and what values each of them may have.

A table has one entry per attribute: its name and a check, one of those below. What depends on
several attributes is checked by a function of the class, with the helpers at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

# Whether a value is one that the attribute may have.
Check = Callable[[Any], Any]


def is_a(*types: type) -> Check:
    """Accept values of these types; True and False are no whole numbers."""
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def one_of(*values: Any) -> Check:
    """Accept these values and no others."""
    return lambda value: any(type(value) is type(known) and value == known for known in values)


def at_least(least: float) -> Check:
    """Accept whole numbers from the least on."""
    return lambda value: (
        isinstance(value, int | np.integer) and type(value) is not bool and (value >= least)
    )


def is_number(value: Any) -> bool:
    """Accept real numbers, infinite ones and NaN among them."""
    return isinstance(value, int | float | np.integer | np.floating) and type(value) is not bool


def optional(check: Check) -> Check:
    """Accept None, and what another check accepts."""
    return lambda value: value is None or check(value)


def each(kind: type[list[Any]] | type[tuple[Any, ...]], check: Check) -> Check:
    """Accept lists or tuples, as ``kind`` says, of which a check accepts every item."""
    return lambda value: isinstance(value, kind) and all(check(item) for item in value)


def by_name(check: Check) -> Check:
    """Accept dicts from text to what a check accepts."""
    return lambda value: (
        isinstance(value, dict)
        and all(isinstance(key, str) for key in value)
        and all(check(item) for item in value.values())
    )


def entries(checks: Mapping[str, Check]) -> Check:
    """Accept dicts with some of these keys and values that their checks accept."""
    return lambda value: (
        isinstance(value, dict)
        and value.keys() <= checks.keys()
        and all(checks[key](item) for key, item in value.items())
    )


def array(kinds: str, ndim: int) -> Check:
    """Accept arrays with so many axes, of one of these kinds, NumPy's letters."""
    return lambda value: (
        isinstance(value, np.ndarray) and value.dtype.kind in kinds and value.ndim == ndim
    )


def require(holds: Any, what: str) -> None:
    """Refuse a file of which something does not hold.

    Raises
    ------
    ValueError
        If it does not; ``what`` says what should.
    """
    if not holds:
        raise ValueError(what)


def require_array(
    value: Any, shape: tuple[int, ...], name: str, kinds: str = "f", least: float = -np.inf
) -> None:
    """Refuse an array of another shape or kind, or with values that are not finite or too small.

    Raises
    ------
    ValueError
        If it is one.
    """
    require(
        isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in kinds,
        f"{name} is no array of shape {shape}",
    )
    if value.size and value.dtype.kind in "iuf":
        inside = np.isfinite(value).all() and value.min() >= least
        require(inside, f"{name} has a value that is not finite or below {least}")


def require_scale(value: Any, shape: tuple[int, ...], name: str) -> None:
    """Refuse scales that are not positive and finite.

    Raises
    ------
    ValueError
        If there are any.
    """
    require_array(value, shape, name)
    require((value > 0).all(), f"{name} is not positive")


def require_unique(values: Iterable[Any], name: str) -> None:
    """Refuse values of which two are equal.

    Raises
    ------
    ValueError
        If there are any.
    """
    values = list(values)
    require(len(set(values)) == len(values), f"{name} has one value twice")
