"""
A network of your own
=====================

A function of Keras layers takes the place of the networks of this package. Its arguments are
parameters of the estimator, so that a search varies them; a file holds its name and no code.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from skconvattn import AttentionRegressor, NeuralRegressor, load
from skconvattn.datasets import make_maximum
from skconvattn.inspection import AttentionDisplay, drawing
from skconvattn.layers import Attention

# %%
# Two networks
# ------------
# Both take a symbolic batch of series, (batch, time, channels). The first returns features per time
# step, which are averaged with learned weights. The second attends by itself, and returns its
# attention so that it can be shown.


def dilated(inputs, units=16, n_layers=2):
    """Convolutions that see twice as far from layer to layer."""
    hidden = inputs
    for layer in range(n_layers):
        convolution = keras.layers.Conv1D(units, 3, dilation_rate=2**layer, padding="same")
        hidden = keras.layers.Activation("gelu")(convolution(hidden))
    return hidden


def attending(inputs, units=16):
    """Read forwards and backwards, then attend."""
    lstm = keras.layers.LSTM(units, return_sequences=True)
    states = keras.layers.Bidirectional(lstm)(inputs)
    return Attention(units=units, score="bahdanau", return_attention=True)(states)


# %%
# Find the largest number
# -----------------------
# The target is the largest value of a series.

training, fresh = make_maximum(600, 10, random_state=0), make_maximum(300, 10, random_state=1)
settings = {"epochs": 30, "learning_rate": 0.01, "random_state": 0}
search = GridSearchCV(
    NeuralRegressor(network=dilated, **settings), {"network__units": [8, 32]}, cv=2
)
search.fit(training.X, training.y)
print(f"best of the search: {search.best_params_}")
models = {
    "dilated convolutions": search.best_estimator_,
    "LSTM and attention": NeuralRegressor(network=attending, **settings),
    "AttentionRegressor": AttentionRegressor(**settings),
}
scores = {
    name: model.fit(training.X, training.y).score(fresh.X, fresh.y)
    for name, model in models.items()
}
for name, score in scores.items():
    print(f"{name:22} R2 on fresh series {score:.3f}")

# %%
# Scores, and where the second network looks
# ------------------------------------------

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.6), width_ratios=[1, 1.4], layout="constrained"
)
left.barh(list(scores), list(scores.values()), color=drawing.FORECAST)
left.bar_label(left.containers[0], fmt="%.2f", padding=3)
left.set(xlabel="R² on fresh series", xlim=(0, 1.15))
left.invert_yaxis()
left.spines[["top", "right"]].set_visible(False)
AttentionDisplay.from_estimator(models["LSTM and attention"], fresh.X[:20], ax=right)
rows = range(20)
right.scatter(
    fresh.steps[:20, 0], rows, facecolors="none", edgecolors="black", label="largest number"
)
right.set_title("attention; a circle is the largest number", fontsize="medium")
plt.show()

# %%
# A file
# ------

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "own.zip"
    models["dilated convolutions"].save(path)
    loaded = load(path, networks={"dilated": dilated})
    same = (loaded.predict(fresh.X) == models["dilated convolutions"].predict(fresh.X)).all()
    print(f"{path.stat().st_size / 1024:.0f} KB, the same predictions: {same}")
