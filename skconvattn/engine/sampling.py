"""Predictions with dropout on, whose spread shows how uncertain the network is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skconvattn.engine.programs import FittedModel, model_program


def sampled_outputs(
    model: FittedModel, inputs: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Predict with dropout on, with a dropout mask of its own for each row.

    Of several networks, each row is predicted by one that is drawn at random.

    Parameters
    ----------
    model : FittedModel
        Trained weights.
    inputs : sequence of ndarray of shape (n_samples, ...)
        One per model input, float32.
    rng : numpy.random.Generator
        Source of the masks.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        Output of the head, float32. What training alone changes, such as running statistics, is
        dropped.
    """
    if model.spec.n_networks > 1:
        return _by_one_of(model, inputs, rng)
    program = model_program(model.spec)
    from keras import ops

    # Seeds are the state in whole numbers; all other state stays as it was learned.
    state = [
        rng.integers(1, 2**31, size=value.shape).astype(value.dtype)
        if np.issubdtype(value.dtype, np.integer)
        else value
        for value in model.state
    ]
    outputs, _ = program.model.stateless_call(
        [ops.convert_to_tensor(weights) for weights in program.layout.split(model.weights)],
        [ops.convert_to_tensor(value) for value in program.state_as_built(state)],
        list(inputs) if len(inputs) > 1 else inputs[0],
        training=True,
    )
    return np.asarray(ops.convert_to_numpy(outputs))


def _by_one_of(
    model: FittedModel, inputs: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Predict each row by one of several networks, drawn at random."""
    drawn = rng.integers(model.spec.n_networks, size=len(inputs[0]))
    outputs: np.ndarray | None = None
    for number, network in enumerate(model.networks):
        rows = np.flatnonzero(drawn == number)
        if len(rows):
            part = sampled_outputs(network, [values[rows] for values in inputs], rng)
            if outputs is None:
                outputs = np.empty((len(drawn), *part.shape[1:]), dtype=part.dtype)
            outputs[rows] = part
    assert outputs is not None
    return outputs
