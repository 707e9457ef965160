"""Saving estimators to files that hold data and no code."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from skconvattn.persistence.archive import CLASS_MARK, MANIFEST, write_archive
from skconvattn.persistence.attributes import Check
from skconvattn.persistence.budget import Budget
from skconvattn.persistence.codec import Codec, Kind
from skconvattn.persistence.manifest import FORMAT, SCHEMA, class_mark, digest, versions
from skconvattn.persistence.vocabulary import (
    encode_estimator,
    has_callbacks,
    saved_name,
    vocabulary,
)


class Saveable:
    """What estimators need to be saved to a file."""

    # Beside what every file holds: types of the room that the estimator belongs to.
    _file_kinds: ClassVar[tuple[Kind, ...]] = ()
    _file_records: ClassVar[tuple[type, ...]] = ()
    # Attributes that files may have beside parameters, and the check of all of them together.
    _file_attributes: ClassVar[Mapping[str, Check]] = {}
    _check_file_state: ClassVar[Callable[[Any, Budget], None]]
    # Whether files carry the mark by which sktime's load finds the class.
    _file_is_marked: ClassVar[bool] = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the estimator, fitted or not, to a file that holds data only.

        The file is a zip of JSON and NumPy arrays; :func:`skconvattn.load` reads it, and gives the
        same predictions to the last bit. It is written whole or not at all. Callbacks, which serve
        fits alone, are left out with a warning.

        Parameters
        ----------
        path : str or PathLike
            File to write; an existing one is replaced.

        Raises
        ------
        SaveFileError
            If a parameter or attribute cannot be written as data, such as a lambda.
            Nothing is written then.
        OSError
            If the file cannot be written.
        """
        save_estimator(self, path)


def save_estimator(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write an estimator to a file; see :meth:`Saveable.save`."""
    check_path(path)
    members = _members(estimator)
    if has_callbacks(estimator):
        warnings.warn(
            "callbacks are left out of the file, which holds data and no code; set them again with "
            "set_params(callbacks=...) after loading to train further with them.",
            UserWarning,
            stacklevel=3,
        )
    write_archive(path, members)


def check_path(path: Any) -> None:
    """Refuse what names no file.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If it is empty.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path={path!r} is not a path; give the name of a file, as text.")
    if not os.fspath(path):
        raise ValueError("path is empty; give the name of a file, such as 'model.zip'.")


def _members(estimator: Any) -> dict[str, bytes]:
    """Return the contents of an estimator's file by name."""
    name = saved_name(type(estimator))
    codec = Codec(*vocabulary(type(estimator), own=getattr(estimator, "network", None)))
    encoded = encode_estimator(codec, estimator)
    members: dict[str, bytes] = {}
    described: dict[str, Any] = {}
    if type(estimator)._file_is_marked:
        members[CLASS_MARK] = class_mark(name)
        described[CLASS_MARK] = {"sha256": digest(members[CLASS_MARK])}
    for i, array in enumerate(codec.arrays):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        member = members[f"arrays/{i}.npy"] = buffer.getvalue()
        described[f"arrays/{i}.npy"] = {
            "sha256": digest(member),
            "dtype": array.dtype.str,
            "shape": list(array.shape),
        }
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        **encoded,
        "versions": versions(),
        "members": described,
    }
    text = json.dumps(manifest, allow_nan=False).encode()
    # What load would refuse is not written.
    Budget(len(text) + sum(map(len, members.values()))).take_text(text)
    return {MANIFEST: text, **members}
