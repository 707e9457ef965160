"""Forked children of a process that has computed say so at once; other ways to share work work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHILDREN = """
import os, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import pandas as pd
from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor, PretrainedForecaster

X = np.random.default_rng(0).normal(size=(20, 6))
y = pd.Series(np.arange(30.0), index=pd.period_range("2000-01", periods=30, freq="M"))
small = {"epochs": 1, "filters": 2, "units": 2, "random_state": 0}
regressor = ConvAttentionRegressor(members=("network",), **small)
forecaster = ConvAttentionForecaster(**small)
zero_shot = PretrainedForecaster().fit(y, fh=[1])
BEFORE
calls = {
    "regressor.fit": lambda: regressor.fit(X, X[:, 0]),
    "regressor.predict": lambda: regressor.predict(X),
    "forecaster.fit": lambda: forecaster.fit(y, fh=[1]),
    "forecaster.predict": lambda: forecaster.predict(),
    "zero_shot.predict": lambda: zero_shot.predict(),
}
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        started = time.process_time()
        try:
            calls[name]()
            answer = "done"
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        print(name, round(time.process_time() - started, 2), answer, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
COMPUTED = "regressor.fit(X, X[:, 0]); forecaster.fit(y, fh=[1])"
OTHER_CODE = "import tensorflow as tf; tf.ones((2, 2)) @ tf.ones((2, 2))"

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


def _answers(before: str, *names: str) -> dict[str, tuple[float, str]]:
    """Return the CPU time in s and the answer of each call in a child of its own."""
    script = CHILDREN.replace("BEFORE", before)
    command = [sys.executable, "-W", "ignore", "-c", script, *names]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    found = {}
    for line in run.stdout.splitlines():
        name, seconds, answer = line.split(" ", 2)
        found[name] = (float(seconds), answer)
    return found


@forks
@pytest.mark.parametrize("before", [COMPUTED, OTHER_CODE + "\n" + COMPUTED])
def test_a_child_of_a_process_that_has_trained_answers_in_one_sentence(before: str):
    names = ("regressor.fit", "regressor.predict", "forecaster.fit", "forecaster.predict")
    answers = _answers(before, *names, "zero_shot.predict")
    assert answers.pop("zero_shot.predict")[1] == "done"  # computes without a backend
    assert set(answers) == set(names)
    for seconds, answer in answers.values():
        assert answer.startswith("RuntimeError: this process was forked from one that has trained")
        assert answer.count(". ") == 0
        assert "spawn" in answer
        assert "loky" in answer
        assert seconds < 1.0


@forks
def test_a_child_of_a_process_that_used_tensorflow_by_itself_answers_too():
    [(_, answer)] = _answers(OTHER_CODE, "regressor.fit").values()
    assert answer.startswith("RuntimeError: this process was forked")


@forks
def test_a_child_of_a_process_that_has_not_computed_trains_and_predicts():
    assert _answers("", "regressor.fit")["regressor.fit"][1] == "done"


WORKERS = """
import sys, warnings
warnings.simplefilter("ignore")
import multiprocessing
import numpy as np
from joblib import Parallel, delayed
from skconvattn import ConvAttentionRegressor

X = np.random.default_rng(0).normal(size=(20, 6))

def predicted(seed):
    regressor = ConvAttentionRegressor(epochs=1, filters=2, units=2, random_state=seed)
    return regressor.fit(X, X[:, 0]).predict(X).tolist()

if __name__ == "__main__":
    here = [predicted(seed) for seed in (0, 1)]
    for _ in range(2):
        if sys.argv[1] == "loky":
            there = Parallel(n_jobs=2, backend="loky")(delayed(predicted)(s) for s in (0, 1))
        else:
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                there = pool.map(predicted, (0, 1))
        assert np.allclose(there, here, rtol=1e-4, atol=1e-5)
    print("same")
"""


@pytest.mark.parametrize("way", ["loky", "spawn"])
def test_processes_of_joblib_and_spawn_work_twice_after_a_fit(way: str, tmp_path):
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    command = [sys.executable, "-W", "ignore", str(script), way]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert run.stdout.splitlines()[-1:] == ["same"], run.stderr
