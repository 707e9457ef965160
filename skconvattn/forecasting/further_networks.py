"""Further networks beside the one of a forecaster, from other random weights, to be averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, train
from skconvattn.engine.programs import changed_model, drawn_model
from skconvattn.networks import HorizonHead


def further_networks(
    windows: Windows,
    plan: TrainingPlan,
    seed: np.random.SeedSequence,
    start: FittedModel,
    share: float,
    training: np.ndarray,
) -> Iterator[FittedModel]:
    """Train all networks of a plan but the first, for all of its epochs.

    Parameters
    ----------
    windows : Windows
        Windows of all series.
    plan : TrainingPlan
        By which the first network was trained, without what decided when to stop.
    seed : numpy.random.SeedSequence
        Seed of the first network; those of the others are derived from it.
    start : FittedModel
        What the first network was trained from. Others start from the same linear forecast, or
        each from its own weights where the start has several networks.
    share : float
        Share of the trained networks between their start and their end.
    training : ndarray of shape (n_training,)
        Windows to train on.

    Yields
    ------
    FittedModel
        The networks.
    """
    plan = replace(plan, callbacks=(), verbose=0)
    for number in range(1, plan.n_networks):
        own = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, number))
        if start.spec.n_networks > 1:
            begun = start.networks[number % start.spec.n_networks]
        else:
            begun = _blended(start, drawn_model(start.spec, np.random.default_rng(own)), 0.0)
        rng = np.random.default_rng(own)
        result = train(start.spec.single, windows, plan, rng, training=training, start=begun)
        yield between(begun, result.model, share)


def between(start: FittedModel, trained: FittedModel, share: float) -> FittedModel:
    """Return the network whose forecast is ``share`` of the way from one to the other."""
    if share == 1.0:
        return trained
    return start if share == 0.0 else _blended(start, trained, share)


def _blended(start: FittedModel, other: FittedModel, share: float) -> FittedModel:
    """Return a network with the last layers of both, and all other weights of the second."""
    head = cast(HorizonHead, other.spec.head)
    return changed_model(other, start, lambda now, old: head.blend(now, old, share))
