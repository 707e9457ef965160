"""Local models of many series on one Dask worker and on two.

    python benchmarks/dask_panel.py                  # 1,000 series of 120 months
    python benchmarks/dask_panel.py --series 200 --repeats 3

A fresh cluster of one thread per worker fits a panel by ``DaskForecaster`` and forecasts it. Beside
seconds by the clock there are those of the processor, of all workers together and of the busiest
one: on a machine that is busy with other work, the clock tells little, and the sum over the busiest
tells how long two processors of one's own would take. The workers have loaded the package, and
fitted one series each, before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import distributed
import numpy as np
import pandas as pd

from skconvattn import ConvAttentionForecaster
from skconvattn.distributed import DaskForecaster

HORIZON = range(1, 13)


def main() -> None:
    """Fit with one worker and with two in turn, and print medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--months", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--members", nargs="*", default=None)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    y = _panel(arguments.series, arguments.months)
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for _ in range(arguments.repeats):
        for n_workers, runs in found.items():
            runs.append(_measured(n_workers, y, arguments))
    medians = {
        n: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for n, runs in found.items()
    }
    names = list(medians[1])
    print(f"{arguments.series} series of {arguments.months} months, seconds")
    print(f"{'workers':10}" + "".join(f"{name:>22}" for name in names))
    for n, row in medians.items():
        print(f"{n:<10}" + "".join(f"{row[name]:22.2f}" for name in names))
    ratios = [medians[1][name] / medians[2][name] for name in names]
    print(f"{'ratio':10}" + "".join(f"{ratio:22.2f}" for ratio in ratios))


def _panel(n_series: int, n_months: int) -> pd.DataFrame:
    """Series of a season of twelve months, a trend and noise."""
    rng = np.random.default_rng(0)
    months = pd.period_range("2010-01", periods=n_months, freq="M")
    time_steps = np.arange(n_months)
    phase, slope = rng.uniform(0, 6, size=(n_series, 1)), rng.normal(0, 0.02, size=(n_series, 1))
    values = np.sin(2 * np.pi * time_steps / 12 + phase) + slope * time_steps
    values += 10 + 0.3 * rng.normal(size=values.shape)
    names = [f"series {i:06d}" for i in range(n_series)]
    index = pd.MultiIndex.from_product([names, months], names=["series", "month"])
    return pd.DataFrame({"y": values.ravel()}, index=index)


def _measured(n_workers: int, y: pd.DataFrame, arguments: argparse.Namespace) -> dict[str, float]:
    """Return what a fit and a forecast on so many workers take, in seconds."""
    options: dict[str, Any] = {} if arguments.members is None else {"members": arguments.members}
    inner = ConvAttentionForecaster(
        panel="local", epochs=arguments.epochs, random_state=0, **options
    )
    with (
        distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        first = y.iloc[: 8 * arguments.months]
        DaskForecaster(inner, n_partitions=8).fit(first, fh=HORIZON).predict()
        spread = DaskForecaster(inner)
        found = {}
        for name, work in (
            ("fit", lambda: spread.fit(y, fh=HORIZON)),
            ("predict", spread.predict),
        ):
            wall, here, there = time.perf_counter(), time.process_time(), client.run(_cpu)
            work()
            after = client.run(_cpu)
            own = [after[worker] - there[worker] for worker in there]
            found[f"{name}, clock"] = time.perf_counter() - wall
            found[f"{name}, CPU in all"] = sum(own)
            # What is done here cannot be divided.
            found[f"{name}, CPU busiest"] = max(own) + time.process_time() - here
    return found


def _cpu() -> float:
    """Processor seconds of a worker so far."""
    return time.process_time()


if __name__ == "__main__":
    main()
