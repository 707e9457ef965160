"""
Save, load, and forecast in another process
===========================================

A forecaster is fitted once and saved. A service loads the file, takes new observations without any
training, and forecasts. The file holds numbers and names: loading it runs no code from it.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, load
from skconvattn.inspection import ForecastDisplay

y = load_airline()
forecaster = ConvAttentionForecaster(random_state=0).fit(y[:-24], fh=range(1, 13))

# %%
# What is in the file
# -------------------

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "airline.zip"
    forecaster.save(path)
    print(f"{path.stat().st_size / 1024:.0f} KB")
    kinds = [Path(name).suffix or name for name in zipfile.ZipFile(path).namelist()]
    print({kind: kinds.count(kind) for kind in sorted(set(kinds))})
    started = time.perf_counter()
    loaded = load(path)
    print(f"loaded in {time.perf_counter() - started:.2f} s")
print(f"the same forecasts: {(loaded.predict() == forecaster.predict()).all()}")

# %%
# Move on without training
# ------------------------
# The year after the fit has been observed by now.

figure, axes = plt.subplots(2, 1, figsize=(8, 5.4), sharex=True, sharey=True, layout="constrained")
ForecastDisplay.from_estimator(loaded, y_true=y, n_history=36, ax=axes[0])
axes[0].set_title("as it was loaded", fontsize="medium", loc="left")
started = time.perf_counter()
loaded.update(y[-24:-12], update_params=False)
forecast = loaded.predict()
print(f"update and forecast in {time.perf_counter() - started:.2f} s")
ForecastDisplay.from_estimator(loaded, y_true=y, n_history=48, ax=axes[1])
axes[1].set_title("one year later", fontsize="medium", loc="left")
for ax in axes:
    ax.set_ylabel("passengers, thousands")
plt.show()
