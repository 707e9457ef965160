"""Process-wide settings of the tests, and the fixtures that any of them may ask for."""

from __future__ import annotations

import os

# TensorFlow reads these once, when it loads, so they stand before every other import.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "Agg"
# SciPy reads this when it loads; scikit-learn leaves out its checks of the array API without it.
os.environ["SCIPY_ARRAY_API"] = "1"
# Figures in the tests are those of a CPU. Export the variable to run them on a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Each xdist worker would start one thread a core, and the workers would then wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    _workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    _threads = str(max(1, (os.cpu_count() or 1) // _workers))
    for _name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_name, _threads)

import random
from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(scope="session")
def loaded_backend() -> None:
    """Load Keras and its backend, which set environment variables of their own, beforehand."""
    import keras  # noqa: F401


@pytest.fixture
def unchanged_process() -> Iterator[None]:
    """Fail the test that asks for it unless it leaves the process as it found it.

    Compared are the states of Python's and NumPy's global generators, the environment variables
    and the working directory. All of them are restored, so that later tests do not fail with it.
    """
    directory = os.getcwd()
    environment = _environment()
    python_state = random.getstate()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002, it is what we guard

    yield

    changed = []
    if os.getcwd() != directory:
        changed.append(f"the working directory, now {os.getcwd()}")
        os.chdir(directory)
    if (now := _environment()) != environment:
        names = sorted(k for k in now.keys() | environment if now.get(k) != environment.get(k))
        changed.append(f"the environment variables {', '.join(names)}")
        for name in names:
            os.environ.pop(name, None)
            if name in environment:
                os.environ[name] = environment[name]
    if random.getstate() != python_state:
        changed.append("the state of Python's global random generator")
        random.setstate(python_state)
    if not _same_state(np.random.get_state(legacy=False), numpy_state):  # noqa: NPY002
        changed.append("the state of NumPy's global random generator")
        np.random.set_state(numpy_state)  # noqa: NPY002
    if changed:
        pytest.fail("The test changed " + "; ".join(changed) + ".")


def _environment() -> dict[str, str]:
    """Environment variables without the one that pytest itself keeps changing."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def _same_state(one: dict, other: dict) -> bool:
    """Whether two states of NumPy's global generator are equal."""
    inner, outer = one["state"], other["state"]
    return (
        np.array_equal(inner["key"], outer["key"])
        and inner["pos"] == outer["pos"]
        and one["has_gauss"] == other["has_gauss"]
        and one["gauss"] == other["gauss"]
    )
