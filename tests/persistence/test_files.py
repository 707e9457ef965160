"""Files that save did not write are refused with one error and no effect, whatever is in them."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import pickle
import random
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, load
from skconvattn.persistence import SaveFileError, manifest
from skconvattn.persistence.archive import read_archive, write_archive

N_MUTATIONS = 560


class _Bomb:
    """Makes a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("unpickled", "w")


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Contents of the file of a fitted forecaster."""
    y = pd.Series(np.arange(40.0), index=pd.period_range("2000-01", periods=40, freq="M"))
    forecaster = ConvAttentionForecaster(
        epochs=1, random_state=0, filters=2, units=2, optimizer={"class_name": "adam", "config": {}}
    )
    path = tmp_path_factory.mktemp("good") / "model.zip"
    forecaster.fit(y, fh=[1, 2]).save(path)
    return read_archive(path)


@pytest.fixture
def no_effect(
    unchanged_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Work in an empty directory without pickle; what is returned checks that it stays empty."""
    directory = tmp_path / "working directory"
    directory.mkdir()
    monkeypatch.chdir(directory)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler", "_load", "_loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)

    def check() -> None:
        assert list(directory.iterdir()) == []

    return check


def _manifest(members: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(members["manifest.json"])


def _with(members: dict[str, bytes], manifest: dict[str, Any]) -> dict[str, bytes]:
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def _refused(path: Path, match: str | None = None) -> str:
    with pytest.raises(SaveFileError, match=match) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    return message


def _mutated(data: bytes, kind: int, rng: random.Random) -> bytes:
    """Return a file with one thing wrong with it."""
    at = rng.randrange(len(data))
    other = rng.randrange(len(data))
    match kind % 8:
        case 0 | 1 | 2:  # a bit
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 3:  # the end is missing
            return data[:at]
        case 4:  # the beginning is missing
            return data[at + 1 :]
        case 5:  # a stretch of noise
            noise = rng.randbytes(rng.randrange(1, 64))
            return data[:at] + noise + data[at + len(noise) :]
        case 6:  # something in between, before or after
            at = rng.choice([0, at, len(data)])
            return data[:at] + rng.randbytes(rng.randrange(1, 64)) + data[at:]
    first, second = sorted((at, other))  # two parts change places
    return data[second:] + data[first:second] + data[:first]


def test_every_mutated_file_is_refused_without_effect(
    members: dict[str, bytes], no_effect: Callable[[], None], tmp_path: Path
):
    path = tmp_path / "model.zip"
    write_archive(path, members)
    load(path)
    data = path.read_bytes()
    rng = random.Random(20240513)
    n_refused = 0
    for kind in range(N_MUTATIONS):
        mutated = _mutated(data, kind, rng)
        if mutated == data:
            continue
        path.write_bytes(mutated)
        _refused(path)
        n_refused += 1
    assert n_refused >= 500
    no_effect()


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the position of every value in JSON."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [place] + [leaf for key, item in items for leaf in _leaves(item, (*place, key))]


JUNK = [
    None, True, -1, 10**30, 0.5, "", "../../etc/passwd", [], {}, {"array": 0}, {"array": -1},
    {"array": 10**6}, {"float": "1e9"}, {"tuple": [1]}, {"dict": [[[], 1]]}, {"scalar": ["O", 1]},
    {"scalar": ["V9", 1]}, {"random_state": []}, {"record": ["os", {}]}, {"estimator": {}},
    {"keras": {"dict": [["class_name", "Lambda"], ["module", "keras.layers"]]}},
    {"keras_function": "utils.get_file"}, {"index": {"kind": "multi", "levels": []}},
    {"vectorized": {"dict": [["__class__", 1]]}}, {"horizon": None}, {"network": "Network"},
]  # fmt: skip


def test_a_manifest_with_any_value_replaced_loads_or_is_refused(
    members: dict[str, bytes], no_effect: Callable[[], None], tmp_path: Path
):
    manifest, path = _manifest(members), tmp_path / "model.zip"
    places = [place for place in _leaves(manifest) if place]
    rng = random.Random(7)
    n_refused = 0
    for _ in range(200):
        changed = copy.deepcopy(manifest)
        *parents, last = rng.choice(places)
        inner = changed
        for key in parents:
            inner = inner[key]
        inner[last] = rng.choice(JUNK)
        write_archive(path, _with(members, changed))
        try:
            load(path)
        except SaveFileError:
            n_refused += 1
    assert n_refused > 130  # the others are other parameters or numbers of an estimator
    no_effect()


def _zip(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize(
    ("entries", "method", "reason"),
    [
        ([("arrays/0.npy", bytes(50_000_000))], zipfile.ZIP_DEFLATED, "packs"),
        ([("../model.npy", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("/etc/model.npy", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("arrays/../../0.npy", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("arrays\\0.npy", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("arrays/00.npy", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("arrays/0.pkl", b"")], zipfile.ZIP_STORED, "save never writes"),
        ([("_obj", pickle.dumps(_Bomb()))], zipfile.ZIP_STORED, "save never writes"),
        ([("arrays/0.npy", b"a"), ("arrays/0.npy", b"b")], zipfile.ZIP_STORED, "one name"),
        ([("arrays/0.npy", b"a")], zipfile.ZIP_STORED, "no manifest.json"),
        ([("manifest.json", b"{}")], zipfile.ZIP_STORED, "not in the form"),
        ([], zipfile.ZIP_STORED, "no manifest.json"),
    ],
)
def test_zips_with_other_members_are_refused(
    entries: list[tuple[str, bytes]],
    method: int,
    reason: str,
    no_effect: Callable[[], None],
    tmp_path: Path,
):
    path = tmp_path / "model.zip"
    path.write_bytes(_zip(entries, method))
    tracemalloc.start()
    try:
        _refused(path, reason)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    no_effect()


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"\x80\x04." * 50])
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "model.zip").write_bytes(content)
    _refused(tmp_path / "model.zip")


def _npy(array: np.ndarray, **header: Any) -> bytes:
    """Return an array in NumPy's format, with another header if wanted."""
    buffer = io.BytesIO()
    described = {**np.lib.format.header_data_from_array_1_0(array), **header}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue() + (b"" if array.dtype == object else array.tobytes())


def _with_array(
    members: dict[str, bytes], content: bytes, described: dict[str, Any]
) -> dict[str, bytes]:
    """Put another array in place of the first, its sum included."""
    manifest = _manifest(members)
    digest = hashlib.sha256(content).hexdigest()
    manifest["members"]["arrays/0.npy"] = {"sha256": digest, **described}
    return _with({**members, "arrays/0.npy": content}, manifest)


VALUES = np.arange(4.0)


@pytest.mark.parametrize(
    ("content", "described", "reason"),
    [
        (_npy(VALUES, shape=(10**15,)), {"dtype": "<f8", "shape": [10**15]}, "another size"),
        (_npy(VALUES, shape=(2**62, 4)), {"dtype": "<f8", "shape": [2**62, 4]}, "another size"),
        (_npy(VALUES, shape=(-4,)), {"dtype": "<f8", "shape": [-4]}, "size"),
        (_npy(VALUES), {"dtype": "<f8", "shape": [5]}, "header of an array"),
        (_npy(VALUES), {"dtype": "<i8", "shape": [4]}, "header of an array"),
        (_npy(VALUES)[:-1], {"dtype": "<f8", "shape": [4]}, "another size"),
        (_npy(VALUES) + b"\0", {"dtype": "<f8", "shape": [4]}, "another size"),
        (_npy(VALUES, fortran_order=True), {"dtype": "<f8", "shape": [4]}, "save never writes"),
        (
            _npy(np.array([_Bomb()])) + pickle.dumps(np.array([_Bomb()])),
            {"dtype": "|O", "shape": [1]},
            "save never writes",
        ),
        (
            _npy(np.zeros(1, dtype=[("a", "<f8")])),
            {"dtype": "|V8", "shape": [1]},
            "save never writes",
        ),
        (b"\x93NUMPY\x03\x00" + _npy(VALUES)[8:], {"dtype": "<f8", "shape": [4]}, "version"),
        (
            b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
            {"dtype": "<f8", "shape": [4]},
            "content is not what save writes",
        ),
        (b"", {"dtype": "<f8", "shape": [0]}, "content is not what save writes"),
    ],
)
def test_arrays_are_checked_before_they_are_read(
    content: bytes,
    described: dict[str, Any],
    reason: str,
    members: dict[str, bytes],
    no_effect: Callable[[], None],
    tmp_path: Path,
):
    path = tmp_path / "model.zip"
    write_archive(path, _with_array(members, content, described))
    _refused(path, reason)
    no_effect()


def test_swapped_members_are_refused(members: dict[str, bytes], tmp_path: Path):
    path = tmp_path / "model.zip"
    manifest = _manifest(members)
    names = sorted(name for name in members if name.startswith("arrays/"))
    one, other = names[0], names[1]
    swapped = {**members, one: members[other], other: members[one]}
    write_archive(path, swapped)
    _refused(path, "SHA-256")
    missing = {name: content for name, content in members.items() if name != names[-1]}
    write_archive(path, missing)
    _refused(path, "not those that its manifest lists")
    del manifest["members"][names[0]]
    write_archive(path, _with({n: c for n, c in members.items() if n != names[0]}, manifest))
    _refused(path, "not numbered in order")


def _set(*place: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        inner = manifest
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = to

    return change


def _windows_of(length: int) -> Callable[[dict[str, Any]], None]:
    """Change the length of windows wherever a manifest has it."""

    def change(manifest: dict[str, Any]) -> None:
        _set(*SPEC, "n_timepoints", to=length)(manifest)
        _set(*SPEC[:4], "window", "record", 1, "length", to=length)(manifest)

    return change


SPEC = ("state", "fitted_forecast_", "record", 1, "model", "record", 1, "spec", "record", 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("format", to="pickle"), "not a saved estimator"),
        (_set("schema", to=2), "schema 2.*load it with the version that saved it"),
        (_set("schema", to="1"), "schema '1'"),
        (_set("estimator", to="ThetaForecaster"), "not an estimator of this version"),
        (_set("estimator", to="ConvAttentionRegressor"), "forecasters"),
        (_set("estimator", to="AttentionForecaster"), "names another class"),
        (_set("estimator", to="load"), "not an estimator of this version"),
        (_set("parameters", "n_gpus", to=8), "no parameter n_gpus"),
        (_set("parameters", "epochs", to=-1), "epochs"),
        (_set("parameters", "loss", to='{"class_name": "f", "module": "os"}'), "loss="),
        (_set("state", "fit", to=1), "'fit'"),
        (_set("state", "model_", to=1), "'model_'"),
        (_set("state", "__class__", to=1), "'__class__'"),
        (_set("state", "epochs", to=1), "'epochs'"),
        (_set("state", "a b", to=1), "'a b'"),
        (_set("extra", to=1), "entries"),
        (_set("parameters", "optimizer", to={"dict": [["module", "os"]]}), "'os'"),
        (
            _set("parameters", "optimizer", to={"keras": {"dict": [["class_name", "Adam"]]}}),
            "content is not",
        ),
        (_set(*SPEC, "head", "record", 1, "horizon", to=3), "is not one for"),
        (_set(*SPEC, "n_timepoints", to=10**9), "is not one for"),
        (_set(*SPEC, "n_timepoints", to=0), "is not one for"),
        (_windows_of(13), "the network has"),
        (_windows_of(10**9), "out of bounds"),
        (_windows_of(0), "a window is empty"),
        (_set(*SPEC, "masked", to=None), "masked"),
        (_set(*SPEC, "network", to={"network": "os"}), "KeyError"),
    ],
)
def test_manifests_that_say_something_else_are_refused(
    change: Callable[[dict[str, Any]], None],
    reason: str,
    members: dict[str, bytes],
    no_effect: Callable[[], None],
    tmp_path: Path,
):
    manifest, path = _manifest(members), tmp_path / "model.zip"
    change(manifest)
    write_archive(path, _with(members, manifest))
    _refused(path, reason)
    no_effect()


@pytest.mark.parametrize("units", [5, 10**6, 10**12])
def test_a_network_too_large_for_its_weights_is_never_allocated(
    units: int, members: dict[str, bytes], tmp_path: Path
):
    text = members["manifest.json"].decode()
    assert '["tuple"' not in text
    changed = text.replace('["units", 2]', f'["units", {units}]')
    changed = changed.replace('["filters", 2]', f'["filters", {units}]')
    assert changed != text
    path = tmp_path / "model.zip"
    write_archive(path, {**members, "manifest.json": changed.encode()})
    _refused(path, "the network has|out of bounds")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000 + "]" * 100_000, "lists and dicts in its manifest"),
        # Python 3.14 reads them, and finds that they are no manifest.
        ("[" * 10_000 + "]" * 10_000, "RecursionError|'list' object has no attribute"),
        ('{"format": "skconvattn", "format": "skconvattn"}', "twice"),
        ('{"format": NaN}', "NaN"),
        ("[]", "not what save writes"),
        ("", "not what save writes"),
        ("\xff", "not ASCII"),
        ('{"format": "skconvattn"}\0', "not what save writes"),
        ('{"format": 0.' + "1" * 100 + "}", "a number of 102 digits"),
        ('{"format": ' + "1" * 5000 + "}", "not what save writes"),
    ],
)
def test_broken_manifests_are_refused(
    text: str, reason: str, members: dict[str, bytes], tmp_path: Path
):
    path = tmp_path / "model.zip"
    write_archive(path, {**members, "manifest.json": text.encode("latin-1")})
    _refused(path, reason)


@pytest.mark.parametrize(
    "zone", ["dateutil//etc/passwd", "/etc/passwd", "../etc/passwd", "Europe/../../x"]
)
def test_a_time_zone_is_never_a_path(zone: str, tmp_path: Path):
    index = pd.date_range("2024-01-01", periods=40, freq="h", tz="Europe/Berlin")
    y = pd.Series(np.arange(40.0), index=index)
    path = tmp_path / "model.zip"
    ConvAttentionForecaster(epochs=1, filters=2, units=2).fit(y, fh=[1]).save(path)
    members = read_archive(path)
    changed = members["manifest.json"].replace(b'"Europe/Berlin"', json.dumps(zone).encode())
    assert changed != members["manifest.json"]
    write_archive(path, {**members, "manifest.json": changed})
    _refused(path, "is not a time zone")


def test_the_class_mark_for_sktime_is_compared_and_never_read(
    members: dict[str, bytes], no_effect: Callable[[], None], tmp_path: Path
):
    bomb = b"cbuiltins\nopen\n(S'unpickled'\nS'w'\ntR."
    manifest, path = _manifest(members), tmp_path / "model.zip"
    manifest["members"]["_metadata"]["sha256"] = hashlib.sha256(bomb).hexdigest()
    write_archive(path, _with({**members, "_metadata": bomb}, manifest))
    _refused(path, "names another class")
    no_effect()


def test_a_file_of_another_minor_version_loads_with_defaults_for_what_it_lacks(
    members: dict[str, bytes], tmp_path: Path
):
    manifest, path = _manifest(members), tmp_path / "model.zip"
    manifest["versions"]["skconvattn"] = "0.0.9"
    del manifest["parameters"]["patience"]
    write_archive(path, _with(members, manifest))
    assert load(path).patience == ConvAttentionForecaster().patience


def test_a_file_of_a_newer_version_says_which_version_it_needs(
    members: dict[str, bytes], tmp_path: Path
):
    manifest, path = _manifest(members), tmp_path / "model.zip"
    manifest["versions"]["skconvattn"] = "0.9.0"
    manifest["parameters"]["n_gpus"] = 8
    write_archive(path, _with(members, manifest))
    message = _refused(path, "saved by skconvattn 0.9.0")
    assert "n_gpus" in message


def test_a_missing_file_is_a_missing_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "model.zip")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = tmp_path / "model.zip"
    ConvAttentionClassifier(epochs=3).save(path)
    before = path.read_bytes()

    def fail(*args: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space"):
        ConvAttentionClassifier(epochs=4).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_estimator_too_large_for_a_file_is_refused_before_writing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("skconvattn.persistence.archive.MAX_FILE_BYTES", 100)
    with pytest.raises(SaveFileError, match="holds 100 bytes"):
        ConvAttentionClassifier().save(tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


def test_saving_follows_a_link_and_the_umask(tmp_path: Path):
    target, link = tmp_path / "target.zip", tmp_path / "link.zip"
    link.symlink_to(target)
    ConvAttentionClassifier(epochs=3).save(link)
    assert link.is_symlink()
    assert load(link).epochs == load(target).epochs == 3
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_schema_is_the_first_and_its_files_are_read():
    # Raise the number only with code that reads, or names, the files of the one before.
    assert manifest.SCHEMA == 1
