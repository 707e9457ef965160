"""A file that describes a network out of bounds is refused before any network is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import SelfAttentionForecaster, SelfAttentionRegressor, load
from skconvattn.networks import ModelSpec
from skconvattn.persistence import SaveFileError
from skconvattn.persistence.archive import read_archive, write_archive

SPEC = ("state", "fitted_model_", "record", 1, "spec", "record", 1)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Contents of the file of a fitted regressor."""
    path = tmp_path_factory.mktemp("good") / "model.zip"
    X = np.random.default_rng(0).normal(size=(12, 8))
    regressor = SelfAttentionRegressor(
        epochs=1, units=2, num_heads=1, filters=2, random_state=0, members=["network"]
    )
    regressor.fit(X, X[:, 0]).save(path)
    return read_archive(path)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[ModelSpec]:
    """The specifications of which networks were built."""
    found: list[ModelSpec] = []
    build = ModelSpec.build
    monkeypatch.setattr(ModelSpec, "build", lambda self: found.append(self) or build(self))
    return found


def _written(members: dict[str, bytes], path: Path, change: Any) -> Path:
    """Write the file with other parameters of the network."""
    manifest = json.loads(members["manifest.json"])
    inner: Any = manifest
    for key in SPEC:
        inner = inner[key]
    pairs = [item["tuple"] for item in inner["parameters"]["tuple"]]
    inner["parameters"]["tuple"] = [{"tuple": pair} for pair in change(pairs)]
    write_archive(path, {**members, "manifest.json": json.dumps(manifest).encode()})
    return path


def _with(**values: Any) -> Any:
    return lambda pairs: [[name, values.get(name, value)] for name, value in pairs]


def test_the_file_as_it_was_written_is_read(
    members: dict[str, bytes], built: list[ModelSpec], tmp_path: Path
):
    path = _written(members, tmp_path / "model.zip", _with())
    assert isinstance(load(path), SelfAttentionRegressor)
    assert len(built) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_with(n_convolutions=300), "n_convolutions=300 is out of bounds"),
        (_with(n_convolutions=1_000_000), "n_convolutions=1000000 is out of bounds"),
        (_with(n_layers=65), "n_layers=65 is out of bounds"),
        (_with(n_layers=2**20), "n_layers=1048576 is out of bounds"),
        (_with(kernel_size=2**20 + 1), "kernel_size=1048577 is out of bounds"),
        (_with(units=0), "units=0 is out of bounds"),
        (_with(units=2.5), "units=2.5 is out of bounds"),
        (_with(pooling="median"), "pooling='median' is out of bounds"),
        (lambda pairs: pairs[1:], "has the parameters"),
        (lambda pairs: [*pairs, ["n_blocks", 2]], "n_blocks"),
        (lambda pairs: [*pairs, pairs[0]], "has the parameters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_network_out_of_bounds_is_refused_without_being_built(
    change: Any, reason: str, members: dict[str, bytes], built: list[ModelSpec], tmp_path: Path
):
    path = _written(members, tmp_path / "model.zip", change)
    with pytest.raises(SaveFileError, match=reason):
        load(path)
    assert built == []


def test_none_of_many_networks_is_built_where_the_last_is_out_of_bounds(
    built: list[ModelSpec], tmp_path: Path
):
    path = tmp_path / "model.zip"
    forecaster = SelfAttentionForecaster(epochs=1, units=2, num_heads=1, filters=2)
    index = pd.MultiIndex.from_product([["a", "b"], range(30)])
    panel = pd.DataFrame({"y": np.sin(np.arange(60.0))}, index=index)
    # The network that was trained first, and the one of the fit.
    forecaster.pretrain(panel, fh=[1]).fit(panel, fh=[1]).save(path)
    built.clear()
    members = read_archive(path)
    manifest = json.loads(members["manifest.json"])
    assert list(manifest["state"]).index("pretrained_") < len(manifest["state"]) - 1
    model = manifest["state"]["fitted_forecast_"]["record"][1]["model"]
    for item in model["record"][1]["spec"]["record"][1]["parameters"]["tuple"]:
        if item["tuple"][0] == "n_convolutions":
            item["tuple"][1] = 300
    write_archive(path, {**members, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(SaveFileError, match="n_convolutions=300"):
        load(path)
    assert built == []
