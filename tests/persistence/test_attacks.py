"""Consistent files, sums included, cost no more than files of their size are worth."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skconvattn import load
from skconvattn.persistence import SaveFileError
from skconvattn.persistence.archive import write_archive
from tests.persistence.changing import File
from tests.persistence.written import FOLDER

# CPU time in s on a processor of 2024, and peak memory in MB above that of the loaded package.
SECONDS, MEGABYTES = 2.0, 256.0
# CPU time in s there of the work by which other machines, and busy ones, are compared with it.
REFERENCE = 0.033
FULL = 15_900_000

LOADS = """
import hashlib, json, os, sys, time, warnings
warnings.simplefilter("ignore")
import keras
from skconvattn import load
from skconvattn.persistence import SaveFileError

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

for name in ("ConvAttentionRegressor", "ConvAttentionForecaster"):
    load(os.path.join(sys.argv[1], name + ".zip"))
keras.optimizers.Adam(), keras.metrics.AUC()

def reference():
    started = time.process_time()
    values = json.loads("[" + "[0.25]," * 100_000 + "0]", parse_float=lambda digits: float(digits))
    hashlib.sha256(bytes(10_000_000)).digest()
    return time.process_time() - started

print("ready", flush=True)
for line in sys.stdin:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before, started = peak(), time.process_time()
    try:
        load(line.strip())
        outcome = "loaded"
    except SaveFileError as error:
        outcome = str(error)
    seconds, megabytes = time.process_time() - started, peak() - before
    slowness = max(1.0, min(reference() for _ in range(2)) / float(sys.argv[2]))
    print(json.dumps([outcome, seconds / slowness, megabytes]), flush=True)
"""


@pytest.fixture(scope="module")
def measured() -> Any:
    """Return what loads a file in another process: outcome, CPU time in s, memory in MB."""
    if sys.platform != "linux":
        pytest.skip("the peak of memory is reset as on Linux")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LOADS, str(FOLDER), str(REFERENCE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def measure(path: Path) -> tuple[str, float, float]:
            print(path, file=process.stdin, flush=True)
            return tuple(json.loads(process.stdout.readline()))

        yield measure
        process.stdin.close()


def keras_object(module: str, name: str, config: dict[str, Any], **further: Any) -> Any:
    """Return what stands for an object of Keras."""
    described = {"module": module, "class_name": name, "registered_name": None, **further}
    entries = [["config", {"dict": [list(pair) for pair in config.items()]}]]
    return {"keras": {"dict": [*map(list, described.items()), *entries]}}


def with_metrics(*metrics: Any) -> File:
    file = File("ConvAttentionRegressor")
    file.manifest["parameters"]["metrics"] = list(metrics)
    return file


def with_horizon(n_steps: int) -> File:
    file = File("ConvAttentionForecaster")
    index = {"kind": "range", "name": None, "bounds": [1, n_steps, 1]}
    number = file.at("state", "_fh", "horizon", "values", "index", "values", "array")
    file.parameter({"array": number})  # so that every array belongs to a value
    file.at("state", "_fh", "horizon")["values"] = {"index": index}
    return file


def with_network(name: str, **values: Any) -> File:
    file = File(name)
    spec = ("state", "fitted_model_", "record", 1, "spec", "record", 1, "parameters", "tuple")
    for item in file.at(*spec):
        item["tuple"][1] = values.get(item["tuple"][0], item["tuple"][1])
    return file


def with_networks(n: int) -> File:
    """Return a regressor with networks that differ in the length of their series alone."""
    file = File("ConvAttentionRegressor")
    weights = {"array": {"shape": [40], "items": [0] * 40}}
    text = json.dumps(file.at("state", "fitted_model_"))
    models = [json.loads(text) for _ in range(n)]
    for number, model in enumerate(models):
        model["record"][1].update(weights=weights, state={"tuple": []})
        model["record"][1]["spec"]["record"][1]["n_timepoints"] = 10 + number
    return file.parameter([*models, "x" * 12_000_000])


def with_windows(length: int, horizon: int) -> File:
    """Return a forecaster whose records all say that windows and horizon are of other lengths."""
    file = File("ConvAttentionForecaster")
    fitted = file.at("state", "fitted_forecast_", "record", 1)
    fitted["maps"] = None
    fitted["window"]["record"][1].update(length=length, horizon=horizon)
    spec = fitted["model"]["record"][1]["spec"]["record"][1]
    spec["n_timepoints"] = length
    spec["head"]["record"][1]["horizon"] = horizon
    calibration = fitted["intervals"]["record"][1]["calibration"]["record"][1]
    for name in ("sigma", "n_effective"):
        file.array(np.ones(horizon), calibration[name]["array"])
    return file


def with_array_often() -> File:
    file = File("ConvAttentionRegressor")
    once = file.array(np.zeros(500_000))
    return file.parameter([once] * 500)


NESTED = {"estimator": {"estimator": "ConvAttentionRegressor", "parameters": {}, "state": {}}}
METRIC = ("keras.metrics", "MeanIoU")
RANGE = {"index": {"kind": "range", "name": None, "bounds": [0, 10**9, 1]}}
DENSE = keras_object(
    "keras.layers", "Dense", {"units": 10_000},
    build_config={"dict": [["input_shape", {"tuple": [None, 20_000]}]]},
)  # fmt: skip
REFUSED: dict[str, tuple[Callable[[], File], str]] = {
    "a table of classes": (
        lambda: with_metrics(keras_object(*METRIC, {"num_classes": 30_000})), "bytes when decoded",
    ),
    "a table of classes, counted by a scalar of NumPy": (
        lambda: with_metrics(keras_object(*METRIC, {"num_classes": {"scalar": ["<i8", 30_000]}})),
        "bytes when decoded",
    ),
    "a table of classes, counted by an array": (
        lambda: with_metrics(keras_object(*METRIC, {"num_classes": {"array": 0}})),
        "num_classes in the configuration of a Keras object is no number",
    ),
    "many tables of classes": (
        lambda: with_metrics(*[keras_object(*METRIC, {"num_classes": 1000})] * 40),
        "bytes when decoded",
    ),
    "thresholds and labels": (
        lambda: with_metrics(
            keras_object("keras.metrics", "AUC", {"num_thresholds": 10**4, "num_labels": 10**4})
        ), "bytes when decoded",
    ),
    "many estimators": (
        lambda: File("ConvAttentionRegressor").parameter([*[NESTED] * 15_000, "x" * 14_000_000]),
        "estimators",
    ),
    "many networks": (lambda: with_networks(1500), "weights and states"),
    "many metrics": (
        lambda: with_metrics(*[keras_object("keras.metrics", "Mean", {})] * 3000),
        "objects of Keras",
    ),
    "a layer that is built": (lambda: File("ConvAttentionRegressor").parameter(DENSE), "'Dense'"),
    "a build_config of an optimizer": (
        lambda: File("ConvAttentionRegressor").parameter(
            keras_object("keras.optimizers", "Adam", {}, build_config={"dict": []})
        ), "build_config",
    ),
    "one array 500 times": (with_array_often, "has been met before"),
    "a long horizon": (lambda: with_horizon(10**7), "bytes when decoded"),
    "levels of ranges": (
        lambda: File("ConvAttentionRegressor").parameter(
            {"index": {"kind": "multi", "levels": [RANGE["index"]] * 2}}
        ), "bytes when decoded",
    ),
    "a million convolutions": (
        lambda: with_network("SelfAttentionRegressor", n_convolutions=2**20), "out of bounds",
    ),
    "as many layers as there may be": (
        lambda: with_network("SelfAttentionRegressor", n_convolutions=64, n_layers=64),
        "the network has|weights and states",
    ),
    "wide layers": (
        lambda: with_network("SelfAttentionRegressor", units=2**20, filters=2**20),
        "the network has",
    ),
    "a large map": (lambda: with_windows(2**16, 2**16), "a map of 65536 to 65536"),
    "text as an index": (
        lambda: (
            lambda file: file.parameter(
                {"index": {"kind": "plain", "name": None, "values": file.array(LETTERS)}}
            )
        )(File("ConvAttentionRegressor")), "bytes when decoded",
    ),
}  # fmt: skip
LETTERS = np.full(3_900_000, "a")


@pytest.mark.parametrize("attack", REFUSED)
def test_an_attack_is_refused_within_bounds(attack: str, measured: Any, tmp_path: Path):
    make, reason = REFUSED[attack]
    path = make().write(tmp_path / "model.zip")
    assert path.stat().st_size < 17_000_000
    outcome, seconds, megabytes = measured(path)
    with pytest.raises(SaveFileError, match=reason):
        load(path)
    assert outcome.startswith(f"'{path}' cannot be loaded")
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


UNITS = {
    "lists": "[]",
    "empty dicts": '{"dict":[]}',
    "texts": '"ab"',
    "numbers": "0.25",
    "arrays of objects": '{"array":{"shape":[0],"items":[]}}',
    "scalars": '{"scalar":["<f8",0.5]}',
    "records": '{"record":["ClassOutput",{"n_classes":2}]}',
    "ranges": '{"index":{"kind":"range","name":null,"bounds":[0,1,1]}}',
    "series": '{"series":{"values":{"tuple":["str",[]]},"index":'
    '{"kind":"range","name":null,"bounds":[0,0,1]},"name":null}}',
}


def _filled(unit: str, padding: int, n_units: int) -> Callable[[str], str]:
    """Return what puts so many values and a long text in place of "@" in a manifest."""
    body = ",".join([unit] * n_units)
    return lambda text: text.replace('"@"', f'[[{body}],"{"x" * padding}"]')


@pytest.mark.parametrize("unit", UNITS)
def test_a_manifest_full_of_values_is_refused_within_bounds(
    unit: str, measured: Any, tmp_path: Path
):
    n_units = FULL // (len(UNITS[unit]) + 1)
    file = File("ConvAttentionRegressor").parameter("@")
    path = file.write(tmp_path / "model.zip", _filled(UNITS[unit], 0, n_units))
    outcome, seconds, megabytes = measured(path)
    assert "in its manifest, which is beyond what a file of its size may have" in outcome
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


@pytest.mark.parametrize("unit", UNITS)
def test_as_many_values_as_a_file_may_have_stay_within_bounds(
    unit: str, measured: Any, tmp_path: Path
):
    text = UNITS[unit]
    n_containers = text.count("[") + text.count("{")
    n_values = n_containers + text.count(",") + 1
    n_units = int(
        0.97
        * min(
            (20_000 + FULL / 36) / max(n_containers, 1),
            (50_000 + FULL / 8) / n_values,
            (500 + FULL / 500) / 3 if "index" in text else np.inf,
        )
    )
    file = File("ConvAttentionRegressor").parameter("@")
    padding = FULL - n_units * (len(text) + 1)
    path = file.write(tmp_path / "model.zip", _filled(text, padding, n_units))
    outcome, seconds, megabytes = measured(path)
    assert outcome == "loaded"
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def test_tens_of_thousands_of_empty_arrays_stay_within_bounds(measured: Any, tmp_path: Path):
    file = File("ConvAttentionRegressor")
    first = sum(name.endswith(".npy") for name in file.members)
    file.parameter([file.array(np.zeros(0), number) for number in range(first, 33_000)])
    path = file.write(tmp_path / "model.zip")
    outcome, seconds, megabytes = measured(path)
    assert outcome == "loaded"
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


@pytest.mark.parametrize("size", [1_980_000, 7_900_000])
def test_memory_grows_with_the_arrays_of_a_file(size: int, measured: Any, tmp_path: Path):
    file = File("ConvAttentionRegressor")
    file.parameter(file.array(np.zeros(size)))
    path = file.write(tmp_path / "model.zip")
    outcome, _, megabytes = measured(path)
    assert outcome == "loaded"
    assert megabytes < 16 + 2.2 * size * 8 / 1e6


def test_a_range_in_a_file_stays_a_range(tmp_path: Path):
    path = with_horizon(1000).write(tmp_path / "model.zip")
    assert load(path)._fh.to_pandas().tolist() == list(range(1, 1000))


def test_devices_pipes_sockets_and_folders_are_refused_at_once(tmp_path: Path):
    pipe, address = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    for path in ("/dev/zero", "/dev/null", pipe):
        with pytest.raises(SaveFileError, match="a device or a pipe"):
            load(path)
    with pytest.raises(SaveFileError, match="is a folder"):
        load(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        with pytest.raises(OSError, match="address"):
            load(address)


def test_manifests_of_other_encodings_are_refused(tmp_path: Path):
    file = File("ConvAttentionRegressor")
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        text = json.dumps(file.manifest).encode(encoding)
        write_archive(tmp_path / "model.zip", {**file.members, "manifest.json": text})
        with pytest.raises(SaveFileError):
            load(tmp_path / "model.zip")


def test_big_endian_arrays_are_refused(tmp_path: Path):
    file = File("ConvAttentionRegressor")
    file.array(np.zeros(1, dtype=">f8"), 1)
    with pytest.raises(SaveFileError, match="a header or a type that save never writes"):
        load(file.write(tmp_path / "model.zip"))
