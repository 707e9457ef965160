"""
Kinds of self-attention, as maps
================================

``SeqSelfAttention`` has the kinds of the package keras-self-attention: each step attends to all
steps, to a window around it, or to what came before, and two steps are compared additively or
multiplicatively. The same network is trained with each, on the task of evening out pulses.
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
training = make_pulses(600, N_TIMEPOINTS, random_state=0)
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
}
maps = {}
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
    model.fit(X, y, epochs=16, batch_size=32, verbose=0)
    loss = model.evaluate(X_fresh, y_fresh, verbose=0)
    attention = keras.Model(inputs, weights)(X_fresh[:1])
    if "attention_width" in parameters:
        attention = expand_band(attention)
    maps[name] = keras.ops.convert_to_numpy(attention)[0]
    print(f"{name:16} loss on fresh series {loss:.3f}   {time.perf_counter() - started:5.1f} s")

# %%
# The maps of one fresh series
# ----------------------------
# Rows attend to columns. White is no attention: outside the window, and in what is to come. Each
# map has a scale of its own.

figure, axes = plt.subplots(2, 2, figsize=(8, 7), sharex=True, sharey=True, layout="constrained")
colours = plt.matplotlib.colors.LinearSegmentedColormap.from_list("", ["white", drawing.ATTENTION])
for ax, (name, values) in zip(axes.flat, maps.items(), strict=True):
    image = ax.imshow(values, cmap=colours, vmin=0, vmax=np.quantile(values, 0.99))
    ax.set_title(name, fontsize="medium")
    figure.colorbar(image, ax=ax, label="attention", shrink=0.85, extend="max")
figure.supxlabel("time step attended to", fontsize="medium")
figure.supylabel("time step that attends", fontsize="medium")
plt.show()
