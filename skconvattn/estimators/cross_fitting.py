"""Networks that are trained with a part of the samples left out, to predict that part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skconvattn.data import Rows
from skconvattn.engine import TrainingPlan, train
from skconvattn.estimators.augmentation import copies_too
from skconvattn.networks import ModelSpec


def cross_fitted(
    spec: ModelSpec,
    source: Rows,
    plan: TrainingPlan,
    parts: Sequence[np.ndarray],
    n_samples: int,
    rng: np.random.Generator,
    *,
    predicts: bool,
    n_copies: int = 0,
) -> tuple[np.ndarray | None, int]:
    """Train a network once for each part, on all samples but these.

    Parameters
    ----------
    spec : ModelSpec
        The network.
    source : Rows
        Samples.
    plan : TrainingPlan
        How to train; its callbacks are for the fit on all samples, and left out.
    parts : sequence of ndarray
        Indices of the samples of each part.
    n_samples : int
        Number of samples to train on, the first ones.
    rng : numpy.random.Generator
        Source of initial weights, order and dropout.
    predicts : bool
        Whether outputs are needed: a program of its own is compiled for them.
    n_copies : int
        Copies of each sample, which stand in ``source`` after all samples: those of samples to
        train on are trained on as well.

    Returns
    -------
    outputs : ndarray of shape (n_left_out, ...) or None
        Outputs of the network for the samples of all parts, one part after the other.
    n_epochs : int
        Mean number of epochs with the lowest loss on the samples left out, at least 1.
    """
    plan = replace(plan, callbacks=(), verbose=0)
    outputs, epochs = [], []
    for part in parts:
        learned = copies_too(np.setdiff1d(np.arange(n_samples), part), n_samples, n_copies)
        result = train(spec, source, plan, rng, training=learned, validation=part)
        if predicts:
            inputs, _, _ = source.batch(part)
            outputs.append(result.model.predict(inputs))
        epochs.append(result.best_epoch)
    n_epochs = max(1, round(float(np.mean(epochs))))
    return np.concatenate(outputs) if predicts else None, n_epochs
