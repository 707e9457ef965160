"""
Backtest: forecasts from many origins
=====================================

One test period says little. A backtest forecasts from many origins and compares each forecast with
what came. Without training in between, all windows are forecast in one batch.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sktime.datasets import load_airline
from sktime.split import SlidingWindowSplitter

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import drawing

HORIZON, N_TEST = 6, 60
y = load_airline()
train, test = y[:-N_TEST], y[-N_TEST:]

# %%
# Forecast half a year from every third month
# -------------------------------------------

fh = range(1, HORIZON + 1)
forecaster = ConvAttentionForecaster(random_state=0).fit(train, fh=fh)
splitter = SlidingWindowSplitter(fh=fh, window_length=12, step_length=3)
started = time.perf_counter()
forecasts = forecaster.update_predict(test, splitter, update_params=False)
seconds = time.perf_counter() - started
print(f"{forecasts.shape[1]} forecasts in {seconds:.2f} s")

# %%
# The error by step ahead
# -----------------------
# The scaled error is one for "the same as a year before" on the training part.

scale = train.diff(12).abs().mean()
by_step = {step: [] for step in fh}
for origin in forecasts.columns:
    errors = (forecasts[origin].dropna() - y).dropna().abs() / scale
    for step, error in zip(fh, errors, strict=False):
        by_step[step].append(error)
for step, errors in by_step.items():
    print(f"{step} months ahead: scaled error {np.mean(errors):.2f}")

# %%
# All forecasts over the series
# -----------------------------

figure, (above, below) = plt.subplots(
    2, 1, figsize=(8, 5.6), height_ratios=[2, 1], layout="constrained"
)
shown = y[-N_TEST - 12 :]
above.plot(shown.index.to_timestamp(), shown, color="#555555", linewidth=1.2, label="history")
for number, origin in enumerate(forecasts.columns):
    ahead = forecasts[origin].dropna()
    label = {"label": "forecasts of half a year"} if number == 0 else {}
    stamps = pd.PeriodIndex(ahead.index, freq="M").to_timestamp()
    above.plot(stamps, ahead, color=drawing.FORECAST, linewidth=1.2, alpha=0.7, **label)
above.set_ylabel("passengers, thousands")
above.legend(loc="upper left", frameon=False)
below.bar(list(by_step), [np.mean(errors) for errors in by_step.values()], color=drawing.FORECAST)
below.set(xlabel="months ahead", ylabel="scaled error")
for ax in (above, below):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
