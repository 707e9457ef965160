"""CPU time and peak memory of forecasts of many series, in the package's own code and in sktime's.

Two data sets are simulated: a panel of monthly series, and one series of many hourly columns. For
two sizes of each, a process of its own measures the fit, the forecast, intervals, and an update by
one time step with the forecast after it, and tells how much of each was spent in the methods of
this package (``_fit``, ``_predict``, ...) and how much around them, in sktime's checks and
containers. Of a task that is linear in the number of series, the ratio of both times is that of
both sizes.

Run ``python benchmarks/scale.py`` for a panel of 500 and 1,000 series, ``--panel 5000 10000`` or
``--columns 250 500`` for other sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "epochs=0": {"epochs": 0},
    "epochs=0, pretrained=False": {"epochs": 0, "pretrained": False},
}
HORIZON = 12
# Methods that sktime calls, between which and the call of the user all else is sktime's.
INNER = ("_fit", "_predict", "_predict_quantiles", "_update")
LIMITS = {
    ("default", "fit"): 15.0,
    ("epochs=0", "fit"): 4.0,
    ("epochs=0", "update and forecast"): 1.0,
}


def panel(n_series: int, n_timepoints: int) -> pd.DataFrame:
    """Simulate monthly series with a trend, a season and noise, as sktime's long frame."""
    rng = np.random.default_rng(0)
    t = np.arange(n_timepoints)
    phase, size = rng.uniform(0, 12, (n_series, 1)), rng.uniform(1, 10, (n_series, 1))
    values = 50 + 0.1 * t + size * np.sin(2 * np.pi * (t + phase) / 12)
    values += rng.normal(0, 0.3, values.shape).cumsum(axis=1) + rng.normal(0, 1, values.shape)
    months = pd.period_range("2010-01", periods=n_timepoints, freq="M")
    index = pd.MultiIndex.from_product([np.arange(n_series), months], names=["series", "month"])
    return pd.DataFrame({"y": values.ravel()}, index=index)


def columns(n_series: int, n_timepoints: int) -> pd.DataFrame:
    """Simulate one series of many hourly columns with the seasons of day and week."""
    rng = np.random.default_rng(0)
    t = np.arange(n_timepoints)[:, None]
    phase = rng.uniform(0, 24, n_series)
    values = 20 + 5 * np.sin(2 * np.pi * (t + phase) / 24) + 2 * np.sin(2 * np.pi * t / 168)
    values = values + rng.normal(0, 1, values.shape)
    hours = pd.period_range("2020-01-01", periods=n_timepoints, freq="h")
    return pd.DataFrame(values, index=hours, columns=[f"c{i}" for i in range(n_series)])


def parts(kind: str, n_series: int, n_timepoints: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is fitted, and the time step of the update."""
    if kind == "columns":
        whole = columns(n_series, n_timepoints + 1)
        return whole.iloc[:-1], whole.iloc[-1:]
    whole = panel(n_series, n_timepoints + 1)
    is_last = np.tile(np.arange(n_timepoints + 1) == n_timepoints, n_series)
    return whole[~is_last], whole[is_last]


class Clock:
    """CPU seconds of the process in calls, and of these in the methods of the package."""

    def __init__(self, forecaster: Any) -> None:
        self._inside = 0.0
        for name in INNER:
            setattr(forecaster, name, self._measured(getattr(forecaster, name)))

    def of(self, call: Callable[[], Any]) -> dict[str, float]:
        """Run a call: CPU seconds in all and in the package, and peak memory so far in MB."""
        self._inside, started = 0.0, time.process_time()
        call()
        whole = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"all": whole, "ours": self._inside, "peak": peak}

    def _measured(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return method(*args, **kwargs)
            finally:
                self._inside += time.process_time() - started

        return measured


def measure(kind: str, n_series: int, n_timepoints: int, setting: str) -> dict[str, Any]:
    """Measure all tasks in this process."""
    warnings.simplefilter("ignore")
    from skconvattn import ConvAttentionForecaster

    def new() -> Any:
        return ConvAttentionForecaster(random_state=0, **SETTINGS[setting])

    steps = range(1, HORIZON + 1)
    # Imports and the tracing of programs do not depend on the number of series.
    first, then = parts(kind, 8 if kind == "panel" else 2, n_timepoints)
    new().fit(first, fh=steps).update(then, update_params=False).predict()
    at_rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, then = parts(kind, n_series, n_timepoints)
    forecaster = new()
    clock = Clock(forecaster)
    found: dict[str, Any] = {"at rest": at_rest}
    found["fit"] = clock.of(lambda: forecaster.fit(first, fh=steps))
    found["forecast"] = clock.of(forecaster.predict)
    found["intervals"] = clock.of(lambda: forecaster.predict_interval(coverage=[0.5, 0.9]))

    def moved_on() -> None:
        forecaster.update(then, update_params=False)
        forecaster.predict()

    found["update and forecast"] = clock.of(moved_on)
    return found


def in_own_process(kind: str, size: int, n_timepoints: int, setting: str) -> dict[str, Any]:
    """Measure all tasks in a fresh process with one thread."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    command = [sys.executable, __file__, "--measure", kind, str(size), str(n_timepoints), setting]
    run = subprocess.run(
        command,
        env={**os.environ, **dict.fromkeys(threads, "1"), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"The process ended with {run.returncode}:\n{run.stderr[-2000:]}")
    return dict(json.loads(run.stdout.splitlines()[-1]))


def median_of(runs: list[dict[str, Any]], task: str) -> dict[str, float]:
    """Return the median of each number of a task."""
    return {key: statistics.median(run[task][key] for run in runs) for key in runs[0][task]}


def report(kind: str, sizes: list[int], n_timepoints: int, setting: str, repeats: int) -> None:
    """Measure several sizes, and print milliseconds per series, memory and how both grow."""
    before: dict[str, float] = {}
    for size in sizes:
        runs = [in_own_process(kind, size, n_timepoints, setting) for _ in range(repeats)]
        print(f"\n{kind}: {size} series of {n_timepoints} time steps, {setting}")
        print(f"  memory before the fit {statistics.median(r['at rest'] for r in runs):.0f} MB")
        for task in ("fit", "forecast", "intervals", "update and forecast"):
            one = median_of(runs, task)
            line = (
                f"  {task:<20} {1e3 * one['all'] / size:8.2f} ms per series, "
                f"{1e3 * one['ours'] / size:8.2f} of them ours, peak {one['peak']:6.0f} MB"
            )
            limit = LIMITS.get((setting, task)) if kind == "panel" else None
            if limit is not None:
                missed = 1e3 * one["all"] / size > limit
                line += f"  (wanted {limit:g} ms: {'missed' if missed else 'met'})"
            if task in before:
                line += f"  ours times {one['ours'] / before[task]:.2f}"
            print(line, flush=True)
            before[task] = one["ours"]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--panel", nargs="*", type=int, help="numbers of monthly series")
    parser.add_argument("--columns", nargs="*", type=int, help="numbers of hourly columns")
    parser.add_argument("--months", type=int, default=120)
    parser.add_argument("--hours", type=int, default=5000)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        kind, size, n_timepoints, setting = asked.measure
        print(json.dumps(measure(kind, int(size), int(n_timepoints), setting)))
        return
    if asked.panel is None and asked.columns is None:
        asked.panel = [500, 1000]
    for kind, sizes, n_timepoints in (
        ("panel", asked.panel, asked.months),
        ("columns", asked.columns, asked.hours),
    ):
        for setting in asked.settings if sizes else ():
            report(kind, sizes, n_timepoints, setting, asked.repeats)


if __name__ == "__main__":
    main()
