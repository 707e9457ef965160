"""Forecast a stream with attention as an RNN: each observation costs the same.

A sensor gives a value a minute. The network is trained on the first day and then takes one value
after the other, carrying its running sums along, and forecasts the next half hour each time. The
same network could read the whole history again each time: the last panel shows what that costs.

    python examples/plot_streaming.py [--output plot_streaming.png]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from skconvattn import RNNAttentionForecaster

N_TRAINING = 1440
N_STREAMED = 600
HORIZON = 30
EVERY = 60


def main() -> None:
    """Train, stream, print what it costs and draw the picture."""
    arguments = _parser().parse_args()
    y = sensor(N_TRAINING + N_STREAMED + HORIZON)
    forecaster = RNNAttentionForecaster(
        normalization="series", window_length=120, seasonal_period=1, epochs=15, random_state=0
    ).fit(y[:N_TRAINING], fh=range(1, HORIZON + 1))
    stream, again = forecaster.stream(), forecaster.stream()
    seconds, whole, forecasts, errors = [], [], [], []
    for i in tqdm(range(N_TRAINING, N_TRAINING + N_STREAMED), desc="streaming", unit="value"):
        started = time.perf_counter()
        stream.update(y.iloc[i])
        seconds.append(time.perf_counter() - started)
        if (i - N_TRAINING) % EVERY == EVERY - 1:
            forecast = stream.predict()
            forecasts.append((forecast, stream.predict_interval(0.9)))
            errors.append(np.abs(forecast - y.loc[forecast.index]).mean())
            started = time.perf_counter()
            again.restart(y[: i + 1])
            whole.append((i + 1, time.perf_counter() - started))
    last = np.repeat(y.iloc[N_TRAINING - 1 + np.arange(EVERY, N_STREAMED + 1, EVERY)], HORIZON)
    truth = np.concatenate([y.loc[forecast.index] for forecast, _ in forecasts])
    print(f"a value of the stream          {1e3 * np.median(seconds):8.2f} ms, median")
    print(f"  the first hundred            {1e3 * np.median(seconds[:100]):8.2f} ms")
    print(f"  the last hundred             {1e3 * np.median(seconds[-100:]):8.2f} ms")
    print(f"the whole history once more    {1e3 * np.median([s for _, s in whole]):8.2f} ms")
    print(f"error of the next half hour    {np.mean(errors):8.2f}")
    print(f"  of the last value repeated   {np.abs(truth - last.to_numpy()).mean():8.2f}")
    draw(y, forecasts, seconds, whole, arguments.output)
    print(f"picture: {arguments.output}")


def sensor(n_minutes: int) -> pd.Series:
    """Generate a wave of two periods, with noise."""
    rng = np.random.default_rng(0)
    t = np.arange(n_minutes)
    values = 20 + 3 * np.sin(2 * np.pi * t / 45) + 2 * np.sin(2 * np.pi * t / 110 + 1)
    index = pd.date_range("2026-11-22", periods=n_minutes, freq="min")
    return pd.Series(values + 0.4 * rng.normal(size=n_minutes), index=index, name="sensor")


def draw(y: pd.Series, forecasts: list, seconds: list, whole: list, output: Path) -> None:
    """Draw some forecasts of the stream, and the cost of each value."""
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 6), height_ratios=[2, 1], layout="constrained"
    )
    shown = y[N_TRAINING + N_STREAMED - 8 * EVERY :]
    above.plot(shown.index, shown, color="#555555", linewidth=0.9, label="sensor")
    for forecast, interval in forecasts[-7:]:
        above.plot(forecast.index, forecast, color="#0072B2", linewidth=1.8)
        above.fill_between(
            forecast.index, interval["lower"], interval["upper"], color="#0072B2", alpha=0.2
        )
    above.set_title("forecasts of the next half hour, one an hour", fontsize="medium")
    counts = N_TRAINING + np.arange(len(seconds))
    below.semilogy(counts, 1e3 * np.array(seconds), ".", ms=2, color="#0072B2", label="one value")
    sizes, costs = zip(*whole, strict=True)
    below.semilogy(sizes, 1e3 * np.array(costs), "o-", color="#D55E00", label="whole history")
    below.set(xlabel="values so far", ylabel="milliseconds")
    below.legend(frameon=False)
    for ax in (above, below):
        ax.spines[["top", "right"]].set_visible(False)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent / "output" / "plot_streaming.png"
    parser.add_argument("--output", type=Path, default=default, help="the picture to write")
    return parser


if __name__ == "__main__":
    main()
