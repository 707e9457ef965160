"""Files of every released format go on loading, and predict what they predicted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skconvattn import ConvAttentionRegressor, load
from skconvattn.persistence import SaveFileError, manifest
from skconvattn.persistence.archive import read_archive, write_archive
from tests.persistence.written import FOLDER, loaded, predictions

FILES = sorted(FOLDER.glob("*.zip"))
EXPECTED = json.loads((FOLDER / "predictions.json").read_text())
# Of which `make test` predicts with all; the others compile a program each.
QUICK = ("ConvAttentionRegressor", "panel", "zero_shot")


def test_there_is_a_file_of_every_prediction():
    assert sorted(EXPECTED) == [path.stem for path in FILES]
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_of_version_0_1_loads_as_the_estimator_that_it_was(path: Path, tmp_path: Path):
    estimator = loaded(path)
    described = json.loads(read_archive(path)["manifest.json"])
    assert described["schema"] == 1
    assert type(estimator).__name__ == described["estimator"]
    assert vars(estimator).keys() >= described["state"].keys()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.stem, marks=() if p.stem in QUICK else pytest.mark.exhaustive)
        for p in FILES
    ],
)
def test_a_file_of_version_0_1_predicts_what_it_predicted(path: Path):
    found = predictions(path.stem, loaded(path))
    # Other processors sum in another order.
    np.testing.assert_allclose(found, EXPECTED[path.stem], rtol=1e-4, atol=1e-4)


def test_a_class_that_was_renamed_is_found_by_the_name_in_older_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Estimators, architectures and records are looked up by their present names."""
    path = tmp_path / "old.zip"
    source = FOLDER / "ConvAttentionRegressor.zip"
    text = bytes(read_archive(source)["manifest.json"]).decode()
    for name in ("ConvAttentionRegressor", "ConvAttentionNetwork", "Preparation"):
        assert f'"{name}"' in text
        text = text.replace(f'"{name}"', f'"Old{name}"')
    write_archive(path, {**read_archive(source), "manifest.json": text.encode()})
    with pytest.raises(SaveFileError, match="OldConvAttentionRegressor"):
        load(path)
    for name in ("ConvAttentionRegressor", "ConvAttentionNetwork", "Preparation"):
        monkeypatch.setitem(manifest.RENAMED, f"Old{name}", name)
    assert type(load(path)) is ConvAttentionRegressor


def test_a_forecaster_that_was_renamed_keeps_its_mark_for_sktime(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    members: dict[str, Any] = dict(read_archive(FOLDER / "zero_shot.zip"))
    described = json.loads(members["manifest.json"])
    described["estimator"] = "ZeroShotForecaster"
    members["_metadata"] = manifest.class_mark("ZeroShotForecaster")
    described["members"]["_metadata"]["sha256"] = manifest.digest(members["_metadata"])
    members["manifest.json"] = json.dumps(described).encode()
    write_archive(tmp_path / "old.zip", members)
    monkeypatch.setitem(manifest.RENAMED, "ZeroShotForecaster", "PretrainedForecaster")
    assert type(load(tmp_path / "old.zip")).__name__ == "PretrainedForecaster"


def test_a_field_that_a_newer_version_added_to_a_record_has_its_default(tmp_path: Path):
    path = FOLDER / "AttentionForecaster.zip"
    members: dict[str, Any] = dict(read_archive(path))
    described = json.loads(members["manifest.json"])
    fields = described["state"]["fitted_forecast_"]["record"][1]
    assert fields.pop("noise_factor") is not None
    fields["bound"] = fields.pop("upper")
    members["manifest.json"] = json.dumps(described).encode()
    write_archive(tmp_path / "model.zip", members)
    with pytest.raises(SaveFileError, match="other fields"):
        load(tmp_path / "model.zip")
    del fields["bound"]
    members["manifest.json"] = json.dumps(described).encode()
    write_archive(tmp_path / "model.zip", members)
    assert load(tmp_path / "model.zip").fitted_forecast_.upper == np.inf


@pytest.mark.parametrize("name", ["AttentionClassifier", "AttentionForecaster"])
def test_a_parameter_that_networks_did_not_have_leaves_them_as_they_were(name: str, tmp_path: Path):
    """Patches were added to recurrent encoders: without the parameter there were none."""
    members: dict[str, Any] = dict(read_archive(FOLDER / f"{name}.zip"))
    text = bytes(members["manifest.json"]).decode()
    described = json.loads(text)
    described["parameters"].pop("patch_size", None)
    text = json.dumps(described)
    assert '["patch_size"' not in text
    members["manifest.json"] = text.encode()
    write_archive(tmp_path / "model.zip", members)
    estimator = load(tmp_path / "model.zip")
    assert estimator.patch_size == 1
    assert type(estimator)().patch_size == "auto"
    assert dict(estimator.fitted_model_.spec.parameters)["patch_size"] == 1


def test_no_present_name_is_the_former_name_of_another_class():
    from skconvattn import all_estimators

    assert not manifest.RENAMED.keys() & {name for name, _ in all_estimators()}
