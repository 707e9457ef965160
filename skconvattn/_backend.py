"""Keras and its backend, loaded without the messages that they print when they start."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_BACKENDS = ("tensorflow", "jax", "torch")
# What TensorFlow's native code prints before its log has a level: notes, and what its builds for
# GPUs up to 2.19 call errors, of libraries that are registered twice.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::|[IW]\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\]|"
    rb"E\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\] Unable to register cu\w+ factory:"
)


def load_backend() -> None:
    """Import Keras and its backend without TensorFlow's start-up messages.

    TensorFlow reads the level of its native log once, while it is loaded; the environment is then
    as it was. A level that the user has set is respected, and messages are then left alone.

    Raises
    ------
    ImportError
        If Keras is set to a backend that is not installed.
    """
    if "keras" in sys.modules:
        return
    with _LOCK:
        if _LOG_LEVEL in os.environ:
            _import_keras()
        else:
            os.environ[_LOG_LEVEL] = "3"
            try:
                with _without_chatter():
                    _import_keras()
            finally:
                del os.environ[_LOG_LEVEL]


def _import_keras() -> None:
    try:
        import keras  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in _BACKENDS:
            raise
        raise ImportError(
            f"Keras runs on {error.name}, which is not installed; run pip install {error.name}, or "
            "install another backend and name it in the environment variable KERAS_BACKEND "
            "(tensorflow, jax or torch)."
        ) from error


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
