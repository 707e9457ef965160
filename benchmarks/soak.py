"""Memory over hundreds of fits of one shape, and over trials of many architectures.

``make soak`` prints one line per kind of estimator: the slope of resident memory over the last
fits, in MB per fit, which is to be at most 0.02, and what trials of 40 architectures add to what
the programs that are kept take, in MB, which is to be at most 250.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd

MOST_PER_FIT, MOST_FOR_TRIALS = 0.02, 250.0
KINDS = ("regressor", "classifier", "forecaster")


def resident() -> float:
    """Return resident memory in MB."""
    import psutil

    return psutil.Process().memory_info().rss / 2**20


def fitted(kind: str, number: int, **parameters: Any) -> None:
    """Fit and predict with new data of one shape."""
    import skconvattn

    rng = np.random.default_rng(number)
    given = {"epochs": 2, "random_state": 0, "filters": 4, "units": 4, **parameters}
    if kind == "forecaster":
        index = pd.period_range("2000-01", periods=60, freq="M")
        y = pd.Series(np.arange(60.0) + rng.normal(size=60), index=index)
        skconvattn.ConvAttentionForecaster(**given).fit(y, fh=[1, 2, 3]).predict()
        return
    X = rng.normal(size=(120, 12))
    y = X[:, 0] if kind == "regressor" else X[:, 0] > 0
    name = f"ConvAttention{kind.capitalize()}"
    getattr(skconvattn, name)(**given).fit(X, y).predict(X)


def slope(kind: str, n_fits: int) -> float:
    """Return how memory grows over the last two fifths of so many fits, in MB per fit."""
    found = []
    for number in range(n_fits):
        fitted(kind, number)
        found.append(resident())
    last = found[-2 * n_fits // 5 :]
    return float(np.polyfit(np.arange(len(last)), last, 1)[0])


def trials(n_trials: int, n_architectures: int) -> float:
    """Return what trials of many architectures take above the programs that are kept, in MB.

    As many programs are kept as the caches hold; one of each is fitted first.
    """
    from skconvattn.engine import programs

    kept = min(n_architectures, programs._MODELS.max_size)
    fitted("regressor", 0, filters=2)
    for architecture in range(kept):
        fitted("regressor", 0, filters=3 + architecture)
    gc.collect()
    before = resident()
    for trial in range(n_trials):
        fitted("regressor", trial, filters=3 + trial % n_architectures)
    gc.collect()
    return resident() - before


def main() -> int:
    """Measure each kind in a process of its own; the exit status says whether a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--only", choices=[*KINDS, "trials"], help="in this process")
    given = parser.parse_args()
    if given.only:
        warnings.simplefilter("ignore")
        found = (
            trials(given.trials, 40) if given.only == "trials" else slope(given.only, given.fits)
        )
        sys.stdout.write(f"{found:.4f}\n")
        return 0
    missed = 0
    for name in (*KINDS, "trials"):
        command = [sys.executable, "-W", "ignore", __file__, "--only", name]
        command += ["--fits", str(given.fits), "--trials", str(given.trials)]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found, most = float(run.stdout), MOST_FOR_TRIALS if name == "trials" else MOST_PER_FIT
        unit = "MB above the programs kept" if name == "trials" else "MB per fit"
        missed += found > most
        sys.stdout.write(f"{name:12} {found:8.3f} {unit}, at most {most}\n")
        sys.stdout.flush()
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
