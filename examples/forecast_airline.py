"""Forecast the last year of two monthly series, with intervals, beside classical forecasters.

AirPassengers has twelve years with a clear season and growth; ShampooSales, the harder one, three
years of noise around a trend. Everything runs with its defaults; our figures are means over five
seeds. The picture shows the forecasts, and how much attention each month of the window got.

    python examples/forecast_airline.py [--output forecast_airline.png]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sktime.datasets import load_airline, load_shampoo_sales
from sktime.forecasting.base import BaseForecaster
from sktime.performance_metrics.forecasting import (
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
)
from tqdm import tqdm

from skconvattn import ConvAttentionForecaster

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SEEDS = 5
HORIZON = range(1, 13)
COVERAGE = 0.9
OURS = "ConvAttention"
# Name of the numbers in the file of the picture.
NUMBERS = "skconvattn numbers"


def main() -> None:
    """Compare the models, print the table and draw the picture."""
    arguments = _parser().parse_args()
    # sktime 1.2 announces a change of its own default for every forecaster of its own.
    warnings.filterwarnings("ignore", category=FutureWarning, module="sktime")
    series = {"AirPassengers": load_airline(), "ShampooSales": load_shampoo_sales()}
    rows, fitted = [], {}
    jobs = [(name, label, seed) for name in series for label, seed in _models()]
    for name, label, seed in tqdm(jobs, desc="fitting", unit="model"):
        train, test = series[name][:-12], series[name][-12:]
        model = _model(label, seed)
        rows.append({"series": name, "model": label, **evaluate(model, train, test)})
        fitted[name, label] = model
    table = pd.DataFrame(rows).groupby(["series", "model"], sort=False).mean().reset_index()
    print(_as_text(table))
    first = next(row["seconds"] for row in rows if row["model"] == OURS)
    print(
        f"Seconds are those of fit, forecast and interval. {OURS}'s are means of {N_SEEDS} seeds; "
        f"its first fit\nloads TensorFlow and compiles, which made it {first:.1f} s.\n"
    )
    for name in series:
        print(_verdict(table[table["series"] == name].set_index("model")["MASE"], name))
    draw({name: fitted[name, OURS] for name in series}, series, arguments.output)
    print(f"picture: {arguments.output}")


def evaluate(model: BaseForecaster, train: pd.Series, test: pd.Series) -> dict[str, float]:
    """Fit to one part of a series and score on the other."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        # Of statsmodels, where a series is too short for a parameter.
        warnings.simplefilter("ignore")
        model.fit(train, fh=HORIZON)
        forecast = model.predict()
        interval = model.predict_interval(coverage=COVERAGE).to_numpy()
    seconds = time.perf_counter() - started
    inside = (interval[:, 0] <= test.to_numpy()) & (test.to_numpy() <= interval[:, 1])
    return {
        "MASE": mean_absolute_scaled_error(test, forecast, y_train=train, sp=12),
        "sMAPE": 100 * mean_absolute_percentage_error(test, forecast, symmetric=True),
        "coverage": 100 * inside.mean(),
        "seconds": seconds,
    }


def draw(models: dict[str, BaseForecaster], series: dict[str, pd.Series], output: Path) -> None:
    """Draw each forecast with its interval, and the attention over its window."""
    import matplotlib.pyplot as plt

    from skconvattn.inspection import AttentionDisplay, ForecastDisplay

    figure, axes = plt.subplots(
        2, len(models), figsize=(11, 5.6), height_ratios=[2.6, 1], layout="constrained"
    )
    for column, (name, model) in enumerate(models.items()):
        above, below = axes[:, column]
        ForecastDisplay.from_estimator(
            model, y_true=series[name], coverage=COVERAGE, n_history=60, ax=above
        )
        above.set_title(f"{name}: the last year forecast")
        above.set_ylabel("")
        AttentionDisplay.from_estimator(model, ax=below, kind="bars")
        below.set_title("attention over the window before the forecast", fontsize="medium")
    output.parent.mkdir(parents=True, exist_ok=True)
    # The numbers go into the file, so that a test sees when the code draws others.
    numbers = json.dumps(drawn_numbers(figure))
    figure.savefig(output, dpi=110, metadata={NUMBERS: numbers})
    plt.close(figure)


def drawn_numbers(figure: Figure) -> list[dict[str, Any]]:
    """Return title, heights of lines, of bands and of bars of all axes."""
    return [
        {
            "title": ax.get_title(),
            "labels": [text.get_text() for text in ax.get_legend().get_texts()]
            if ax.get_legend()
            else [],
            "lines": [_rounded(line.get_ydata()) for line in ax.lines],
            "bands": [
                _rounded(path.vertices[:, 1])
                for each in ax.collections
                for path in each.get_paths()
            ],
            "bars": _rounded([bar.get_height() for bar in ax.patches]),
        }
        for ax in figure.axes
    ]


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in np.asarray(values, dtype=float)]


def _models() -> list[tuple[str, int]]:
    classical = [("seasonal naive", 0), ("Theta", 0), ("AutoETS", 0)]
    return [*classical, *((OURS, seed) for seed in range(N_SEEDS))]


def _model(label: str, seed: int) -> BaseForecaster:
    from sktime.forecasting.ets import AutoETS
    from sktime.forecasting.naive import NaiveForecaster
    from sktime.forecasting.theta import ThetaForecaster

    if label == OURS:
        return ConvAttentionForecaster(random_state=seed)
    if label == "Theta":
        return ThetaForecaster(sp=12)
    if label == "AutoETS":
        # Intervals of multiplicative models raise an error in sktime 1.2.
        return AutoETS(auto=True, sp=12, additive_only=True)
    return NaiveForecaster(strategy="last", sp=12)


def _as_text(table: pd.DataFrame) -> str:
    columns = f"{'series':15}{'model':17}{'MASE':>7}{'sMAPE %':>9}{'in 90 % interval':>18}"
    head = f"\n{columns}{'seconds':>9}"
    lines = [
        f"{row.series:15}{row.model:17}{row.MASE:7.2f}{row.sMAPE:9.1f}"
        f"{row.coverage:16.0f} %{row.seconds:9.2f}"
        for row in table.itertuples()
    ]
    return "\n".join([head, "-" * len(head.strip()), *lines, ""])


def _verdict(errors: pd.Series, name: str) -> str:
    ratio = errors[OURS] / errors["seasonal naive"]
    word = "below" if ratio < 1 else "NOT below"
    return (
        f"{name}: mean error over {N_SEEDS} seeds {word} the seasonal naive forecast's "
        f"({np.round(ratio, 2)} of it)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(__file__).parent / "output" / "forecast_airline.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    return parser


if __name__ == "__main__":
    main()
