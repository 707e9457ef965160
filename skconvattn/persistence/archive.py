"""The container of saved estimators: one canonical zip, written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import zipfile
from collections.abc import Mapping

MANIFEST = "manifest.json"
# Beside the manifest: arrays, and the class mark that sktime's own load looks for.
CLASS_MARK = "_metadata"
_NAMES = re.compile(rf"{re.escape(MANIFEST)}|{CLASS_MARK}|arrays/(0|[1-9][0-9]{{0,4}})\.npy")

MAX_FILE_BYTES = 1 << 30
MAX_MANIFEST_BYTES = 1 << 24
MAX_MEMBERS = 50_000
# Seconds without a byte written after which nobody writes a temporary file any more.
_ABANDONED_AFTER = 3600.0


class SaveFileError(ValueError):
    """An estimator that cannot be saved, or a file that does not hold one."""


def write_archive(path: str | os.PathLike[str], members: Mapping[str, bytes]) -> None:
    """Write a zip whole or not at all.

    The bytes go to a temporary file in the same directory, to the disk, and then replace
    the file. Equal members give equal files. What writers of this file left behind who were
    killed, more than an hour ago, is removed.

    Parameters
    ----------
    path : str or PathLike
        File to write; an existing one is replaced.
    members : mapping of str to bytes
        Contents by name, in the order of writing.

    Raises
    ------
    SaveFileError
        If the file would be larger than :func:`read_archive` reads.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    sizes = {name: len(content) for name, content in members.items()}
    if sum(sizes.values()) > MAX_FILE_BYTES or len(sizes) > MAX_MEMBERS:
        raise SaveFileError(
            f"The estimator takes {sum(sizes.values())} bytes in {len(sizes)} parts, but a file "
            f"holds {MAX_FILE_BYTES} bytes in {MAX_MEMBERS} parts; fit fewer or shorter series "
            "with one estimator."
        )
    if sizes.get(MANIFEST, 0) > MAX_MANIFEST_BYTES:
        raise SaveFileError(
            f"The estimator's parameters and attributes take {sizes[MANIFEST]} bytes as text, but "
            f"a file holds {MAX_MANIFEST_BYTES}; give long sequences as NumPy arrays."
        )
    _replace(os.path.realpath(path), _packed(members))


def read_archive(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Read a zip that :func:`write_archive` wrote, byte for byte.

    Parameters
    ----------
    path : str or PathLike
        File to read.

    Returns
    -------
    dict of str to bytes
        Contents by name.

    Raises
    ------
    SaveFileError
        If the file is anything else: the sentence says what.
    OSError
        If the file cannot be read.
    """
    size = os.stat(path).st_size
    if size > MAX_FILE_BYTES + (MAX_MEMBERS << 8):
        raise SaveFileError(f"{_shown(path)} has {size} bytes, more than save ever writes.")
    with open(path, "rb") as file:
        data = file.read(size)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_directory(path, archive.infolist(), len(data))
            members = {name: archive.read(name) for name in archive.namelist()}
    except SaveFileError:
        raise
    # What zipfile raises on damaged archives is not one family of errors.
    except Exception as error:
        raise SaveFileError(f"{_shown(path)} is not a whole zip archive: {error}.") from error
    # Neither dates nor comments nor gaps: nothing in the file is left unchecked.
    if _packed(members) != data:
        raise SaveFileError(
            f"{_shown(path)} is a zip archive, but not in the form that save writes; it was "
            "changed or packed again."
        )
    return members


def _check_directory(
    path: str | os.PathLike[str], entries: list[zipfile.ZipInfo], n_bytes: int
) -> None:
    """Refuse an archive by its directory alone, before any member is read."""
    names = [entry.filename for entry in entries]
    shown = _shown(path)
    if len(names) > MAX_MEMBERS:
        raise SaveFileError(f"{shown} has {len(names)} members, more than save ever writes.")
    if len(set(names)) != len(names):
        raise SaveFileError(f"{shown} has two members of one name.")
    for entry in entries:
        if not _NAMES.fullmatch(entry.filename):
            raise SaveFileError(
                f"{shown} has a member {entry.filename!r}, which save never writes."
            )
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise SaveFileError(f"{shown} packs {entry.filename!r}; save packs nothing.")
    if sum(entry.file_size for entry in entries) > n_bytes:
        raise SaveFileError(f"{shown} says that its members are larger than the file.")
    if MANIFEST not in names:
        raise SaveFileError(f"{shown} has no {MANIFEST}; it is not a saved estimator.")
    if entries[names.index(MANIFEST)].file_size > MAX_MANIFEST_BYTES:
        raise SaveFileError(f"{shown} has a larger {MANIFEST} than save ever writes.")


def _packed(members: Mapping[str, bytes]) -> bytes:
    """Return the one zip archive of these members: stored, without dates or owners."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, the earliest that zip knows
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _replace(path: str, data: bytes) -> None:
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, f".{os.path.basename(path)}.{secrets.token_hex(8)}.tmp")
    # Opened as any new file would be, so that the user's umask holds.
    descriptor = os.open(
        temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            now = os.fstat(file.fileno()).st_mtime
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _remove_abandoned(path, now)
    if os.name == "posix":  # the directory's entry, too, is to survive a power cut
        folder = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _remove_abandoned(path: str, now: float) -> None:
    """Remove what writers of this file left who were killed while they wrote.

    ``now`` is by the clock of the file system, which need not be this computer's.
    """
    directory, name = os.path.split(path)
    temporary = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.tmp")
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            # Another writer may be faster, or have rights of its own.
            with contextlib.suppress(OSError):
                if (
                    temporary.fullmatch(entry.name)
                    and entry.is_file(follow_symlinks=False)
                    and now - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_AFTER
                ):
                    os.unlink(entry.path)


def _shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))
