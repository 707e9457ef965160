"""A search whose process is killed at any moment goes on where it was, and repeats nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from skconvattn.tuning import OptunaSearch, studies

# `make kill` kills ten times, in a study of 50 trials.
N_KILLS = int(os.environ.get("N_SEARCH_KILLS", "2"))
N_TRIALS = int(os.environ.get("N_SEARCH_TRIALS", "10"))
# Imports once; then each line on its input starts a process that goes on with one study.
SERVER = """
import os, sys, time
import optuna
from optuna.distributions import FloatDistribution
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from skconvattn.tuning import OptunaSearch

class Slow(Ridge):
    def fit(self, X, y, sample_weight=None):
        time.sleep(0.03)
        return super().fit(X, y, sample_weight)

X, y = load_diabetes(return_X_y=True)
search = OptunaSearch(
    Slow(), {"alpha": FloatDistribution(1e-3, 10.0, log=True)}, cv=2, n_trials=int(sys.argv[2]),
    storage=sys.argv[1], resume=True, random_state=0, progress_bar=False,
    pruner=optuna.pruners.NopPruner(),
)
print("ready", flush=True)
for line in sys.stdin:
    children = []
    for _ in range(int(line)):
        child = os.fork()
        if child == 0:
            search.fit(X, y)
            os._exit(0)
        children.append(child)
    print(*children, flush=True)
    print(*[os.waitpid(child, 0)[1] for child in children], flush=True)
"""


class _Server:
    """Starts processes that search, and waits for their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER, str(path), str(N_TRIALS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def start(self, n_processes: int = 1) -> list[int]:
        """Start processes, and return their numbers."""
        print(n_processes, file=self._process.stdin, flush=True)
        return [int(child) for child in self._line().split()]

    def wait(self) -> list[int]:
        """Wait until they have ended, and return their statuses: 0, or what killed them."""
        return [int(status) for status in self._line().split()]

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """Return the trials in the file; none before the study is made."""
        storage = f"sqlite:///{self.path}"
        try:
            return optuna.load_study(study_name="skconvattn", storage=storage).trials
        except KeyError:
            return []

    def _line(self) -> str:
        return self._process.stdout.readline().strip()


def _finished(trials: list[optuna.trial.FrozenTrial]) -> dict[int, tuple[dict, float]]:
    """Parameters and values of complete trials by number."""
    return {t.number: (t.params, t.value) for t in trials if t.state.name == "COMPLETE"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork, and kills them")
def test_a_search_killed_at_random_moments_is_completed_without_losing_a_trial(tmp_path: Path):
    rng = random.Random(7)
    with _Server(tmp_path / "study.db") as server:
        seen: dict[int, tuple[dict, float]] = {}
        for kill in range(N_KILLS):
            (child,) = server.start()
            # A share of the trials each, so that all kills fall into the search.
            share = (N_TRIALS - 1) * (kill + 1) // (N_KILLS + 1)
            enough = min(share, len(seen) + rng.randint(1, 6))
            end = time.monotonic() + 120
            while len(_finished(server.trials())) < enough:
                assert time.monotonic() < end, "the search made no progress"
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 0.15))
            os.kill(child, signal.SIGKILL)
            assert server.wait() == [signal.SIGKILL]
            now = _finished(server.trials())
            assert {number: now.get(number) for number in seen} == seen
            seen = now
        assert len(seen) < N_TRIALS, "the search was over before the last kill"
        server.start()
        assert server.wait() == [0]
        trials = server.trials()

    found = _finished(trials)
    assert {number: found[number] for number in seen} == seen
    assert len(found) == N_TRIALS
    # What was cut off is recorded so, at most one trial per kill, and its parameters are tried.
    cut_off = [t for t in trials if t.state.name != "COMPLETE"]
    assert {t.state.name for t in cut_off} <= {"FAIL"}
    assert len(cut_off) <= N_KILLS
    tried = [params for params, _ in found.values()]
    assert all(t.params in tried for t in cut_off if t.params)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork")
def test_two_processes_on_one_study_try_nothing_twice(tmp_path: Path):
    with _Server(tmp_path / "study.db") as server:
        server.start(2)
        assert server.wait() == [0, 0]
        trials = server.trials()

    alphas = [t.params["alpha"] for t in trials]
    assert len(set(alphas)) == len(alphas)
    assert {t.state.name for t in trials} == {"COMPLETE"}
    # Each process may be at its last trial when the other one ends the study.
    assert N_TRIALS <= len(trials) <= N_TRIALS + 1
    assert len({tuple(t.user_attrs["process"]) for t in trials}) == 2


def test_a_trial_is_never_without_the_name_of_its_process(tmp_path: Path, monkeypatch):
    """Also in its first moment: a process may be killed there."""
    X, y = load_diabetes(return_X_y=True)
    space = {"alpha": FloatDistribution(1e-3, 10.0, log=True)}
    options = {"cv": 2, "storage": tmp_path / "s.db", "random_state": 0, "progress_bar": False}
    # As if killed right after the trial was written.
    monkeypatch.setattr(optuna.trial.Trial, "__init__", _kill)
    with pytest.raises(KeyboardInterrupt):
        OptunaSearch(Ridge(), space, n_trials=2, **options).fit(X, y)
    monkeypatch.undo()
    stored = optuna.load_study(study_name="skconvattn", storage=f"sqlite:///{tmp_path}/s.db")
    assert [t.state.name for t in stored.trials] == ["RUNNING"]

    table = OptunaSearch(Ridge(), space, n_trials=2, resume=True, **options).fit(X, y).results_
    assert table["state"].tolist() == ["fail", "complete", "complete"]


def _kill(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_trials_of_another_thread_of_the_process_are_left_alone(tmp_path: Path):
    """As where a worker of Dask or joblib has several threads."""
    X, y = load_diabetes(return_X_y=True)
    at_work, go_on = threading.Event(), threading.Event()

    class Waiting(Ridge):
        def fit(self, X, y, sample_weight=None):
            at_work.set()
            go_on.wait(60)
            return super().fit(X, y, sample_weight)

    space = {"alpha": FloatDistribution(1e-3, 10.0, log=True)}
    options = {"cv": 2, "storage": tmp_path / "s.db", "random_state": 0, "progress_bar": False}
    search = OptunaSearch(Waiting(), space, n_trials=1, refit=False, **options)
    thread = threading.Thread(target=search.fit, args=(X, y))
    thread.start()
    assert at_work.wait(60)
    again = studies.open_study(options["storage"], None, "maximize", None, None, resume=True)
    states = [t.state.name for t in again.trials]
    go_on.set()
    thread.join()

    assert states == ["RUNNING"]
    assert search.results_["state"].tolist() == ["complete"]
