"""A process that is killed while it saves leaves the old file or the new one, never a half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skconvattn import load
from skconvattn.persistence.archive import read_archive, write_archive

N_KILLS = 50
# Imports once; then each line on its input starts a process that saves over one file, again and
# again: two estimators in turn, of 4 MB each.
SERVER = """
import os, sys
import numpy as np
from skconvattn import ConvAttentionRegressor

path = sys.argv[1]
estimators = []
for number in (1, 2):
    estimator = ConvAttentionRegressor(epochs=number)
    estimator._shifts_ = np.full((1, 500_000), float(number))
    estimator.save(path)
    estimators.append(estimator)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        while True:
            for estimator in estimators:
                estimator.save(path)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork, and kills them")
def test_killed_saves_leave_the_old_file_or_the_new(tmp_path: Path):
    path = tmp_path / "model.zip"
    rng = random.Random(3)
    found, interrupted = set(), 0
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        for _ in range(N_KILLS):
            print("start", file=server.stdin, flush=True)
            child = int(server.stdout.readline())
            time.sleep(rng.uniform(0.0, 0.15))
            os.kill(child, signal.SIGKILL)
            assert server.stdout.readline() == "gone\n"
            estimator = load(path)
            assert (estimator._shifts_ == estimator.epochs).all()
            found.add(estimator.epochs)
            for rest in tmp_path.glob(".model.zip.*.tmp"):
                interrupted += 1
                rest.unlink()
            assert list(tmp_path.iterdir()) == [path]
        server.stdin.close()
    # Kills fell into the writing itself, and both estimators were met.
    assert interrupted > 0
    assert found == {1, 2}


def test_what_killed_writers_left_is_removed_an_hour_later_and_nothing_else(tmp_path: Path):
    left = ".model.zip.0123456789abcdef.tmp"
    names = {
        left: 2.0,
        ".model.zip.fedcba9876543210.tmp": 0.5,  # perhaps still written to
        ".other.zip.0123456789abcdef.tmp": 2.0,
        ".modelXzip.0123456789abcdef.tmp": 2.0,
        ".model.zip.notes.tmp": 2.0,
        "model.zip.0123456789abcdef.tmp": 2.0,
    }
    for name, hours in names.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - 3600 * hours,) * 2)
    folder = tmp_path / ".model.zip.00000000000000aa.tmp"
    folder.mkdir()
    os.utime(folder, (0, 0))
    path = tmp_path / "model.zip"
    write_archive(path, {"manifest.json": b"{}"})
    expected = {*names, folder.name, path.name} - {left}
    assert {entry.name for entry in tmp_path.iterdir()} == expected
    assert read_archive(path) == {"manifest.json": b"{}"}
