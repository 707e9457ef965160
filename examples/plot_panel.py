"""
One model for thirty shops, and a shop it has never seen
========================================================

Each shop has two years of weekly sales of its own size, with a season that all share. One global
model is compared with thirty local ones, in error and in seconds. Then it forecasts a new shop of
which there is half a year.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import ForecastDisplay

N_SHOPS, N_WEEKS, N_NEW, HORIZON = 30, 104, 26, 8
SETTINGS = {"window_length": 16, "seasonal_period": 13, "epochs": 25, "random_state": 0}
fh = range(1, HORIZON + 1)


def shops(n_shops: int, n_weeks: int, seed: int) -> pd.DataFrame:
    """Generate the last weeks of sales that share a season of a quarter, in sizes of their own."""
    rng = np.random.default_rng(seed)
    weeks = pd.period_range(end="2026-11-16", periods=N_WEEKS, freq="W")[-n_weeks:]
    position = np.arange(N_WEEKS)[-n_weeks:] + 1
    season = np.sin(2 * np.pi * position / 13) + 0.6 * np.sin(4 * np.pi * position / 13 + 1)
    frames = {}
    for shop in range(n_shops):
        size, growth = rng.lognormal(4, 1), rng.normal(scale=0.002)
        values = size * (1 + growth * position) * (3 + season + 0.25 * rng.normal(size=n_weeks))
        frames[f"shop {shop}"] = pd.DataFrame({"sales": values}, index=weeks)
    return pd.concat(frames, names=["shop", "week"])


sales = shops(N_SHOPS, N_WEEKS, seed=0)
weeks = sales.index.get_level_values("week")
late = weeks > weeks.unique().sort_values()[-HORIZON - 1]
train, test = sales[~late], sales[late]

# %%
# One model, or thirty
# --------------------
# The error is the mean absolute error in percent of a shop's mean, averaged over shops.

print(f"{'model':22}{'error in %':>12}{'seconds':>9}")
fitted = {}
for name, panel in (("one for all shops", "global"), ("one per shop", "local")):
    started = time.perf_counter()
    forecaster = ConvAttentionForecaster(panel=panel, **SETTINGS).fit(train, fh=fh)
    error = (forecaster.predict() - test).abs().groupby("shop").mean()
    relative = 100 * (error / test.groupby("shop").mean()).to_numpy().mean()
    print(f"{name:22}{relative:12.1f}{time.perf_counter() - started:9.1f}")
    fitted[name] = forecaster

# %%
# A grid of some of them
# ----------------------

some = [f"shop {i}" for i in (3, 5, 14, 15, 23, 26)]
ForecastDisplay.from_estimator(fitted["one for all shops"], y_true=sales, series=some, n_history=39)
plt.show()

# %%
# A new shop
# ----------
# ``pretrain`` learns from the thirty. ``fit`` on the new one keeps the weights.

new = shops(1, N_NEW + HORIZON, seed=7).droplevel("shop")["sales"]
experienced = ConvAttentionForecaster(**SETTINGS).pretrain(train, fh=fh)
experienced.fit(new[:-HORIZON], fh=fh)
alone = ConvAttentionForecaster(**SETTINGS).fit(new[:-HORIZON], fh=fh)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
titles = {"pretrained on thirty others": experienced, "from its own half year": alone}
for ax, (name, forecaster) in zip(axes, titles.items(), strict=True):
    error = 100 * (forecaster.predict() - new[-HORIZON:]).abs().mean() / new[-HORIZON:].mean()
    print(f"{name:28} error {error:5.1f} %")
    ForecastDisplay.from_estimator(forecaster, y_true=new, n_history=N_NEW, ax=ax)
    ax.set_title(f"a new shop, {name}", fontsize="medium", loc="left")
plt.show()
