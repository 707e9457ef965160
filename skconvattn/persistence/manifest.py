"""The manifest of a saved estimator: what a file says of itself, and how it is checked."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from skconvattn import __version__
from skconvattn.persistence.archive import SaveFileError

FORMAT = "skconvattn"
SCHEMA = 1
# Digits, sign and exponent of a number with a fraction; Python writes at most 24.
_MAX_DIGITS = 32
# Larger whole numbers could all have one hash, and fill dicts and indices at quadratic cost.
INTEGERS = range(-(1 << 63), 1 << 64)
# Names in older files of estimators, architectures and records that were renamed since, by those
# names. A name is never used again for something else.
RENAMED: dict[str, str] = {}
_PACKAGES = ("keras", "numpy", "pandas", "scikit-learn", "sktime", "tensorflow")


def parsed_manifest(text: bytes) -> dict[str, Any]:
    """Return the entries of a manifest.

    Raises
    ------
    SaveFileError
        If it is of another format or schema, or has other entries.
    """
    try:
        # Of UTF-8 only what json.dumps writes; UTF-16 and UTF-32 are no ASCII.
        decoded = text.decode("ascii")
    except UnicodeDecodeError as error:
        raise SaveFileError("its manifest is not ASCII text, which save always writes.") from error
    manifest = json.loads(
        decoded,
        object_pairs_hook=_without_repeats,
        parse_constant=_no_constant,
        parse_float=_float,
        parse_int=_integer,
    )
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


def current_name(name: Any) -> Any:
    """Return the present name of an estimator, an architecture or a record in a file."""
    return RENAMED.get(name, name) if isinstance(name, str) else name


def class_mark(name: str) -> bytes:
    """Return what sktime's load reads to find the class: a name, in pickle's notation."""
    return f"cskconvattn\n{name}\n.".encode()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a file depends on."""
    found = {"python": platform.python_version(), "skconvattn": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def digest(content: bytes | memoryview) -> str:
    """Return the SHA-256 sum of a member."""
    return hashlib.sha256(content).hexdigest()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise SaveFileError("its manifest has an entry twice.")
    return entries


def _float(digits: str) -> float:
    if len(digits) > _MAX_DIGITS:
        raise SaveFileError(f"its manifest has a number of {len(digits)} digits.")
    return float(digits)


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= _MAX_DIGITS else INTEGERS.stop
    if value not in INTEGERS:
        raise ValueError("a whole number has more than 64 bits")
    return value


def _no_constant(name: str) -> Any:
    raise SaveFileError(f"its manifest holds {name}, which is not JSON.")
