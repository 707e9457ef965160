"""Work on the series of a panel that is done in parts, here or by other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

# Fewer series are not worth a message.
_LEAST_SERIES = 8


@dataclass(frozen=True)
class Spreader:
    """Who does the work, and in how many parts.

    Attributes
    ----------
    call : callable
        ``call(function, jobs)`` gives the results of ``function(*job)`` for each job, in order.
    n_parts : callable
        ``n_parts(n_series)`` gives the number of parts, at least 1.
    """

    call: Callable[[Callable[..., Any], Sequence[Sequence[Any]]], list[Any]]
    n_parts: Callable[[int], int]


_SPREADER: ContextVar[Spreader | None] = ContextVar("_SPREADER", default=None)


@contextmanager
def spreading(spreader: Spreader) -> Iterator[None]:
    """Let others do the work on parts of panels within a block, in this thread alone."""
    token = _SPREADER.set(spreader)
    try:
        yield
    finally:
        _SPREADER.reset(token)


def parts_of(n_series: int) -> list[np.ndarray]:
    """Return the indices of the series of each part: one part unless others do the work."""
    spreader = _SPREADER.get()
    n_parts = 1
    if spreader is not None and n_series >= _LEAST_SERIES:
        n_parts = min(spreader.n_parts(n_series), n_series)
    return np.array_split(np.arange(n_series), max(n_parts, 1))


def in_parts(function: Callable[..., Any], jobs: Sequence[Sequence[Any]]) -> list[Any]:
    """Call a function, which can be pickled, once per part; results in the order of the parts."""
    spreader = _SPREADER.get()
    if spreader is None or len(jobs) == 1:
        return [function(*job) for job in jobs]
    return spreader.call(function, jobs)
