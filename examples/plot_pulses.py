"""
Even out pulses far apart: convolutions against self-attention
==============================================================

Each series has two triangles and two rectangles. In the target, pulses of one shape have the mean
of their two heights. A value depends on a pulse that may stand anywhere, which attention finds and
a convolution that sees 21 time steps does not. The task is that of François Fleuret's deep learning
course.
"""

from __future__ import annotations

import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from skconvattn import NeuralRegressor, SelfAttentionRegressor
from skconvattn.datasets import make_pulses
from skconvattn.inspection import AttentionDisplay, attention_weights, drawing

# %%
# The first six pairs of input and target
# ---------------------------------------

training, validation = make_pulses(2000, random_state=0), make_pulses(500, random_state=1)
figure, axes = plt.subplots(2, 3, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, series, target in zip(axes.flat, training.X[:, 0], training.y, strict=False):
    ax.plot(series, color="#999999", label="input")
    ax.plot(target, color="#222222", label="target")
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[1]:
    ax.set_xlabel("time step")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False
)
plt.show()

# %%
# Train both
# ----------


def five_convolutions(inputs, units=32):
    """Five convolutions of five time steps each; their features per step are the output."""
    hidden = inputs
    for _ in range(5):
        hidden = keras.layers.Conv1D(units, 5, padding="same", activation="relu")(hidden)
    return hidden


SETTINGS = {
    "sequence": True, "learning_rate": 4e-3, "batch_size": 32, "epochs": 24,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
models = {
    "five convolutions": NeuralRegressor(network=five_convolutions, **SETTINGS),
    "self-attention": SelfAttentionRegressor(units=32, num_heads=1, dropout=0.0, **SETTINGS),
}
for name, model in models.items():
    started = time.perf_counter()
    model.fit(training.X, training.y)
    loss = np.mean((model.predict(validation.X) - validation.y) ** 2)
    print(f"{name:18} validation loss {loss:7.3f}   {time.perf_counter() - started:5.1f} s")

# %%
# A fresh series, both predictions, and the attention of each position
# --------------------------------------------------------------------
# Positions in a rectangle attend to the edges of both rectangles, those in a triangle to both
# triangles: what is needed to average the two heights.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9.5, 4), width_ratios=[1.3, 1], layout="constrained"
)
left.plot(validation.X[0, 0], color="#999999", label="input")
left.plot(validation.y[0], color="#222222", label="target")
for (name, model), colour in zip(models.items(), (drawing.ACTUAL, drawing.FORECAST), strict=True):
    left.plot(model.predict(validation.X[:1])[0], color=colour, label=name)
left.set_xlabel("time step")
left.spines[["top", "right"]].set_visible(False)
drawing.legend_above(left, left.get_lines())
AttentionDisplay.from_estimator(models["self-attention"], validation.X[:1], ax=right, kind="pairs")
plt.show()

# %%
# What three series receive, below each
# -------------------------------------

figure, axes = plt.subplots(
    2, 3, figsize=(9.5, 3.8), sharex=True, sharey="row", height_ratios=[2, 1], layout="constrained"
)
for column, series in zip(axes.T, validation.X[:3], strict=True):
    received = attention_weights(models["self-attention"], series[None])[0].mean(axis=(0, 1))
    column[0].plot(series[0], color="#555555")
    column[1].bar(np.arange(len(received)), received, width=1.0, color=drawing.ATTENTION)
    column[1].set_xlabel("time step")
    for ax in column:
        ax.spines[["top", "right"]].set_visible(False)
axes[0, 0].set_ylabel("series")
axes[1, 0].set_ylabel("attention\nreceived")
plt.show()
