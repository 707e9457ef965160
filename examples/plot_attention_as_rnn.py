"""
Attention as a recurrent network
================================

``RNNAttention`` trains in parallel over time and runs step by step, with the same weights: Feng et
al. (2024), arXiv 2405.13956. A noisy sine is to be followed; then the weights move from the
parallel form into the recurrent one, which takes one value at a time; and the time of a training
step is compared.
"""

from __future__ import annotations

import importlib.util
import time

import keras
import matplotlib.pyplot as plt
import numpy as np

from skconvattn import RNNAttentionRegressor
from skconvattn.inspection import LossCurveDisplay, UncertaintyDisplay, drawing
from skconvattn.layers import RNNAttention, RNNAttentionCell

# %%
# The sine task
# -------------
# Sines of any phase, and periods between 20 and 40 time steps, with noise. The target of each time
# step is the sine without noise, five time steps later.

N_TIMEPOINTS, AHEAD = 80, 5


def sines(n_series: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy series and what is to be predicted, each (n_series, N_TIMEPOINTS)."""
    rng = np.random.default_rng(seed)
    phase, period = rng.uniform(0, 2 * np.pi, n_series), rng.uniform(20, 40, n_series)
    t = np.arange(N_TIMEPOINTS + AHEAD)
    clean = np.sin(2 * np.pi * t / period[:, None] + phase[:, None])
    noisy = clean[:, :-AHEAD] + 0.2 * rng.normal(size=(n_series, N_TIMEPOINTS))
    return noisy, clean[:, AHEAD:]


X, y = sines(400, 0)
X_test, y_test = sines(100, 1)
regressor = RNNAttentionRegressor(
    sequence=True, dropout=0.1, learning_rate=0.005, epochs=25, random_state=0
)
started = time.perf_counter()
regressor.fit(X, y, validation_data=(X_test, y_test))
error = np.sqrt(np.mean((regressor.predict(X_test) - y_test) ** 2))
print(f"error {error:.2f} where the sine has {y_test.std():.2f}, "
      f"{time.perf_counter() - started:.1f} s")  # fmt: skip

# %%
# Fitted output, losses, and samples with dropout on
# --------------------------------------------------
# Samples show what the network is unsure of. They are no intervals: the noise is not in them.

figure, (above, middle, below) = plt.subplots(3, 1, figsize=(8, 9), layout="constrained")
above.plot(X_test[0], ".", color="#999999", label="input")
above.plot(y_test[0], color=drawing.ACTUAL, label="target: the sine five steps later")
above.plot(regressor.predict(X_test[:1])[0], color=drawing.FORECAST, label="fitted output")
above.set_xlabel("time step")
above.spines[["top", "right"]].set_visible(False)
drawing.legend_above(above, above.get_lines())
LossCurveDisplay.from_estimator(regressor, ax=middle)
UncertaintyDisplay.from_estimator(
    regressor, X_test[:1], y_true=y_test[0], n_samples=100, ax=below, random_state=0
)
plt.show()

# %%
# From the parallel to the recurrent form
# ---------------------------------------
# The two forms take each other's weights. A stream keeps a state of constant size and costs the
# same after a million values as after one.

HEADS, CHANNELS = 4, 16
rng = np.random.default_rng(0)
series = rng.normal(size=(1, 300, CHANNELS)).astype("float32")
parallel = RNNAttention(num_heads=HEADS, key_dim=8)
at_once = keras.ops.convert_to_numpy(parallel(series))
cell = RNNAttentionCell(num_heads=HEADS, key_dim=8)
cell.build((1, CHANNELS))
cell.set_weights(parallel.get_weights())
state, streamed = cell.get_initial_state(1), []
for step in range(series.shape[1]):
    output, state = cell(series[:, step], state)
    streamed.append(keras.ops.convert_to_numpy(output))
difference = np.abs(np.stack(streamed, axis=1) - at_once).max()
size = sum(np.asarray(part).size for part in state)
print(f"streamed value by value: difference {difference:.1e}, {size} numbers of state")

# %%
# The time of a training step
# ---------------------------
# TensorBoard shows it as ``epoch_steps_per_second`` with
# ``keras.callbacks.TensorBoard(folder, write_steps_per_second=True)``. The package tensorboard does
# not come with this one, so that a callback of a few lines measures the same here.


class StepTime(keras.callbacks.Callback):
    """Notes how many milliseconds a step of each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.milliseconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Note the time per step."""
        seconds = time.perf_counter() - self.started
        self.milliseconds.append(1e3 * seconds / self.params["steps"])


print(f"tensorboard is installed: {importlib.util.find_spec('tensorboard') is not None}")
lengths, forms = (64, 256, 1024), ("parallel", "recurrent")
milliseconds: dict[str, list[float]] = {form: [] for form in forms}
for length in lengths:
    batch = rng.normal(size=(32, length, CHANNELS)).astype("float32")
    for form in forms:
        layer = RNNAttention(num_heads=HEADS, key_dim=8)
        if form == "recurrent":
            cell = RNNAttentionCell(num_heads=HEADS, key_dim=8)
            layer = keras.layers.RNN(cell, return_sequences=True)
        model = keras.Sequential([keras.Input((length, CHANNELS)), layer, keras.layers.Dense(1)])
        model.compile("adam", loss="mse")
        timer = StepTime()
        model.fit(batch, batch[..., :1], batch_size=8, epochs=4, verbose=0, callbacks=[timer])
        # The first epoch compiles.
        milliseconds[form].append(min(timer.milliseconds[1:]))
    print(f"{length:5} time steps: " + ", ".join(
        f"{form} {milliseconds[form][-1]:.0f} ms" for form in forms
    ))  # fmt: skip

figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for form, colour in zip(forms, (drawing.FORECAST, drawing.ACTUAL), strict=True):
    ax.loglog(lengths, milliseconds[form], "o-", color=colour, label=form)
ax.set(xlabel="time steps of a series", ylabel="milliseconds per training step")
ax.set_xticks(lengths, [str(length) for length in lengths])
ticks = (3, 10, 30, 100, 300, 1000)
ax.set_yticks(ticks, [str(each) for each in ticks])
ax.minorticks_off()
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
