"""The user's process stays as it was: drawing numbers and failing leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def generator_from(random_state: Any) -> np.random.Generator:
    """Return a generator of our own.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        An integer gives the same generator each time; a generator is drawn from once; None takes
        fresh entropy, and unlike scikit-learn's convention leaves NumPy's global state alone.

    Returns
    -------
    numpy.random.Generator
        The generator.
    """
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31 - 1, size=4))
    if isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state.integers(2**31 - 1, size=4))
    return np.random.default_rng(random_state)


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
