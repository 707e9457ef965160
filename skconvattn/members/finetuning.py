"""Further training of the pretrained network on given series, kept only where it pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.data.patches import PATCH, Patches, read_patches
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.pretrained_network import PretrainedNetwork, pretrained_network
from skconvattn.members.shares import network_share

# Part of each series at its end that further training is judged by, and the fewest windows of both
# parts; no more windows are trained on than this.
_HELD_OUT, _FEWEST, _MOST = 0.3, 8, 4096
# Small steps, so that what was learned from simulated series is not forgotten.
_LEARNING_RATE, _BATCH, _MOST_NORM = 1e-4, 32, 1.0
# Windows that are judged together, and the bounds of scaled targets.
_AT_ONCE, _FURTHEST = 256, 1e3


@dataclass(frozen=True, eq=False)
class _Examples:
    """Windows with the patches that follow them.

    Attributes
    ----------
    inputs : list of ndarray of shape (n, ...)
        What the network takes.
    targets : ndarray of shape (n, 2 * PATCH)
        Scaled values of the patch and their weights in the loss, float32.
    last : ndarray of shape (n,)
        Position of the last step of each patch within its series.
    series : ndarray of shape (n,)
        Index of the series of each window.
    """

    inputs: list[np.ndarray]
    targets: np.ndarray
    last: np.ndarray
    series: np.ndarray

    def taken(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Return inputs and targets of some windows."""
        return [each[rows] for each in self.inputs], self.targets[rows]


def finetuned(
    pretrained: Pretrained, series: Sequence[np.ndarray], n_ahead: int, epochs: int
) -> Pretrained:
    """Train the pretrained network on series for some epochs, and keep it where that pays.

    Training on all but the end of each series has to lower the pinball loss there by more than
    chance explains; only then the network is trained on all of them.

    Parameters
    ----------
    pretrained : Pretrained
        Zero-shot forecasts, by which training begins.
    series : sequence of ndarray of shape (n_timepoints,)
        Series; NaN where missing.
    n_ahead : int
        Steps ahead that forecasts are wanted for.
    epochs : int
        Epochs, of windows in random order.

    Returns
    -------
    Pretrained
        Forecasts of the network after training; those before it where training does not pay, or
        where the series are too short to judge it.
    """
    examples = _examples(pretrained, series, n_ahead)
    first = np.array([int((1 - _HELD_OUT) * len(one)) for one in series])[examples.series]
    training = np.flatnonzero(examples.last < first)
    # Held-out windows are those of which no step was trained on.
    held_out = np.flatnonzero(examples.last - PATCH + 1 >= first)
    if min(len(training), len(held_out)) < _FEWEST:
        return pretrained
    load_backend()
    model = _keras_model()
    before = _losses(model, examples, held_out)
    _train(model, examples, training, epochs)
    after = _losses(model, examples, held_out)
    numbers, blocks = examples.series[held_out], examples.last[held_out] // PATCH
    share = network_share(before, after, numbers * (int(blocks.max()) + 1) + blocks)
    if not share > 0:
        return pretrained
    model = _keras_model()
    _train(model, examples, np.arange(len(examples.last)), epochs)
    shipped = pretrained_network()
    weights = {v.path: np.array(v.numpy()) for v in model.trainable_variables}
    network = PretrainedNetwork(weights, shipped.levels, shipped.n_heads)
    return Pretrained(pretrained.periods, pretrained.mean, network)


def _examples(pretrained: Pretrained, series: Sequence[np.ndarray], n_ahead: int) -> _Examples:
    """Return windows of all seasons before patches of which a value is known."""
    found: list[tuple[Patches, np.ndarray, np.ndarray, np.ndarray]] = []
    for season in pretrained.seasons:
        for number in range(min(-(-n_ahead // PATCH), season.n_direct)):
            for index, one in enumerate(series):
                # After the first season, a forecast can be told from the mean.
                last = np.arange(season.period + PATCH * (number + 1), len(one))
                if not len(last):
                    continue
                origins = last - PATCH * (number + 1)
                patches = read_patches(season.windows(one, origins), season.period, number)
                actual = one[last[:, None] + np.arange(1 - PATCH, 1)]
                found.append((patches, actual, last, np.full(len(last), index)))
    if not found:
        return _Examples([], np.zeros((0, 2 * PATCH)), np.zeros(0, int), np.zeros(0, int))
    inputs = [
        np.concatenate(arrays) for arrays in zip(*(one[0].inputs() for one in found), strict=True)
    ]
    inputs = [each if each.dtype == bool else each.astype(np.float32) for each in inputs]
    targets = np.concatenate([_targets(patches, actual) for patches, actual, _, _ in found])
    return _Examples(
        inputs,
        targets,
        np.concatenate([one[2] for one in found]),
        np.concatenate([one[3] for one in found]),
    )


def _targets(patches: Patches, actual: np.ndarray) -> np.ndarray:
    """Return scaled values and their weights: (n, 2 * PATCH)."""
    known = np.isfinite(actual)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (np.where(known, actual, patches.base) - patches.base) / patches.scale
    weights = patches.scale / patches.unit * known / np.maximum(known.sum(axis=1), 1)[:, None]
    clipped = np.clip(scaled, -_FURTHEST, _FURTHEST)
    return np.concatenate([clipped, weights], axis=1).astype(np.float32)


def _keras_model() -> Any:
    """Return the Keras model with the shipped weights."""
    from skconvattn.networks.pretrained import pretrained_network as build
    from skconvattn.networks.spec import building

    shipped = pretrained_network()
    n_layers = sum(name.endswith("_outer/bias") for name in shipped.weights)
    with building():
        model = build(len(shipped.weights["final_norm/gamma"]), n_layers, shipped.n_heads)
    for variable in model.trainable_variables:
        variable.assign(shipped.weights[variable.path])
    return model


def _train(model: Any, examples: _Examples, rows: np.ndarray, epochs: int) -> None:
    """Train on some windows, in an order that is the same for the same windows."""
    import keras

    from skconvattn.networks.pretrained import scaled_pinball

    model.compile(keras.optimizers.Adam(_LEARNING_RATE, global_clipnorm=_MOST_NORM), scaled_pinball)
    rng = np.random.default_rng(len(rows))
    for _ in range(epochs):
        order = rng.permutation(rows)[:_MOST]
        # Whole batches, for which one function is compiled.
        n_batches = max(1, len(order) // _BATCH)
        for batch in np.resize(order, n_batches * _BATCH).reshape(n_batches, _BATCH):
            model.train_on_batch(*examples.taken(batch))


def _losses(model: Any, examples: _Examples, rows: np.ndarray) -> np.ndarray:
    """Return the loss of each of some windows: (n_rows,)."""
    from keras import ops

    from skconvattn.networks.pretrained import scaled_pinball

    losses = []
    for start in range(0, len(rows), _AT_ONCE):
        inputs, targets = examples.taken(rows[start : start + _AT_ONCE])
        loss = scaled_pinball(ops.convert_to_tensor(targets), model(inputs, training=False))
        losses.append(np.asarray(ops.convert_to_numpy(loss), dtype=np.float64))
    return np.concatenate(losses)
