"""How good forecasts and intervals are, on generated series and on benchmark data.

    python benchmarks/forecasting.py --data DIR            # all rows
    python benchmarks/forecasting.py --only coverage       # those without data
    python benchmarks/forecasting.py --only m4 panel --data DIR --json FILE

``--data`` names a folder with ``m4/Hourly-train.csv``, ``m4/Hourly-test.csv``, ``ett/ETTh1.csv``
and, for M1, ``m1/monthly-train.csv`` and so on. ``--peers`` names a Python with statsforecast; see
``classical_peers.py``. Without it, the seasonal naive forecast is the only peer.
Everything runs with defaults but for the season, which M4 gives and its index does not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import pandas as pd

COVERAGE = 0.9
M4_HORIZON = 48
M4_PERIOD = 24
# Horizon, season and frequency.
M1 = {"yearly": (6, 1, "Y"), "quarterly": (8, 4, "Q"), "monthly": (18, 12, "M")}

Interval = tuple[np.ndarray, np.ndarray, np.ndarray]


def main() -> None:
    """Run the rows asked for and print them as they come."""
    arguments = _parser().parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in arguments.only or BENCHMARKS:
        for row in BENCHMARKS[name](arguments):
            rows.append({"benchmark": name, **row})
            print("  ".join(f"{key} {_text(value)}" for key, value in rows[-1].items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def coverage(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Share of the actual values within intervals, over five kinds of generated series."""
    shares = []
    for kind, generate in KINDS.items():
        started, inside = time.perf_counter(), []
        for seed in range(arguments.n_series // len(KINDS)):
            y = pd.Series(
                generate(np.random.default_rng(seed)),
                index=pd.period_range("2000-01", periods=132, freq="M"),
            )
            interval = _fitted(y[:-12], 12, seed).predict_interval(coverage=COVERAGE)
            inside.append(_inside(interval, y[-12:]))
        shares.append(float(np.mean(inside)))
        yield {
            "series": kind,
            "covered": shares[-1],
            "seconds": time.perf_counter() - started,
        }
    yield {"series": "all", "covered": float(np.mean(shares)), "target": "0.85 to 0.95"}


def airline(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Intervals on airline passengers, trained anew at each origin of the last five years."""
    from sktime.datasets import load_airline

    y = load_airline()
    started, inside, errors = time.perf_counter(), [], []
    scale = np.abs(y.diff(12)).mean()
    for end in range(len(y) - 60, len(y) - 11, 4):
        forecaster = _fitted(y[:end], 12, end)
        actual = y[end : end + 12]
        inside.append(_inside(forecaster.predict_interval(coverage=COVERAGE), actual))
        errors.append(np.abs(forecaster.predict() - actual).mean() / scale)
    yield {
        "series": "AirPassengers",
        "covered": float(np.mean(inside)),
        "target": "0.85 to 0.95",
        "MASE": float(np.mean(errors)),
        "seconds": time.perf_counter() - started,
    }


def m4(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One global model over M4 Hourly, beside the seasonal naive forecast, with intervals."""
    train, test = _m4(arguments)
    yield {"model": "seasonal naive", **_m4_scores(_naive(train), train, test)}
    for name, parameters in (
        ("defaults", {}),
        ("look-back searched", {"window_length": (72, 168)}),
    ):
        started = time.perf_counter()
        forecaster = _global(train, **parameters)
        forecast, seconds = forecaster.predict(), time.perf_counter() - started
        interval = forecaster.predict_interval(coverage=COVERAGE)
        held = [
            ((b.iloc[:, 0] <= actual) & (actual <= b.iloc[:, 1])).mean()
            for (_, b), actual in zip(interval.groupby(level=0, sort=False), test, strict=True)
        ]
        yield {
            "model": f"{name}, window {forecaster.window_length_}",
            **_m4_scores(_by_series(forecast), train, test),
            "covered": float(np.mean(held)),
            "seconds": seconds,
        }


def m1(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """M1, one model per series and one for all, beside classical forecasts."""
    for name, (horizon, period, _) in M1.items():
        train, test = _m1(arguments, name)
        for model, (found, seconds) in _peers(arguments, train, period, horizon).items():
            scores = _m1_scores(found, train, test, period)
            yield {"set": name, "model": model, **scores, "seconds a series": seconds}
        for model, parameters in (("epochs=0", {"epochs": 0}), ("defaults", {})):
            _m1_alone(train[0], name, **parameters)  # traced once
            started = time.perf_counter()
            found = [_m1_alone(y, name, **parameters) for y in train]
            seconds = (time.perf_counter() - started) / len(train)
            scores = _m1_scores(found, train, test, period)
            yield {"set": name, "model": model, **scores, "seconds a series": seconds}
        for epochs in (0, 200):
            started = time.perf_counter()
            found = _m1_panel(train, name, epochs=epochs)
            seconds = (time.perf_counter() - started) / len(train)
            scores = _m1_scores(found, train, test, period)
            yield {"set": name, "model": f"panel, epochs={epochs}", **scores,
                   "seconds a series": seconds}  # fmt: skip


def accidents(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Errors after ordinary accidents in the data, over those of the best simple forecast."""
    for name, spoil in ACCIDENTS.items():
        ratios, widths = [], []
        for seed in range(arguments.n_accidents):
            clean = _season(np.random.default_rng(seed)) + 0.05 * np.arange(132)
            y, actual = spoil(clean[:120]), spoil(clean)[120:]
            found = _m1_alone(y, "monthly", epochs=0)
            point, lower, upper = (each[: len(actual)] for each in found)
            # Peers do not take missing values.
            whole = pd.Series(y).interpolate(limit_direction="both").to_numpy()
            peers = _peers(arguments, [whole], 12, 12).values()
            best = min(np.abs(forecasts[0][0] - actual).mean() for forecasts, _ in peers)
            error = np.abs(point - actual).mean()
            ratios.append(1.0 if error == best else error / best)
            widths.append((upper - lower).max() / np.ptp(whole))
        yield {"accident": name, "error over best simple": float(np.median(ratios)),
               "widest over range": float(np.median(widths)), "target": "<= 1.5, <= 3"}  # fmt: skip


def panel(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One global model against one per series: error and seconds."""
    train, test = _m4(arguments)
    _global(train[:2], epochs=1)  # loads the backend, which is neither's to pay
    seconds, scores = {}, {}
    for name in ("global", "local"):
        started = time.perf_counter()
        forecast = _global(train, panel=name).predict()
        seconds[name] = time.perf_counter() - started
        scores[name] = _m4_scores(_by_series(forecast), train, test)
        yield {"model": name, **scores[name], "seconds": seconds[name]}
    yield {
        "model": "local over global",
        "OWA": scores["local"]["OWA"] / scores["global"]["OWA"],
        "seconds": seconds["local"] / seconds["global"],
        "target": "OWA > 1, seconds >= 10",
    }


def ett(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """ETTh1, horizon 96, all seven channels with shared weights, every window of the test part."""
    from skconvattn import ConvAttentionForecaster

    frame = pd.read_csv(arguments.data / "ett" / "ETTh1.csv", index_col=0, parse_dates=True)
    day, horizon = 24, 96
    n_train, n_known = 12 * 30 * day, 16 * 30 * day
    scaled = (frame - frame[:n_train].mean()) / frame[:n_train].std(ddof=0)
    scaled = scaled[: 20 * 30 * day].asfreq("h")
    for window in (96, 336):
        started = time.perf_counter()
        forecaster = ConvAttentionForecaster(
            window_length=window, refit=False, validation_fraction=0.25, epochs=30,
            patience=5, random_state=0, loss="mse",
        )  # fmt: skip
        forecaster.fit(scaled[:n_known], fh=range(1, horizon + 1))
        seconds = time.perf_counter() - started
        n_origins = len(scaled) - n_known - horizon + 1
        forecasts = _from_origins(forecaster, scaled, n_origins, horizon)
        actual = np.lib.stride_tricks.sliding_window_view(
            scaled.to_numpy()[n_known:], horizon, axis=0
        ).transpose(0, 2, 1)
        errors = forecasts - actual
        yield {
            "look-back": window,
            "windows": len(errors),
            "MSE": float((errors**2).mean()),
            "MAE": float(np.abs(errors).mean()),
            "seconds": seconds,
        }


def _from_origins(forecaster: Any, y: pd.DataFrame, n_origins: int, horizon: int) -> np.ndarray:
    """Forecast from the last origins of a series: (n_origins, horizon, n_targets)."""
    from dataclasses import replace

    from skconvattn.forecasting.backtest import Backtest

    history = replace(forecaster.panel_.first, y=y)
    positions = len(y) - horizon - n_origins + np.arange(n_origins)
    known = np.zeros((n_origins, y.shape[1], horizon, 0), dtype=np.float32)
    steps = np.arange(1, horizon + 1)
    backtest = Backtest(forecaster.fitted_forecast_, history, positions, steps, known)
    return np.stack([forecast.to_numpy() for forecast in backtest.forecasts()])


def _m1(arguments: argparse.Namespace, name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    train, test = (
        pd.read_csv(arguments.data / "m1" / f"{name}-{part}.csv", index_col=0)
        for part in ("train", "test")
    )
    keys = train.index[: arguments.n_m1]
    return (
        [train.loc[key].dropna().to_numpy(np.float64) for key in keys],
        [test.loc[key].dropna().to_numpy(np.float64) for key in keys],
    )


def _peers(
    arguments: argparse.Namespace,
    series: list[np.ndarray],
    period: int,
    horizon: int,
    models: tuple[str, ...] = (),
) -> dict[str, tuple[list[Interval], float]]:
    """Return forecasts of peers, with limits of the 90 % interval, and seconds a series."""
    if arguments.peers is None:
        naive = [np.resize(y[-period:], horizon) for y in series]
        return {"seasonal naive": ([(point, point, point) for point in naive], 0.0)}
    asked = {"period": period, "horizon": horizon, "series": [y.tolist() for y in series]}
    if models:
        asked["models"] = models
    done = subprocess.run(
        [arguments.peers, str(Path(__file__).with_name("classical_peers.py"))],
        input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {
        name: ([tuple(map(np.array, one)) for one in each["forecasts"]], each["seconds"])
        for name, each in json.loads(done.stdout).items()
    }


def _m1_alone(y: np.ndarray, name: str, **parameters: Any) -> Interval:
    from skconvattn import ConvAttentionForecaster

    horizon, _, freq = M1[name]
    series = pd.Series(y, index=pd.period_range("1950-01", periods=len(y), freq=freq))
    forecaster = ConvAttentionForecaster(random_state=0, **parameters)
    forecaster.fit(series, fh=range(1, horizon + 1))
    limits = forecaster.predict_interval(coverage=COVERAGE).to_numpy()
    return forecaster.predict().to_numpy(), limits[:, 0], limits[:, 1]


def _m1_panel(train: list[np.ndarray], name: str, **parameters: Any) -> list[Interval]:
    from skconvattn import ConvAttentionForecaster

    horizon, _, freq = M1[name]
    frames = [
        pd.DataFrame({"y": y}, index=pd.period_range(end="1990-01", periods=len(y), freq=freq))
        for y in train
    ]
    y = pd.concat(frames, keys=range(len(train)), names=["series", "time"])
    forecaster = ConvAttentionForecaster(random_state=0, **parameters)
    forecaster.fit(y, fh=range(1, horizon + 1))
    points = forecaster.predict().to_numpy().reshape(len(train), -1)
    limits = forecaster.predict_interval(coverage=COVERAGE).to_numpy()
    limits = limits.reshape(len(train), -1, 2)
    return [(point, own[:, 0], own[:, 1]) for point, own in zip(points, limits, strict=True)]


def _m1_scores(
    found: list[Interval], train: list[np.ndarray], test: list[np.ndarray], period: int
) -> dict[str, float]:
    """Return MASE, coverage and scaled interval score of 90 % intervals, means over the series."""
    rows = []
    for (point, lower, upper), y, actual in zip(found, train, test, strict=True):
        n = len(actual)
        point, lower, upper = point[:n], lower[:n], upper[:n]
        lag = period if len(y) > period else 1
        scale = np.abs(y[lag:] - y[:-lag]).mean()
        outside = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
        score = (upper - lower + 2 / (1 - COVERAGE) * outside).mean() / scale
        inside = ((lower <= actual) & (actual <= upper)).mean()
        rows.append((np.abs(point - actual).mean() / scale, inside, score))
    return dict(zip(("MASE", "covered", "MSIS"), map(float, np.mean(rows, axis=0)), strict=True))


def _fitted(y: pd.Series, horizon: int, seed: int) -> Any:
    from skconvattn import ConvAttentionForecaster

    return ConvAttentionForecaster(random_state=seed).fit(y, fh=range(1, horizon + 1))


def _inside(interval: pd.DataFrame, actual: pd.Series) -> float:
    return float(((interval.iloc[:, 0] <= actual) & (actual <= interval.iloc[:, 1])).mean())


def _m4(arguments: argparse.Namespace) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the training and test parts of some series, chosen once."""
    folder = arguments.data / "m4"
    train, test = (
        pd.read_csv(folder / f"Hourly-{part}.csv", index_col=0) for part in ("train", "test")
    )
    chosen = np.sort(np.random.default_rng(0).permutation(len(train))[: arguments.n_m4])
    return (
        [train.iloc[i].dropna().to_numpy(np.float64) for i in chosen],
        [test.loc[train.index[i]].dropna().to_numpy(np.float64) for i in chosen],
    )


def _global(train: list[np.ndarray], **parameters: Any) -> Any:
    from skconvattn import ConvAttentionForecaster

    # All series end together, which they do not in reality: M4 gives no dates.
    frames = [pd.DataFrame({"y": y}, index=pd.RangeIndex(1000 - len(y), 1000)) for y in train]
    y = pd.concat(frames, keys=range(len(train)), names=["series", "hour"])
    forecaster = ConvAttentionForecaster(seasonal_period=M4_PERIOD, random_state=0, **parameters)
    return forecaster.fit(y, fh=range(1, M4_HORIZON + 1))


def _by_series(forecast: pd.DataFrame) -> list[np.ndarray]:
    return [part.to_numpy()[:, 0] for _, part in forecast.groupby(level=0, sort=False)]


def _naive(train: list[np.ndarray]) -> list[np.ndarray]:
    return [np.tile(y[-M4_PERIOD:], M4_HORIZON // M4_PERIOD) for y in train]


def _m4_scores(
    forecasts: list[np.ndarray], train: list[np.ndarray], test: list[np.ndarray]
) -> dict[str, float]:
    """Return sMAPE, MASE and OWA as the competition defines them."""
    smape, mase = [], []
    for forecast, past, actual in zip(forecasts, train, test, strict=True):
        errors = np.abs(actual - forecast)
        smape.append(200 * np.mean(errors / (np.abs(actual) + np.abs(forecast))))
        mase.append(errors.mean() / np.abs(past[M4_PERIOD:] - past[:-M4_PERIOD]).mean())
    scores = {"sMAPE": float(np.mean(smape)), "MASE": float(np.mean(mase))}
    return {**scores, "OWA": (scores["sMAPE"] / 18.383 + scores["MASE"] / 2.395) / 2}


def _season(rng: np.random.Generator) -> np.ndarray:
    t = np.arange(132)
    return 10 + 3 * np.sin(2 * np.pi * t / 12 + rng.uniform(0, 6)) + rng.normal(size=132)


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "season and noise": _season,
    "trend and season": lambda rng: _season(rng) + 0.1 * np.arange(132),
    "growing season": lambda rng: np.exp(0.01 * np.arange(132) + _season(rng) / 20),
    "random walk": lambda rng: np.cumsum(rng.normal(size=132)),
    "noise": lambda rng: rng.normal(size=132),
}


def _replaced(y: np.ndarray, where: slice, value: Any) -> np.ndarray:
    y = y.copy()
    y[where] = value(y[where])
    return y


ACCIDENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda y: y,
    "last value tenfold": lambda y: _replaced(y, slice(119, 120), lambda v: 10 * v),
    "a value a year ago": lambda y: _replaced(y, slice(108, 109), lambda v: 1e4 + v),
    "three months at a tenth": lambda y: _replaced(y, slice(100, 103), lambda v: v / 10),
    "half a year of shock": lambda y: _replaced(
        y, slice(92, 98), lambda v: v * [0.5, 0.2, 0.2, 0.4, 0.6, 0.8]
    ),
    "level shift": lambda y: _replaced(y, slice(104, None), lambda v: v + 40),
    "a third is left": lambda y: _replaced(y, slice(114, None), lambda v: v / 3),
    "other unit": lambda y: _replaced(y, slice(80, None), lambda v: v * 1000),
    "ended a year ago": lambda y: _replaced(y, slice(108, None), lambda v: 0 * v),
    "zeros before a launch": lambda y: _replaced(y, slice(0, 100), lambda v: 0 * v),
    "-999 for missing": lambda y: _replaced(y, slice(3, 120, 13), lambda v: 0 * v - 999),
    "gap": lambda y: _replaced(y, slice(60, 75), lambda v: np.nan),
    "gap at the end": lambda y: _replaced(y, slice(110, 120), lambda v: np.nan),
}

BENCHMARKS = {
    "coverage": coverage,
    "airline": airline,
    "accidents": accidents,
    "m1": m1,
    "m4": m4,
    "panel": panel,
    "ett": ett,
}


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(BENCHMARKS), help="rows to run")
    parser.add_argument("--data", type=Path, help="folder of the benchmark data")
    parser.add_argument("--peers", help="Python with statsforecast")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--n-series", type=int, default=200, help="generated series")
    parser.add_argument("--n-m1", type=int, default=None, help="series of each set of M1")
    parser.add_argument("--n-accidents", type=int, default=5, help="series for each accident")
    parser.add_argument("--n-m4", type=int, default=100, help="series of M4 Hourly")
    return parser


if __name__ == "__main__":
    main()
