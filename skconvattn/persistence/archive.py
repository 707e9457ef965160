"""The container of saved estimators: one canonical zip, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import struct
import zlib
from collections.abc import Mapping

MANIFEST = "manifest.json"
# Beside the manifest: arrays, and the class mark that sktime's own load looks for.
CLASS_MARK = "_metadata"
_NAMES = re.compile(rf"{re.escape(MANIFEST)}|{CLASS_MARK}|arrays/(0|[1-9][0-9]{{0,4}})\.npy")

MAX_FILE_BYTES = 1 << 30
MAX_MANIFEST_BYTES = 1 << 24
MAX_MEMBERS = 50_000
# Headers of a zip: of a member, of its entry in the directory, and of the end of the directory.
_LOCAL = struct.Struct("<4s2B4HL2L2H")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _ENTRY_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION, _UNIX = 20, 3
# Time and date of every member: 1980-01-01, the earliest that zip knows.
_WHEN = (0, 33)
_READABLE_BY_OWNER = 0o600 << 16
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


def read_archive(path: str | os.PathLike[str]) -> dict[str, bytes | memoryview]:
    """Read a zip that :func:`write_archive` wrote, byte for byte.

    Parameters
    ----------
    path : str or PathLike
        File to read.

    Returns
    -------
    dict of str to bytes or memoryview
        The manifest as bytes, all else as views of the one copy of the file in memory.

    Raises
    ------
    SaveFileError
        If the file is anything else: the sentence says what.
    OSError
        If the file cannot be read.
    """
    shown = repr(os.fspath(path))
    view = memoryview(_content(path, shown))
    members: dict[str, bytes | memoryview] = {}
    entries: list[bytes] = []
    start, in_form = 0, True
    while view[start : start + 4] == _LOCAL_MARK:
        if len(members) == MAX_MEMBERS:
            raise SaveFileError(f"{shown} has more members than save ever writes.")
        name, content, after = _member(view, start, shown)
        if name in members:
            raise SaveFileError(f"{shown} has two members of one name.")
        members[name] = content
        header, entry = _headers(name, content, start)
        in_form &= view[start : after - len(content)] == header
        entries.append(entry)
        start = after
    if view[start : start + 4] not in (_ENTRY_MARK, _END_MARK):
        raise SaveFileError(f"{shown} is not a whole zip archive.")
    if MANIFEST not in members:
        raise SaveFileError(f"{shown} has no {MANIFEST}; it is not a saved estimator.")
    # Neither dates nor comments nor gaps: nothing in the file is left unchecked.
    if not in_form or view[start:] != _directory(entries, start):
        raise SaveFileError(
            f"{shown} is a zip archive, but not in the form that save writes; it was changed or "
            "packed again."
        )
    if len(members[MANIFEST]) > MAX_MANIFEST_BYTES:
        raise SaveFileError(f"{shown} has a larger {MANIFEST} than save ever writes.")
    members[MANIFEST] = bytes(members[MANIFEST])
    return members


def _content(path: str | os.PathLike[str], shown: str) -> bytes:
    """Return the bytes of a regular file, and wait for none of a pipe or a device."""
    if os.path.isdir(path):  # some systems cannot open one
        raise SaveFileError(f"{shown} is a folder; name the file in it that save wrote.")
    # A pipe opens at once, even if nobody writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SaveFileError(
                f"{shown} is a device or a pipe; name a regular file that save wrote."
            )
        if status.st_size > MAX_FILE_BYTES + (MAX_MEMBERS << 8):
            raise SaveFileError(f"{shown} has {status.st_size} bytes, more than save ever writes.")
        return file.read(status.st_size)


def _member(view: memoryview, start: int, shown: str) -> tuple[str, memoryview, int]:
    """Return name, content and end of the member whose header starts at a position."""
    names_at = start + _LOCAL.size
    if names_at > len(view):
        raise SaveFileError(f"{shown} is not a whole zip archive.")
    header = _LOCAL.unpack_from(view, start)
    method, packed_size, size, n_name, n_extra = header[4], *header[8:12]
    name = bytes(view[names_at : names_at + n_name]).decode("ascii", "backslashreplace")
    if not _NAMES.fullmatch(name):
        raise SaveFileError(f"{shown} has a member {name[:80]!r}, which save never writes.")
    if method or packed_size != size:
        raise SaveFileError(f"{shown} packs {name!r}; save packs nothing.")
    begin = names_at + n_name + n_extra
    if begin + size > len(view):
        raise SaveFileError(f"{shown} says that its members are larger than the file.")
    return name, view[begin : begin + size], begin + size


def _headers(name: str, content: bytes | memoryview, start: int) -> tuple[bytes, bytes]:
    """Return the header of a member and its entry in the directory: stored, dated 1980."""
    encoded = name.encode("ascii")
    common = (0, 0, *_WHEN, zlib.crc32(content), len(content), len(content), len(encoded), 0)
    header = _LOCAL.pack(_LOCAL_MARK, _VERSION, 0, *common)
    entry = _ENTRY.pack(
        *(_ENTRY_MARK, _VERSION, _UNIX, _VERSION, 0, *common, 0, 0, 0, _READABLE_BY_OWNER, start)
    )
    return header + encoded, entry + encoded


def _directory(entries: list[bytes], start: int) -> bytes:
    """Return the end of an archive, which begins at a position: the entries of all members."""
    joined = b"".join(entries)
    n = len(entries)
    return joined + _END.pack(_END_MARK, 0, 0, n, n, len(joined), start, 0)


def _packed(members: Mapping[str, bytes]) -> bytes:
    """Return the one zip archive of these members: stored, without dates or owners."""
    parts: list[bytes] = []
    entries: list[bytes] = []
    start = 0
    for name, content in members.items():
        header, entry = _headers(name, content, start)
        parts += [header, content]
        entries.append(entry)
        start += len(header) + len(content)
    return b"".join([*parts, _directory(entries, start)])


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
