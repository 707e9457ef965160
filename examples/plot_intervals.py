"""
Intervals from three sources, and what samples are not
======================================================

Daily visits have a week that repeats, growth, and noise that grows along. How sure is a forecast of
the next two weeks? Three settings answer, and we count over many origins how much of what came
their intervals hold.
"""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import UncertaintyDisplay

HORIZON = range(1, 15)
COVERAGES = (0.5, 0.8, 0.95)
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
N_DAYS, N_TEST, EVERY = 500, 91, 4

rng = np.random.default_rng(0)
days = pd.date_range("2025-07-01", periods=N_DAYS, freq="D")
growth = 1 + np.arange(N_DAYS) / 400
week = 40 + 10 * np.sin(2 * np.pi * days.dayofweek / 7) + 6 * (days.dayofweek == 5)
noise = 4 * np.convolve(rng.normal(size=N_DAYS + 2), [0.3, 0.5, 0.8], mode="valid")
y = pd.Series(growth * (week + noise), index=days, name="visits, thousands")
train = y[:-N_TEST]

# %%
# Fit and count
# -------------
# ``update`` moves a forecaster on by four days without training, so that 20 forecasts of two weeks
# are counted. An interval of 80 % is to hold 80 % of the values.


def intervals(forecaster: ConvAttentionForecaster) -> dict[float, pd.DataFrame]:
    """Return the intervals of the next two weeks by coverage, with columns lower and upper."""
    whole = forecaster.predict_interval(coverage=list(COVERAGES)).droplevel(0, axis=1)
    return {coverage: whole[coverage] for coverage in COVERAGES}


def shares_held(forecaster: ConvAttentionForecaster, bands_of) -> list[float]:
    """Count what intervals hold, from an origin every few days; the forecaster moves on."""
    held: dict[float, list[float]] = {coverage: [] for coverage in COVERAGES}
    for origin in range(N_DAYS - N_TEST, N_DAYS - len(HORIZON), EVERY):
        for coverage, band in bands_of(forecaster).items():
            actual = y.loc[band.index]
            held[coverage].append(actual.between(band["lower"], band["upper"]).mean())
        forecaster.update(y.iloc[origin : origin + EVERY], update_params=False)
    return [float(np.mean(values)) for values in held.values()]


SETTINGS = {
    "errors at past origins": {},
    "trained quantiles": {"quantiles": LEVELS},
    "trained and corrected": {"quantiles": LEVELS, "conformal": True},
}
print(f"{'intervals from':24}" + "".join(f"{c:>7.0%}" for c in COVERAGES) + f"{'seconds':>9}")
fans = {}
for name, parameters in SETTINGS.items():
    started = time.perf_counter()
    forecaster = ConvAttentionForecaster(random_state=0, **parameters).fit(train, fh=HORIZON)
    fans[name] = intervals(forecaster)
    held = shares_held(forecaster, intervals)
    seconds = time.perf_counter() - started
    print(f"{name:24}" + "".join(f"{share:>7.0%}" for share in held) + f"{seconds:9.1f}")

# %%
# The first forecast of each
# --------------------------
# Every coverage has a colour of its own, the narrowest the darkest.

COLOURS = {0.95: "#cfe3f2", 0.8: "#86b9dd", 0.5: "#2f7fb8"}
figure, axes = plt.subplots(3, 1, figsize=(8, 7.2), sharex=True, sharey=True, layout="constrained")
shown = y[-N_TEST - 28 : -N_TEST + len(HORIZON)]
for ax, (name, fan) in zip(axes, fans.items(), strict=True):
    for coverage, colour in COLOURS.items():
        band = fan[coverage]
        ax.fill_between(
            band.index, band["lower"], band["upper"], color=colour, linewidth=0,
            label=f"{coverage:.0%} interval",
        )  # fmt: skip
    ax.plot(shown[: -len(HORIZON)], color="#555555", linewidth=1.2, label="history")
    ax.plot(shown[-len(HORIZON) :], "o", color="#D55E00", markersize=4, label="actual values")
    ax.set_title(name, fontsize="medium", loc="left")
    ax.set_ylabel(y.name)
    ax.spines[["top", "right"]].set_visible(False)
axes[-1].xaxis.set_major_formatter(
    plt.matplotlib.dates.ConciseDateFormatter(axes[-1].xaxis.get_major_locator())
)
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False
)
plt.show()

# %%
# Monte-Carlo dropout is not an interval
# --------------------------------------
# Samples with dropout on say what the network is unsure of. They leave the noise of the series out,
# and hold far less of what comes than an interval has to. The table counts them like the others.

dropping = ConvAttentionForecaster(
    dropout=0.2, branch_dropout=0.2, members=("network",), early_stopping=False, epochs=30,
    random_state=0,
)  # fmt: skip
dropping.fit(train, fh=HORIZON)
UncertaintyDisplay.from_estimator(dropping, y_true=y)
plt.show()


def of_samples(forecaster: ConvAttentionForecaster) -> dict[float, pd.DataFrame]:
    """Return what holds a share of the samples, as if it were an interval."""
    samples = forecaster.sample(100)
    ends = {c: samples.quantile([0.5 - c / 2, 0.5 + c / 2], axis=1).T for c in COVERAGES}
    return {c: band.set_axis(["lower", "upper"], axis=1) for c, band in ends.items()}


held = shares_held(dropping, of_samples)
print(f"{'samples with dropout':24}" + "".join(f"{share:>7.0%}" for share in held))
