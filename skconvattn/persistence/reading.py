"""Reading saved estimators: everything in a file is checked before anything is built from it."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from skconvattn.engine.programs import FittedModel
from skconvattn.persistence.archive import CLASS_MARK, MANIFEST, SaveFileError, read_archive
from skconvattn.persistence.budget import Budget
from skconvattn.persistence.checks import check_models
from skconvattn.persistence.codec import Codec, array_is_safe
from skconvattn.persistence.manifest import (
    class_mark,
    current_name,
    digest,
    parsed_manifest,
    versions,
)
from skconvattn.persistence.vocabulary import decode_estimator, vocabulary

_MAX_HEADER_BYTES = 10_000
_MAX_REASON = 1000
# Little-endian alone, and rows first: save brings every array into this form.
_HEADER = re.compile(
    r"\{'descr': '(?P<descr>[<|][biufUmM]\d{1,9}(\[\w{1,8}\])?)', 'fortran_order': False, "
    r"'shape': \((?P<shape>(-?\d{1,19}, ?)*(-?\d{1,19})?)\), \} *\n"
)


def read(
    path: str | os.PathLike[str],
    classes: Mapping[str, type],
    networks: Mapping[str, Any] | None = None,
) -> Any:
    """Read an estimator from a file.

    Nothing in the file is run: names, sizes, SHA-256 sums, shapes and types are checked first, and
    anything unexpected is refused.

    Parameters
    ----------
    path : str or PathLike
        File that ``estimator.save(path)`` wrote.
    classes : mapping of str to type
        Classes that may be built, by the names that files have for them.
    networks : mapping of str to callable, optional
        Networks of the user's own, by the names that files have for them.

    Returns
    -------
    object
        The estimator, fitted if it was.

    Raises
    ------
    SaveFileError
        If the file is not one that ``save`` wrote, was changed, or holds another class.
    OSError
        If the file cannot be read.
    """
    members = read_archive(path)
    shown = repr(os.fspath(path))
    try:
        text = bytes(members.pop(MANIFEST))
        budget = Budget(len(text) + sum(map(len, members.values())))
        budget.take_text(text)
        return _loaded(parsed_manifest(text), members, budget, classes, networks)
    except SaveFileError as error:
        raise SaveFileError(f"{shown} cannot be loaded: {_one_line(error)}") from error
    # A manifest that was tampered with can break any line of the decoding.
    except Exception as error:
        said = _one_line(error)
        reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise SaveFileError(
            f"{shown} cannot be loaded, its content is not what save writes ({reason})."
        ) from error


def _one_line(error: Exception) -> str:
    """Return a message in one line: those of other packages may have many, and repeat the file."""
    text = str(error)
    said = " ".join(text[: 2 * _MAX_REASON].split())
    return said if len(said) <= _MAX_REASON else f"{said[:_MAX_REASON]} ..."


def _loaded(
    manifest: dict[str, Any],
    members: Mapping[str, bytes | memoryview],
    budget: Budget,
    classes: Mapping[str, type],
    networks: Mapping[str, Any] | None,
) -> Any:
    try:
        name = current_name(manifest["estimator"])
        if name not in classes:
            raise SaveFileError(
                f"it holds a {name!r}, which is not an estimator of this version; if it is a class "
                f"of your own, give it to load, as in load(path, networks={{{name!r}: {name}}})."
            )
        cls = classes[name]
        _check_members(manifest["members"], members, cls, manifest["estimator"])
        described = {n: d for n, d in manifest["members"].items() if n != CLASS_MARK}
        arrays = [_array(members[name], entry) for name, entry in described.items()]
        codec = Codec(*vocabulary(cls, given=networks), arrays=arrays, budget=budget)
        estimator = decode_estimator(codec, manifest, cls)
        codec.check_all_read()
        models = [value for value in codec.decoded if isinstance(value, FittedModel)]
        check_models(models, budget)
    except Exception as error:
        written = manifest["versions"]["skconvattn"]
        if written == versions()["skconvattn"]:
            raise
        raise SaveFileError(
            f"it was saved by skconvattn {written}, and this is "
            f"{versions()['skconvattn']}, which reads it no further than: {error}"
        ) from error
    return estimator


def _check_members(
    described: dict[str, Any], members: Mapping[str, bytes | memoryview], cls: type, written: str
) -> None:
    if list(described) != list(members):
        raise SaveFileError("its members are not those that its manifest lists.")
    arrays = [name for name in members if name != CLASS_MARK]
    if arrays != [f"arrays/{i}.npy" for i in range(len(arrays))]:
        raise SaveFileError("its arrays are not numbered in order.")
    for name, content in members.items():
        if described[name]["sha256"] != digest(content):
            raise SaveFileError(f"the SHA-256 sum of {name} is not the one in its manifest.")
    # Compared and never read: sktime's load reads it.
    if (CLASS_MARK in members) != cls._file_is_marked:  # type: ignore[attr-defined]
        raise SaveFileError(f"it should have {CLASS_MARK} for forecasters, and for them alone.")
    if members.get(CLASS_MARK, class_mark(written)) != class_mark(written):
        raise SaveFileError(f"its {CLASS_MARK} names another class than its manifest.")


def _array(content: bytes | memoryview, described: dict[str, Any]) -> np.ndarray:
    """Return an array, once header, description and size agree."""
    if bytes(content[:8]) != b"\x93NUMPY\x01\x00":
        raise _no_array(content)
    n_header = int.from_bytes(content[8:10], "little")
    if n_header > _MAX_HEADER_BYTES:
        raise ValueError(f"the header of an array has {n_header} bytes")
    start = 10 + n_header
    # NumPy has written headers like this since its format 1.0; save writes no other types.
    header = _HEADER.fullmatch(bytes(content[10:start]).decode("latin-1"))
    if header is None:
        raise SaveFileError("an array has a header or a type that save never writes.")
    dtype = _dtype(header["descr"])
    shape = tuple(int(size) for size in header["shape"].replace(" ", "").split(",") if size)
    if [dtype.str, list(shape)] != [described["dtype"], described["shape"]]:
        raise SaveFileError("the header of an array is not what its manifest says.")
    n_items = math.prod(shape)
    if min(shape, default=0) < 0 or n_items * dtype.itemsize != len(content) - start:
        raise SaveFileError(f"an array of shape {shape} and type {dtype} has another size.")
    return np.frombuffer(content, dtype=dtype, count=n_items, offset=start).reshape(shape)


def _no_array(content: bytes | memoryview) -> Exception:
    if bytes(content[:6]) == b"\x93NUMPY":
        return SaveFileError("an array is of another version of NumPy's format.")
    return ValueError("a member is no array")


@functools.lru_cache(maxsize=256)
def _dtype(name: str) -> np.dtype[Any]:
    dtype = np.dtype(name)
    if not array_is_safe(dtype):
        raise SaveFileError(f"an array is of type {dtype}, which save never writes.")
    return dtype
