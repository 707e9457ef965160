"""Two processes that train one network have the losses of one process on the whole batches."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster

ROOT = Path(__file__).resolve().parents[2]
# Batches of 7 windows are divided into 4 and 3.
SETTINGS: dict[str, Any] = {
    "members": ("network",),
    "filters": 4,
    "units": 4,
    "epochs": 3,
    "batch_size": 7,
    "window_length": 12,
    "metrics": ["mae"],
    "engine": "portable",
    "random_state": 0,
}


def _panel(noise: int = 0) -> pd.DataFrame:
    """Two series, one with missing values, whose windows have other weights."""
    rng = np.random.default_rng(noise)
    months = pd.period_range("2010-01", periods=60, freq="M")
    values = np.sin(np.arange(60) / 2) + 0.1 * rng.normal(size=(2, 60))
    values[1, 30:32] = np.nan
    frames = {f"series {i}": pd.DataFrame({"y": 5 + i + values[i]}, months) for i in (0, 1)}
    return pd.concat(frames, names=["series", "month"])


def _trained(rank: int) -> dict[str, Any]:
    """Train in a process of a strategy by its number, or alone with -1."""
    scope: Any = nullcontext()
    if rank >= 0:
        import tensorflow as tf

        scope = tf.distribute.MultiWorkerMirroredStrategy().scope()
    with scope:
        forecaster = ConvAttentionForecaster(**SETTINGS).fit(_panel(), fh=[1, 2, 3])
        found = {
            "history": forecaster.history_,
            "weights": forecaster.fitted_model_.weights.tolist(),
            "forecast": forecaster.predict()["y"].tolist(),
            "refused": [],
        }
        if rank >= 0:
            for seed, noise in ((None, 0), (0, rank)):
                other = ConvAttentionForecaster(**{**SETTINGS, "random_state": seed})
                try:
                    other.fit(_panel(noise), fh=[1, 2, 3])
                except ValueError as error:
                    found["refused"].append(str(error))
    return found


def _start(rank: int, ports: list[int]) -> subprocess.Popen:
    """Start a process of a strategy."""
    tasks = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    place = {"cluster": tasks, "task": {"type": "worker", "index": rank}}
    script = (
        "import json; from tests.engine.test_workers import _trained; "
        f"print(json.dumps(_trained({rank})))"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(place)},
    )


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    """What the two processes, and this one alone, have found."""
    ports = _free_ports(2)
    processes = [_start(rank, ports) for rank in (0, 1)]
    try:
        alone = _trained(-1)
        ends = [process.communicate(timeout=600) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, ends, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [*(json.loads(output.splitlines()[-1]) for output, _ in ends), alone]


def test_losses_are_those_of_one_process_on_the_whole_batches(found):
    first, second, alone = (each["history"] for each in found)

    assert first == second
    assert first.keys() == alone.keys() == {"loss", "mae", "val_loss", "val_mae"}
    for name, losses in alone.items():
        assert len(losses) == 3
        assert first[name] == pytest.approx(losses, rel=1e-5), name


def test_weights_and_forecasts_are_those_of_one_process(found):
    first, second, alone = found

    assert first["weights"] == second["weights"]
    assert first["weights"] == pytest.approx(alone["weights"], abs=1e-4)
    assert first["forecast"] == second["forecast"]
    assert first["forecast"] == pytest.approx(alone["forecast"], rel=1e-3)


def test_processes_that_begin_with_other_weights_or_data_are_refused(found):
    for each in found[:2]:
        weights, data = each["refused"]
        assert "use the same integer in all of them" in weights
        assert "give all of it to each" in data
