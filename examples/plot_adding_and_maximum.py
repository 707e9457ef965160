"""
Attention on the time steps that count
======================================

In the adding task two delimiters say which numbers count; in the maximum task the largest number
does. Both targets depend on few time steps that differ from series to series. Where does the
attention go, and when in training does it get there?
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np

from skconvattn import AttentionRegressor
from skconvattn.datasets import make_adding, make_maximum
from skconvattn.inspection import AttentionAnimation, AttentionDisplay, attention_weights

# %%
# Train on both
# -------------
# Additive attention compares a hidden state with the last one through tanh. Without the linear map
# of the whole series, all that is known of a number comes through the attention.

COMMON = {"attention_score": "bahdanau", "linear_skip": False, "learning_rate": 0.01, "epochs": 60}
TASKS = {
    "adding": (make_adding, AttentionRegressor(bidirectional=True, random_state=0, **COMMON)),
    "maximum": (make_maximum, AttentionRegressor(random_state=0, **COMMON)),
}


def peaks_on(attention: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Say for each series whether the time steps of most attention are those given."""
    highest = np.argsort(attention, axis=1)[:, -steps.shape[1] :]
    return (np.sort(highest, axis=1) == np.sort(steps, axis=1)).all(axis=1)


shown, animations = {}, {}
print(f"{'task':9}{'error':>8}{'without a model':>17}{'peaks right':>13}{'seconds':>9}")
for name, (make, model) in TASKS.items():
    started = time.perf_counter()
    training, fresh = make(2000, random_state=0), make(500, random_state=1)
    # Trains a clone, and notes its attention to fresh series after every third epoch.
    animations[name] = AttentionAnimation.from_estimator(
        model, training.X, training.y, shown=fresh.X[:20], steps=fresh.steps[:20], every=3
    )
    model = animations[name].estimator_
    error = np.sqrt(np.mean((model.predict(fresh.X) - fresh.y) ** 2))
    right = 100 * peaks_on(attention_weights(model, fresh.X), fresh.steps).mean()
    seconds = time.perf_counter() - started
    print(f"{name:9}{error:8.4f}{fresh.y.std():17.4f}{right:11.1f} %{seconds:9.1f}")
    shown[name] = model, fresh
plt.close("all")

# %%
# The attention to 25 fresh series
# --------------------------------
# Circles are the time steps that count.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, (name, (model, fresh)) in zip(axes, shown.items(), strict=True):
    AttentionDisplay.from_estimator(model, fresh.X[:25], ax=ax, kind="map")
    steps = fresh.steps[:25]
    rows = np.repeat(np.arange(len(steps)), steps.shape[1])
    ax.scatter(steps.ravel(), rows, s=34, facecolors="none", edgecolors="black")
    ax.set_title(f"{name}: attention, and what counts", fontsize="medium")
plt.show()

# %%
# How attention gets there
# ------------------------
# The first 20 series of the adding task, before training and after every third epoch, above the
# steps that count. ``AttentionAnimation.save("adding.gif")`` writes the same to a file.

movie = animations["adding"].plot().animate(interval=400)
plt.show()
