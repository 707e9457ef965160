"""Even out the heights of pulses far apart: five convolutions against self-attention.

Each series has two triangles and two rectangles; in the target, pulses of one shape have the mean
of their two heights. A value depends on a pulse that may stand anywhere, which attention finds and
a convolution, seeing 21 time steps, does not. The task is that of François Fleuret's deep learning
course. The picture shows a series, both predictions and the attention map as a heat map; with
``--animation`` the map is also shown converging over the epochs.

    python examples/plot_pulses.py [--output plot_pulses.png] [--animation pulses.gif]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from skconvattn import SelfAttentionRegressor
from skconvattn.datasets import make_pulses
from skconvattn.estimators import BaseNeuralRegressor
from skconvattn.inspection import attention_weights
from skconvattn.networks import Encoding, Network


class FiveConvolutions(Network):
    """Five convolutions of 32 channels, each of five time steps."""

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        import keras

        hidden = inputs
        for _ in range(5):
            hidden = keras.layers.Conv1D(32, 5, padding="same", activation="relu")(hidden)
        return Encoding(keras.layers.GlobalAveragePooling1D()(hidden), None, hidden)


class FiveConvolutionsRegressor(FiveConvolutions, BaseNeuralRegressor):
    """The same as an estimator."""


def main() -> None:
    """Train both, print their validation losses and draw."""
    arguments = _parser().parse_args()
    training = make_pulses(arguments.samples, random_state=0)
    validation = make_pulses(500, random_state=1)
    settings = {"sequence": True, "learning_rate": 2e-3, "batch_size": 32, "random_state": 0}
    models = {
        "five convolutions": FiveConvolutionsRegressor(**settings),
        "self-attention": SelfAttentionRegressor(**settings, units=32, num_heads=1),
    }
    losses, maps = {}, []
    for name, model in models.items():
        start = time.perf_counter()
        for _ in range(arguments.epochs):
            model.partial_fit(training.X, training.y)
            if name == "self-attention":
                maps.append(attention_weights(model, validation.X[:1])[0, 0])
        losses[name] = np.mean((model.predict(validation.X) - validation.y) ** 2)
        seconds = time.perf_counter() - start
        print(f"{name:<18} validation loss {losses[name]:7.3f}   {seconds:5.1f} s")
    ratio = losses["self-attention"] / losses["five convolutions"]
    print(f"{'ratio':<18} {ratio:23.3f}   {'at most' if ratio <= 1 / 3 else 'NOT at most'} 1/3")
    predictions = {name: model.predict(validation.X[:1])[0] for name, model in models.items()}
    draw(validation.X[0, 0], validation.y[0], predictions, maps[-1], arguments.output)
    print(f"picture: {arguments.output}")
    if arguments.animation is not None:
        animate(maps, arguments.animation)
        print(f"animation: {arguments.animation}")


def draw(
    series: np.ndarray,
    target: np.ndarray,
    predictions: dict[str, np.ndarray],
    attention: np.ndarray,
    path: Path,
) -> None:
    """Draw a series with its predictions, and the attention map beside it."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    left.plot(series, color="0.7", label="series")
    left.plot(target, color="black", label="target")
    for name, values in predictions.items():
        left.plot(values, label=name)
    left.set(xlabel="time step", title="Pulses of one shape get one height")
    left.legend(fontsize="small")
    image = right.imshow(attention, cmap="magma", origin="lower")
    right.set(xlabel="time step attended to", ylabel="time step", title="Attention")
    figure.colorbar(image, ax=right)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def animate(maps: list[np.ndarray], path: Path) -> None:
    """Show the attention map after each epoch."""
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    largest = float(np.max(maps))
    image = ax.imshow(maps[0], cmap="magma", origin="lower", vmin=0, vmax=largest)

    def show(epoch: int) -> list[Any]:
        image.set_data(maps[epoch])
        ax.set_title(f"Attention after {epoch + 1} epochs")
        return [image]

    FuncAnimation(figure, show, frames=len(maps)).save(path, writer=PillowWriter(fps=3))
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(__file__).parent / "output" / "plot_pulses.png"
    parser.add_argument("--output", type=Path, default=default, help="file for the picture")
    parser.add_argument("--animation", type=Path, help="where to save the animation, as .gif")
    parser.add_argument("--samples", type=int, default=2000, help="series to train on")
    parser.add_argument("--epochs", type=int, default=24)
    return parser


if __name__ == "__main__":
    main()
