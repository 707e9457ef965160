"""Training, by the compiled engine or the portable one."""

from __future__ import annotations

import numpy as np

from skconvattn.data import Rows, Windows
from skconvattn.engine.backend import load_backend
from skconvattn.engine.choice import choose_engine
from skconvattn.engine.plan import TrainingPlan, TrainingResult
from skconvattn.engine.state import FittedModel
from skconvattn.networks.spec import ModelSpec


def train(
    spec: ModelSpec,
    source: Rows | Windows,
    plan: TrainingPlan,
    rng: np.random.Generator,
    *,
    training: np.ndarray | None = None,
    validation: np.ndarray | None = None,
    start: FittedModel | None = None,
) -> TrainingResult:
    """Train a model.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    source : Rows or Windows
        The data.
    plan : TrainingPlan
        How to train.
    rng : numpy.random.Generator
        Source of initial weights, order and dropout seeds.
    training : ndarray of shape (n_training,), optional
        Samples to train on; all by default.
    validation : ndarray of shape (n_validation,), optional
        Samples to evaluate on after each epoch; none by default.
    start : FittedModel, optional
        Weights to go on from.

    Returns
    -------
    TrainingResult
        Trained weights and history.

    Raises
    ------
    FloatingPointError
        If the loss is not finite before any epoch gave usable weights.
    """
    load_backend()
    training = np.arange(len(source)) if training is None else training
    validation = np.zeros(0, dtype=int) if validation is None else validation
    if choose_engine(plan.engine, plan.callbacks) == "portable":
        from skconvattn.engine.portable.training import train_portable

        return train_portable(spec, source, plan, rng, training, validation, start)
    from skconvattn.engine.compiled.loop import train_compiled

    return train_compiled(spec, source, plan, rng, training, validation, start)
