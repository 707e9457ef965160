"""What fits and predictions cost, as ratios of two things measured in one run.

Each row runs our side and the other in turn and prints the median of the ratios:

    python benchmarks/engine.py                      # all rows
    python benchmarks/engine.py --only refit grid    # some
    python benchmarks/engine.py --data DIR --json FILE
    python benchmarks/engine.py --only jax --jax .venv-jax/bin/python

``--data`` names a folder with ``ett/ETTh1.csv``; without it a generated hourly series stands in.
skforecast and neuralforecast are compared with where they are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import pandas as pd

NETWORK = {"filters": 32, "kernel_size": 3, "units": 32}
REPEATS = 5


@dataclass
class Row:
    """One comparison: seconds of each side and the median ratio, the other's over ours."""

    name: str
    against: str
    ours: float
    theirs: float
    ratio: float
    target: str


def main() -> None:
    """Run the rows asked for and print them as a table."""
    arguments = _parser().parse_args()
    warnings.simplefilter("ignore")
    rows = []
    print(f"{'what':34}{'against':26}{'ours':>10}{'theirs':>10}{'ratio':>8}  target")
    for name in arguments.only or BENCHMARKS:
        for row in BENCHMARKS[name](arguments):
            rows.append(row)
            print(
                f"{row.name:34}{row.against:26}{row.ours:10.4g}{row.theirs:10.4g}"
                f"{row.ratio:8.2f}  {row.target}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def refits(arguments: argparse.Namespace) -> Iterator[Row]:
    """Fit a small model again and again."""
    X, y = _airline_windows()
    for recurrent, name in ((None, "conv attention"), ("lstm", "LSTM + conv attention")):
        ours = partial(_regressor(recurrent, epochs=100, batch_size=32).fit, X, y)
        theirs = partial(_scikeras(recurrent, 12, epochs=100, batch_size=32).fit, X[..., None], y)
        ours()
        theirs()
        yield _compare(f"refit, {name}", "SciKeras", ">= 10", ours, theirs)


def jax(arguments: argparse.Namespace) -> Iterator[Row]:
    """Refit on JAX, with the interpreter of ``--jax``, and on TensorFlow: one thread each."""
    if arguments.jax is None:
        return
    sides = (arguments.jax, "jax"), (Path(sys.executable), "tensorflow")
    for recurrent, name in ((None, "conv attention"), ("lstm", "LSTM + conv attention")):
        code = _REFITS.format(recurrent=recurrent, repeats=REPEATS)
        found = [json.loads(_python(code, python, backend)) for python, backend in sides]
        for measure in ("wall time", "processor time"):
            ours, theirs = (times[measure] for times in found)
            yield _row(f"refit, {name}", f"TensorFlow, {measure}", ">= 0.67", ours, theirs)


def first_fit(arguments: argparse.Namespace) -> Iterator[Row]:
    """Fit for the first time in a process, imports left out."""
    for recurrent in ("None", "'lstm'"):
        times: dict[str, list[float]] = {"_regressor": [], "_scikeras": []}
        for _ in range(REPEATS):
            for side, collected in times.items():
                collected.append(_first_fit_of(side, recurrent))
        yield _row(
            f"first fit, recurrent={recurrent}", "SciKeras", ">= 3",
            times["_regressor"], times["_scikeras"],
        )  # fmt: skip


def sizes(arguments: argparse.Namespace) -> Iterator[Row]:
    """Middle and large data, where arithmetic outweighs overhead."""
    series = _hourly(arguments.data)
    for name, n, length, horizon, batch_size, epochs, target in (
        ("8,000 windows 96 -> 24", 8_000, 96, 24, 64, 3, ">= 2"),
        ("100,000 windows 96 -> 24", 100_000, 96, 24, 512, 1, ">= 1"),
    ):
        values = np.resize(series, n + length + horizon)
        windows = np.lib.stride_tricks.sliding_window_view(values, length + horizon)[:n]
        X, y = windows[:, :length].astype("float32"), windows[:, length:].astype("float32")
        ours = partial(_regressor(None, epochs=epochs, batch_size=batch_size).fit, X, y)
        rival = _scikeras(None, horizon, epochs=epochs, batch_size=batch_size)
        ours()
        yield _compare(name, "SciKeras", target, ours, partial(rival.fit, X[..., None], y), 3)


def grid_search(arguments: argparse.Namespace) -> Iterator[Row]:
    """Twelve candidates in three folds."""
    from sklearn.model_selection import GridSearchCV

    X, y = _airline_windows()
    rates, batches = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2], [16, 32]
    ours = GridSearchCV(
        _regressor(None, epochs=30, batch_size=32),
        {"learning_rate": rates, "batch_size": batches},
        cv=3,
        scoring="neg_mean_squared_error",
    )
    theirs = GridSearchCV(
        _scikeras(None, 12, epochs=30, batch_size=32),
        {"optimizer__learning_rate": rates, "batch_size": batches},
        cv=3,
        scoring="neg_mean_squared_error",
    )
    yield _compare(
        "grid search, 12 x 3 fits", "SciKeras", ">= 10",
        lambda: ours.fit(X, y), lambda: theirs.fit(X[..., None], y), repeats=2,
    )  # fmt: skip


def predictions(arguments: argparse.Namespace) -> Iterator[Row]:
    """One prediction of one window."""
    X, y = _airline_windows()
    window = X[:1]
    for recurrent, name in ((None, "conv"), ("lstm", "LSTM + conv")):
        ours = _regressor(recurrent, epochs=1, batch_size=32).fit(X, y)
        theirs = _scikeras(recurrent, 12, epochs=1, batch_size=32).fit(X[..., None], y)
        yield _compare(
            f"regressor.predict, {name}", "Keras predict", ">= 30",
            partial(ours.predict, window),
            partial(theirs.model_.predict, window[..., None], verbose=0), repeats=50,
        )  # fmt: skip
    if find_spec("skforecast"):
        forecaster, other = _forecasters()
        yield _compare(
            "forecaster.predict", "skforecast ForecasterRnn", ">= 8",
            forecaster.predict, lambda: other.predict(steps=12), repeats=20,
        )  # fmt: skip


def training_steps(arguments: argparse.Namespace) -> Iterator[Row]:
    """About 400 steps of an LSTM of 32 units on AirPassengers, window 24, 12 steps ahead."""
    from sktime.datasets import load_airline

    from skconvattn import AttentionForecaster

    y = load_airline()
    ours = AttentionForecaster(
        window_length=24, epochs=100, batch_size=32, early_stopping=False, refit=False
    )
    ours.fit(y, fh=range(1, 13))

    def fit_ours() -> None:
        ours.fit(y, fh=range(1, 13))

    name = "400 steps, LSTM(32)"
    if find_spec("neuralforecast"):
        yield _compare(name, "neuralforecast LSTM", ">= 3", fit_ours, _neuralforecast(y))
    if find_spec("skforecast"):
        yield _compare(name, "skforecast ForecasterRnn", ">= 8", fit_ours, _forecasters)


def long_series(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure the peak memory of 2,000 steps on a million time steps, window 512, horizon 96."""
    extra = float(_python(_LONG_SERIES))
    materialised = 1_000_000 * (512 + 96) * 4 / 2**20
    name = "a million steps, MB above small"
    yield _row(name, "all windows in memory", "ours <= 300", [extra], [materialised])


def memory(arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure resident memory over 300 fits, and 40 shapes in a cache of two programs.

    Either is compared with models built anew.
    """
    ours = float(_python(_SLOPE.format(side="_regressor(None", n=300)))
    theirs = float(_python(_SLOPE.format(side="_scikeras(None, 12", n=20)))
    yield _row("memory, MB per fit", "SciKeras", "ours <= 0.1", [ours], [theirs])
    yield _row("memory, MB a shape evicted", "SciKeras", "", [float(_python(_SHAPES))], [theirs])


def conformance(arguments: argparse.Namespace) -> Iterator[Row]:
    """Run scikit-learn's whole check_estimator on a small model, for 20 epochs a fit."""
    code = (
        "import time, warnings; warnings.simplefilter('ignore');"
        "from sklearn.utils.estimator_checks import check_estimator;"
        "import benchmarks.engine as b; e = {side}; t = time.perf_counter();"
        "check_estimator(e, on_fail=None); print(time.perf_counter() - t)"
    )
    ours = float(_python(code.format(side="b._regressor(None, epochs=20)")))
    theirs = float(_python(code.format(side="b.scikeras_subclass()")))
    yield _row("check_estimator, seconds", "SciKeras subclass", ">= 4", [ours], [theirs])


def imports(arguments: argparse.Namespace) -> Iterator[Row]:
    """Import a forecaster, against importing sktime's base."""
    times: dict[str, list[float]] = {
        "from skconvattn import ConvAttentionForecaster": [],
        "import sktime.forecasting.base": [],
    }
    for _ in range(REPEATS):
        for statement, collected in times.items():
            started = time.perf_counter()
            _python(statement)
            collected.append(time.perf_counter() - started)
    yield _row("import of a forecaster", "sktime.forecasting.base", ">= 0.83", *times.values())


BENCHMARKS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "import": imports,
    "refit": refits,
    "jax": jax,
    "first": first_fit,
    "sizes": sizes,
    "grid": grid_search,
    "predict": predictions,
    "steps": training_steps,
    "long": long_series,
    "memory": memory,
    "conformance": conformance,
}

_REFITS = """
import json, time, benchmarks.engine as b
X, y = b._airline_windows()
e = b._regressor({recurrent!r}, epochs=100, batch_size=32, members=["network"]).fit(X, y)
times = {{"wall time": [], "processor time": []}}
for _ in range({repeats}):
    wall, processor = time.perf_counter(), time.process_time()
    e.fit(X, y)
    times["wall time"].append(time.perf_counter() - wall)
    times["processor time"].append(time.process_time() - processor)
print(json.dumps(times))
"""

_LONG_SERIES = """
import resource, numpy as np, pandas as pd
from skconvattn import ConvAttentionForecaster
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
f = ConvAttentionForecaster(window_length=512, seasonal_period=24, epochs=1, batch_size=32,
                            steps_per_epoch=2000, refit=False, random_state=0)
f.fit(pd.Series(np.sin(np.arange(2000) / 9)), fh=range(1, 97))
before = peak()
f.fit(pd.Series(np.random.default_rng(0).normal(size=1_000_000).cumsum()), fh=range(1, 97))
print(peak() - before)
"""

_SLOPE = """
import psutil, benchmarks.engine as b
X, y = b._airline_windows()
e = b.{side}, epochs=2, batch_size=32)
X = X if "Conv" in type(e).__name__ else X[..., None]
rss = lambda: psutil.Process().memory_info().rss / 2**20
for _ in range(10):
    e.fit(X, y)
before = rss()
for _ in range({n}):
    e.fit(X, y)
print((rss() - before) / {n})
"""

_SHAPES = """
import gc, psutil, benchmarks.engine as b
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
training_program._PROGRAMS = programs.ProgramCache(2)
programs._MODELS = programs.ProgramCache(2)
X, y = b._airline_windows()
def fit(shape):
    inputs, targets = X[:, :shape // 3], y[:, :shape % 3 + 1]
    b._regressor(None, epochs=1, batch_size=32).fit(inputs, targets).predict(inputs)
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20
before = [fit(shape) for shape in range(12, 22)][-1]
print(([fit(shape) for shape in range(22, 62)][-1] - before) / 40)
"""


def _airline_windows() -> tuple[np.ndarray, np.ndarray]:
    """Return 109 windows of 24 months and the 12 that follow, standardised."""
    from sktime.datasets import load_airline

    values = load_airline().to_numpy()
    values = ((values - values.mean()) / values.std()).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(values, 36)
    return windows[:, :24].copy(), windows[:, 24:].copy()


def _regressor(recurrent: str | None, **parameters: Any) -> Any:
    """Return our estimator of the network that both sides train."""
    from skconvattn import ConvAttentionRegressor

    return ConvAttentionRegressor(
        recurrent=recurrent, linear_skip=False, early_stopping=False, learning_rate=1e-3,
        random_state=0, **NETWORK, **parameters,
    )  # fmt: skip


def _scikeras(recurrent: str | None, n_outputs: int, **parameters: Any) -> Any:
    """Return SciKeras's estimator of the same network."""
    import keras
    from scikeras.wrappers import KerasRegressor

    def build(meta: dict[str, Any]) -> keras.Model:
        from skconvattn.layers import ConvAttention

        series = keras.Input(meta["X_shape_"][1:])
        encoder = [keras.layers.LSTM(32, return_sequences=True)] if recurrent else []
        return keras.Sequential(
            [series, *encoder, ConvAttention(**NETWORK), keras.layers.Dense(n_outputs)]
        )

    return KerasRegressor(
        model=build, loss="mean_squared_error", optimizer="adam",
        optimizer__learning_rate=1e-3, verbose=0, **parameters,
    )  # fmt: skip


def scikeras_subclass() -> Any:
    """Return a SciKeras regressor with one hidden layer, the usual recipe for scikit-learn."""
    import keras
    from scikeras.wrappers import KerasRegressor

    class MLPRegressor(KerasRegressor):
        def __init__(self, model: Any = None, epochs: int = 20, verbose: int = 0) -> None:
            super().__init__(model=model, epochs=epochs, verbose=verbose, loss="mse")

        def _keras_build_fn(self) -> keras.Model:
            hidden = keras.layers.Dense(32, activation="relu")
            return keras.Sequential(
                [keras.Input((self.n_features_in_,)), hidden, keras.layers.Dense(1)]
            )

    return MLPRegressor()


def _forecasters() -> tuple[Any, Any]:
    """Return our forecaster and skforecast's, fitted alike on AirPassengers."""
    from skforecast.deep_learning import ForecasterRnn, create_and_compile_model
    from sktime.datasets import load_airline

    from skconvattn import AttentionForecaster

    y = load_airline()
    ours = AttentionForecaster(window_length=24, epochs=1).fit(y, fh=range(1, 13))
    data = pd.DataFrame({"y": y.to_numpy()}, index=y.index.to_timestamp()).asfreq("MS")
    model = create_and_compile_model(
        series=data, levels=["y"], lags=24, steps=12, recurrent_layer="LSTM", recurrent_units=32,
        dense_units=32, compile_kwargs={"optimizer": "adam", "loss": "mse"},
    )  # fmt: skip
    theirs = ForecasterRnn(
        estimator=model, levels=["y"], lags=24,
        fit_kwargs={"epochs": 100, "batch_size": 32, "verbose": 0},
    )  # fmt: skip
    theirs.fit(data)
    return ours, theirs


def _neuralforecast(y: pd.Series) -> Callable[[], Any]:
    """Return a fit of neuralforecast's LSTM with 400 steps."""
    import logging

    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    frame = pd.DataFrame(
        {"unique_id": 1, "ds": y.index.to_timestamp(), "y": y.to_numpy(dtype="float32")}
    )

    def fit() -> None:
        model = LSTM(
            h=12, input_size=24, encoder_hidden_size=32, encoder_n_layers=1, max_steps=400,
            batch_size=32, enable_progress_bar=False, logger=False, accelerator="cpu",
        )  # fmt: skip
        NeuralForecast([model], freq="MS").fit(frame)

    return fit


def _hourly(data: Path | None) -> np.ndarray:
    """Return one standardised hourly channel: ETTh1's oil temperature, or a generated series."""
    if data is None:
        steps = np.arange(17_420)
        noise = np.random.default_rng(0).normal(size=len(steps))
        return (np.sin(2 * np.pi * steps / 24) + 0.3 * noise).astype("float32")
    values = pd.read_csv(data / "ett" / "ETTh1.csv")["OT"].to_numpy()
    return ((values - values.mean()) / values.std()).astype("float32")


def _first_fit_of(side: str, recurrent: str) -> float:
    n_outputs = ", 12" if side == "_scikeras" else ""
    axes = "X[..., None]" if side == "_scikeras" else "X"
    return float(
        _python(
            "import time, keras, scikeras.wrappers, benchmarks.engine as b;"
            "from skconvattn import ConvAttentionRegressor; import skconvattn.layers;"
            f"X, y = b._airline_windows();"
            f"e = b.{side}({recurrent}{n_outputs}, epochs=100, batch_size=32);"
            f"t = time.perf_counter(); e.fit({axes}, y); print(time.perf_counter() - t)"
        )
    )


def _python(code: str, python: Path | None = None, backend: str | None = None) -> str:
    """Run code in a fresh interpreter and return the last line it prints.

    With a backend of Keras named, one thread computes.
    """
    root = Path(__file__).resolve().parents[1]
    one = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    chosen = {"KERAS_BACKEND": backend, **dict.fromkeys(one, "1")} if backend else {}
    chosen |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if backend == "jax" else {}
    done = subprocess.run(
        [python.absolute() if python else sys.executable, "-W", "ignore", "-c", code],
        check=True, capture_output=True, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **chosen},
    )  # fmt: skip
    return done.stdout.strip().rpartition("\n")[2]


def _compare(
    name: str,
    against: str,
    target: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    repeats: int = REPEATS,
) -> Row:
    """Run both sides in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for side, collected in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            side()
            collected.append(time.perf_counter() - started)
    return _row(name, against, target, *times)


def _row(name: str, against: str, target: str, ours: list[float], theirs: list[float]) -> Row:
    ratio = statistics.median(b / max(a, 1e-9) for a, b in zip(ours, theirs, strict=True))
    return Row(name, against, statistics.median(ours), statistics.median(theirs), ratio, target)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="rows to run")
    parser.add_argument("--data", type=Path, help="folder with ett/ETTh1.csv")
    parser.add_argument("--jax", type=Path, help="a Python with JAX, for the row of this name")
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    return parser


if __name__ == "__main__":
    main()
