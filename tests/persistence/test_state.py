"""Attributes in files come from a closed list, and fit each other and the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skconvattn import ConvAttentionRegressor, load
from skconvattn.persistence import SaveFileError
from tests.persistence.changing import File

FITTED = ("fitted_forecast_", "record", 1)
CLASSIFIER, REGRESSOR = "ConvAttentionClassifier", "ConvAttentionRegressor"
FORECASTER = "ConvAttentionForecaster"
Change = Callable[[File], Any]


def put(*place: Any, to: Any) -> Change:
    """Return what puts a value into the state of a file."""

    def change(file: File) -> None:
        *parents, last = place
        file.at("state", *parents)[last] = to

    return change


def put_array(*place: Any, to: np.ndarray) -> Change:
    """Return what puts another array in place of one in the state of a file."""
    return lambda file: file.array(to, file.at("state", *place, "array"))


def drop(*place: Any) -> Change:
    """Return what removes an attribute or an entry."""

    def change(file: File) -> None:
        *parents, last = place
        del file.at("state", *parents)[last]

    return change


PREPARATION = ("_preparation_", "record", 1)
SCALING = (*PREPARATION, "scaling", "record", 1)
INTERVALS = (*FITTED, "intervals", "record", 1)
ERRORS = (*INTERVALS, "calibration", "record", 1)
HISTORY = ("panel_", "record", 1, "histories", "tuple", 0, "record", 1)
SCALE = (*HISTORY, "scaling", "record", 1, "scale")
VALUES = (*HISTORY, "y", "frame", "values", 0)
VALUES_OF, CLASSES_OF = "members_of_values", "members_of_classes"
AVERAGE = ("_member_average_", "record", 1)
TREES = (*AVERAGE, "trees", "record", 1)
PATTERNS = (*AVERAGE, "scores", "record", 1, "patterns", "record", 1)
CASES: list[tuple[str, Change, str]] = [
    (VALUES_OF, put("_network_share_", to=0.5), "a share of the network without a network"),
    (VALUES_OF, put("_network_share_", to=1.5), "_network_share_"),
    (VALUES_OF, put("_member_average_", to=None), "members that are not there"),
    (VALUES_OF, drop("_member_average_"), "a fit leaves"),
    (VALUES_OF, put_array(*AVERAGE, "mean", to=np.zeros(2)), "_member_average_.mean"),
    (VALUES_OF, put(*AVERAGE, "linear", to=None), "lacks a member with a share"),
    (VALUES_OF, put(*TREES, "intervals", "record", 1, "n_timepoints", to=10**9), "other series"),
    (VALUES_OF, put(*TREES, "forest", "record", 1, "n_features", to=10**6), "other features"),
    (VALUES_OF, put(*PATTERNS, "n_channels", to=2), "other channels"),
    (VALUES_OF, put_array(*PATTERNS, "dilations", to=np.array([10**9])), "longer than the series"),
    (CLASSES_OF, put(*AVERAGE, "share", to=2.0), "shares beyond 0 and 1"),
    (CLASSES_OF, put("_network_share_", to=-0.1), "_network_share_"),
    *[
        (name, put(attribute, to=value), "not an attribute")
        for name in (CLASSIFIER, REGRESSOR, FORECASTER)
        for attribute, value in (
            ("_parameter_constraints", {"dict": []}),
            ("_file_attributes", {"dict": []}),
            ("_sklearn_output_config", {"dict": []}),
            ("notes_", 1),
            ("fit", 1),
        )
    ],
    (REGRESSOR, put("_tags_dynamic", to={"dict": []}), "not an attribute"),
    (FORECASTER, put("_tags_dynamic", to={"dict": [["capability:insample", False]]}), "_tags_dyna"),
    (FORECASTER, put("_tags_dynamic", to={"dict": [["y_inner_mtype", "nested_univ"]]}), "_tags_dy"),
    (FORECASTER, put("_config_dynamic", to={"dict": [["backend:parallel", "ray"]]}), "_config_dyn"),
    (FORECASTER, put("_config_dynamic", to={"dict": [["hook", None]]}), "_config_dynamic"),
    (FORECASTER, put("_converter_store_y", to={"dict": [["code", "x"]]}), "_converter_store_y"),
    (FORECASTER, put("_state", to="trained"), "_state"),
    (FORECASTER, put("_cutoff", to=None), "a fit leaves a cutoff"),
    (FORECASTER, put("panel_", to=None), "panel_"),
    (FORECASTER, put("fitted_forecast_", to=3), "fitted_forecast_"),
    (FORECASTER, drop("panel_"), "arrays belong|a fit leaves"),
    (CLASSIFIER, drop("classes_"), "a fit leaves"),
    (CLASSIFIER, put_array("classes_", to=np.array(["a", "b", "c"])), "another number"),
    (CLASSIFIER, put_array("classes_", to=np.array(["a"])), "another number"),
    (CLASSIFIER, put_array("classes_", to=np.array([["a"], ["b"]])), "classes_"),
    (CLASSIFIER, put_array("classes_", to=np.array(["a", "a"])), "twice"),
    (CLASSIFIER, put("n_features_in_", to=0), "n_features_in_"),
    (CLASSIFIER, put("n_features_in_", to=True), "n_features_in_"),
    (CLASSIFIER, put("history_", to={"dict": [["loss", "low"]]}), "history_"),
    (REGRESSOR, put_array(*SCALING, "scale", to=np.zeros(0)), "no array of shape"),
    (REGRESSOR, put_array(*SCALING, "scale", to=np.zeros(1)), "not positive"),
    (REGRESSOR, put_array(*SCALING, "scale", to=np.full(1, np.nan)), "not finite"),
    (REGRESSOR, put_array(*SCALING, "center", to=np.zeros((1, 1))), "no array of shape"),
    (REGRESSOR, put_array(*SCALING, "center", to=np.zeros(1, "f4")), "not float64"),
    (REGRESSOR, put_array(*PREPARATION, "missing_channels", to=np.array([7])), "no channels"),
    (REGRESSOR, put(*PREPARATION, "n_timepoints", to=9), "the network for others"),
    (REGRESSOR, put(*PREPARATION, "masked", to=True), "the network for others"),
    (REGRESSOR, put("_n_outputs_", to=2), "the network has another"),
    (REGRESSOR, put("_levels_", to={"tuple": [0.5]}), "other quantiles"),
    (REGRESSOR, put_array("_shifts_", to=np.zeros((3, 3))), "_shifts_"),
    (REGRESSOR, put("_one_value_per_step_", to=True), "another head"),
    (REGRESSOR, put("best_loss_", to="low"), "best_loss_"),
    (FORECASTER, put(*FITTED, "period", to=0), "a season"),
    (FORECASTER, put(*FITTED, "period", to=10**12), "a season"),
    (FORECASTER, put(*FITTED, "network", to=2.0), "share"),
    (FORECASTER, put(*FITTED, "lower", to={"float": "inf"}), "bounds"),
    (FORECASTER, put(*FITTED, "window", "record", 1, "horizon", to=5), "is not one for"),
    (FORECASTER, put_array(*INTERVALS, "changes", to=np.zeros(2)), "changes"),
    (FORECASTER, put_array(*INTERVALS, "factors", to=np.full(1, np.inf)), "factors"),
    (FORECASTER, put_array(*ERRORS, "sigma", to=np.ones(7)), "sigma"),
    (FORECASTER, put_array(*ERRORS, "errors", to=np.zeros(0)), "errors"),
    (FORECASTER, put_array(*SCALE, to=np.zeros(1)), "not positive"),
    (FORECASTER, put_array(*VALUES, to=np.zeros(3)), "as long as its"),
    (FORECASTER, put_array(*VALUES, to=np.full(40, "a")), "not of numbers"),
    (FORECASTER, put("panel_", "record", 1, "keys", to={"tuple": []}), "other names"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "reason"), CASES)
def test_state_that_does_not_fit_is_refused_when_it_is_loaded(
    name: str, change: Change, reason: str, tmp_path: Path
):
    file = File(name)
    load(file.write(tmp_path / "model.zip"))
    change(file)
    with pytest.raises(SaveFileError, match=reason) as caught:
        load(file.write(tmp_path / "model.zip"))
    assert "\n" not in str(caught.value)


def test_an_attribute_that_files_do_not_know_is_refused_when_it_is_saved(tmp_path: Path):
    regressor = ConvAttentionRegressor()
    regressor.notes_ = "mine"
    with pytest.raises(SaveFileError, match="notes_ is not an attribute that files of a ConvAtt"):
        regressor.save(tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []
