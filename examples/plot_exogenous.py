"""What each kind of regressor adds to a forecast of hourly demand.

Demand follows the hour and the weekday, the temperature, of which there is a forecast, and orders
that came in half a day before, of which there is none. A model sees more of that from row to row of
the table; the picture shows the first and the last.

    python examples/plot_exogenous.py [--output plot_exogenous.png]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.inspection import ForecastDisplay

N_DAYS = 84
HORIZON = 12
LAG = 12
N_ORIGINS = 14


def main() -> None:
    """Fit with more and more regressors, print the table and draw the picture."""
    arguments = _parser().parse_args()
    y, X = hourly_demand()
    settings = {
        "the series alone": ([], {}),
        "calendar": ([], {"calendar_features": "auto"}),
        "calendar, temperature": (["temperature"], {"calendar_features": "auto"}),
        "calendar, temperature, orders": (
            ["temperature", "orders"],
            {"calendar_features": "auto", "past_regressors": ["orders"]},
        ),
    }
    train = y[: -24 * N_ORIGINS]
    print(f"{'regressors':32}{'mean absolute error':>20}{'seconds':>9}")
    fitted = {}
    for name, (columns, parameters) in settings.items():
        started = time.perf_counter()
        forecaster = ConvAttentionForecaster(random_state=0, window_length=48, **parameters)
        known = X[columns] if columns else None
        forecaster.fit(
            train, X=None if known is None else known.loc[train.index], fh=range(1, HORIZON + 1)
        )
        error = rolling_error(forecaster, y, known)
        print(f"{name:32}{error:20.2f}{time.perf_counter() - started:9.1f}", flush=True)
        fitted[name] = (forecaster, known)
    draw({name: fitted[name] for name in (next(iter(fitted)), name)}, y, arguments.output)
    print(f"picture: {arguments.output}")


def hourly_demand() -> tuple[pd.Series, pd.DataFrame]:
    """Generate demand, and what it depends on."""
    rng = np.random.default_rng(0)
    n_hours = 24 * N_DAYS
    index = pd.date_range("2026-01-05", periods=n_hours, freq="h")
    weather = np.convolve(rng.normal(size=n_hours + 47), np.ones(48) / 48, mode="valid")
    temperature = 8 + 20 * weather + 4 * np.sin(2 * np.pi * (index.hour - 9) / 24)
    orders = rng.gamma(2.0, size=n_hours)
    by_hour = 12 * np.sin(2 * np.pi * (index.hour - 7) / 24)
    by_day = np.where(index.dayofweek < 5, 10.0, -10.0)
    demand = 100 + by_hour + by_day - 1.5 * temperature + 6 * np.roll(orders, LAG)
    y = pd.Series(demand + rng.normal(size=n_hours), index=index, name="demand")
    return y, pd.DataFrame({"temperature": temperature, "orders": orders}, index=index)


def rolling_error(
    forecaster: ConvAttentionForecaster, y: pd.Series, X: pd.DataFrame | None
) -> float:
    """Forecast half of each day of the last two weeks, without training again."""
    from sktime.split import SlidingWindowSplitter

    test = y[-24 * N_ORIGINS :]
    splitter = SlidingWindowSplitter(fh=range(1, HORIZON + 1), window_length=24, step_length=24)
    forecasts = forecaster.update_predict(test, splitter, X=X, update_params=False)
    errors = forecasts.sub(y.loc[forecasts.index], axis=0)
    return float(np.nanmean(np.abs(errors.to_numpy())))


def draw(fitted: dict[str, tuple], y: pd.Series, output: Path) -> None:
    """Draw the forecasts that follow the training part."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(fitted), 1, figsize=(9, 5.6), sharex=True, sharey=True, layout="constrained"
    )
    for ax, (name, (forecaster, X)) in zip(axes, fitted.items(), strict=True):
        ForecastDisplay.from_estimator(forecaster, y_true=y, X=X, n_history=72, ax=ax)
        ax.set_title(f"forecast from {name}", fontsize="medium")
        ax.set_ylabel("demand")
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent / "output" / "plot_exogenous.png"
    parser.add_argument("--output", type=Path, default=default, help="the picture to write")
    return parser


if __name__ == "__main__":
    main()
