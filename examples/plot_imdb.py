"""Tell good film reviews from bad ones: a recurrent network with and without attention.

Both read the first words of a review through an embedding and an LSTM; one then takes the last
hidden state, the other the layer ``Attention`` over all of them. Printed is the accuracy on the
test part after each epoch. The picture shows both curves, and which words of a review got
attention.

    python examples/plot_imdb.py imdb.npz [--words imdb_word_index.json] [--output plot_imdb.png]

``imdb.npz`` and ``imdb_word_index.json`` are the files that ``keras.datasets.imdb`` reads. The
first holds pickled lists, which can run code when they are read: take it from Keras alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

# Word indices in the file start above these.
PADDING, START, UNKNOWN, FIRST = 0, 1, 2, 3


def main() -> None:
    """Train both networks, print their accuracies and draw."""
    import keras

    arguments = _parser().parse_args()
    (X, y), (X_test, y_test) = read(arguments.reviews, arguments.vocabulary, arguments.length)
    curves: dict[str, list[float]] = {}
    for name, attends in (("last state", False), ("attention", True)):
        keras.utils.set_random_seed(0)
        model, attention = build(arguments.vocabulary, arguments.length, attends=attends)
        start = time.perf_counter()
        history = model.fit(
            X, y, validation_data=(X_test, y_test), epochs=arguments.epochs, batch_size=64,
            verbose=0,
        )  # fmt: skip
        curves[name] = [100 * value for value in history.history["val_accuracy"]]
        shown = " ".join(f"{value:5.1f}" for value in curves[name])
        print(f"{name:11} test accuracy by epoch {shown} %   {time.perf_counter() - start:.1f} s")
    weights = np.asarray(attention.predict(X_test[:1], verbose=0))[0]
    draw(curves, words_of(X_test[0], arguments.words), weights, arguments.output)
    print(f"picture: {arguments.output}")


def read(path: Path, vocabulary: int, length: int) -> Any:
    """Read the first words of each review: two pairs of (n_reviews, length) and (n_reviews,)."""
    if not path.is_file():
        raise SystemExit(f"There is no {path}; give the file that keras.datasets.imdb loads.")
    with np.load(path, allow_pickle=True) as arrays:
        parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    return [(_padded(reviews, vocabulary, length), labels) for reviews, labels in parts]


def build(vocabulary: int, length: int, *, attends: bool) -> tuple[Any, Any]:
    """Return a compiled classifier, and a model of its attention with the same weights."""
    import keras

    from skconvattn.layers import Attention

    words = keras.Input((length,), dtype="int32")
    hidden = keras.layers.Embedding(vocabulary, 32, mask_zero=True)(words)
    hidden = keras.layers.Dropout(0.3)(hidden)
    hidden = keras.layers.LSTM(32, return_sequences=attends)(hidden)
    attention = None
    if attends:
        hidden, weights = Attention(32, return_attention=True)(hidden)
        attention = keras.Model(words, weights)
    output = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.3)(hidden))
    model = keras.Model(words, output)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model, attention


def words_of(review: np.ndarray, path: Path | None) -> list[str]:
    """Return the words of a review, or their numbers where there is no list of words."""
    names = {PADDING: "", START: "", UNKNOWN: "?"}
    if path is not None:
        names |= {i + FIRST: word for word, i in json.loads(path.read_text()).items()}
    return [names.get(int(i), str(i)) for i in review]


def draw(curves: dict[str, list[float]], words: list[str], weights: np.ndarray, path: Path) -> None:
    """Draw accuracy by epoch, and the words of most attention."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for name, values in curves.items():
        left.plot(np.arange(1, len(values) + 1), values, marker="o", label=name)
    left.set(xlabel="epoch", ylabel="test accuracy in %")
    left.legend()
    highest = np.sort(np.argsort(weights)[-12:])
    right.barh([f"{i}: {words[i]}" for i in highest], weights[highest])
    right.invert_yaxis()
    right.set(xlabel="attention", title="Words of a review with most attention")
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
    parser.add_argument("reviews", type=Path, help="imdb.npz")
    parser.add_argument("--words", type=Path, help="imdb_word_index.json, to name words")
    parser.add_argument("--vocabulary", type=int, default=5000, help="most frequent words read")
    parser.add_argument("--length", type=int, default=200, help="words of a review read")
    parser.add_argument("--epochs", type=int, default=4)
    default = Path(__file__).parent / "output" / "plot_imdb.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    return parser


if __name__ == "__main__":
    main()
