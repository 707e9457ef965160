"""What is not installed is named in one sentence with the way out, where it is first needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Each script runs as if the package that its name begins with were not installed.
WITHOUT = {
    "optuna": (
        (
            "from skconvattn.tuning import search_space\n"
            "search_space(skconvattn.ConvAttentionRegressor)"
        ),
        (
            "search_space returns distributions of Optuna, which is not installed; run pip install "
            "optuna optuna-integration."
        ),
    ),
    "optuna, for OptunaSearch": (
        (
            "from sklearn.linear_model import Ridge\n"
            "from skconvattn.tuning import OptunaSearch\n"
            "OptunaSearch(Ridge(), {'alpha': None}).fit([[1.0], [2.0]], [1.0, 2.0])"
        ),
        (
            "OptunaSearch searches with Optuna, which is not installed; run pip install optuna "
            "optuna-integration."
        ),
    ),
    "optuna, for OptunaForecastingSearch": (
        (
            "from sktime.datasets import load_airline\n"
            "from skconvattn.tuning import OptunaForecastingSearch\n"
            "search = OptunaForecastingSearch(skconvattn.ConvAttentionForecaster())\n"
            "search.fit(load_airline(), fh=[1])"
        ),
        (
            "OptunaForecastingSearch searches with Optuna, which is not installed; run pip install "
            "optuna optuna-integration."
        ),
    ),
    "distributed": (
        (
            "from sktime.datasets import load_airline\n"
            "from skconvattn.distributed import DaskForecaster\n"
            "forecaster = skconvattn.ConvAttentionForecaster(panel='local')\n"
            "DaskForecaster(forecaster).fit(load_airline(), fh=[1])"
        ),
        (
            "DaskForecaster spreads series with Dask, which is not installed; run pip install dask "
            "distributed."
        ),
    ),
    "scikeras": (
        (
            "import numpy as np\n"
            "settings = {'members': ['network'], 'epochs': 1, 'units': 2, 'engine': 'portable'}\n"
            "regressor = skconvattn.ConvAttentionRegressor(**settings)\n"
            "regressor.fit(np.eye(20), np.arange(20.0))"
        ),
        (
            "The portable engine trains through SciKeras, which is not installed; run pip install "
            "scikeras, or use engine='compiled' on TensorFlow or JAX."
        ),
    ),
    "tensorflow": (
        "import skconvattn.layers\nskconvattn.layers.Attention",
        (
            "Keras runs on tensorflow, which is not installed; run pip install tensorflow, or "
            "install another backend and name it in the environment variable KERAS_BACKEND "
            "(tensorflow, jax or torch)."
        ),
    ),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_a_package_that_is_missing_is_named_where_it_is_needed(case):
    use, sentence = WITHOUT[case]
    package = case.partition(",")[0]
    script = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={package!r})

sys.meta_path.insert(0, Missing())
import skconvattn
for name in skconvattn.__all__:
    if name[0].isupper():
        getattr(skconvattn, name)
try:
    {use.replace(chr(10), chr(10) + "    ")}
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert (run.returncode, run.stdout) == (0, f"{sentence}\n"), run.stderr[-2000:]
