"""
LSTM and ConvAttention, as a Keras model and as estimators
==========================================================

The model of the readme of the package keras-convattention: an LSTM of 512 units, ``ConvAttention``
with 32 filters, and a dense layer. First it is a Keras model that you train yourself; then the same
layers are the network of a regressor and of a forecaster, which bring scaling, early stopping,
intervals and files with them.
"""

from __future__ import annotations

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from sktime.datasets import load_airline
from sktime.performance_metrics.forecasting import mean_absolute_scaled_error

from skconvattn import NeuralForecaster, NeuralRegressor
from skconvattn.inspection import AttentionDisplay, ForecastDisplay, drawing
from skconvattn.layers import ConvAttention

# %%
# A Keras model
# -------------
# Months are forecast one step ahead from the 24 months before, all divided by the largest value of
# the training part. The last two years are not trained on.

WINDOW, N_TEST = 24, 24
y = load_airline()
values = y.to_numpy() / y[:-N_TEST].max()
windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW + 1)[..., None]  # (n, 25, 1)
X, targets = windows[:, :-1].astype("float32"), windows[:, -1].astype("float32")
X_train, y_train = X[:-N_TEST], targets[:-N_TEST]

keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.Input((WINDOW, 1)),
    keras.layers.LSTM(512, return_sequences=True),
    ConvAttention(filters=32, kernel_size=1, units=128, score="bahdanau", activation="sigmoid"),
    keras.layers.Dense(1),
])  # fmt: skip
model.compile("adam", loss="mse")
started = time.perf_counter()
model.fit(X_train, y_train, epochs=15, batch_size=32, verbose=0)
by_hand = model.predict(X[-N_TEST:], verbose=0)[:, 0]


def scaled_error(forecast: np.ndarray) -> float:
    """Return the mean absolute error of the last two years over that of the year before each."""
    return mean_absolute_scaled_error(values[-N_TEST:], forecast, y_train=values[:-N_TEST], sp=12)


print(f"{'':17}{'parameters':>11}{'error':>7}{'seconds':>9}")
print(
    f"{'Keras model':17}{model.count_params():11,}{scaled_error(by_hand):7.2f}"
    f"{time.perf_counter() - started:9.1f}"
)

# %%
# The same layers in a regressor
# ------------------------------
# A function of Keras layers is the network; its arguments are parameters, so that a grid search may
# vary ``network__lstm``. Windows go in as samples. A linear map beside the network follows the
# season from the first epoch on, where the Keras model has hardly left the mean.


def convattention(inputs, lstm=512, filters=32, units=128):
    """Return features and attention of the readme's network."""
    hidden = keras.layers.LSTM(lstm, return_sequences=True)(inputs)
    attend = ConvAttention(
        filters=filters, kernel_size=1, units=units, score="bahdanau", activation="sigmoid",
        pool_size=1, return_attention=True,
    )  # fmt: skip
    return attend(hidden)


started = time.perf_counter()
regressor = NeuralRegressor(
    network=convattention, members=["network"], epochs=15, batch_size=32, early_stopping=False,
    random_state=0,
)  # fmt: skip
regressor.fit(X_train[..., 0], y_train[:, 0])
estimated = regressor.predict(X[-N_TEST:, :, 0])
print(
    f"{'NeuralRegressor':17}{regressor.model_.count_params():11,}{scaled_error(estimated):7.2f}"
    f"{time.perf_counter() - started:9.1f}"
)

# %%
# The same layers in a forecaster
# -------------------------------
# Twelve months at once, with intervals. Members beside the network, without which a forecaster is
# rarely left, do most of the work on a series as short as this one: ``weights_`` says how much.

started = time.perf_counter()
forecaster = NeuralForecaster(
    network=convattention, window_length=WINDOW, epochs=5, early_stopping=False, random_state=0
)
forecaster.fit(y[:-12], fh=range(1, 13))
error = mean_absolute_scaled_error(y[-12:], forecaster.predict(), y_train=y[:-12], sp=12)
print(f"NeuralForecaster, 12 months at once: error {error:.2f}, "
      f"{time.perf_counter() - started:.1f} s")  # fmt: skip
print(forecaster.weights_.iloc[0].round(2).to_dict())

# %%
# One month ahead, twelve months ahead, and where the network looks
# -----------------------------------------------------------------

figure, (above, middle, below) = plt.subplots(
    3, 1, figsize=(8, 8), height_ratios=[1.2, 1.4, 0.8], layout="constrained"
)
months = drawing.positions_of(y.index)
scale = y[:-N_TEST].max()
above.plot(months[-N_TEST:], scale * values[-N_TEST:], "o", color=drawing.HISTORY, label="truth")
above.plot(months[-N_TEST:], scale * by_hand, color=drawing.ACTUAL, label="Keras model")
above.plot(months[-N_TEST:], scale * estimated, color=drawing.FORECAST, label="NeuralRegressor")
above.set_title("one month ahead", fontsize="medium", loc="left")
drawing.label_time(above, y.index[-N_TEST:])
above.spines[["top", "right"]].set_visible(False)
drawing.legend_above(above, above.get_lines())
ForecastDisplay.from_estimator(forecaster, y_true=y, n_history=36, ax=middle)
middle.set_title("twelve months at once", fontsize="medium", loc="left")
AttentionDisplay.from_estimator(forecaster, member="network", kind="bars", ax=below)
below.set_title("attention of the forecaster's network", fontsize="medium", loc="left")
for ax in (above, middle):
    ax.set_ylabel("passengers, thousands")
plt.show()
