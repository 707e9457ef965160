"""Whether a cross-fitted network helps classifiers of 70 to 200 samples, beside the other members.

    python benchmarks/small_samples.py [--seeds 3] [--data DIR]

prints accuracy and cross-entropy on samples that no fit has seen, of the members in closed form,
and of their average with networks: plain ones; with dropout and weight decay; and with training
samples repeated three times with noise, other amplitudes and warped time as well. Networks are
cross-fitted: epochs and the share of the network come from three parts left out in turn, of which
no copy is trained on, and then one network is trained on all samples. A share counts as far as
chance does not explain its gain, as in the estimators. Tasks are five simulated kinds of series in
three classes, with 1,000 further series to be tested on, and the training parts of OSULeaf, which
comes with sktime, and of ECG200 (`--data`, a folder with `ucr/ECG200`), of which each third is left
out once. No test part is used.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from classification import load

import skconvattn

N_TIMEPOINTS, N_TEST, N_PARTS, N_COPIES = 128, 1000, 3, 3
SETS = ("OSULeaf", "ECG200")
KINDS = ("frequency", "shape", "autoregression", "place", "order")
NETWORKS = ("plain", "regularised", "augmented")
Data = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Print a row per task and kind of network, and means."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--classifier", default="SelfAttentionClassifier")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    cls = getattr(skconvattn, arguments.classifier)
    rows: dict[str, list[np.ndarray]] = {}
    for name, folds in _tasks(arguments):
        found: dict[str, list[tuple[float, ...]]] = {}
        started = time.process_time()
        for seed, (training, test) in enumerate(folds):
            for kind, scores in _compared(cls, training, test, seed):
                found.setdefault(kind, []).append(scores)
        for kind, scores in found.items():
            rows.setdefault(kind, []).append(np.array(scores))
            accuracy, entropy, share = np.mean(scores, axis=0)
            print(f"{name:22} {kind:12} accuracy {accuracy:.3f}  cross-entropy {entropy:.3f}  "
                  f"share {share:.2f}", flush=True)  # fmt: skip
        print(f"{'':22} {time.process_time() - started:.0f} s of processor time", flush=True)
    base = np.concatenate(rows["members"])
    for kind, scores in rows.items():
        gains = np.concatenate(scores)[:, :2] - base[:, :2]
        error = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
        print(f"{kind:12} less members: accuracy {gains[:, 0].mean():+.4f} +- {error[0]:.4f}  "
              f"cross-entropy {gains[:, 1].mean():+.4f} +- {error[1]:.4f}")  # fmt: skip


def _tasks(arguments: argparse.Namespace) -> Iterator[tuple[str, list[tuple[Data, Data]]]]:
    """Yield names, and training and test data per seed."""
    for kind in KINDS:
        for size in arguments.sizes:
            folds = []
            for seed in range(arguments.seeds):
                X, y = simulated(kind, size + N_TEST, np.random.default_rng(seed))
                folds.append(((X[:size], y[:size]), (X[size:], y[size:])))
            yield f"{kind} {size}", folds
    for name in SETS:
        parts = load(name, arguments.data)
        if parts is None:
            continue
        X, y = parts[0]
        y = np.unique(y, return_inverse=True)[1]
        order = np.random.default_rng(0).permutation(len(y))
        third = np.empty(len(y), dtype=int)
        third[order[np.argsort(y[order], kind="stable")]] = np.arange(len(y)) % N_PARTS
        thirds = [seed % N_PARTS for seed in range(arguments.seeds)]
        yield (
            f"{name} {len(y) - len(y) // N_PARTS}",
            [
                ((X[third != own], y[third != own]), (X[third == own], y[third == own]))
                for own in thirds
            ],
        )


def simulated(kind: str, n_samples: int, rng: np.random.Generator) -> Data:
    """Return series of shape (n_samples, 1, n_timepoints), and their classes."""
    y = rng.integers(3, size=n_samples)
    t = np.arange(N_TIMEPOINTS)
    X = rng.normal(size=(n_samples, N_TIMEPOINTS))
    if kind == "frequency":
        phase = rng.uniform(0, 2 * np.pi, n_samples)
        waves = 2 * np.pi * np.array([0.05, 0.053, 0.056])[y][:, None] * t
        X += 0.8 * np.sin(waves + phase[:, None])
    elif kind == "autoregression":
        for step in range(1, N_TIMEPOINTS):
            X[:, step] += np.array([0.3, 0.5, 0.7])[y] * X[:, step - 1]
    elif kind == "place":
        center = np.array([40, 50, 60])[y] + 5 * rng.normal(size=n_samples)
        X += 2.5 * np.exp(-0.5 * ((t - center[:, None]) / 6) ** 2)
    elif kind == "shape":
        wave = np.sin(np.arange(20) * 2 * np.pi / 20)
        shapes = 2.2 * np.stack([wave, np.sign(wave), np.abs(np.arange(20) / 5 - 2) - 1])
        for series, label in zip(X, y, strict=True):
            start = rng.integers(N_TIMEPOINTS - 20)
            series[start : start + 20] += shapes[label]
    else:  # which of two bumps comes first, or both of one sign
        for series, label in zip(X, y, strict=True):
            first = rng.integers(N_TIMEPOINTS // 2 - 16)
            second = rng.integers(N_TIMEPOINTS // 2, N_TIMEPOINTS - 16)
            signs = [(1, -1), (-1, 1), (1, 1)][label]
            for start, sign in zip((first, second), signs, strict=True):
                series[start : start + 16] += 2.5 * sign * np.hanning(16)
    return X[:, None], y


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit of members, with what networks are trained and compared on."""

    estimator: Any
    source: Any
    labels: np.ndarray
    left_out: np.ndarray
    of_test: np.ndarray
    inputs: list[np.ndarray]


def _compared(cls: Any, training: Data, test: Data, seed: int) -> Iterator[tuple[str, Any]]:
    """Yield the scores of the members and of each kind of network beside them."""
    kept: dict[str, Any] = {}
    fit_members = cls._fit_members

    def keep(self: Any, source: Any, targets: np.ndarray, *others: Any) -> Any:
        average, left_out = fit_members(self, source, targets, *others)
        kept.update(source=source, labels=np.asarray(targets, dtype=int), left_out=left_out)
        return average, left_out

    with mock.patch.object(cls, "_fit_members", keep):
        estimator = cls(members=("patterns", "intervals"), random_state=seed).fit(*training)
    of_test, inputs = estimator.predict_proba(test[0]), estimator._inputs(test[0])
    fitted = Fitted(estimator=estimator, of_test=of_test, inputs=inputs, **kept)
    truth = np.searchsorted(estimator.classes_, test[1])
    yield "members", (*_scores(of_test, truth), 0.0)
    for kind in NETWORKS:
        probabilities, share = _with_network(fitted, kind, seed)
        yield kind, (*_scores(probabilities, truth), share)


def _with_network(fitted: Fitted, kind: str, seed: int) -> tuple[np.ndarray, float]:
    """Cross-fit a network, and return its average with the members, and its share."""
    import keras

    from skconvattn.engine import TrainingPlan, train
    from skconvattn.estimators.augmentation import copies_too, with_copies
    from skconvattn.members.calibration import softmax
    from skconvattn.members.forest import left_out_parts

    rng = np.random.default_rng(seed)
    n_samples, estimator, source = len(fitted.labels), fitted.estimator, fitted.source
    is_plain = kind == "plain"
    estimator.set_params(dropout=0.0 if is_plain else 0.3)
    optimizer = "adam" if is_plain else keras.optimizers.AdamW(3e-3, weight_decay=0.01)
    plan = TrainingPlan(
        200, 16, optimizer=optimizer, learning_rate=None, loss=estimator._default_loss(),
        patience=8,
    )  # fmt: skip
    n_copies = N_COPIES if kind == "augmented" else 0
    all_rows = with_copies(source, n_copies, source.inputs.shape[2], rng)
    spec = estimator._spec()
    parts = left_out_parts(fitted.labels, n_samples, rng, stratified=True)
    outputs, epochs = np.zeros((n_samples, fitted.left_out.shape[1])), []
    for group in np.array_split(np.arange(len(parts)), N_PARTS):
        part = np.concatenate([parts[i] for i in group])
        others = copies_too(np.setdiff1d(np.arange(n_samples), part), n_samples, n_copies)
        result = train(spec, all_rows, plan, rng, training=others, validation=part)
        outputs[part] = result.model.predict([source.inputs[part]])
        epochs.append(result.best_epoch)
    share = estimator._share_of_network(fitted.left_out, outputs, source)
    plan = replace(plan, epochs=max(1, round(float(np.mean(epochs)))), patience=None)
    everything = copies_too(np.arange(n_samples), n_samples, n_copies)
    result = train(
        spec, all_rows, plan, rng, training=everything, validation=np.zeros(0, dtype=int)
    )
    of_network = softmax(result.model.predict(fitted.inputs).astype(np.float64))
    return (1 - share) * fitted.of_test + share * of_network, share


def _scores(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return accuracy and mean cross-entropy."""
    of_class = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-4)
    return float((probabilities.argmax(axis=1) == labels).mean()), float(-np.log(of_class).mean())


if __name__ == "__main__":
    main()
