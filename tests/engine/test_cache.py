"""The cache of programs is bounded, safe in threads, and lets go of what it drops."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skconvattn import ConvAttentionRegressor
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
from skconvattn.engine.programs import ProgramCache


class Program:
    """Stands for something costly."""


@pytest.fixture
def small_caches(monkeypatch):
    """Caches of two programs each, empty at first."""
    monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=2))
    monkeypatch.setattr(programs, "_MODELS", ProgramCache(max_size=2))


def _fit(n_timepoints):
    X = np.random.default_rng(0).normal(size=(12, n_timepoints))
    return ConvAttentionRegressor(
        members=["network"], filters=2, units=2, epochs=1, random_state=0
    ).fit(X, X[:, 0])


def test_a_program_is_built_once_a_key():
    cache = ProgramCache(max_size=2)
    assert cache.get("a", Program) is cache.get("a", Program)
    assert cache.get("a", Program) is not cache.get("b", Program)


def test_the_least_recently_used_program_is_dropped_first():
    cache = ProgramCache(max_size=2)
    first, second = cache.get("a", Program), cache.get("b", Program)
    cache.get("a", Program)
    cache.get("c", Program)
    assert len(cache) == 2
    assert cache.get("a", Program) is first
    assert cache.get("b", Program) is not second


def test_a_build_that_fails_leaves_no_trace():
    cache = ProgramCache(max_size=2)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 / 0)
    assert len(cache) == 0
    assert isinstance(cache.get("a", Program), Program)


def test_a_key_that_cannot_be_hashed_gets_a_program_of_its_own():
    cache = ProgramCache(max_size=2)
    assert cache.get(["a"], Program) is not cache.get(["a"], Program)
    assert len(cache) == 0


def test_clearing_drops_everything():
    cache = ProgramCache(max_size=2)
    program = weakref.ref(cache.get("a", Program))
    cache.clear()
    gc.collect()
    assert len(cache) == 0
    assert program() is None


def test_threads_that_ask_at_once_get_one_program():
    cache = ProgramCache(max_size=2)
    barrier = threading.Barrier(8)
    built = []

    def build():
        built.append(Program())
        return built[-1]

    def ask(_):
        barrier.wait()
        return cache.get("a", build)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert len(built) == len(found) == 1


@pytest.mark.usefixtures("small_caches")
def test_dropped_programs_models_and_graphs_are_freed():
    _fit(6).predict(np.zeros((1, 6)))
    (program,) = training_program._PROGRAMS._programs.values()
    parts = {
        "training program": program,
        "prediction program": program.model_program,
        "Keras model": program.model_program.model,
        "weights": program._weights[0],
        "optimiser": program.optimizer,
        "graph of the epoch": program._epoch._concrete().graph,
        "graph of the prediction": program.model_program._predict._concrete().graph,
    }
    alive = {name: weakref.ref(part) for name, part in parts.items()}
    del program, parts
    for n_timepoints in (7, 8):
        _fit(n_timepoints)
    gc.collect()
    assert len(training_program._PROGRAMS) == len(programs._MODELS) == 2
    assert [name for name, part in alive.items() if part() is not None] == []


@pytest.mark.usefixtures("small_caches")
def test_an_estimator_predicts_after_its_programs_were_dropped():
    X = np.random.default_rng(0).normal(size=(5, 6))
    estimator = _fit(6)
    before = estimator.predict(X)
    training_program._PROGRAMS.clear()
    programs._MODELS.clear()
    np.testing.assert_array_equal(estimator.predict(X), before)
