"""Four ways to say how sure a forecast is, on daily visits whose noise grows.

Errors on held-out data, quantiles trained jointly, the same corrected on held-out data, and samples
with dropout on. The first three are to hold a share of the truth; samples show what the network is
unsure of and leave the noise of the series out, so that they hold less. Shares are counted over
forecasts from every fourth day of the last quarter, which was not trained on.

    python examples/plot_intervals.py [--output plot_intervals.png]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster

HORIZON = range(1, 15)
COVERAGES = (0.5, 0.8, 0.95)
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
N_DAYS = 500
N_TEST = 91
EVERY = 4
SETTINGS = {
    "held-out errors": {},
    "quantiles": {"quantiles": LEVELS},
    "conformal quantiles": {"quantiles": LEVELS, "conformal": True},
    # Only the network drops anything: here it forecasts alone, trained as long as it is told to.
    "Monte-Carlo dropout": {
        "branch_dropout": 0.2,
        "dropout": 0.2,
        "members": ("network",),
        "early_stopping": False,
        "epochs": 50,
    },
}


def main() -> None:
    """Fit, count what intervals hold, print the table and draw the picture."""
    arguments = _parser().parse_args()
    y = visits()
    print(f"{'intervals from':22}" + "".join(f"{c:>8.0%}" for c in COVERAGES) + f"{'seconds':>9}")
    bands = {}
    for name, parameters in SETTINGS.items():
        started = time.perf_counter()
        forecaster = ConvAttentionForecaster(random_state=0, **parameters)
        forecaster.fit(y[:-N_TEST], fh=HORIZON)
        intervals = _from_samples if "dropout" in name else _from_quantiles
        bands[name] = intervals(forecaster)
        held = shares(forecaster, y, intervals)
        seconds = time.perf_counter() - started
        print(f"{name:22}" + "".join(f"{h:8.0%}" for h in held) + f"{seconds:9.1f}", flush=True)
    draw(bands, y, arguments.output)
    print(f"picture: {arguments.output}")


def visits() -> pd.Series:
    """Generate a week that repeats, with growth and with noise that grows along."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2025-07-01", periods=N_DAYS, freq="D")
    growth = 1 + np.arange(N_DAYS) / 400
    week = 40 + 10 * np.sin(2 * np.pi * days.dayofweek / 7) + 6 * (days.dayofweek == 5)
    noise = 4 * np.convolve(rng.normal(size=N_DAYS + 2), [0.3, 0.5, 0.8], mode="valid")
    return pd.Series(growth * (week + noise), index=days, name="visits, thousands")


def shares(forecaster: ConvAttentionForecaster, y: pd.Series, intervals) -> np.ndarray:
    """Count how much of the truth intervals hold, from an origin every few days."""
    inside = []
    for origin in range(len(y) - N_TEST, len(y) - len(HORIZON), EVERY):
        for coverage, band in zip(COVERAGES, intervals(forecaster).values(), strict=True):
            truth = y.reindex(band.index).dropna()
            rows = band.loc[truth.index]
            inside.append((coverage, truth.between(rows["lower"], rows["upper"]).mean()))
        forecaster.update(y.iloc[origin : origin + EVERY], update_params=False)
    counted = pd.DataFrame(inside, columns=["coverage", "held"])
    return counted.groupby("coverage")["held"].mean().to_numpy()


def _from_quantiles(forecaster: ConvAttentionForecaster) -> dict[float, pd.DataFrame]:
    whole = forecaster.predict_interval(coverage=list(COVERAGES)).droplevel(0, axis=1)
    return {coverage: whole[coverage] for coverage in COVERAGES}


def _from_samples(forecaster: ConvAttentionForecaster) -> dict[float, pd.DataFrame]:
    samples = forecaster.sample(200)
    ends = {c: samples.quantile([0.5 - c / 2, 0.5 + c / 2], axis=1).T for c in COVERAGES}
    return {c: pd.DataFrame(v.to_numpy(), v.index, ["lower", "upper"]) for c, v in ends.items()}


def draw(bands: dict[str, dict[float, pd.DataFrame]], y: pd.Series, output: Path) -> None:
    """Draw the first forecast of each as a fan."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, 2, figsize=(10, 6), sharex=True, sharey=True, layout="constrained"
    )
    shown = y[-N_TEST - 35 : -N_TEST + len(HORIZON)]
    for ax, (name, fan) in zip(axes.flat, bands.items(), strict=True):
        for coverage in reversed(COVERAGES):
            band = fan[coverage]
            ax.fill_between(
                band.index, band["lower"], band["upper"],
                color="#0072B2", alpha=0.25, linewidth=0, label=f"{coverage:.0%}",
            )  # fmt: skip
        ax.plot(shown.index, shown, color="#555555", linewidth=1.2)
        future = shown[-len(HORIZON) :]
        ax.plot(future.index, future, "o", color="#D55E00", ms=3.5, label="truth")
        ax.set_title(name, fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="x", rotation=30)
    axes[0, 0].legend(frameon=False, loc="upper left")
    axes[0, 0].set_ylabel(y.name)
    axes[1, 0].set_ylabel(y.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent / "output" / "plot_intervals.png"
    parser.add_argument("--output", type=Path, default=default, help="the picture to write")
    return parser


if __name__ == "__main__":
    main()
