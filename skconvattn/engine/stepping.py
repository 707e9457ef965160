"""Repeated calls of a Keras model on small inputs, without Keras's overhead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.engine.compiled.compiling import Compiled
from skconvattn.engine.programs import FittedModel, model_program


def weights_by_path(model: FittedModel) -> dict[str, np.ndarray]:
    """Return trained weights by the path that Keras gives their variables."""
    program = model_program(model.spec)
    arrays = program.layout.split(model.weights)
    return {
        variable.path: array
        for variable, array in zip(program.model.trainable_variables, arrays, strict=True)
    }


class SteppedModel:
    """A model with weights of its own.

    Parameters
    ----------
    build : callable
        Makes the Keras model; called once the backend is loaded.
    weights : mapping of str to ndarray
        Value of every trainable variable, by path.
    """

    def __init__(self, build: Callable[[], Any], weights: Mapping[str, np.ndarray]) -> None:
        load_backend()
        import keras

        self.model = build()
        for variable in self.model.trainable_variables:
            variable.assign(weights[variable.path])
        self._call: Callable[..., Any]
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            signature = [tf.TensorSpec(i.shape, i.dtype) for i in self.model.inputs]
            self._call = Compiled(lambda *inputs: self.model(list(inputs)), signature)
        else:
            self._call = lambda *inputs: self.model(list(inputs))

    def __call__(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for inputs, both as arrays."""
        from keras import ops

        tensors = [ops.convert_to_tensor(array) for array in inputs]
        return [np.asarray(ops.convert_to_numpy(output)) for output in self._call(*tensors)]
