"""What attention contributes: no training, attention replaced by an even average, attention.

    python benchmarks/attention.py --data DIR                  # all rows
    python benchmarks/attention.py --only pretrained --data DIR
    python benchmarks/attention.py --only toy                  # without data

``--data`` names a folder with ``m1/``, ``m4/`` and ``ucr/``, as for ``forecasting.py`` and
``classification.py``. In the rows of trained networks the even average is trained as such: every
softmax of attention is of equal scores, and all else is the same. In those of the pretrained
network, whose weights are as they are shipped, it is put in afterwards. Means over the seeds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from classification import UNIVARIATE
from classification import load as load_classification
from forecasting import M1, M4_HORIZON, M4_PERIOD, _m1, _m1_scores, _m4, _m4_scores, _peers

# Layers whose attention is a softmax of scores.
LAYERS = ("attention", "multi_head_self_attention", "seq_self_attention")
# Models of statsforecast that the pretrained forecaster is compared with.
PEERS = ("SeasonalNaive", "AutoETS")


def main() -> None:
    """Run the rows asked for and print them as they come."""
    arguments = _parser().parse_args()
    warnings.simplefilter("ignore")
    for name in arguments.only or BENCHMARKS:
        for row in BENCHMARKS[name](arguments):
            print(f"{name:11}", "  ".join(f"{k} {_text(v)}" for k, v in row.items()), flush=True)


def pretrained(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Zero-shot forecasts of M1 and M4 Hourly, with attention and with an even average; peers."""
    for name, (horizon, period, _) in M1.items():
        train, test = _m1(SimpleNamespace(data=arguments.data, n_m1=None), name)
        for kind, seconds, points in _zero_shot(train, (period,), horizon):
            found = [(point, point, point) for point in points]
            score = _m1_scores(found, train, test, period)["MASE"]
            yield {"set": f"M1 {name}", "attention": kind, "MASE": score, "seconds": seconds}
    train, test = _m4(SimpleNamespace(data=arguments.data, n_m4=100))
    for periods in ((24,), (24, 168)):
        for kind, seconds, points in _zero_shot(train, periods, M4_HORIZON):
            yield {"set": f"M4 Hourly, seasons {periods}", "attention": kind,
                   **_m4_scores(list(points), train, test), "seconds": seconds}  # fmt: skip
    for model, (found, _) in _peers(arguments, train, M4_PERIOD, M4_HORIZON, PEERS).items():
        yield {"set": "M4 Hourly", "model": model,
               **_m4_scores([point for point, _, _ in found], train, test)}  # fmt: skip


def panels(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One trained network for all series of M1, without its other members."""
    from forecasting import _m1_panel

    for name, (_, period, _) in M1.items():
        train, test = _m1(SimpleNamespace(data=arguments.data, n_m1=None), name)
        for kind in ("no network", "even", "attention"):
            epochs = {"epochs": 0} if kind == "no network" else {}
            scores, started = [], time.perf_counter()
            for _ in range(1 if epochs else arguments.seeds):
                with _even(kind == "even"):
                    found = _m1_panel(train, name, members=("linear", "network"), **epochs)
                scores.append(_m1_scores(found, train, test, period)["MASE"])
            yield {"set": f"M1 {name}", "attention": kind, "MASE": float(np.mean(scores)),
                   "seconds": (time.perf_counter() - started) / len(scores)}  # fmt: skip


def toy(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Tasks whose decisive time steps are known: R² on unseen series."""
    from skconvattn import AttentionRegressor, ConvAttentionRegressor, SelfAttentionRegressor
    from skconvattn.datasets import make_adding, make_maximum

    for task, make in (("maximum", make_maximum), ("adding", make_adding)):
        for cls in (ConvAttentionRegressor, AttentionRegressor, SelfAttentionRegressor):
            for kind in ("untrained", "even", "attention"):
                scores, started = [], time.perf_counter()
                for seed in range(arguments.seeds):
                    train, test = (make(600, 20, random_state=each) for each in (seed, seed + 100))
                    epochs = {"epochs": 1, "learning_rate": 1e-9} if kind == "untrained" else {}
                    with _even(kind == "even"):
                        fitted = cls(random_state=seed, members=["network"], **epochs).fit(
                            train.X, train.y
                        )
                        scores.append(fitted.score(test.X, test.y))
                yield {"task": task, "estimator": cls.__name__, "attention": kind,
                       "R2": float(np.mean(scores)),
                       "seconds": (time.perf_counter() - started) / len(scores)}  # fmt: skip


def classifiers(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Test accuracy of two classifiers with their defaults."""
    from skconvattn import ConvAttentionClassifier, SelfAttentionClassifier

    for cls in (SelfAttentionClassifier, ConvAttentionClassifier):
        for name in UNIVARIATE:
            parts = load_classification(name, arguments.data)
            if parts is None:
                continue
            (X, y), (X_test, y_test) = parts
            for kind in ("untrained", "even", "attention"):
                epochs = {"epochs": 1, "learning_rate": 1e-9} if kind == "untrained" else {}
                scores, started = [], time.perf_counter()
                for seed in range(arguments.seeds):
                    with _even(kind == "even"):
                        fitted = cls(random_state=seed, members=["network"], **epochs).fit(X, y)
                        scores.append(100 * fitted.score(X_test, y_test))
                yield {"set": name, "estimator": cls.__name__, "attention": kind,
                       "accuracy": float(np.mean(scores)),
                       "seconds": (time.perf_counter() - started) / len(scores)}  # fmt: skip


def seeds(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """How far forecasts and attention of five seeds agree, with defaults and for the network alone.

    The spread is the difference between the highest and the lowest forecast of a step, in per cent
    of the mean level of the series; the correlation is the lowest and the median one of any two.
    """
    from skconvattn import ConvAttentionForecaster
    from skconvattn.inspection import attention_weights

    shown = (("auto", {}), ("network", {"members": ("linear", "network")}))
    for name in ("airline", "shampoo_sales", "lynx"):
        y = _shipped(name)
        for member, options in shown:
            for n_networks in (1, 5) if options else (1,):
                started, fits = time.process_time(), []
                for seed in range(5):
                    forecaster = ConvAttentionForecaster(
                        random_state=seed, n_networks=n_networks, **options
                    )
                    fits.append(forecaster.fit(y, fh=range(1, 13)))
                seconds = time.process_time() - started
                forecasts = np.stack([fit.predict() for fit in fits])
                weights = [attention_weights(fit, member=member) for fit in fits]
                pairs = np.corrcoef(weights)[np.triu_indices(5, 1)]
                yield {"set": name, "members": "linear, network" if options else "all",
                       "n_networks": n_networks,
                       "spread %": float(100 * np.ptp(forecasts, axis=0).max() / y.abs().mean()),
                       "correlation": float(pairs.min()), "median": float(np.median(pairs)),
                       "CPU s per fit": seconds / 5}  # fmt: skip


def networks(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """CPU seconds of a fit with five networks against one, on series of the sizes of M1's."""
    from skconvattn import ConvAttentionForecaster, SelfAttentionForecaster
    from skconvattn.datasets import simulate_series

    for cls in (ConvAttentionForecaster, SelfAttentionForecaster):
        for period, length, horizon in ((12, 90, 18), (4, 48, 8), (1, 24, 6)):
            y = simulate_series(8, length, period, random_state=0)
            cls(n_networks=1, random_state=0).fit(y.iloc[:, 0], fh=range(1, horizon + 1))
            taken = {}
            for n_networks in (1, 5):
                started = time.process_time()
                for column in y:
                    cls(n_networks=n_networks, random_state=0).fit(
                        y[column], fh=range(1, horizon + 1)
                    )
                taken[n_networks] = time.process_time() - started
            yield {"estimator": cls.__name__, "period": period, "seconds of one": taken[1],
                   "of five": taken[5], "ratio": taken[5] / taken[1]}  # fmt: skip


def classical(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compare the pretrained forecaster with AutoETS on hours, days and weeks: mean MASE.

    Simulated series of each season, and hours of the Italian power demand: of sktime's series the
    only ones of these frequencies that need no download, ten days of one class after each other.
    AutoETS of statsforecast has no seasons of more than 24 steps. Needs ``--peers``.
    """
    import sktime.datasets

    from skconvattn import PretrainedForecaster
    from skconvattn.datasets import simulate_series

    sets = [
        (f"simulated, season {period}", period,
         list(simulate_series(40, max(4 * period, 120) + min(period, 48), period, random_state=7)
              .to_numpy().T))
        for period in (7, 24, 48, 52, 168)
    ]  # fmt: skip
    days, labels = sktime.datasets.load_italy_power_demand(return_type="numpy3D")
    hours = [
        rows.ravel()
        for label in np.unique(labels)
        for rows in days[labels == label][:100, 0].reshape(10, 10, 24)
    ]
    sets.append(("ItalyPowerDemand, hours", 24, hours))
    for name, period, series in sets:
        horizon = min(period, 48)
        train, test = [y[:-horizon] for y in series], [y[-horizon:] for y in series]
        forecasts = {}
        for model, (found, _) in _peers(arguments, train, period, horizon, PEERS).items():
            forecasts[model] = [np.asarray(each[0]) for each in found]
        forecasts["pretrained"] = [
            PretrainedForecaster(seasonal_period=period)
            .fit(pd.Series(y), fh=range(1, horizon + 1))
            .predict()
            .to_numpy()
            for y in train
        ]
        units = [np.abs(y[period:] - y[:-period]).mean() for y in train]
        yield {"set": name, "n": len(series)} | {
            model: float(
                np.mean(
                    [np.abs(f - y).mean() / u for f, y, u in zip(each, test, units, strict=True)]
                )
            )
            for model, each in forecasts.items()
        }


def _shipped(name: str) -> Any:
    """Return a univariate series of sktime."""
    import sktime.datasets

    y = getattr(sktime.datasets, f"load_{name}")()
    return y if y.ndim == 1 else y.iloc[:, 0]


def _zero_shot(
    train: list[np.ndarray], periods: tuple[int, ...], horizon: int
) -> Iterator[tuple[str, float, np.ndarray]]:
    """Forecast the end of each series with attention, and with an even average of its values."""
    from skconvattn.members import pretrained_network as module
    from skconvattn.members.pretrained import Pretrained

    member, ends = Pretrained(periods), [np.array([len(y) - 1]) for y in train]
    layer = module.PretrainedNetwork._layer

    def even(self: Any, name: str, *arguments: Any) -> Any:
        # Keys of zero give equal scores.
        zero = np.zeros_like(self.weights[f"{name}_attention/key_kernel"])
        weights = {**self.weights, f"{name}_attention/key_kernel": zero}
        return layer(module.PretrainedNetwork(weights, self.levels, self.n_heads), name, *arguments)

    for kind in ("even", "attention"):
        started = time.perf_counter()
        with mock.patch.object(
            module.PretrainedNetwork, "_layer", even if kind == "even" else layer
        ):
            points = np.concatenate(member.forecasts_at(train, ends, horizon))
        yield kind, time.perf_counter() - started, points


@contextmanager
def _even(is_even: bool) -> Iterator[None]:
    """Replace every softmax of attention by one of equal scores, if asked to."""
    if not is_even:
        yield
        return
    from keras import ops

    from skconvattn.layers.ops.masks import masked_softmax

    def even(scores: Any, *arguments: Any, **options: Any) -> Any:
        return masked_softmax(ops.zeros_like(scores), *arguments, **options)

    patches = [mock.patch(f"skconvattn.layers.{name}.masked_softmax", even) for name in LAYERS]
    _forget_programs()
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
        _forget_programs()


def _forget_programs() -> None:
    """Have every network traced anew."""
    from skconvattn.engine import programs
    from skconvattn.engine.compiled import training_program

    programs._MODELS.clear()
    training_program._PROGRAMS.clear()


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


BENCHMARKS = {
    "pretrained": pretrained,
    "panels": panels,
    "toy": toy,
    "classifiers": classifiers,
    "seeds": seeds,
    "networks": networks,
    "classical": classical,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=None, help="folder with benchmark data")
    parser.add_argument("--only", nargs="+", choices=[*BENCHMARKS], help="rows; all by default")
    parser.add_argument("--peers", help="Python with statsforecast, see classical_peers.py")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of trained networks")
    return parser


if __name__ == "__main__":
    main()
