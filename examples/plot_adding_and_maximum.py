"""Attention on the time steps that count: adding two numbers, and finding the largest.

In the adding task two delimiters say which numbers count; in the maximum task the largest number
does. Both targets depend on few time steps that differ from series to series. Printed are the error
on fresh series and how often the time steps of most attention are those. The picture shows the
attention as a heat map, with the time steps that count marked.

    python examples/plot_adding_and_maximum.py [--output plot_adding_and_maximum.png]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from skconvattn import AttentionRegressor
from skconvattn.datasets import make_adding, make_maximum
from skconvattn.inspection import attention_weights

# Additive attention compares a hidden state with the last one through tanh. Without the linear map
# of the whole series, all that is known of a number comes through the attention.
COMMON = {"attention_score": "bahdanau", "linear_skip": False, "learning_rate": 0.01}
MODELS = {
    "adding": AttentionRegressor(bidirectional=True, epochs=60, random_state=0, **COMMON),
    "maximum": AttentionRegressor(epochs=60, random_state=0, **COMMON),
}
TASKS = {"adding": make_adding, "maximum": make_maximum}


def main() -> None:
    """Train on both tasks, print the figures and draw."""
    arguments = _parser().parse_args()
    shown = {}
    print(f"{'task':9}{'root mean square error':>24}{'without a model':>17}{'peaks right':>13}")
    for name, make in TASKS.items():
        start = time.perf_counter()
        training, fresh = make(arguments.samples, random_state=0), make(500, random_state=1)
        model = MODELS[name].fit(training.X, training.y)
        error = np.sqrt(np.mean((model.predict(fresh.X) - fresh.y) ** 2))
        attention = attention_weights(model, fresh.X)
        right = peaks_on(attention, fresh.steps).mean()
        seconds = time.perf_counter() - start
        print(f"{name:9}{error:24.4f}{fresh.y.std():17.4f}{100 * right:11.1f} %   {seconds:.1f} s")
        shown[name] = attention[:25], fresh.steps[:25]
    draw(shown, arguments.output)
    print(f"picture: {arguments.output}")


def peaks_on(attention: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Say for each series whether the time steps of most attention are those given."""
    highest = np.argsort(attention, axis=1)[:, -steps.shape[1] :]
    return (np.sort(highest, axis=1) == np.sort(steps, axis=1)).all(axis=1)


def draw(shown: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Draw the attention of some series, a row each, and mark the steps that count."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(shown), figsize=(11, 5), layout="constrained")
    for ax, (name, (attention, steps)) in zip(axes, shown.items(), strict=True):
        image = ax.imshow(attention, cmap="magma", aspect="auto")
        rows = np.repeat(np.arange(len(steps)), steps.shape[1])
        ax.scatter(steps.ravel(), rows, s=30, facecolors="none", edgecolors="cyan")
        ax.set(title=f"{name}: attention, and what counts", xlabel="time step", ylabel="series")
        figure.colorbar(image, ax=ax)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(__file__).parent / "output" / "plot_adding_and_maximum.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    parser.add_argument("--samples", type=int, default=2000, help="series to train on")
    return parser


if __name__ == "__main__":
    main()
