"""
Losses, members, samples: a look into a fit
===========================================

Displays are made as in scikit-learn: ``from_estimator`` computes and draws, ``ax=`` takes axes of
yours, and attributes hold what was drawn.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import (
    AttentionDisplay,
    LossCurveDisplay,
    MembersDisplay,
    UncertaintyDisplay,
)

rng = np.random.default_rng(0)
days = pd.date_range("2025-01-01", periods=400, freq="D")
t = np.arange(400)
frame = {}
for number, strength in enumerate((0.5, 2.0, 8.0)):
    wave = 10 * np.sin(2 * np.pi * t / 7) + 4 * np.sin(2 * np.pi * t / 30.5)
    values = 100 + wave + 0.02 * t * number + rng.normal(scale=strength, size=400)
    frame[f"noise {strength:g}"] = pd.DataFrame({"demand": values}, index=days)
panel = pd.concat(frame, names=["series", "day"])
horizon = range(1, 15)

# %%
# The losses of the training, and what the forecasts are made of
# --------------------------------------------------------------
# One network is trained on three series. What it is worth in each is in the bars below.

forecaster = ConvAttentionForecaster(random_state=0).fit(panel, fh=horizon)
figure, (above, below) = plt.subplots(
    2, 1, figsize=(8, 5.6), height_ratios=[1.6, 1], layout="constrained"
)
LossCurveDisplay.from_estimator(forecaster, ax=above)
MembersDisplay.from_estimator(forecaster, ax=below)
plt.show()

# %%
# Attention over the window
# -------------------------

one = panel.loc["noise 2", "demand"]
single = ConvAttentionForecaster(random_state=0).fit(one[:-14], fh=horizon)
AttentionDisplay.from_estimator(single, kind="bars")
plt.show()

# %%
# Samples with dropout
# --------------------
# They show what the network is unsure of, and leave the noise of the series out.

dropping = ConvAttentionForecaster(
    dropout=0.3, branch_dropout=0.3, members=("network",), early_stopping=False, epochs=30,
    random_state=0,
)  # fmt: skip
dropping.fit(one[:-14], fh=horizon)
UncertaintyDisplay.from_estimator(dropping, y_true=one)
plt.show()
