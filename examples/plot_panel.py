"""One model for sixty shops, and a forecast for a shop that it has never seen.

Each shop has two years of weekly sales of its own size, with a season that all share. One global
model is compared with sixty local ones, in error and in seconds, and then forecasts a new shop of
which there is half a year.

    python examples/plot_panel.py [--output plot_panel.png]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import ForecastDisplay

N_SHOPS = 60
N_WEEKS = 104
N_NEW = 26
HORIZON = 8
SETTINGS = {"window_length": 16, "seasonal_period": 13, "epochs": 60, "random_state": 0}


def main() -> None:
    """Fit both ways, print the table and draw the picture."""
    arguments = _parser().parse_args()
    sales = shops(N_SHOPS, N_WEEKS)
    weeks = sales.index.get_level_values("week")
    late = weeks > weeks.unique().sort_values()[-HORIZON - 1]
    train, test = sales[~late], sales[late]
    print(f"{'model':28}{'error, % of the mean':>22}{'seconds':>9}")
    for name, panel in (("one for all shops", "global"), ("one a shop", "local")):
        started = time.perf_counter()
        forecaster = ConvAttentionForecaster(panel=panel, **SETTINGS)
        forecast = forecaster.fit(train, fh=range(1, HORIZON + 1)).predict()
        seconds = time.perf_counter() - started
        error = relative_error(forecast, test)
        print(f"{name:28}{error:22.1f}{seconds:9.1f}", flush=True)

    new = shops(1, N_NEW + HORIZON, seed=7).droplevel("shop")["sales"]
    experienced = ConvAttentionForecaster(**SETTINGS).pretrain(train, fh=range(1, HORIZON + 1))
    experienced.fit(new[:-HORIZON], fh=range(1, HORIZON + 1))
    alone = ConvAttentionForecaster(**SETTINGS).fit(new[:-HORIZON], fh=range(1, HORIZON + 1))
    for name, forecaster in (("new shop, pretrained", experienced), ("new shop, alone", alone)):
        error = relative_error(forecaster.predict(), new[-HORIZON:])
        print(f"{name:28}{error:22.1f}")
    draw({"pretrained on 60 others": experienced, "alone": alone}, new, arguments.output)
    print(f"picture: {arguments.output}")


def shops(n_shops: int, n_weeks: int, seed: int = 0) -> pd.DataFrame:
    """Generate weekly sales that share a season of a quarter, in sizes of their own."""
    rng = np.random.default_rng(seed)
    weeks = pd.period_range(end="2026-11-16", periods=n_weeks, freq="W")
    position = weeks.asi8 - weeks.asi8[0] + (1 if n_weeks == N_WEEKS else N_WEEKS - n_weeks + 1)
    season = np.sin(2 * np.pi * position / 13) + 0.6 * np.sin(4 * np.pi * position / 13 + 1)
    frames = {}
    for shop in range(n_shops):
        size, growth = rng.lognormal(4, 1), rng.normal(scale=0.002)
        noise = 0.25 * rng.normal(size=n_weeks)
        values = size * (1 + growth * position) * (3 + season + noise)
        frames[f"shop {shop}"] = pd.DataFrame({"sales": values}, index=weeks)
    return pd.concat(frames, names=["shop", "week"])


def relative_error(forecast: pd.DataFrame | pd.Series, truth: pd.DataFrame | pd.Series) -> float:
    """Return the mean over shops of the absolute error, in percent of their mean."""
    error, level = np.abs(forecast - truth), np.abs(truth)
    if isinstance(forecast, pd.DataFrame):
        error, level = (part.groupby(level="shop").mean() for part in (error, level))
    return float(100 * np.mean(error.to_numpy().mean(axis=-1) / level.to_numpy().mean(axis=-1)))


def draw(fitted: dict[str, ConvAttentionForecaster], y: pd.Series, output: Path) -> None:
    """Draw the new shop with each forecast."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(fitted), figsize=(10, 3.6), sharey=True, layout="constrained"
    )
    for ax, (name, forecaster) in zip(axes, fitted.items(), strict=True):
        ForecastDisplay.from_estimator(forecaster, y_true=y, ax=ax, n_history=N_NEW)
        ax.set_title(f"a new shop, {name}", fontsize="medium")
        ax.tick_params(axis="x", rotation=30)
        ax.set_ylabel("sales")
        ax.get_legend().remove()
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent / "output" / "plot_panel.png"
    parser.add_argument("--output", type=Path, default=default, help="the picture to write")
    return parser


if __name__ == "__main__":
    main()
