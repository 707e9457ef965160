"""Samples of predictions by Monte-Carlo dropout, for regressors and classifiers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from skconvattn.engine.isolation import generator_from
from skconvattn.engine.programs import FittedModel
from skconvattn.engine.sampling import sampled_outputs

# Rows of one call: a sample of a series is a row.
_ROWS = 2048


def drawn_outputs(
    estimator: Any,
    groups: Sequence[tuple[FittedModel, Sequence[np.ndarray]]],
    n_samples: Any,
    random_state: Any,
) -> Iterator[np.ndarray]:
    """Draw outputs of a network with dropout on.

    Parameters
    ----------
    estimator : estimator
        Gives ``random_state`` where none is given.
    groups : sequence of (FittedModel, sequence of ndarray of shape (n_series, ...))
        Networks, and the inputs of each.
    n_samples : int
        Samples of each series.
    random_state : int, numpy.random.RandomState or None
        Seed of the samples.

    Yields
    ------
    ndarray of shape (n_samples, n_series, ...)
        Output of the head for a group, float32.

    Raises
    ------
    ValueError
        If ``n_samples`` is below 1, or the network has no dropout.
    """
    if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer):
        raise TypeError(f"n_samples={n_samples!r} is not a whole number; use for example 100.")
    if n_samples < 1:
        raise ValueError(f"n_samples={n_samples} draws nothing; use n_samples >= 1.")
    if not dict(groups[0][0].spec.parameters).get("dropout", 0.0):
        raise ValueError("Without dropout all samples are the same; fit with dropout=0.2.")
    rng = generator_from(estimator.random_state if random_state is None else random_state)
    for model, inputs in groups:
        yield _in_parts(partial(sampled_outputs, model, rng=rng), inputs, int(n_samples))


def _in_parts(
    draw: Callable[[list[np.ndarray]], np.ndarray], inputs: Sequence[np.ndarray], n_samples: int
) -> np.ndarray:
    """Draw in calls of bounded size: (n_samples, n_series, ...)."""
    n_series = len(inputs[0])
    rows = np.tile(np.arange(n_series), n_samples)
    parts = [
        draw([values[rows[start : start + _ROWS]] for values in inputs])
        for start in range(0, len(rows), _ROWS)
    ]
    outputs = np.concatenate(parts)
    return outputs.reshape(n_samples, n_series, *outputs.shape[1:])
