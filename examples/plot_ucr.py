"""Classify ECG200 and Trace of the UCR archive, and see where attention looks.

ECG200: attention as an RNN (scan), linear self-attention and a plain convolutional network. Trace:
self-attention behind many residual convolutions and behind a single one. Accuracies are those on
the archive's test part, with defaults, as means over seeds. The picture shows a series of each
class with its attention.

    python examples/plot_ucr.py FOLDER [--seeds 3] [--output plot_ucr.png]

FOLDER holds ``ECG200/ECG200_TRAIN.tsv`` and so on, as the archive at
https://www.cs.ucr.edu/~eamonn/time_series_data_2018/ unpacks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from skconvattn import ConvAttentionClassifier, RNNAttentionClassifier, SelfAttentionClassifier
from skconvattn.inspection import AttentionDisplay

LINEAR = {"attention_type": "linear"}
MODELS: dict[str, dict[str, tuple[type, dict[str, Any]]]] = {
    "ECG200": {
        "attention as an RNN": (RNNAttentionClassifier, {}),
        "linear self-attention": (SelfAttentionClassifier, LINEAR),
        "convolution": (ConvAttentionClassifier, {}),
    },
    "Trace": {
        "one convolution": (SelfAttentionClassifier, {"n_convolutions": 1}),
        "residual convolutions": (SelfAttentionClassifier, {"n_convolutions": 4}),
    },
}


def main() -> None:
    """Train all models, print the accuracies and draw."""
    arguments = _parser().parse_args()
    shown = {}
    print(f"{'set':9}{'model':24}{'accuracy':>10}{'deviation':>11}{'seconds per fit':>15}")
    for name, models in MODELS.items():
        (X, y), (X_test, y_test) = (read(arguments.folder, name, part) for part in PARTS)
        for label, (cls, parameters) in models.items():
            start, scores = time.perf_counter(), []
            for seed in range(arguments.seeds):
                network = cls(members=("network",), random_state=seed, **parameters)
                classifier = network.fit(X, y)
                scores.append(100 * classifier.score(X_test, y_test))
            seconds = (time.perf_counter() - start) / arguments.seeds
            figures = f"{np.mean(scores):10.1f}{np.std(scores):11.1f}{seconds:15.1f}"
            print(f"{name:9}{label:24}{figures}", flush=True)
        first = [np.flatnonzero(y_test == label)[0] for label in np.unique(y_test)]
        network = ConvAttentionClassifier(members=("network",), random_state=0)
        shown[name] = network.fit(X, y), X_test[first]
    draw(shown, arguments.output)
    print(f"picture: {arguments.output}")


PARTS = ("TRAIN", "TEST")


def read(folder: Path, name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a part of a set: series of shape (n_samples, n_timepoints), and their classes."""
    path = folder / name / f"{name}_{part}.tsv"
    if not path.is_file():
        raise SystemExit(f"There is no {path}; give the folder that holds {name}/{path.name}.")
    table = np.loadtxt(path, delimiter="\t")
    return table[:, 1:], table[:, 0].astype(int)


def draw(shown: dict[str, tuple[Any, np.ndarray]], path: Path) -> None:
    """Draw one series of each class with its attention."""
    import matplotlib.pyplot as plt

    n_rows = max(len(series) for _, series in shown.values())
    figure, axes = plt.subplots(
        n_rows, len(shown), figsize=(11, 1.9 * n_rows), layout="constrained", squeeze=False
    )
    for column, (name, (classifier, series)) in zip(axes.T, shown.items(), strict=True):
        for ax, values in zip(column, series, strict=False):
            AttentionDisplay.from_estimator(classifier, values[None], ax=ax, kind="strip")
            ax.set_title(name, fontsize="medium")
        for ax in column[len(series) :]:
            ax.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the sets lie")
    default = Path(__file__).parent / "output" / "plot_ucr.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    parser.add_argument("--seeds", type=int, default=3)
    return parser


if __name__ == "__main__":
    main()
