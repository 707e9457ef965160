"""
Backtest: forecasts from many origins
=====================================

One test period says little. A backtest forecasts from many origins and compares each forecast with
what came. Without training in between, all windows are forecast in one batch.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import BacktestDisplay

HORIZON, N_TEST = 6, 60
y = load_airline()

# %%
# Forecast half a year from every third month
# -------------------------------------------
# The forecaster is fitted once, to all months but the last 60. Each later forecast sees the months
# since, with the weights of that fit.

forecaster = ConvAttentionForecaster(random_state=0).fit(y[:-N_TEST], fh=range(1, HORIZON + 1))
started = time.perf_counter()
backtest = forecaster.backtest(y, step_length=3, coverage=[0.5, 0.9])
seconds = time.perf_counter() - started
print(f"{len(backtest.cutoffs)} forecasts in {seconds:.2f} s")

# %%
# The error by step ahead
# -----------------------
# The scaled error, MASE, is one for "the same as a year before" on what came before each origin.

print(backtest.errors().round(2).to_string())

# %%
# How often intervals hold
# ------------------------

print(backtest.coverage().round(2).to_string())

# %%
# All forecasts over the series
# -----------------------------

display = BacktestDisplay(backtest=backtest).plot()
display.axes_[0].set_ylabel("passengers, thousands")
display.axes_[1].set_xlabel("months ahead")
plt.show()
