"""Training of several networks that differ in their random start, and their average."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.plan import TrainingPlan, TrainingResult
from skconvattn.engine.programs import FittedModel
from skconvattn.engine.training import train
from skconvattn.networks.spec import ModelSpec


def train_copies(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    *,
    training: np.ndarray | None = None,
    validation: np.ndarray | None = None,
    start: FittedModel | None = None,
) -> TrainingResult:
    """Train as many networks as a plan says, and return their average.

    The first network is trained as :func:`~skconvattn.engine.train` does; the others are trained
    for as many epochs as were best for the first. They go through its compiled program one after
    the other, without a further trace. Batched weights would not pay: on one processor core a step
    of five networks takes 2.9 to 3.9 times that of one with ``tf.vectorized_map``, and 3.9 to 5
    times in one graph or in a loop, since it consists of arithmetic and not of overhead. What is
    saved are the epochs in which the first network looks for a lower loss in vain.

    Parameters
    ----------
    spec, source, plan, rng, training, validation
        As for :func:`~skconvattn.engine.train`.
    start : FittedModel, optional
        Weights to start from, of one network or of several; drawn by default.

    Returns
    -------
    TrainingResult
        The average of the networks, with the history of the first; one network alone where
        training did not help it.
    """
    # Streams of their own, so that the first network is that of n_networks=1.
    others = rng.spawn(plan.n_networks - 1) if plan.n_networks > 1 else []
    starts = (None,) if start is None else start.networks
    first = train(
        spec, source, plan, rng, training=training, validation=validation, start=starts[0]
    )

    if plan.n_networks == 1 or first.best_epoch == 0:
        return first
    plan = replace(plan, epochs=first.best_epoch, patience=None, callbacks=(), verbose=0)
    models = [first.model]
    for number, own in enumerate(others, start=1):
        begun = starts[number % len(starts)]
        models.append(train(spec, source, plan, own, training=training, start=begun).model)
    return replace(first, model=FittedModel.average_of(models))
