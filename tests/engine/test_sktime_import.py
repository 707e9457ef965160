"""Importing the package leaves Python's random numbers and warning filters as they were."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import importlib, random, sys, warnings
for name in ("numpy", "pandas", "scipy.special", "scipy.stats", "sklearn.base"):
    importlib.import_module(name)
random.seed(7)
filters, state = list(warnings.filters), random.getstate()
IMPORT
assert "sktime" in sys.modules
assert random.getstate() == state, "random numbers were drawn"
assert warnings.filters == filters, [f for f in warnings.filters if f not in filters]
"""


@pytest.mark.parametrize(
    "line",
    [
        "from skconvattn import PretrainedForecaster",
        "from skconvattn import ConvAttentionRegressor",
        "import skconvattn.forecasting",
        "from skconvattn.adapters import as_sktime",
    ],
)
def test_an_import_draws_no_random_number_and_leaves_no_filter(line: str):
    command = [sys.executable, "-c", SCRIPT.replace("IMPORT", line)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
