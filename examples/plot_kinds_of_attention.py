"""
Kinds of self-attention, as maps
================================

``SeqSelfAttention`` has the kinds of the package keras-self-attention: each step attends to all
steps, to a window around it, or to what came before, and two steps are compared additively or
multiplicatively. A regulariser keeps steps from attending to the same. The same network is trained
with each, on the task of evening out pulses.
"""

from __future__ import annotations

import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from skconvattn.datasets import make_pulses
from skconvattn.inspection import drawing
from skconvattn.layers import SeqSelfAttention, expand_band

N_TIMEPOINTS, WIDTH = 60, 21
training = make_pulses(500, N_TIMEPOINTS, random_state=0)
fresh = make_pulses(200, N_TIMEPOINTS, random_state=1)
X, y = np.swapaxes(training.X, 1, 2) / 10, training.y[..., None] / 10  # (series, time, 1)
X_fresh, y_fresh = np.swapaxes(fresh.X, 1, 2) / 10, fresh.y[..., None] / 10

# %%
# Train a Keras model with each kind
# ----------------------------------
# A convolution gives each step its surroundings, and attention averages what it gives. With a width
# the weights are those of the band alone, which ``expand_band`` puts into a square.

KINDS = {
    "full": {},
    "local, 21 steps": {"attention_width": WIDTH},
    "history only": {"history_only": True},
    "multiplicative": {"attention_type": "multiplicative"},
    "multiplicative, regularised": {
        "attention_type": "multiplicative", "attention_regularizer_weight": 0.01,
    },
}  # fmt: skip
maps = {}


def overlap(attention: np.ndarray) -> float:
    """Return how much two steps attend to the same, on average: 1 if all attend alike."""
    rows = attention / np.linalg.norm(attention, axis=1, keepdims=True)
    return (rows @ rows.T)[~np.eye(len(rows), dtype=bool)].mean()


for name, parameters in KINDS.items():
    keras.utils.set_random_seed(0)
    started = time.perf_counter()
    inputs = keras.Input((N_TIMEPOINTS, 1))
    hidden = keras.layers.Conv1D(32, 9, padding="same", activation="relu")(inputs)
    attended, weights = SeqSelfAttention(units=32, return_attention=True, **parameters)(hidden)
    both = keras.layers.Concatenate()([hidden, attended])
    outputs = keras.layers.Conv1D(32, 5, padding="same", activation="relu")(both)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile(keras.optimizers.Adam(0.004), loss="mse")
    model.fit(X, y, epochs=14, batch_size=32, verbose=0)
    loss = np.mean((model.predict(X_fresh, verbose=0) - y_fresh) ** 2)
    attention = keras.Model(inputs, weights)(X_fresh[:1])
    if "attention_width" in parameters:
        attention = expand_band(attention)
    maps[name] = keras.ops.convert_to_numpy(attention)[0]
    print(
        f"{name:28} loss on fresh series {loss:.3f}   overlap of steps {overlap(maps[name]):.2f}   "
        f"{time.perf_counter() - started:5.1f} s"
    )

# %%
# The maps of one fresh series
# ----------------------------
# Rows attend to columns. White is no attention: outside the window, and in what is to come. Each
# map has a scale of its own.


def draw(ax: plt.Axes, name: str) -> None:
    """Draw a map with a scale of its own."""
    image = ax.imshow(maps[name], cmap=colours, vmin=0, vmax=np.quantile(maps[name], 0.99))
    ax.set_title(name, fontsize="medium")
    ax.figure.colorbar(image, ax=ax, label="attention", shrink=0.85, extend="max")


colours = plt.matplotlib.colors.LinearSegmentedColormap.from_list("", ["white", drawing.ATTENTION])
figure, axes = plt.subplots(2, 2, figsize=(8, 7), sharex=True, sharey=True, layout="constrained")
for ax, name in zip(axes.flat, list(KINDS)[:4], strict=True):
    draw(ax, name)
figure.supxlabel("time step attended to", fontsize="medium")
figure.supylabel("time step that attends", fontsize="medium")
plt.show()

# %%
# What the regulariser does
# -------------------------
# It adds the squared distance of A Aᵀ from the identity to the loss, in Lin et al. (2017,
# arXiv 1703.03130): rows that attend to the same steps are penalised.

figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True, layout="constrained")
for ax, name in zip(axes, ("multiplicative", "multiplicative, regularised"), strict=True):
    draw(ax, name)
    ax.set_title(f"{name}: overlap {overlap(maps[name]):.2f}", fontsize="medium")
    ax.set_xlabel("time step attended to")
axes[0].set_ylabel("time step that attends")
plt.show()
