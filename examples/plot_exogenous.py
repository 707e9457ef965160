"""
What each kind of covariate adds
================================

Hourly demand follows the hour and the weekday, the temperature, of which there is a forecast, and
orders that came in half a day before, of which there is none. A model sees more of that from row to
row of the table.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sktime.split import SlidingWindowSplitter

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import ForecastDisplay

N_HOURS, N_TEST, HORIZON, LAG = 24 * 56, 24 * 14, 12, 12

rng = np.random.default_rng(0)
hours = pd.date_range("2026-01-05", periods=N_HOURS, freq="h")
weather = np.convolve(rng.normal(size=N_HOURS + 47), np.ones(48) / 48, mode="valid")
temperature = 8 + 20 * weather + 4 * np.sin(2 * np.pi * (hours.hour - 9) / 24)
orders = rng.gamma(2.0, size=N_HOURS)
by_hour = 12 * np.sin(2 * np.pi * (hours.hour - 7) / 24)
by_day = np.where(hours.dayofweek < 5, 10.0, -10.0)
demand = 100 + by_hour + by_day - 1.5 * temperature + 6 * np.roll(orders, LAG)
y = pd.Series(demand + rng.normal(size=N_HOURS), index=hours, name="demand")
X = pd.DataFrame({"temperature": temperature, "orders": orders}, index=hours)

# %%
# More and more columns
# ---------------------
# Temperature is a future covariate, the default. Orders are a past covariate, which is named. The
# calendar needs no column. Errors are those of 14 forecasts of half a day, on two weeks that were
# not trained on.

SETTINGS = {
    "the series alone": ([], {}),
    "calendar": ([], {"calendar_features": "auto"}),
    "calendar, temperature": (["temperature"], {"calendar_features": "auto"}),
    "calendar, temperature, orders": (
        ["temperature", "orders"],
        {"calendar_features": "auto", "past_regressors": ["orders"]},
    ),
}
fh = range(1, HORIZON + 1)
splitter = SlidingWindowSplitter(fh=fh, window_length=24, step_length=24)
fitted = {}
print(f"{'covariates':32}{'mean absolute error':>20}{'seconds':>9}")
for name, (columns, parameters) in SETTINGS.items():
    started = time.perf_counter()
    given = X[columns] if columns else None
    forecaster = ConvAttentionForecaster(window_length=48, random_state=0, **parameters)
    forecaster.fit(y[:-N_TEST], X=None if given is None else given[:-N_TEST], fh=fh)
    forecasts = forecaster.update_predict(y[-N_TEST:], splitter, X=given, update_params=False)
    errors = forecasts.sub(y.loc[forecasts.index], axis=0).abs().to_numpy()
    print(f"{name:32}{np.nanmean(errors):20.2f}{time.perf_counter() - started:9.1f}")
    fitted[name] = (forecaster, given)

# %%
# The first and the last row as pictures
# --------------------------------------

names = ["the series alone", "calendar, temperature, orders"]
figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True, sharey=True, layout="constrained")
for ax, name in zip(axes, names, strict=True):
    forecaster, given = fitted[name]
    ForecastDisplay.from_estimator(forecaster, y_true=y, X=given, n_history=60, ax=ax)
    ax.set_title(f"forecast from: {name}", fontsize="medium", loc="left")
plt.show()
