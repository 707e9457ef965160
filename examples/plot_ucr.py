"""Classify ECG200 and Trace of the UCR archive, and see where attention looks.

ECG200: attention as an RNN (scan), linear self-attention and a plain convolutional network, beside
the nearest neighbour, with accuracy on the training and on the test part. Trace: its two parts
merged, shuffled, and a fifth held out for validation, as in the course lab; a network of
convolutions, self-attention and dense layers, then the same with residual convolutions. Figures are
means over seeds of networks alone, without the other members of an estimator. The first picture
shows the first ten series of ECG200, the second attention to one series of each class.

    python examples/plot_ucr.py [--data FOLDER] [--seeds 3] [--output plot_ucr.png]

Without --data the sets are downloaded by sktime. FOLDER holds ``ECG200/ECG200_TRAIN.tsv`` and so
on, as the archive at https://www.cs.ucr.edu/~eamonn/time_series_data_2018/ unpacks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

from skconvattn import NeuralClassifier, RNNAttentionClassifier, SelfAttentionClassifier
from skconvattn.inspection import AttentionDisplay, drawing

# Train and test part, each with series of shape (n_series, n_timepoints) and classes.
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def plain_convolutions(inputs: Any, filters: int = 64) -> Any:
    """Three convolutions, averaged over time."""
    import keras

    hidden = inputs
    for _ in range(3):
        hidden = keras.layers.Conv1D(filters, 7, padding="same")(hidden)
        hidden = keras.layers.BatchNormalization(momentum=0.9)(hidden)
        hidden = keras.layers.Activation("relu")(hidden)
    return keras.layers.GlobalAveragePooling1D()(hidden)


OF_TRACE = {"n_convolutions": 4, "strides": 2, "num_heads": 1}
MODELS: dict[str, dict[str, tuple[type, dict[str, Any]]]] = {
    "ECG200": {
        "attention as an RNN, scan": (RNNAttentionClassifier, {}),
        "linear self-attention": (SelfAttentionClassifier, {"attention_type": "linear"}),
        "plain convolutions": (NeuralClassifier, {"network": plain_convolutions}),
        "nearest neighbour": (KNeighborsClassifier, {"n_neighbors": 1}),
    },
    "Trace": {
        "self-attention": (SelfAttentionClassifier, {**OF_TRACE, "residual": False}),
        "residual, self-attention": (SelfAttentionClassifier, OF_TRACE),
    },
}


def main() -> None:
    """Train all models, print the accuracies and draw."""
    arguments = _parser().parse_args()
    parts = {name: read(arguments.data, name) for name in MODELS}
    parts["Trace"] = shuffled(parts["Trace"])
    draw_first(parts["ECG200"], arguments.output.with_stem(f"{arguments.output.stem}_series"))
    jobs = [(name, label) for name, models in MODELS.items() for label in models]
    shown, rows = {}, []
    for name, label in tqdm(jobs, desc="models", unit="model"):
        cls, parameters = MODELS[name][label]
        started, scores = time.perf_counter(), []
        for seed in range(1 if cls is KNeighborsClassifier else arguments.seeds):
            if cls is not KNeighborsClassifier:
                parameters = {**parameters, "members": ["network"], "random_state": seed}
            X, y, X_test, y_test = parts[name]
            classifier = cls(**parameters).fit(X, y)
            scores.append([classifier.score(X, y), classifier.score(X_test, y_test)])
        seconds = (time.perf_counter() - started) / len(scores)
        means, deviation = 100 * np.mean(scores, axis=0), 100 * np.std(scores, axis=0)[1]
        rows.append(
            f"{name:8}{label:27}{means[0]:8.1f}{means[1]:8.1f}{deviation:11.1f}{seconds:13.1f}"
        )
        if cls is SelfAttentionClassifier:
            firsts = [np.flatnonzero(y_test == label)[0] for label in np.unique(y_test)]
            shown[name] = classifier, X_test[firsts]
    print(f"{'set':8}{'model':27}{'train %':>8}{'test %':>8}{'deviation':>11}{'seconds/fit':>13}")
    print("\n".join(rows))
    draw(shown, arguments.output)
    print(f"pictures: {arguments.output} and another for the first ten series")


def read(folder: Path | None, name: str) -> Parts:
    """Return series and classes of the training and the test part of a set."""
    if folder is None:
        from sktime.datasets import load_UCR_UEA_dataset

        parts = [load_UCR_UEA_dataset(name, part, return_type="numpy3D") for part in PARTS]
        (X, y), (X_test, y_test) = parts
        return X[:, 0], y, X_test[:, 0], y_test
    tables = []
    for part in PARTS:
        path = folder / name / f"{name}_{part.upper()}.tsv"
        if not path.is_file():
            raise SystemExit(f"There is no {path}; give the folder that holds {name}/{path.name}.")
        tables.append(np.loadtxt(path, delimiter="\t"))
    train, test = tables
    return train[:, 1:], train[:, 0].astype(int), test[:, 1:], test[:, 0].astype(int)


PARTS = ("train", "test")


def shuffled(parts: Parts) -> Parts:
    """Merge both parts, shuffle, and hold out a fifth, the same share of each class."""
    X, y = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    return X, y, X_test, y_test


def draw_first(parts: Parts, path: Path) -> None:
    """Draw the first ten series, each with its class."""
    import matplotlib.pyplot as plt

    X, y = parts[:2]
    colours = dict(zip(np.unique(y), (drawing.FORECAST, drawing.ACTUAL), strict=False))
    figure, axes = plt.subplots(
        2, 5, figsize=(11, 3.6), sharex=True, sharey=True, layout="constrained"
    )
    for ax, series, label in zip(axes.flat, X, y, strict=False):
        ax.plot(series, color=colours[label], linewidth=1.2)
        ax.set_title(f"class {label}", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("time step", fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def draw(shown: dict[str, tuple[Any, np.ndarray]], path: Path) -> None:
    """Draw one series of each class with its attention."""
    import matplotlib.pyplot as plt

    n_rows = max(len(series) for _, series in shown.values())
    figure, axes = plt.subplots(
        n_rows, len(shown), figsize=(11, 1.9 * n_rows), layout="constrained", squeeze=False
    )
    for column, (name, (classifier, series)) in zip(axes.T, shown.items(), strict=True):
        for row, (ax, values) in enumerate(zip(column, series, strict=False)):
            AttentionDisplay.from_estimator(classifier, values[None], ax=ax, kind="strip")
            ax.set_title(f"{name}, class {classifier.classes_[row]}", fontsize="medium")
        for ax in column[len(series) :]:
            ax.set_axis_off()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="where the sets lie; by default downloaded")
    default = Path(__file__).parent / "output" / "plot_ucr.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    parser.add_argument("--seeds", type=int, default=1)
    return parser


if __name__ == "__main__":
    main()
