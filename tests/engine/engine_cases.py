"""Trainings whose losses are compared between engines and backends, from the same weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from skconvattn import (
    AttentionRegressor,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    SelfAttentionClassifier,
)
from skconvattn.data import Rows, Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.engine.programs import drawn_model
from skconvattn.networks import (
    ClassHead,
    ClassOutput,
    HorizonHead,
    ModelSpec,
    QuantileOutput,
    ValueHead,
)

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(50, 8, 2)).astype(np.float32)
VALUES = (SERIES[:, -1, :1] + SERIES[:, 0, 1:] ** 2).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 1.5, size=50).astype(np.float32)
LABELS = (VALUES[:, 0] > 1).astype(np.int32)
# 36 samples of 50 train, in batches of 16: the last one has four.
TRAINING = np.setdiff1d(np.arange(50), np.arange(0, 50, 4)[:13])[:36]

NAMES = (
    "convolution",
    "LSTM",
    "classes",
    "batch normalization",
    "quantiles",
    "a loss of the whole batch",
)
Case = tuple[ModelSpec, Rows | Windows, dict[str, Any]]


def _spec(estimator: Any, head: Any, n_channels: int = 2) -> ModelSpec:
    return ModelSpec.of(estimator, head, n_timepoints=8, n_channels=n_channels)


def cases() -> dict[str, Case]:
    """Return model, data and what is not default in the plan, by name."""
    import keras

    rows = Rows(SERIES, VALUES, WEIGHTS)
    values = ValueHead(1, linear=True)
    series = np.stack([np.sin(np.arange(60) / 3), np.cos(np.arange(60))], axis=1)
    series[30, 0] = np.nan
    filled = np.nan_to_num(series).astype(np.float32)
    targets = np.c_[filled, series[:, 0].astype(np.float32)]
    windows = Windows.over([targets], 8, 3, separate_targets=True)
    horizon = HorizonHead(horizon=3, n_known=1, output=QuantileOutput((0.1, 0.5, 0.9)))
    labels = Rows(SERIES, LABELS, WEIGHTS)
    classified = {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }

    def classifier(normalization: Any) -> ModelSpec:
        settings = {"filters": 4, "units": 4, "num_heads": 1, "dropout": 0.0}
        network = SelfAttentionClassifier(**settings, hidden_normalization=normalization)
        return _spec(network, ClassHead(ClassOutput(2)))

    return {
        "convolution": (_spec(ConvAttentionRegressor(filters=4, units=4), values), rows, {}),
        "LSTM": (
            _spec(AttentionRegressor(recurrent_units=4, units=4), values),
            rows,
            {"loss": "huber", "optimizer": keras.optimizers.SGD(0.05, clipnorm=0.1)},
        ),
        "classes": (classifier("layer"), labels, classified),
        # Biases before it have no gradient, and Adam would make steps of what rounding leaves.
        "batch normalization": (
            classifier("batch"),
            labels,
            {**classified, "optimizer": keras.optimizers.SGD(0.05)},
        ),
        "quantiles": (
            _spec(ConvAttentionForecaster(filters=4, units=4), horizon),
            windows,
            {
                "loss": horizon.output.loss(),
                "optimizer": keras.optimizers.AdamW(0.01, weight_decay=0.1),
            },
        ),
        "a loss of the whole batch": (
            _spec(ConvAttentionRegressor(filters=4, units=4), ValueHead(1)),
            Rows(SERIES, LABELS[:, None].astype(np.float32), WEIGHTS),
            {"loss": keras.losses.Dice()},
        ),
    }


def start(case: Case) -> FittedModel:
    """Return weights to start from, drawn by NumPy: the same on every backend."""
    rng = np.random.default_rng(1)

    def draw(values: dict[str, np.ndarray]) -> None:
        for path, value in values.items():
            if np.issubdtype(value.dtype, np.floating) and "moving" not in path:
                values[path] = rng.normal(scale=0.3, size=value.shape)

    return drawn_model(case[0], np.random.default_rng(0), draw)


def trained(name: str, engine: str = "auto", **changes: Any) -> TrainingResult:
    """Train a case for three epochs."""
    spec, source, settings = case = cases()[name]
    defaults = {"epochs": 3, "batch_size": 16, "optimizer": "adam", "learning_rate": None}
    plan = {**defaults, "loss": "mean_squared_error", "engine": engine, **settings, **changes}
    validation = np.setdiff1d(np.arange(len(source)), TRAINING)
    return train(
        spec, source, TrainingPlan(**plan), np.random.default_rng(5), start=start(case),
        training=TRAINING, validation=validation,
    )  # fmt: skip


def main(folder: Path) -> None:
    """Write the history and the weights of every case."""
    for name in NAMES:
        result = trained(name)
        np.savez(folder / f"{name}.npz", weights=result.model.weights, **result.history)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
