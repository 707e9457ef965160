"""What a fit of a regressor or classifier chose by itself, as one line of the log."""

from __future__ import annotations

import logging
from typing import Any

_LOGGER = logging.getLogger("skconvattn")


def log_choices(estimator: Any) -> None:
    """Say at level INFO of the logger ``skconvattn`` what a fit chose.

    Parameters
    ----------
    estimator : NetworkTraining
        A fitted regressor or classifier; of several targets, the weights of the members are means.
    """
    if not _LOGGER.isEnabledFor(logging.INFO):
        return
    weights = estimator.weights_.mean()
    members = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items() if weight > 0)
    trained = "no network"
    if estimator.n_iter_:
        trained = f"a network for {estimator.n_iter_} of at most {estimator.epochs} epochs"
    _LOGGER.info(
        "%s: series of up to %d time steps, %s; weights of the members: %s.",
        type(estimator).__name__,
        estimator._preparation_.n_timepoints,
        trained,
        members,
    )
