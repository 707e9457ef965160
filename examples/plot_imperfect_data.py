"""
Missing values, an outlier, and a shift of the level
====================================================

The airline's months as a clerk might have kept them: some are missing, one has a digit too many,
and up to some year they are counted in another way. The forecast is compared with that from the
flawless series. Nothing has to be set for it.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import ForecastDisplay

y = load_airline().astype(float)
horizon = range(1, 13)
damaged = {
    "as it is": y.copy(),
    "14 months missing": y.copy(),
    "one value ten times too large": y.copy(),
    "100 fewer until 1954": y.copy(),
}
damaged["14 months missing"].iloc[[20, 21, 57, *range(96, 105), 118, 125]] = np.nan
damaged["one value ten times too large"].iloc[110] *= 10
damaged["100 fewer until 1954"].iloc[:72] -= 100

# %%
# Four forecasts of the last year
# -------------------------------
# Without training, ``epochs=0``: exponential smoothing, pretrained attention and a linear map.

figure, axes = plt.subplots(2, 2, figsize=(10, 6), sharex=True, layout="constrained")
for ax, (name, series) in zip(axes.flat, damaged.items(), strict=True):
    forecaster = ConvAttentionForecaster(epochs=0, random_state=0).fit(series[:-12], fh=horizon)
    error = (forecaster.predict() - y[-12:]).abs().mean()
    print(f"{name:30} mean absolute error {error:5.1f} thousand passengers")
    ForecastDisplay.from_estimator(forecaster, y_true=y, n_history=132, ax=ax)
    ax.set_title(f"{name}: error {error:.1f}", fontsize="medium", loc="left")
    ax.set_ylabel("")
figure.supylabel("passengers, thousands", fontsize="medium")
plt.show()
