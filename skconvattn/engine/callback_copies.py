"""Copies of the user's callbacks for one fit, so that what a fit needs does not stay in them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse what is no callback.

    Parameters
    ----------
    callbacks : sequence of object
        As the user gave them.

    Raises
    ------
    TypeError
        If an entry is a class, or anything else that is no callback.
    """
    for callback in callbacks:
        if isinstance(callback, type):
            raise TypeError(
                f"callbacks has the class {callback.__name__}, and a fit calls objects; give "
                f"{callback.__name__}(...) with its arguments."
            )
        if not hasattr(callback, "on_epoch_end"):
            raise TypeError(
                f"callbacks has {callback!r}, which is not a callback; give objects from "
                "keras.callbacks, or of a subclass of keras.callbacks.Callback."
            )


@contextmanager
def copied_callbacks(callbacks: Sequence[Any]) -> Iterator[list[Any]]:
    """Lend copies that a fit may write into.

    Models, writers and files that a fit assigns stay in the copies, and Keras's own callbacks as
    they were. What callbacks of the user's own have noted is seen in them after the fit: a list or
    dictionary that the constructor made is the same object in both, and numbers, text, arrays and
    collections of these are handed back. Callbacks within callbacks are copied as well.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
        As the user gave them.

    Yields
    ------
    list of keras.callbacks.Callback
        One shallow copy per callback; one object given twice is one object again.
    """
    copies: dict[int, tuple[Any, Any]] = {}
    try:
        yield [_copied(callback, copies) for callback in callbacks]
    finally:
        for given, copied in copies.values():
            if type(given).__module__.partition(".")[0] != "keras":
                _hand_back(given, copied)


def _copied(value: Any, copies: dict[int, tuple[Any, Any]]) -> Any:
    """Return a callback's copy, or a list of callbacks with copies; other values are themselves."""
    import keras

    if id(value) in copies:
        return copies[id(value)][1]
    if isinstance(value, list | tuple) and any(
        isinstance(item, keras.callbacks.Callback) for item in value
    ):
        return type(value)([_copied(item, copies) for item in value])
    if not isinstance(value, keras.callbacks.Callback):
        return value
    copied = copy.copy(value)
    copies[id(value)] = value, copied
    if "_futures" in vars(copied):
        copied._futures = []  # calls that Keras's list of callbacks makes in threads, on JAX
    for name, attribute in vars(value).items():
        inner = _copied(attribute, copies)
        if inner is not attribute:
            vars(copied)[name] = inner
    return copied


def _hand_back(given: Any, copied: Any) -> None:
    """Set what a copy has noted in the callback that the user holds."""
    for name, value in vars(copied).items():
        if name not in ("_model", "params", "validation_data") and _is_plain(value):
            vars(given)[name] = value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.dtype != object)
