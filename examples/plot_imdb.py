"""Tell good film reviews from bad ones: attention against none at an equal number of parameters.

Both networks have about 250,000 parameters, as in the script of the package attention: an
embedding of 5,000 words in 32 channels, an LSTM of 100 units, and then either ``Attention`` over
all its states, or a dense layer of 350 units on the last one. Each is trained several times.
Printed are maximum, mean and standard deviation of the best test accuracy of a run. The picture
shows the runs, and which words of a review got attention. It takes minutes per run on two cores.

    python examples/plot_imdb.py [--data imdb.npz] [--words imdb_word_index.json] [--runs 3]

Without --data ``keras.datasets.imdb`` downloads the reviews. The file holds pickled lists, which
can run code when they are read: take it from Keras alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

# Word indices in the file start above these.
PADDING, START, UNKNOWN, FIRST = 0, 1, 2, 3
NAMES = {"none": False, "attention": True}


def main() -> None:
    """Train both networks several times, print their accuracies and draw."""
    import keras

    arguments = _parser().parse_args()
    (X, y), (X_test, y_test) = read(arguments.data, arguments.vocabulary, arguments.length)
    curves: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    jobs = [(name, seed) for name in NAMES for seed in range(arguments.runs)]
    sizes, started = {}, time.perf_counter()
    for name, seed in tqdm(jobs, desc="runs", unit="run"):
        keras.utils.set_random_seed(seed)
        model, attention = build(arguments.vocabulary, arguments.length, attends=NAMES[name])
        history = model.fit(
            X, y, validation_data=(X_test, y_test), epochs=arguments.epochs, batch_size=64,
            verbose=0,
        )  # fmt: skip
        curves[name].append([100 * value for value in history.history["val_accuracy"]])
        sizes[name] = model.count_params()
    print(f"{'':10}{'parameters':>11}{'maximum':>9}{'mean':>7}{'deviation':>11}   test accuracy, %")
    for name, runs in curves.items():
        best = np.max(runs, axis=1)
        print(f"{name:10}{sizes[name]:11,}{best.max():9.1f}{best.mean():7.1f}{best.std():11.1f}")
    print(f"{(time.perf_counter() - started) / len(jobs):.1f} seconds per run")
    weights = np.asarray(attention.predict(X_test[:1], verbose=0))[0]
    draw(curves, words_of(X_test[0], arguments.words), weights, arguments.output)
    print(f"picture: {arguments.output}")


def read(path: Path | None, vocabulary: int, length: int) -> Any:
    """Read the first words of each review: two pairs of (n_reviews, length) and (n_reviews,)."""
    if path is None:
        import keras

        parts = keras.datasets.imdb.load_data(start_char=None, index_from=0)
    elif path.is_file():
        with np.load(path, allow_pickle=True) as arrays:
            parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    else:
        raise SystemExit(f"There is no {path}; give the file that keras.datasets.imdb loads.")
    return [(_padded(reviews, vocabulary, length), labels) for reviews, labels in parts]


def build(vocabulary: int, length: int, *, attends: bool) -> tuple[Any, Any]:
    """Return a compiled classifier, and a model of its attention with the same weights."""
    import keras

    from skconvattn.layers import Attention

    words = keras.Input((length,), dtype="int32")
    hidden = keras.layers.Embedding(vocabulary, 32, mask_zero=True)(words)
    hidden = keras.layers.Dropout(0.5)(hidden)
    hidden = keras.layers.LSTM(100, return_sequences=attends)(hidden)
    attention = None
    if attends:
        hidden, weights = Attention(128, return_attention=True)(hidden)
        attention = keras.Model(words, weights)
    else:
        hidden = keras.layers.Dense(350, activation="relu")(hidden)
    output = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.5)(hidden))
    model = keras.Model(words, output)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model, attention


def words_of(review: np.ndarray, path: Path | None) -> list[str]:
    """Return the words of a review, or their numbers where there is no list of words."""
    names = {PADDING: "", START: "", UNKNOWN: "?"}
    if path is not None:
        names |= {i + FIRST: word for word, i in json.loads(path.read_text()).items()}
    return [names.get(int(i), str(i)) for i in review]


def draw(
    curves: dict[str, list[list[float]]], words: list[str], weights: np.ndarray, path: Path
) -> None:
    """Draw accuracy by epoch of all runs, and the words of most attention."""
    import matplotlib.pyplot as plt

    from skconvattn.inspection import drawing

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for (name, runs), colour in zip(
        curves.items(), (drawing.ACTUAL, drawing.FORECAST), strict=True
    ):
        epochs = np.arange(1, len(runs[0]) + 1)
        for run in runs:
            left.plot(epochs, run, color=colour, linewidth=0.8, alpha=0.6)
        left.plot(epochs, np.mean(runs, axis=0), color=colour, linewidth=2, marker="o", label=name)
    left.set(xlabel="epoch", ylabel="test accuracy in %", title="thin: single runs, thick: mean")
    left.legend(frameon=False)
    left.spines[["top", "right"]].set_visible(False)
    highest = np.sort(np.argsort(weights)[-12:])
    right.barh([f"{i}: {words[i]}" for i in highest], weights[highest], color=drawing.ATTENTION)
    right.invert_yaxis()
    right.set(xlabel="attention", title="Words of a review with most attention")
    right.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _padded(reviews: Any, vocabulary: int, length: int) -> np.ndarray:
    padded = np.full((len(reviews), length), PADDING, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        # The file has plain ranks of words; Keras's loader moves them up behind three signs.
        words = np.array([START, *(word + FIRST for word in review)])[:length]
        row[: len(words)] = np.where(words < vocabulary, words, UNKNOWN)
    return padded


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="imdb.npz; by default downloaded")
    parser.add_argument("--words", type=Path, help="imdb_word_index.json, to name words")
    parser.add_argument("--vocabulary", type=int, default=5000, help="most frequent words read")
    parser.add_argument("--length", type=int, default=200, help="words of a review read")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    default = Path(__file__).parent / "output" / "plot_imdb.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    return parser


if __name__ == "__main__":
    main()
