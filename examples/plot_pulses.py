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

from skconvattn import NeuralRegressor
from skconvattn.datasets import make_pulses
from skconvattn.inspection import AttentionDisplay, attention_weights, drawing
from skconvattn.layers import MultiHeadSelfAttention

# %%
# The first six pairs of input and target
# ---------------------------------------

training, validation = make_pulses(1000, random_state=0), make_pulses(300, random_state=1)
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
# Five convolutions of 64 filters, and the same with the third one replaced by self-attention with a
# single head.


def convolutions(inputs, filters=64, attend=False):
    """Return features per time step, and with attention its weights."""
    hidden, weights = inputs, None
    for number in range(5):
        if attend and number == 2:
            layer = MultiHeadSelfAttention(1, filters, return_attention=True)
            hidden, weights = layer(hidden)
        else:
            convolution = keras.layers.Conv1D(filters, 5, padding="same", activation="relu")
            hidden = convolution(hidden)
    return hidden if weights is None else (hidden, weights)


SETTINGS = {
    "sequence": True, "learning_rate": 4e-3, "batch_size": 32, "epochs": 16,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
models = {
    "five convolutions": NeuralRegressor(network=convolutions, **SETTINGS),
    "self-attention": NeuralRegressor(
        network=convolutions, network_params={"attend": True}, **SETTINGS
    ),
}
for name, model in models.items():
    started = time.perf_counter()
    model.fit(training.X, training.y, validation_data=(validation.X, validation.y))
    losses = np.mean((model.predict(validation.X) - validation.y) ** 2)
    print(f"{name:18} validation loss {losses:7.3f}   {time.perf_counter() - started:5.1f} s")

figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for (name, model), colour in zip(models.items(), (drawing.ACTUAL, drawing.FORECAST), strict=True):
    losses = model.history_["val_loss"]
    ax.semilogy(np.arange(1, len(losses) + 1), losses, color=colour, label=name)
ax.set(xlabel="epoch", ylabel="validation loss, scaled")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# A test series, both outputs, and the attention of each position
# ---------------------------------------------------------------
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
# Average attention of three test series, below each
# --------------------------------------------------
# The average over all positions that attend: which parts of a series the others look at.

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
