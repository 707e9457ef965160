"""
Five forecasters on one series
==============================

Every forecaster of the package with its defaults, on the last year of a monthly series: how large
is its error, and how long does it take?
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sktime.datasets import load_airline
from sktime.performance_metrics.forecasting import mean_absolute_scaled_error

from skconvattn import (
    AttentionForecaster,
    ConvAttentionForecaster,
    PretrainedForecaster,
    RNNAttentionForecaster,
    SelfAttentionForecaster,
)

y = load_airline()
train, test = y[:-12], y[-12:]
N_SEEDS = 2

# %%
# Fit each, first with all members, then with its network alone
# -------------------------------------------------------------
# The error is scaled: one is that of "the same as a year before" on the training part. Seconds are
# those of the second fit; the first one also compiles.

FORECASTERS = [
    ConvAttentionForecaster, AttentionForecaster, SelfAttentionForecaster, RNNAttentionForecaster,
]  # fmt: skip
MEMBERS = {"all members": "all", "network and linear map": ("linear", "network")}


def measure(forecaster: object) -> tuple[float, float]:
    """Return the scaled error of the last year, and the seconds of fit and forecast."""
    started = time.perf_counter()
    forecast = forecaster.fit(train, fh=range(1, 13)).predict()
    seconds = time.perf_counter() - started
    return mean_absolute_scaled_error(test, forecast, y_train=train, sp=12), seconds


rows = []
for cls in FORECASTERS:
    for label, members in MEMBERS.items():
        found = [measure(cls(members=members, random_state=seed)) for seed in range(N_SEEDS)]
        rows.append((cls.__name__, label, np.mean([error for error, _ in found]), found[-1][1]))
measure(PretrainedForecaster())
rows.append((PretrainedForecaster.__name__, "all members", *measure(PretrainedForecaster())))
table = pd.DataFrame(rows, columns=["forecaster", "made of", "error", "seconds"])
print(table.to_string(index=False, float_format="%.2f"))

# %%
# The members that all of them share carry this short series; the networks alone differ more.

names = list(table["forecaster"].unique())
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
COLOURS = {"all members": "#0072B2", "network and linear map": "#E69F00"}
for shift, (label, colour) in zip((-0.2, 0.2), COLOURS.items(), strict=True):
    part = table[table["made of"] == label]
    places = np.array([names.index(name) for name in part["forecaster"]]) + shift
    for ax, column in ((left, "error"), (right, "seconds")):
        ax.barh(places, part[column], height=0.38, color=colour, label=label)
left.set_yticks(range(len(names)), names)
left.invert_yaxis()
left.set_xlabel("mean absolute scaled error")
right.set_xlabel("seconds per fit")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
plt.show()
