"""
A stream at constant cost
=========================

A sensor gives one value per minute. Attention as an RNN carries running sums along: it is trained
on one day, then takes one value after the other, and forecasts the next half hour whenever it is
asked. The same network could read the whole history again each time. The last picture shows what
that costs.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skconvattn import RNNAttentionForecaster

N_TRAINING, N_STREAMED, HORIZON, EVERY = 1440, 600, 30, 60

rng = np.random.default_rng(0)
t = np.arange(N_TRAINING + N_STREAMED + HORIZON)
values = 20 + 3 * np.sin(2 * np.pi * t / 45) + 2 * np.sin(2 * np.pi * t / 110 + 1)
minutes = pd.date_range("2026-11-22", periods=len(t), freq="min")
y = pd.Series(values + 0.4 * rng.normal(size=len(t)), index=minutes, name="sensor")

forecaster = RNNAttentionForecaster(
    normalization="series", window_length=120, seasonal_period=1, epochs=15, random_state=0
)
forecaster.fit(y[:N_TRAINING], fh=range(1, HORIZON + 1))

# %%
# Stream
# ------

stream = forecaster.stream()
forecasts = []
for i in range(N_TRAINING, N_TRAINING + N_STREAMED):
    stream.update(y.iloc[i])
    if (i - N_TRAINING) % EVERY == EVERY - 1:
        forecasts.append((stream.predict(), stream.predict_interval(0.9)))

errors = [(forecast - y.loc[forecast.index]).abs().mean() for forecast, _ in forecasts]
repeated = [(y.loc[f.index] - y.loc[: f.index[0]].iloc[-2]).abs().mean() for f, _ in forecasts]
print(f"error of the next half hour   {np.mean(errors):.2f}")
print(f"  of the last value repeated  {np.mean(repeated):.2f}")

# %%
# The forecasts of the last hours
# -------------------------------

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"
figure, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
shown = y[N_TRAINING + N_STREAMED - 6 * EVERY :]
ax.plot(shown, color=GREY, linewidth=0.8, label="sensor")
for number, (forecast, interval) in enumerate(forecasts[-6:]):
    label = {"label": "forecast of half an hour"} if number == 0 else {}
    ax.plot(forecast, color=BLUE, linewidth=1.8, **label)
    label = {"label": "90 % interval"} if number == 0 else {}
    ax.fill_between(
        forecast.index, interval["lower"], interval["upper"], color=BLUE, alpha=0.25, linewidth=0,
        **label,
    )  # fmt: skip
ax.set_ylabel(y.name)
ax.set_ylim(top=ax.get_ylim()[1] + 2)
ax.legend(loc="upper left", ncols=3, frameon=False)
ax.spines[["top", "right"]].set_visible(False)
ax.xaxis.set_major_formatter(
    plt.matplotlib.dates.ConciseDateFormatter(ax.xaxis.get_major_locator())
)
plt.show()

# %%
# What a value costs
# ------------------
# After histories of one day to three weeks: the next value of the stream, and the whole history
# once more. One does not grow, the other does. Shown is processor time, the least of several runs.

long = pd.Series(np.resize(values, 30_000), pd.date_range(minutes[0], periods=30_000, freq="min"))
sizes = [1_500, 7_500, 15_000, 22_500, 29_900]
whole, single = [], []
for size in sizes:
    runs = []
    for _ in range(3):
        started = time.process_time()
        stream.restart(long[:size])
        runs.append(time.process_time() - started)
    whole.append(1e3 * min(runs))
    runs = []
    for value in long.iloc[size : size + 60]:
        started = time.process_time()
        stream.update(value)
        runs.append(time.process_time() - started)
    single.append(1e3 * min(runs))
    print(f"after {size:6,} values: the next {single[-1]:5.1f} ms, all again {whole[-1]:6.1f} ms")

figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(sizes, whole, "o-", color=ORANGE, markersize=5, label="the whole history once more")
ax.plot(sizes, single, "o-", color=BLUE, markersize=5, label="the next value of the stream")
ax.set(xlabel="values so far", ylabel="milliseconds of processor time", ylim=(0, 1.25 * max(whole)))
ax.legend(loc="upper left", ncols=2, frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
