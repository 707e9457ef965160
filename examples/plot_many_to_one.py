"""
Many to one: train, save, load again
====================================

The first script of the package attention, on Keras alone: a sequence goes through an LSTM and
``Attention`` into one number. The model is saved, loaded, and predicts the same. Here the number is
the fourth value of ten, so that one sees whether attention finds it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from skconvattn.inspection import AttentionDisplay, drawing
from skconvattn.layers import Attention

N_SAMPLES, N_TIMEPOINTS, STEP = 1000, 10, 3
X = np.random.default_rng(0).random((N_SAMPLES, N_TIMEPOINTS, 1), dtype=np.float32)
y = X[:, STEP]
X_test, y_test = X[800:], y[800:]

# %%
# Train
# -----

keras.utils.set_random_seed(0)
inputs = keras.Input((N_TIMEPOINTS, 1))
hidden = keras.layers.LSTM(64, return_sequences=True)(inputs)
features, weights = Attention(units=32, score="bahdanau", return_attention=True)(hidden)
model = keras.Model(inputs, keras.layers.Dense(1)(features))
model.compile(keras.optimizers.Adam(0.005), loss="mae")
history = model.fit(
    X[:800], y[:800], validation_data=(X_test, y_test), epochs=30, batch_size=32, verbose=0
)
print(f"mean absolute error {history.history['val_loss'][-1]:.3f}, "
      f"of the mean {np.abs(y_test - y.mean()).mean():.3f}")  # fmt: skip

# %%
# Save and load
# -------------
# No ``custom_objects``: the layer is found by the name it is registered under.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "many_to_one.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
before, after = model.predict(X_test, verbose=0), loaded.predict(X_test, verbose=0)
print(f"largest difference of predictions after loading: {np.abs(before - after).max():.1e}")

# %%
# Losses, predictions of the loaded model, and attention
# ------------------------------------------------------

attention = keras.ops.convert_to_numpy(keras.Model(inputs, weights)(X_test[:20]))
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for name, colour in (("loss", drawing.HISTORY), ("val_loss", drawing.FORECAST)):
    label = "training" if name == "loss" else "held out"
    left.plot(np.arange(1, 31), history.history[name], color=colour, label=label)
left.set(xlabel="epoch", ylabel="mean absolute error", ylim=(0, None))
left.legend(frameon=False)
middle.plot(y_test, after, "o", color=drawing.FORECAST, markersize=3, alpha=0.7)
middle.plot([0, 1], [0, 1], color=drawing.HISTORY, linewidth=1)
middle.set(xlabel="fourth value of ten", ylabel="prediction of the loaded model")
for ax in (left, middle):
    ax.spines[["top", "right"]].set_visible(False)
AttentionDisplay(attention=attention).plot(ax=right, kind="map")
right.axvline(STEP, color="black", linewidth=1, linestyle=":")
right.set_title("dotted: the value asked for", fontsize="medium")
plt.show()
