"""Train the pretrained network on simulated series: minutes on a GPU, hours on two cores.

    KERAS_BACKEND=jax python benchmarks/pretraining/train.py --folder FOLDER

runs on any Keras backend, of which JAX is the fastest on CPUs. A checkpoint in ``FOLDER`` after
every epoch is taken up again when the command is repeated; ``FOLDER/averages.npz`` has the averaged
weights, which ``export.py`` writes into the package.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import keras
import numpy as np
from batches import simulated_batch
from joblib.externals.loky import get_reusable_executor
from keras import ops

from skconvattn.networks.pretrained import pretrained_network, scaled_pinball
from skconvattn.simulation.mixing import SHARES

# Batches per process that are simulated before they are asked for.
AHEAD = 4


class SimulatedBatches(keras.utils.PyDataset):
    """Batches simulated by processes, the same whenever a step is repeated.

    Parameters
    ----------
    n_steps : int
        Batches per epoch.
    batch_size : int
        Windows per batch.
    seed : int
        Seed of everything.
    kinds : tuple of float of length 3
        Shares of the kinds of models that are simulated.
    n_processes : int
        Processes that simulate.
    """

    def __init__(
        self, n_steps: int, batch_size: int, seed: int, kinds: tuple[float, ...], n_processes: int
    ) -> None:
        super().__init__()
        self.n_steps, self.seed, self.epoch = n_steps, seed, 0
        self.arguments = batch_size, kinds
        self.n_ahead = AHEAD * n_processes
        self.processes = get_reusable_executor(n_processes, timeout=600)
        self.begun: dict[int, Future[Any]] = {}

    def __len__(self) -> int:
        return self.n_steps

    def __getitem__(self, index: int) -> Any:
        step = self.epoch * self.n_steps + index
        for later in range(step, step + self.n_ahead):
            if later not in self.begun:
                self.begun[later] = self.processes.submit(
                    simulated_batch, (self.seed, later), *self.arguments
                )
        return self.begun.pop(step).result()


class Progress(keras.callbacks.Callback):
    """Print the loss and the time of each epoch, and write averaged weights.

    Parameters
    ----------
    folder : Path
        Where averaged weights go.
    batches : SimulatedBatches
        Batches, which this tells the epoch, after an interruption as well.
    """

    def __init__(self, folder: Path, batches: SimulatedBatches) -> None:
        super().__init__()
        self.folder, self.batches, self.began = folder, batches, time.time()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Simulate the series of this epoch."""
        self.batches.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report."""
        loss, seconds = (logs or {}).get("loss", np.nan), time.time() - self.began
        print(f"epoch {epoch + 1}: loss {loss:.4f}, {seconds:.0f} s", flush=True)
        averages = self.model.optimizer._model_variables_moving_average
        arrays = [ops.convert_to_numpy(x) for x in averages if x is not None]
        np.savez(self.folder / "averages.npz", *arrays)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=240)
    parser.add_argument("--steps", type=int, default=100, help="batches per epoch")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument(
        "--kinds", type=float, nargs=3, default=SHARES, help="shares of what is simulated"
    )
    parser.add_argument("--start", type=Path, help="averages.npz of a run to go on from")
    parser.add_argument("--processes", type=int, default=2, help="processes that simulate")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(given.seed)
    model = pretrained_network(given.width, given.layers)
    if given.start is not None:
        with np.load(given.start) as arrays:
            for variable, name in zip(model.trainable_variables, arrays.files, strict=True):
                variable.assign(arrays[name])
    n_steps = given.epochs * given.steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, n_steps, alpha=0.01, warmup_target=given.rate, warmup_steps=min(500, n_steps // 10)
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=0.01, global_clipnorm=1.0, use_ema=True, ema_momentum=0.999
    )
    model.compile(optimizer, scaled_pinball)
    print(model.count_params(), "parameters", flush=True)
    batches = SimulatedBatches(
        given.steps, given.batch_size, given.seed, tuple(given.kinds), given.processes
    )
    keep = keras.callbacks.BackupAndRestore(given.folder / "checkpoint")
    progress = Progress(given.folder, batches)
    model.fit(batches, epochs=given.epochs, verbose=0, callbacks=[keep, progress], shuffle=False)


if __name__ == "__main__":
    main()
