"""The user's process stays as it was: loading Keras, drawing numbers and failing leave no trace."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_LOCK = threading.Lock()
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# What TensorFlow's native code prints before its log has a level: notes, no errors.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::|[IW]\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\]"
)


def load_backend() -> None:
    """Import Keras and its backend without TensorFlow's start-up messages.

    TensorFlow reads the level of its native log once, while it is loaded; the environment is then
    as it was. A level that the user has set is respected, and messages are then left alone.
    """
    if "keras" in sys.modules:
        return
    with _LOCK:
        if _LOG_LEVEL in os.environ:
            import keras
        else:
            os.environ[_LOG_LEVEL] = "3"
            try:
                with _without_chatter():
                    import keras
            finally:
                del os.environ[_LOG_LEVEL]
        del keras


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what native code writes to the error stream, and pass on all but its notes."""
    try:
        stream = os.dup(2)
    except OSError:
        # No error stream, as in a windowed process.
        yield
        return
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            held_back.seek(0)
            kept = b"".join(line for line in held_back if not _CHATTER.match(line))
            if kept:
                os.write(2, kept)


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
