"""Fits that fail leave the estimator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored_on_error(estimator: object) -> Iterator[None]:
    """Give an estimator its attributes back if the block raises.

    Parameters
    ----------
    estimator : object
        Its attributes are replaced in the block, not changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
