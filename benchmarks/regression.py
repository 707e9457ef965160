"""Test errors of regressors with their defaults, beside the mean, the nearest neighbour and Rocket.

Six generated sets, one of them of 60 series and one of noise alone; errors are root mean squares
over the standard deviation of the test targets, so that predicting the mean is about one. sktime's
RocketRegressor needs numba, and is left out where that is missing.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import skconvattn

REGRESSORS = [
    "AttentionRegressor",
    "ConvAttentionRegressor",
    "SelfAttentionRegressor",
    "RNNAttentionRegressor",
]
N_TEST = 300
Data = tuple[np.ndarray, np.ndarray]


def frequency(n: int, rng: np.random.Generator) -> Data:
    """Return noisy waves of any phase and their frequency."""
    y = rng.uniform(0.05, 0.4, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    waves = np.sin(2 * np.pi * y[:, None] * np.arange(120) + phase[:, None])
    return waves + 0.5 * rng.normal(size=waves.shape), y


def maximum(n: int, rng: np.random.Generator) -> Data:
    """Return random walks and their largest value."""
    X = np.cumsum(rng.normal(size=(n, 80)), axis=1)
    return X, X.max(axis=1)


def position(n: int, rng: np.random.Generator) -> Data:
    """Return noise with a bump, and the time of the bump."""
    y = rng.uniform(20, 80, n)
    bump = 4 * np.exp(-0.5 * ((np.arange(100) - y[:, None]) / 4) ** 2)
    return bump + rng.normal(size=(n, 100)), y


def linear(n: int, rng: np.random.Generator) -> Data:
    """Return noise and a linear map of it with noise."""
    X = rng.normal(size=(n, 60))
    return X, X @ np.linspace(-1, 1, 60) + rng.normal(size=n)


def autoregression(n: int, rng: np.random.Generator) -> Data:
    """Return autoregressive series and their coefficient."""
    y = rng.uniform(-0.9, 0.9, n)
    X = rng.normal(size=(n, 150))
    for t in range(1, 150):
        X[:, t] += y * X[:, t - 1]
    return X, y


def noise(n: int, rng: np.random.Generator) -> Data:
    """Return noise, and noise that has nothing to do with it."""
    return rng.normal(size=(n, 50)), rng.normal(size=n)


SETS: dict[str, tuple[Callable[..., Data], int]] = {
    "frequency": (frequency, 100),
    "maximum": (maximum, 150),
    "position": (position, 200),
    "linear": (linear, 150),
    "autoregression": (autoregression, 60),
    "noise": (noise, 100),
}


def peers(seed: int) -> dict[str, Any]:
    """Return what stands beside the regressors, by name."""
    from sklearn.neighbors import KNeighborsRegressor

    found: dict[str, Any] = {"nearest neighbour": KNeighborsRegressor(1)}
    if find_spec("numba") is not None:
        from sktime.regression.kernel_based import RocketRegressor

        found["RocketRegressor"] = RocketRegressor(random_state=seed)
    return found


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--regressors", nargs="+", default=REGRESSORS, metavar="CLASS")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in arguments.only:
        make, n_train = SETS[name]
        errors: dict[str, list[float]] = {}
        seconds: dict[str, float] = {}
        for seed in range(arguments.seeds):
            X, y = make(n_train + N_TEST, np.random.default_rng(seed))
            models = {
                label: getattr(skconvattn, label)(random_state=seed)
                for label in arguments.regressors
            }
            unit = y[n_train:].std()
            of_mean = np.sqrt(np.square(y[:n_train].mean() - y[n_train:]).mean()) / unit
            errors.setdefault("mean", []).append(float(of_mean))
            for label, model in (models | peers(seed)).items():
                started = time.perf_counter()
                panel = X[:, None] if label == "RocketRegressor" else X
                model.fit(panel[:n_train], y[:n_train])
                seconds[label] = time.perf_counter() - started
                missed = np.ravel(model.predict(panel[n_train:])) - y[n_train:]
                errors.setdefault(label, []).append(float(np.sqrt(np.square(missed).mean()) / unit))
        cells = [
            f"{label} {np.mean(values):.3f}"
            + (f" ({seconds[label]:.1f} s)" if label in seconds else "")
            for label, values in errors.items()
        ]
        print(f"{name:16}" + "; ".join(cells), flush=True)


if __name__ == "__main__":
    main()
