"""
Networks with and without attention, beside classical forecasts
===============================================================

A recurrent encoder alone, with attention, with convolutional attention, self-attention and
attention as an RNN, each as a single network without the other members of a forecast, then a
forecast with all members, exponential smoothing and the last week again. Three seeds for whatever
is trained; under three minutes on two cores.
"""

# %%
# The series
# ----------
# Hours of a load with a day, a week and noise that remembers. The last day is the test.
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skconvattn import (
    AttentionForecaster,
    ConvAttentionForecaster,
    NeuralForecaster,
    PretrainedForecaster,
    RNNAttentionForecaster,
    SelfAttentionForecaster,
)

OUTPUT = Path(__file__).parent / "output" if "__file__" in globals() else Path("output")
OUTPUT.mkdir(exist_ok=True)
N_HOURS, HORIZON, DAY, WEEK, SEEDS = 24 * 7 * 6, 24, 24, 168, (0, 1, 2)

rng = np.random.default_rng(0)
hour = np.arange(N_HOURS)
noise = np.zeros(N_HOURS)
for step in range(1, N_HOURS):
    noise[step] = 0.9 * noise[step - 1] + rng.normal(scale=1.5)
weekend = (hour // DAY) % 7 >= 5
load = 100 + 20 * np.sin(2 * np.pi * hour / DAY) * (1 - 0.5 * weekend) - 15 * weekend + noise
y = pd.Series(load, index=pd.period_range("2026-01-05", periods=N_HOURS, freq="h"), name="load")
y_train, y_test = y[:-HORIZON], y[-HORIZON:]

# %%
# The models
# ----------


def recurrent(inputs: Any, units: int = 32) -> Any:
    """Return the last state of a recurrent encoder, without any attention."""
    import keras

    return keras.layers.GRU(units)(inputs)


ALONE: dict[str, Any] = {
    "members": ("network",),
    "linear_skip": False,
    "window_length": 2 * DAY,
    "epochs": 10,
}
NETWORKS: dict[str, tuple[type, dict[str, Any]]] = {
    "recurrent encoder": (NeuralForecaster, {"network": recurrent, **ALONE}),
    "recurrent encoder, attention": (AttentionForecaster, {"recurrent": "gru", **ALONE}),
    "convolutional attention": (ConvAttentionForecaster, ALONE),
    "self-attention": (SelfAttentionForecaster, {"strides": 4, **ALONE}),
    "attention as an RNN": (RNNAttentionForecaster, ALONE),
    "all members": (ConvAttentionForecaster, {"window_length": 2 * DAY, "epochs": 10}),
    "pretrained attention": (PretrainedForecaster, {}),
    "smoothing": (
        ConvAttentionForecaster,
        {"members": ("smoothing", "log smoothing"), "epochs": 0},
    ),
}


def measures(forecast: np.ndarray) -> dict[str, float]:
    """Return the errors of a forecast of the test part."""
    actual = y_test.to_numpy()
    error = actual - forecast
    size = np.abs(error)
    week_before = np.abs(y_train.to_numpy()[WEEK:] - y_train.to_numpy()[:-WEEK]).mean()
    return {
        "MSE": float((error**2).mean()),
        "MAE": float(size.mean()),
        "R2": float(1 - (error**2).sum() / ((actual - actual.mean()) ** 2).sum()),
        "MAPE": float(100 * (size / np.abs(actual)).mean()),
        "sMAPE": float(200 * (size / (np.abs(actual) + np.abs(forecast))).mean()),
        "WAPE": float(100 * size.sum() / np.abs(actual).sum()),
        "MASE": float(size.mean() / week_before),
    }


# %%
# Errors and seconds
# ------------------
# Means over the seeds. The first fit of a network also compiles it.
rows, forecasts, losses = {}, {}, {}
for name, (cls, parameters) in NETWORKS.items():
    found = []
    trained = parameters.get("epochs", 0) > 0
    for seed in SEEDS if trained else SEEDS[:1]:
        seeded = {"random_state": seed} if trained else {}
        started = time.perf_counter()
        forecaster = cls(**parameters, **seeded).fit(y_train, fh=range(1, HORIZON + 1))
        forecast = forecaster.predict().to_numpy()
        found.append({**measures(forecast), "seconds": time.perf_counter() - started})
    rows[name], forecasts[name] = pd.DataFrame(found).mean(), forecast
    if trained and "val_loss" in forecaster.history_:
        losses[name] = forecaster.history_["val_loss"]
forecasts["last week again"] = y_train.to_numpy()[-WEEK:][:HORIZON]
rows["last week again"] = pd.Series(measures(forecasts["last week again"]) | {"seconds": 0.0})
table = pd.DataFrame(rows).T
print(table.round(2).to_string())

# %%
# Curves
# ------
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for name, values in losses.items():
    ax.plot(range(1, len(values) + 1), values, label=name)
ax.set(xlabel="epoch", ylabel="loss of the held-out part", title="Training with the last seed")
fig.legend(loc="outside right upper")
fig.savefig(OUTPUT / "benchmark_losses.png", dpi=120)

# %%
# Forecasts
# ---------
fig, axes = plt.subplots(3, 3, figsize=(12, 8), sharex=True, sharey=True, layout="constrained")
for ax, (name, forecast) in zip(axes.flat, forecasts.items(), strict=True):
    ax.plot(y_test.to_numpy(), color="black", label="actual")
    ax.plot(forecast, color="tab:blue", label="forecast")
    ax.set_title(f"{name}, MASE {table.loc[name, 'MASE']:.2f}", fontsize=10)
axes[0, 0].legend()
fig.supxlabel("hours after the last value seen")
fig.supylabel("load")
fig.savefig(OUTPUT / "benchmark_forecasts.png", dpi=120)
