"""A process that is killed while it saves leaves the old file or the new one, never a half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from skconvattn import load
from skconvattn.persistence.archive import read_archive, write_archive

# `make kill` kills more.
N_KILLS = int(os.environ.get("N_KILLS", "50"))
N_STUDIES = int(os.environ.get("N_STUDIES", "2"))
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


# Each line on its input starts a process that goes on with one study of Optuna: a trial fits, and
# saves its model before its value is noted.
STUDY = """
import os, sys
import numpy as np
import optuna
from skconvattn import ConvAttentionRegressor

folder = sys.argv[1]
optuna.logging.set_verbosity(optuna.logging.ERROR)
X = np.random.default_rng(0).normal(size=(30, 6))

def tried(trial):
    regressor = ConvAttentionRegressor(
        filters=2, units=2, epochs=trial.suggest_int("epochs", 1, 4), random_state=0
    )
    score = regressor.fit(X, X[:, 0]).score(X, X[:, 0])
    regressor.save(os.path.join(folder, f"{trial.number}.zip"))
    return score

print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        storage = f"sqlite:///{folder}/study.db"
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
        study.optimize(tried, n_trials=10_000)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork, and kills them")
def test_a_killed_study_goes_on_and_its_models_load(tmp_path: Path):
    rng = random.Random(5)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STUDY, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        seen = 0
        for _ in range(N_STUDIES):
            print("start", file=server.stdin, flush=True)
            child = int(server.stdout.readline())
            finished = _wait_for_models(tmp_path, seen)
            time.sleep(rng.uniform(0.0, 0.3))
            os.kill(child, signal.SIGKILL)
            assert server.stdout.readline() == "gone\n"
            assert finished, "the study made no progress"
            seen = _check_study(tmp_path)
        server.stdin.close()


def _wait_for_models(folder: Path, seen: int) -> bool:
    """Wait until a study has saved two models more."""
    for _ in range(1200):
        if len(list(folder.glob("[0-9]*.zip"))) >= seen + 2:
            return True
        time.sleep(0.1)
    return False


def _check_study(folder: Path) -> int:
    """Load the models of all finished trials; return how many models there are."""
    trials = optuna.load_study(storage=f"sqlite:///{folder}/study.db", study_name="s").trials
    finished = [trial for trial in trials if trial.state.is_finished()]
    assert len(finished) > 0
    for trial in finished[-5:]:
        assert trial.value is not None
        assert load(folder / f"{trial.number}.zip").epochs == trial.params["epochs"]
    for path in folder.glob("[0-9]*.zip"):
        read_archive(path)
    return len(list(folder.glob("[0-9]*.zip")))


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
