"""Saving estimators to files that hold no code, and loading them without running any."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import validate_parameter_constraints

from skconvattn import _registry
from skconvattn._hyperparameters import parameter_names
from skconvattn.persistence.archive import (
    CLASS_MARK,
    MANIFEST,
    SaveFileError,
    read_archive,
    write_archive,
)
from skconvattn.persistence.codec import Codec, Kind, array_is_safe

FORMAT = "skconvattn"
SCHEMA = 1
_PACKAGES = ("skconvattn", "keras", "numpy", "pandas", "scikit-learn", "sktime", "tensorflow")
_MAX_HEADER_BYTES = 10_000
_ATTRIBUTE = re.compile(r"[A-Za-z]\w*|_(?!_)\w+", flags=re.ASCII)


class Saveable:
    """What estimators need to be saved to a file."""

    # Beside what every file holds: types of the room that the estimator belongs to.
    _file_kinds: ClassVar[tuple[Kind, ...]] = ()
    _file_records: ClassVar[tuple[type, ...]] = ()
    # Whether files carry the mark by which sktime's load finds the class.
    _file_is_marked: ClassVar[bool] = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the estimator, fitted or not, to a file that holds data only.

        The file is a zip of JSON and NumPy arrays; :func:`skconvattn.load` reads it, and gives the
        same predictions to the last bit. It is written whole or not at all.

        Parameters
        ----------
        path : str or PathLike
            File to write; an existing one is replaced.

        Raises
        ------
        SaveFileError
            If a parameter or attribute cannot be written as data, such as a lambda or a callback.
            Nothing is written then.
        OSError
            If the file cannot be written.
        """
        write_archive(path, _members(self))


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator that was saved to a file.

    The network is built anew by this package. Nothing in the file is run: names, sizes, SHA-256
    sums, shapes and types are checked first, and anything unexpected is refused.

    Parameters
    ----------
    path : str or PathLike
        File that ``estimator.save(path)`` wrote.

    Returns
    -------
    object
        The estimator, fitted if it was.

    Raises
    ------
    SaveFileError
        If the file is not one that ``save`` wrote, was changed, or needs another version.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> from skconvattn import ConvAttentionRegressor, load
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.zip")
    ...     ConvAttentionRegressor(filters=8).save(path)
    ...     load(path)
    ConvAttentionRegressor(filters=8)
    """
    members = read_archive(path)
    shown = repr(os.fspath(path))
    try:
        manifest = _manifest(members.pop(MANIFEST))
        return _loaded(manifest, members)
    except SaveFileError as error:
        raise SaveFileError(f"{shown} cannot be loaded: {error}") from error
    # A manifest that was tampered with can break any line of the decoding.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise SaveFileError(
            f"{shown} cannot be loaded, its content is not what save writes ({reason})."
        ) from error


def _members(estimator: Any) -> dict[str, bytes]:
    """Return the contents of an estimator's file by name."""
    name = _registered_name(type(estimator))
    codec = Codec(*_vocabulary(type(estimator)))
    encoded = _encode_estimator(codec, estimator)
    members: dict[str, bytes] = {}
    described: dict[str, Any] = {}
    if type(estimator)._file_is_marked:
        members[CLASS_MARK] = _class_mark(name)
        described[CLASS_MARK] = {"sha256": _digest(members[CLASS_MARK])}
    for i, array in enumerate(codec.arrays):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        member = members[f"arrays/{i}.npy"] = buffer.getvalue()
        described[f"arrays/{i}.npy"] = {
            "sha256": _digest(member),
            "dtype": array.dtype.str,
            "shape": list(array.shape),
        }
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        **encoded,
        "versions": _versions(),
        "members": described,
    }
    text = json.dumps(manifest, allow_nan=False).encode()
    return {MANIFEST: text, **members}


def _encode_estimator(codec: Codec, estimator: Any) -> dict[str, Any]:
    names = parameter_names(type(estimator))
    attributes = {name: v for name, v in vars(estimator).items() if name not in names}
    parameters = {name: getattr(estimator, name) for name in names}
    _validate(type(estimator), parameters)
    return {
        "estimator": _registered_name(type(estimator)),
        "parameters": {name: codec.encode(v, name) for name, v in parameters.items()},
        "state": {name: codec.encode(v, name) for name, v in attributes.items()},
    }


def _decode_estimator(codec: Codec, payload: Any, cls: type) -> Any:
    known = parameter_names(cls)
    if payload["estimator"] != cls.__name__:
        raise SaveFileError(f"it holds a {payload['estimator']} inside a {cls.__name__}.")
    unknown = sorted(payload["parameters"].keys() - set(known))
    if unknown:
        raise SaveFileError(
            f"{cls.__name__} has no parameter {', '.join(unknown)} in this version."
        )
    # Parameters that a newer version added have their defaults.
    parameters = {name: codec.decode(item) for name, item in payload["parameters"].items()}
    _validate(cls, parameters)
    state = {_attribute(cls, n): codec.decode(item) for n, item in payload["state"].items()}
    estimator = cls(**parameters)
    for name in vars(estimator).keys() - set(known):
        delattr(estimator, name)
    vars(estimator).update(state)
    return estimator


def _loaded(manifest: dict[str, Any], members: dict[str, bytes]) -> Any:
    from skconvattn.engine.programs import FittedModel
    from skconvattn.persistence.checks import check_models

    try:
        cls = _registered_class(manifest["estimator"])
        _check_members(manifest["members"], members, cls)
        described = {n: d for n, d in manifest["members"].items() if n != CLASS_MARK}
        arrays = [_array(members[name], entry) for name, entry in described.items()]
        codec = Codec(*_vocabulary(cls), arrays=arrays)
        estimator = _decode_estimator(codec, manifest, cls)
        check_models([value for value in codec.decoded if isinstance(value, FittedModel)])
    except Exception as error:
        written = manifest["versions"]["skconvattn"]
        if written == _versions()["skconvattn"]:
            raise
        raise SaveFileError(
            f"it was saved by skconvattn {written}, and this is "
            f"{_versions()['skconvattn']}, which reads it no further than: {error}"
        ) from error
    return estimator


def _manifest(text: bytes) -> dict[str, Any]:
    manifest = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    if manifest.get("format") != FORMAT:
        raise SaveFileError("it is not a saved estimator of skconvattn.")
    schema = manifest["schema"]
    if schema != SCHEMA:
        raise SaveFileError(
            f"it has schema {schema!r}, written by skconvattn "
            f"{manifest.get('versions', {}).get('skconvattn')}, and this version reads schema "
            f"{SCHEMA}; load it with the version that saved it."
        )
    expected = {"format", "schema", "estimator", "parameters", "state", "versions", "members"}
    if manifest.keys() != expected:
        raise SaveFileError(f"its manifest has the entries {sorted(manifest)}.")
    return manifest


def _check_members(described: dict[str, Any], members: dict[str, bytes], cls: type) -> None:
    if list(described) != list(members):
        raise SaveFileError("its members are not those that its manifest lists.")
    arrays = [name for name in members if name != CLASS_MARK]
    if arrays != [f"arrays/{i}.npy" for i in range(len(arrays))]:
        raise SaveFileError("its arrays are not numbered in order.")
    for name, content in members.items():
        if described[name]["sha256"] != _digest(content):
            raise SaveFileError(f"the SHA-256 sum of {name} is not the one in its manifest.")
    # Compared and never read: sktime's load reads it.
    if (CLASS_MARK in members) != cls._file_is_marked:  # type: ignore[attr-defined]
        raise SaveFileError(f"it should have {CLASS_MARK} for forecasters, and for them alone.")
    if members.get(CLASS_MARK, _class_mark(cls.__name__)) != _class_mark(cls.__name__):
        raise SaveFileError(f"its {CLASS_MARK} names another class than its manifest.")


def _array(content: bytes, described: dict[str, Any]) -> np.ndarray:
    """Return an array, once header, description and size agree."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise SaveFileError("an array is of another version of NumPy's format.")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(
        file, max_header_size=_MAX_HEADER_BYTES
    )
    if fortran_order or not array_is_safe(dtype):
        raise SaveFileError(f"an array is of type {dtype}, which save never writes.")
    if [dtype.str, list(shape)] != [described["dtype"], described["shape"]]:
        raise SaveFileError("the header of an array is not what its manifest says.")
    n_items = 1
    for size in shape:
        n_items *= size
    if any(size < 0 for size in shape) or n_items * dtype.itemsize != len(content) - file.tell():
        raise SaveFileError(f"an array of shape {shape} and type {dtype} has another size.")
    return np.frombuffer(content, dtype=dtype, count=n_items, offset=file.tell()).reshape(shape)


def _vocabulary(cls: Any) -> tuple[tuple[Kind, ...], tuple[type, ...]]:
    """Return the kinds and records that files of a class may hold."""
    from skconvattn import networks
    from skconvattn.data.panel import Preparation
    from skconvattn.data.scaling import Scaling
    from skconvattn.engine.programs import FittedModel
    from skconvattn.persistence.keras_values import KERAS_KINDS
    from skconvattn.persistence.pandas_values import PANDAS_KINDS

    network = cls.network_class()
    architecture = Kind(
        "network",
        lambda value: value is network,
        lambda codec, value, name: value.__name__,
        lambda codec, payload: {network.__name__: network}[payload],
    )
    nested = Kind(
        "estimator",
        lambda value: type(value) is cls,
        lambda codec, value, name: _encode_estimator(codec, value),
        lambda codec, payload: _decode_estimator(codec, payload, cls),
    )
    public = [getattr(networks, name) for name in networks.__all__]
    heads = [item for item in public if inspect.isclass(item) and issubclass(item, networks.Head)]
    records = (FittedModel, networks.ModelSpec, *heads, Scaling, Preparation)
    return (
        (*PANDAS_KINDS, architecture, nested, *cls._file_kinds, *KERAS_KINDS),
        (*records, *cls._file_records),
    )


def _registered_name(cls: type) -> str:
    for name, known in _registry.all_estimators():
        if known is cls:
            return name
    raise SaveFileError(
        f"{cls.__name__} is not one of skconvattn's own estimators, so load could not build it; "
        "use pickle or joblib for your own subclasses."
    )


def _registered_class(name: Any) -> Any:
    classes = dict(_registry.all_estimators())
    if name not in classes:
        raise SaveFileError(f"it holds a {name!r}, which is not an estimator of this version.")
    return classes[name]


def _validate(cls: Any, parameters: dict[str, Any]) -> None:
    try:
        validate_parameter_constraints(
            {n: rule for n, rule in cls._parameter_constraints.items() if n in parameters},
            parameters,
            caller_name=cls.__name__,
        )
    except ValueError as error:
        raise SaveFileError(str(error)) from error
    for name, value in parameters.items():
        if isinstance(value, str) and value.lstrip().startswith("{"):
            raise SaveFileError(f"{name}={value!r} is a configuration as text; give it as a dict.")


def _attribute(cls: type, name: str) -> str:
    """Return the name of an attribute, if it hides neither a method nor a parameter."""
    hidden = getattr(cls, name, None)
    if (
        not _ATTRIBUTE.fullmatch(name)
        or name in parameter_names(cls)
        or callable(hidden)
        or isinstance(hidden, property)
    ):
        raise SaveFileError(f"{name!r} is not the name of an attribute that estimators have.")
    return name


def _class_mark(name: str) -> bytes:
    """Return what sktime's load reads to find the class: a name, in pickle's notation."""
    return f"cskconvattn\n{name}\n.".encode()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise SaveFileError("its manifest has an entry twice.")
    return entries


def _no_constant(name: str) -> Any:
    raise SaveFileError(f"its manifest holds {name}, which is not JSON.")
