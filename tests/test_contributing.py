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

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, ConvAttentionRegressor

ROOT = Path(__file__).resolve().parent.parent
NAME = "skconvattn.architectures.average"
ROOMS = re.findall(r"^\| ((?:`[\w/.]+`(?:, )?)+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)


@pytest.fixture(scope="module")
def recipe():
    """The module that the recipe writes, under the name that it would have."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## A new architecture") :]
    [source] = re.findall(r"```python\n(.*?)```", section[: section.index("\n## ", 3)], re.DOTALL)
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module  # where pickle, and annotations of dataclasses, look it up
    exec(compile(source, "CONTRIBUTING.md", "exec"), vars(module))
    yield module
    del sys.modules[NAME]


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
