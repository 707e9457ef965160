"""Test accuracy of classifiers with their defaults, beside those of aeon run in the same session.

Default splits of the UCR and UEA archives, several seeds. Eight sets come with sktime; ECG200 and
Trace are read from `--data`, a folder with `ucr/<set>/<set>_TRAIN.tsv` and `_TEST.tsv`, and left
out without it. The nearest neighbour by Euclidean distance stands beside them, and with
`--peers PYTHON` MiniRocket, MultiRocket-Hydra and QUANT of aeon in that environment, on sets of
equal length. Seconds hold for the machine as busy as it is: PLAID takes about half of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import skconvattn

# Sets whose mean is compared with what others report, then the ones with a bar of their own.
UNIVARIATE = [
    "ArrowHead", "GunPoint", "ItalyPowerDemand", "OSULeaf", "ACSF1", "ECG200", "Trace",
]  # fmt: skip
SETS = [*UNIVARIATE, "JapaneseVowels", "BasicMotions", "PLAID"]
LOADERS = {
    "ArrowHead": "load_arrow_head",
    "GunPoint": "load_gunpoint",
    "ItalyPowerDemand": "load_italy_power_demand",
    "OSULeaf": "load_osuleaf",
    "ACSF1": "load_acsf1",
    "PLAID": "load_plaid",
    "JapaneseVowels": "load_japanese_vowels",
    "BasicMotions": "load_basic_motions",
}
CLASSIFIERS = [
    "AttentionClassifier",
    "ConvAttentionClassifier",
    "SelfAttentionClassifier",
    "RNNAttentionClassifier",
]
Part = tuple[Any, np.ndarray]


def load(name: str, data: Path | None) -> tuple[Part, Part] | None:
    """Return training and test part; None where the set is not there.

    Series are an array of shape (n_samples, n_channels, n_timepoints), or a list of arrays of
    shape (n_channels, n_timepoints) where lengths differ.
    """
    if name in LOADERS:
        import sktime.datasets

        loader = getattr(sktime.datasets, LOADERS[name])
        parts = [loader(split=split, return_type="nested_univ") for split in ("train", "test")]
        return _part(*parts[0]), _part(*parts[1])
    files = [Path(data or "") / "ucr" / name / f"{name}_{part}.tsv" for part in ("TRAIN", "TEST")]
    if data is None or not all(file.exists() for file in files):
        return None
    tables = [np.loadtxt(file) for file in files]
    return tuple((table[:, None, 1:], table[:, 0].astype(int)) for table in tables)


def _part(frame: Any, y: Any) -> Part:
    series = [np.stack([np.asarray(cell, dtype=float) for cell in row]) for row in frame.to_numpy()]
    lengths = {each.shape[1] for each in series}
    return (np.stack(series) if len(lengths) == 1 else series), np.asarray(y)


def nearest_neighbour(parts: tuple[Part, Part]) -> dict[str, Any]:
    """Return the accuracy of the nearest neighbour by Euclidean distance, in percent."""
    from sklearn.neighbors import KNeighborsClassifier

    (X, y), (X_test, y_test) = parts
    classifier = KNeighborsClassifier(1).fit(X.reshape(len(X), -1), y)
    accuracy = 100 * classifier.score(X_test.reshape(len(X_test), -1), y_test)
    return {"accuracy": [accuracy], "fit_seconds": [0.0], "predict_seconds": [0.0]}


def peers(python: str, parts: tuple[Part, Part], n_seeds: int) -> dict[str, Any]:
    """Return the same of classifiers of aeon, which another Python has, by name."""
    (X, y), (X_test, y_test) = parts
    script = Path(__file__).with_name("classification_peers.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        np.savez(path, X=X, y=y.astype(str), X_test=X_test, y_test=y_test.astype(str))
        command = [python, str(script), str(path), str(n_seeds)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    # What is compiled on the way may write lines before the result.
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def measure(make: Callable[[int], Any], parts: tuple[Part, Part], n_seeds: int) -> dict[str, Any]:
    """Return test accuracies in percent, and seconds to train and to predict, per seed."""
    (X, y), (X_test, y_test) = parts
    runs: dict[str, list[float]] = {"accuracy": [], "fit_seconds": [], "predict_seconds": []}
    for seed in range(n_seeds):
        classifier = make(seed)
        start = time.perf_counter()
        classifier.fit(X, y)
        fitted = time.perf_counter()
        correct = np.asarray(classifier.predict(X_test)) == y_test
        runs["predict_seconds"].append(time.perf_counter() - fitted)
        runs["fit_seconds"].append(fitted - start)
        runs["accuracy"].append(100 * float(correct.mean()))
    return runs


def of_one_length(parts: tuple[Part, Part]) -> bool:
    """Whether all series of training and test part have the same length."""
    shapes = {np.shape(part[0])[1:] for part in parts if isinstance(part[0], np.ndarray)}
    return len(shapes) == 1 and all(isinstance(part[0], np.ndarray) for part in parts)


def run(names: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure every set, printing a row for each."""
    results: dict[str, Any] = {}
    for name in names:
        parts = load(name, arguments.data)
        if parts is None:
            print(f"{name:18} left out: give --data", flush=True)
            continue
        results[name] = {}
        for label in arguments.classifiers:
            cls = getattr(skconvattn, label)
            results[name][label] = measure(
                lambda seed, cls=cls: cls(random_state=seed), parts, arguments.seeds
            )
        if of_one_length(parts):
            results[name]["nearest neighbour"] = nearest_neighbour(parts)
            if arguments.peers:
                results[name] |= peers(arguments.peers, parts, arguments.seeds)
        cells = [
            f"{label} {np.mean(runs['accuracy']):.2f} +- {np.std(runs['accuracy']):.2f} "
            f"({np.mean(runs['fit_seconds']):.1f} s)"
            for label, runs in results[name].items()
        ]
        print(f"{name:18}" + "; ".join(cells), flush=True)
    return results


def summarise(results: dict[str, Any]) -> dict[str, Any]:
    """Print and return means over the univariate sets, and seconds of all sets."""
    summary: dict[str, Any] = {}
    for label in sorted({label for runs in results.values() for label in runs}):
        means = [
            float(np.mean(results[name][label]["accuracy"]))
            for name in UNIVARIATE
            if label in results.get(name, {})
        ]
        seconds = [runs[label]["fit_seconds"] for runs in results.values() if label in runs]
        summary[label] = {
            "mean_accuracy": float(np.mean(means)) if means else None,
            "n_sets": len(means),
            "seconds_per_seed": float(np.sum([np.mean(s) for s in seconds])),
            "seconds_in_all": float(np.sum([np.sum(s) for s in seconds])),
        }
        print(
            f"{label}: mean {np.mean(means) if means else float('nan'):.2f} % over {len(means)} of "
            f"{len(UNIVARIATE)} univariate sets; training of {len(seconds)} sets "
            f"{summary[label]['seconds_per_seed']:.0f} s per seed, "
            f"{summary[label]['seconds_in_all']:.0f} s in all"
        )
    return summary


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with ucr/ECG200 and ucr/Trace")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS, metavar="SET")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--classifiers", nargs="+", default=CLASSIFIERS, metavar="CLASS")
    parser.add_argument("--peers", help="Python of an environment with aeon")
    parser.add_argument("--json", type=Path, help="file for all figures")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    results = run(arguments.only, arguments)
    summary = summarise(results)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"sets": results, "summary": summary}, indent=1))


if __name__ == "__main__":
    main()
