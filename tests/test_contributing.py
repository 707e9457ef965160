"""The recipe for a new architecture in CONTRIBUTING does what it says."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sktime.datasets import load_airline

from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    extend,
    load,
)
from skconvattn.persistence import SaveFileError

ROOT = Path(__file__).resolve().parent.parent
NAME = "skconvattn.architectures.average"
ROOMS = re.findall(r"^\| ((?:`[\w/.]+`(?:, )?)+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)


def _module(name):
    """The module that the recipe writes, under a name."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## A new architecture") :]
    [source] = re.findall(r"```python\n(.*?)```", section[: section.index("\n## ", 3)], re.DOTALL)
    module = types.ModuleType(name)
    sys.modules[name] = module  # where pickle, and annotations of dataclasses, look it up
    exec(compile(source, "CONTRIBUTING.md", "exec"), vars(module))
    return module


@pytest.fixture(scope="module")
def recipe():
    """The recipe under the name that it would have in this package."""
    yield _module(NAME)
    del sys.modules[NAME]


@pytest.fixture(scope="module")
def elsewhere():
    """The recipe as a module of somebody else's."""
    yield _module("models_of_somebody_else")
    del sys.modules["models_of_somebody_else"]


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("AverageForecaster", ConvAttentionForecaster),
        ("AverageRegressor", ConvAttentionRegressor),
        ("AverageClassifier", ConvAttentionClassifier),
    ],
)
def test_its_classes_take_all_parameters_of_their_task_and_their_own(recipe, name, like):
    own = {"units"}
    task = {n for n in like._parameter_names if n not in like.network_class._parameter_names}
    assert set(inspect.signature(getattr(recipe, name)).parameters) == task | own


def test_its_forecaster_forecasts(recipe):
    y = load_airline()
    forecaster = recipe.AverageForecaster(epochs=3, random_state=0).fit(y[:-12], fh=range(1, 13))
    interval = forecaster.predict_interval(coverage=0.9)
    assert (interval.iloc[:, 0] < forecaster.predict()).all()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(forecaster)).predict(), forecaster.predict()
    )


def test_its_regressor_and_classifier_learn(recipe):
    X = np.random.default_rng(0).normal(size=(120, 12))
    X[60:] += 2
    y = np.repeat(["low", "high"], 60)
    classifier = clone(recipe.AverageClassifier(epochs=20, random_state=0)).fit(X, y)
    assert classifier.score(X, y) > 0.95
    regressor = recipe.AverageRegressor(epochs=20, random_state=0).fit(X, X.mean(axis=1))
    assert regressor.score(X, X.mean(axis=1)) > 0.8


def test_its_classes_elsewhere_are_saved_by_name_and_loaded_by_the_classes_given(
    elsewhere, tmp_path
):
    y = load_airline()
    forecaster = elsewhere.AverageForecaster(epochs=1, units=4, random_state=0).fit(y, fh=[1, 2])
    X = np.random.default_rng(0).normal(size=(40, 8))
    classifier = elsewhere.AverageClassifier(epochs=1, units=4, random_state=0).fit(X, X[:, 0] > 0)
    forecaster.save(tmp_path / "forecaster.zip")
    classifier.save(tmp_path / "classifier.zip")
    given = {n: getattr(elsewhere, n) for n in ("AverageForecaster", "AverageClassifier")}

    loaded = load(tmp_path / "forecaster.zip", networks=given)
    assert type(loaded) is elsewhere.AverageForecaster
    np.testing.assert_array_equal(loaded.predict(), forecaster.predict())
    loaded = load(tmp_path / "classifier.zip", networks=given)
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


def test_a_class_elsewhere_that_is_not_given_is_named_with_the_way_out(elsewhere, tmp_path):
    elsewhere.AverageRegressor(units=4).save(tmp_path / "model.zip")
    way_out = (
        r"'AverageRegressor', .* load\(path, networks={'AverageRegressor': AverageRegressor}\)"
    )
    with pytest.raises(SaveFileError, match=way_out):
        load(tmp_path / "model.zip")
    with pytest.raises(SaveFileError, match=way_out):
        # The architecture alone is no estimator.
        load(tmp_path / "model.zip", networks={"AverageRegressor": elsewhere.AverageNetwork})


def test_a_class_elsewhere_cannot_stand_for_one_of_ours(tmp_path):
    namesake = type(
        "ConvAttentionRegressor", (ConvAttentionRegressor,), {"__module__": "elsewhere"}
    )
    with pytest.raises(SaveFileError, match="a name that no estimator of skconvattn has"):
        namesake().save(tmp_path / "model.zip")
    ConvAttentionRegressor().save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="which is an estimator of skconvattn; give your own"):
        load(tmp_path / "model.zip", networks={"ConvAttentionRegressor": namesake})


def test_what_extends_the_package_is_exported_in_one_place():
    assert all(hasattr(extend, name) for name in extend.__all__)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [names] = re.findall(r"from skconvattn.extend import \((.*?)\)", text, re.DOTALL)
    assert set(re.findall(r"\w+", names)) <= set(extend.__all__)


def test_the_table_of_rooms_names_every_room_and_nothing_else():
    named = {name for row in ROOMS for name in re.findall(r"`([\w/.]+)`", row)}
    package = ROOT / "skconvattn"
    rooms = {
        f"{folder.relative_to(package).as_posix()}/"
        for folder in package.rglob("*")
        if folder.is_dir() and (folder / "__init__.py").is_file()
    }
    assert rooms <= named
    files = {name for name in named - rooms if (package / name).is_file()}
    commands = {name for name in named if name.startswith((".ci", "make"))}
    assert named == rooms | files | commands
