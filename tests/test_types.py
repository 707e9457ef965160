"""Type checkers see parameters, choices and results; the declarations of both kinds agree."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.utils._param_validation import StrOptions

import skconvattn

# Lines with "# error: TEXT" must be refused with such a message, those with "# reveal: TYPE" are
# asked for their type, and all others must be accepted.
USER = """
from __future__ import annotations

import numpy as np
import pandas as pd
from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    NeuralRegressor,
    PretrainedForecaster,
    SelfAttentionRegressor,
    load,
)
from skconvattn.inspection import attention_weights
from skconvattn.layers import Attention

y = pd.Series(np.arange(48.0))
X = np.zeros((40, 8))

ConvAttentionForecaster(epoch=3)  # error: Unexpected keyword argument "epoch"
ConvAttentionForecaster(epochs="many")  # error: expected "int"
ConvAttentionForecaster(panel="globl")  # error: expected "Literal['global', 'local']"
ConvAttentionForecaster(engine="fast")  # error: expected "Literal['auto', 'compiled', 'portable']"
ConvAttentionForecaster(batch_size="auto", recurrent="gru", quantiles=(0.1, 0.5, 0.9))
SelfAttentionRegressor(attention_type="dot")  # error: expected "Literal['multi_head',
NeuralRegressor(units=3)  # error: Unexpected keyword argument "units"
PretrainedForecaster(epochs=3)  # error: Unexpected keyword argument "epochs"

forecaster = ConvAttentionForecaster(epochs=3).fit(y, fh=[1, 2])
forecaster  # reveal: skconvattn.architectures.conv_attention.ConvAttentionForecaster
forecaster.predict()  # reveal: Series[Any] | pandas.core.frame.DataFrame
forecaster.predict_interval(coverage=0.9)  # reveal: pandas.core.frame.DataFrame
forecaster.update(y)  # reveal: skconvattn.architectures.conv_attention.ConvAttentionForecaster
forecaster.weights_  # reveal: pandas.core.frame.DataFrame
PretrainedForecaster().fit(y)  # reveal: skconvattn.architectures.pretrained.PretrainedForecaster

classifier = ConvAttentionClassifier(epochs=3).fit(X, X[:, 0] > 0)
classifier  # reveal: skconvattn.architectures.conv_attention.ConvAttentionClassifier
classifier.classes_  # reveal: numpy.ndarray[
classifier.predict(X)  # reveal: numpy.ndarray[
classifier.score(X, X[:, 0] > 0)  # reveal: float
classifier.partial_fit(X, X[:, 0])  # reveal: conv_attention.ConvAttentionClassifier
classifier.predct(X)  # error: has no attribute "predct"
SelfAttentionRegressor().fit(X, X[:, 0]).get_params()  # reveal: dict[str, Any]

load("model.zip")  # reveal: skconvattn.persistence.loading.Estimator
load("model.zip").get_params()  # reveal: dict[str, Any]
load("model.zip").predict_interval(coverage=0.9)
loaded = load("model.zip", kind=ConvAttentionClassifier)
loaded  # reveal: skconvattn.architectures.conv_attention.ConvAttentionClassifier
loaded.predct()  # error: has no attribute "predct"
load("model.zip", kind="ConvAttentionForecaster")  # error: No overload variant
load(3)  # error: No overload variant
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What mypy says of each line of the script, for a user without settings of ours."""
    folder = tmp_path_factory.mktemp("user")
    lines = [
        f"reveal_type({line.partition('  #')[0]})" if "# reveal: " in line else line
        for line in USER.splitlines()
    ]
    script = folder / "user.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    settings = folder / "mypy.ini"
    settings.write_text("[mypy]\nignore_missing_imports = True\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", folder]
    run = subprocess.run(
        [*command, "--no-error-summary", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert run.stderr == ""
    found: dict[int, str] = {}
    for number, text in re.findall(r"user\.py:(\d+): (.*)", run.stdout):
        found[int(number)] = f"{found.get(int(number), '')}\n{text}"
    return found


def test_a_user_s_mypy_refuses_what_is_wrong_and_knows_results(verdicts):
    wrong = []
    for number, line in enumerate(USER.splitlines(), start=1):
        said = verdicts.get(number, "")
        _, kind, expected = re.match(r"(.*?)(?:  # (error|reveal): (.*))?$", line).groups()
        fulfilled = {"error": "error: " in said, "reveal": "error: " not in said, None: said == ""}
        if not fulfilled[kind] or (expected or "") not in said:
            wrong.append(f"{line}\n    mypy: {said.strip() or 'nothing'}")
    assert wrong == []


def _declared():
    """Every declaration of a parameter in the public classes: annotation and constraints."""
    for name in skconvattn.__all__:
        value = getattr(skconvattn, name)
        if isinstance(value, type) and hasattr(value, "_parameter_names"):
            for field in dataclasses.fields(value):
                yield pytest.param(field.type, field.metadata, id=f"{name}.{field.name}")


@pytest.mark.parametrize(("annotation", "metadata"), list(_declared()))
def test_the_choices_of_the_annotation_are_those_that_are_accepted(annotation, metadata):
    constraints = metadata["constraints"]
    options = [c for c in constraints if isinstance(c, StrOptions)] if constraints else []
    literals = re.findall(r"Literal(\[[^\]]*\])", annotation)
    written = {value for text in literals for value in ast.literal_eval(text)}
    accepted = {value for each in options for value in each.options}
    # Any stands where arrays, functions or objects of Keras are accepted too.
    assert written == accepted or annotation == "Any"
    assert (None in constraints) == ("None" in annotation) or annotation == "Any"


def test_names_of_the_stub_are_exported_for_static_completion():
    stub = (Path(skconvattn.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    imported = {
        alias.asname or alias.name
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(skconvattn.__all__)
