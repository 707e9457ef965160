"""A fuzzer of model files: each is loaded or refused in time, without effect, and then predicts.

``python -m tests.persistence.fuzzing --files 10000`` (``make fuzz``) changes files of the archive
of version 0.1 at three levels: bytes, members and arrays with right sums, and values of the
manifest. What is loaded has to predict, or to say in one sentence why not. It runs in a process of
its own, with an audit hook and limits of time and memory for each file, and leaves the files that
broke a promise in a folder that it names.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import io
import json
import linecache
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from skconvattn.persistence import SaveFileError
from skconvattn.persistence.archive import read_archive, write_archive
from tests.persistence.written import FOLDER, loaded, predictions

# Limits per file of less than 1 MB: CPU time in s, the fastest of some tries where the machine is
# busy, and memory above that of the process in MB.
SECONDS, TRIES, MEGABYTES = 2.0, 3, 256.0
# What loading never does; "open" counts where it is for writing.
FORBIDDEN = re.compile(
    r"open|exec|pickle\.find_class|socket\..*|subprocess\.Popen|os\.(system|exec|fork|posix_spawn|"
    r"spawn|remove|rename|rmdir|mkdir|truncate|chmod|chown|link|symlink|putenv|unsetenv)|shutil\..*"
)
NUMBERS = [-1, 0, 1, 2, 3, 7, 64, 255, 10**6, 2**31, 10**12, 2**63, 10**30, 0.5, -0.5, 1e308]
JUNK: list[Any] = [
    None, True, False, "", "a", "../../etc/passwd", "\ud800", [], {}, [[]],
    {"array": 0}, {"array": -1}, {"float": "nan"}, {"float": "inf"}, {"tuple": []},
    {"tuple": [{"tuple": ["a"]}]}, {"dict": []}, {"dict": [["a", 1]]}, {"scalar": ["<f4", 1]},
    {"scalar": ["O", 1]}, {"random_state": []}, {"record": ["os", {}]}, {"estimator": {}},
    {"keras_function": "utils.get_file"}, {"index": {"kind": "multi", "levels": []}},
    {"index": {"kind": "range", "name": None, "bounds": [0, 10**9, 1]}},
    {"record": ["PointOutput", {"loss_name": "mean_absolute_error"}]},
    {"record": ["ClassOutput", {"n_classes": 10**6}]},
    {"keras": {"dict": [["module", "keras.layers"], ["class_name", "Dense"],
                        ["config", {"dict": [["units", 10**6]]}], ["registered_name", None]]}},
]  # fmt: skip
TYPES = ["<f4", "<f8", "<i8", "<i4", "|b1", "<U3", "<M8[ns]", "<f2", "|u1", ">f8", "|O"]


class Audit:
    """Counts what is done between :meth:`start` and :meth:`stop` that loading never does."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._armed = False
        sys.addaudithook(self._note)

    def start(self) -> None:
        """Begin to note."""
        self.found, self._armed = [], True

    def stop(self) -> list[str]:
        """Return what was noted."""
        self._armed = False
        return self.found

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed or not FORBIDDEN.fullmatch(event):
            return
        if event == "open" and not _writes(arguments):
            return
        # Modules that are imported late are run too; those of installed packages alone may be.
        if event == "exec" and "site-packages" in getattr(arguments[0], "co_filename", ""):
            return
        self.found.append(f"{event} {arguments!r:.80}")


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(int(flags or 0) & 3)


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return a file with bits, stretches or ends that are others."""
    at, other = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    noise = rng.randbytes(rng.randrange(1, 64))
    match rng.randrange(6):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[at + 1 :]
        case 3:
            return data[:at] + noise + data[at + len(noise) :]
        case 4:
            return data[:at] + noise + data[at:]
    return data[other:] + data[at:other] + data[:at]


def changed_members(
    members: dict[str, bytes], manifest: dict[str, Any], rng: random.Random
) -> None:
    """Change one array or member in place; most sums and descriptions are right afterwards."""
    arrays = [name for name in members if name.endswith(".npy")]
    name, other = rng.choice(arrays), rng.choice(arrays)
    described = manifest["members"]
    old = np.load(io.BytesIO(members[name]))
    match rng.randrange(7):
        case 0:
            members[name], members[other] = members[other], members[name]
            described[name], described[other] = described[other], described[name]
            return
        case 1:
            del members[name], described[name]
            return
        case 2:
            content = members[name] + rng.randbytes(8)
        case 3:
            shape = tuple(rng.choice([0, 1, 2, 3, 100]) for _ in range(rng.randrange(4)))
            content = _npy(np.resize(old, shape) if old.size else np.zeros(shape, old.dtype))
        case 4:
            wanted = np.dtype(rng.choice(TYPES))
            values = np.zeros(old.shape, wanted) if wanted.kind in "OMU" else None
            content = _npy(old.astype(wanted) if values is None and old.dtype.kind in "biuf"
                           else np.zeros(old.shape, wanted))  # fmt: skip
        case 5:
            values = old.copy().ravel()
            if values.size and values.dtype.kind in "iuf":
                with np.errstate(all="ignore"):
                    value = rng.choice([np.nan, np.inf, -1.0, 0.0, 1e30])
                    values[rng.randrange(values.size)] = np.array(value).astype(values.dtype)
            content = _npy(values.reshape(old.shape))
        case _:
            content = members[name].replace(b"False", rng.choice([b"True ", b"0    "]), 1)
    members[name] = content
    described[name] = {**described[name], "sha256": hashlib.sha256(content).hexdigest()}
    header = re.search(rb"'descr': '([^']+)'.*'shape': \(([0-9, ]*)\)", content)
    if header and rng.random() < 0.9:
        described[name]["dtype"] = header[1].decode()
        described[name]["shape"] = [int(n) for n in header[2].decode().split(",") if n.strip()]


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0))
    return buffer.getvalue()


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the position of every value within JSON."""
    pairs = list(value.items()) if isinstance(value, dict) else []
    pairs += list(enumerate(value)) if isinstance(value, list) else []
    return [here, *(place for key, item in pairs for place in places(item, (*here, key)))]


def changed_values(manifest: dict[str, Any], rng: random.Random) -> None:
    """Change one to three values of parameters and state in place."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        room = rng.choice(["parameters", "state", "state", "state"])
        found = [place for place in places(manifest[room]) if place]
        *parents, last = rng.choice(found)
        inner = manifest[room]
        for key in parents:
            inner = inner[key]
        now = inner[last]
        match rng.randrange(6):
            case 0:
                inner[last] = copy.deepcopy(rng.choice(JUNK))
            case 1 | 2 if type(now) in (int, float):
                inner[last] = rng.choice([now + 1, now - 1, -now, *NUMBERS])
            case 3:
                source: Any = manifest[room]
                for key in rng.choice(found):
                    source = source[key]
                inner[last] = copy.deepcopy(source)
            case 4 if isinstance(inner, dict):
                del inner[last]
            case 4 | 5 if isinstance(inner, list):
                inner.insert(last, copy.deepcopy(now))
            case _:
                junk = rng.choice(NUMBERS if isinstance(now, int | float) else JUNK)
                inner[last] = copy.deepcopy(junk)


class Fuzzer:
    """Changes files, loads them, and counts what becomes of them.

    Parameters
    ----------
    seed : int
        Of all changes.
    folder : Path
        Where the file that is loaded lies, and those that broke a promise.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng, self.folder = random.Random(seed), folder
        self.counts: Counter[str] = Counter()
        self.broken: list[str] = []
        self.sources = sorted(FOLDER.glob("*.zip"))
        self.audit = Audit()
        for path in self.sources:  # what is imported late is imported now
            predictions(path.stem, loaded(path))

    def run(self, n_files: int) -> None:
        """Change and load so many files, and say how far it came after every thousand."""
        for number in range(n_files):
            if number and number % 1000 == 0:
                sys.stderr.write(f"{number} files, {len(self.broken)} broken promises\n")
            source = self.rng.choice(self.sources)
            level = ("bytes", "members", "values", "values")[number % 4]
            path = self.folder / "model.zip"
            self._write(path, source, level)
            unchanged = path.read_bytes() == source.read_bytes()
            self._try(path, source.stem, "no change" if unchanged else level, number)

    def _write(self, path: Path, source: Path, level: str) -> None:
        if level == "bytes":
            path.write_bytes(changed_bytes(source.read_bytes(), self.rng))
            return
        members = {name: bytes(content) for name, content in read_archive(source).items()}
        manifest = json.loads(members["manifest.json"])
        if level == "members":
            changed_members(members, manifest, self.rng)
        else:
            changed_values(manifest, self.rng)
        write_archive(path, {**members, "manifest.json": json.dumps(manifest).encode()})

    def _try(self, path: Path, name: str, level: str, number: int) -> None:
        estimator, problems = None, []
        _forget_peak()
        before, started = _peak(), time.process_time()
        self.audit.start()
        try:
            estimator = loaded(path)
            outcome = "loaded"
        except SaveFileError as error:
            outcome = "refused"
            problems += _not_one_sentence(error)
        except Exception as error:  # noqa: BLE001 (counted as a broken promise)
            outcome = "failed"
            problems.append(f"load raised {type(error).__name__}: {error}")
        problems += self.audit.stop()
        seconds, megabytes = time.process_time() - started, _peak() - before
        for _ in range(TRIES - 1):
            seconds = min(seconds, _seconds_again(path) if seconds > SECONDS else seconds)
        if seconds > SECONDS:
            problems.append(f"took {seconds:.1f} s")
        if megabytes > MEGABYTES:
            problems.append(f"took {megabytes:.0f} MB")
        if estimator is not None:
            problems += _prediction_problems(name, estimator)
        if level == "bytes" and outcome == "loaded":
            problems.append("other bytes were loaded")
        self.counts[f"{level} {outcome}"] += 1
        if problems:
            kept = self.folder / f"broken-{number}-{name}.zip"
            path.rename(kept)
            self.broken += [f"{kept.name}: {problem}" for problem in problems]


def _prediction_problems(name: str, estimator: Any) -> list[str]:
    """Return what is wrong with how a loaded estimator predicts; nothing in most cases."""
    horizon = getattr(estimator, "_fh", None)
    if horizon is not None and len(horizon) and np.abs(np.asarray(horizon.to_pandas())).max() > 500:
        return []  # as slow as any other long horizon
    try:
        predictions(name, estimator)
    except (ValueError, TypeError, NotImplementedError) as error:
        inside = _raised_by_package(error)
        return [] if inside else [f"predict raised {type(error).__name__}: {error}"[:400]]
    except Exception as error:  # noqa: BLE001 (counted as a broken promise)
        return [f"predict raised {type(error).__name__}: {error}"[:400]]
    return []


def _seconds_again(path: Path) -> float:
    """Return the CPU time of loading a file once more."""
    started = time.process_time()
    with contextlib.suppress(SaveFileError):
        loaded(path)
    return time.process_time() - started


def _raised_by_package(error: BaseException) -> bool:
    """Whether an error comes from a raise statement of skconvattn, sklearn or sktime."""
    trace, last, line = error.__traceback__, "", 0
    while trace is not None:
        last, line, trace = trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_next
    is_ours = any(package in last for package in ("skconvattn", "sklearn", "sktime"))
    return is_ours and linecache.getline(last, line).strip().startswith("raise")


def _not_one_sentence(error: BaseException) -> list[str]:
    text = str(error)
    return [] if "\n" not in text and len(text) < 2000 else [f"said {text[:200]!r}"]


def _forget_peak() -> None:
    """Let the peak of memory start anew, where the system can."""
    if sys.platform == "linux":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def _peak() -> float:
    """Return the peak of memory in MB; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def main() -> int:
    """Run the fuzzer and print what it found; the exit status says whether a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="how many files")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp(prefix="skconvattn-fuzz-"))
    fuzzer = Fuzzer(given.seed, folder)
    fuzzer.run(given.files)
    report = {"counts": dict(fuzzer.counts), "broken": fuzzer.broken}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    (folder / "model.zip").unlink(missing_ok=True)
    if fuzzer.broken:
        sys.stderr.write(f"{len(fuzzer.broken)} broken promises; the files are in {folder}.\n")
    else:
        folder.rmdir()
    return min(len(fuzzer.broken), 1)


if __name__ == "__main__":
    sys.exit(main())
