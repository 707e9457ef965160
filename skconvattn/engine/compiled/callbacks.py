"""Keras callbacks around compiled epochs, with a Keras model that holds the current weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.engine.weights import Layout
from skconvattn.networks.spec import ModelSpec


class CallbackRunner:
    """Call Keras callbacks with a Keras model that holds the current weights.

    Building the model costs tens of milliseconds: without callbacks there is no runner.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
        One at least.
    program : TrainingProgram
        Holds weights, state and optimiser of the fit.
    spec : ModelSpec
        The model.
    epochs : int
        Epochs, at most.
    """

    def __init__(self, callbacks: Any, program: Any, spec: ModelSpec, epochs: int) -> None:
        import keras

        self._program = program
        self._model = spec.build().model
        self._layout = Layout.of(self._model.trainable_variables)
        self._model.optimizer = program.optimizer
        self._model.stop_training = False
        self._list = keras.callbacks.CallbackList(
            list(callbacks), model=self._model, params={"epochs": epochs, "verbose": 0}
        )

    def begin(self) -> None:
        """Call ``on_train_begin``."""
        self._write()
        self._list.on_train_begin()
        self._read()

    def epoch_begin(self, epoch: int) -> None:
        """Call ``on_epoch_begin`` of an epoch, counted from one here and from zero by Keras."""
        self._list.on_epoch_begin(epoch - 1)

    def epoch_end(self, epoch: int, history: dict[str, list[float]]) -> bool:
        """Call ``on_epoch_end`` with the last losses.

        Returns
        -------
        bool
            Whether a callback asked to stop.
        """
        self._write()
        self._list.on_epoch_end(epoch - 1, {name: values[-1] for name, values in history.items()})
        self._read()
        return bool(self._model.stop_training)

    def end(self, best: Any) -> Any:
        """Call ``on_train_end`` with the weights kept, and return them as callbacks left them.

        Parameters
        ----------
        best : (tensor of shape (n_weights,), list of tensor)
            Weights and state to be kept.

        Returns
        -------
        tuple
            Weights and state.
        """
        self._assign(*best)
        self._list.on_train_end()
        self._read()
        return self._program.snapshot()

    def _write(self) -> None:
        self._assign(*self._program.snapshot())

    def _assign(self, vector: Any, state: Any) -> None:
        values = self._layout.split(np.asarray(vector))
        for variable, value in zip(self._model.trainable_variables, values, strict=True):
            variable.assign(value)
        for variable, value in zip(self._model.non_trainable_variables, state, strict=True):
            variable.assign(value)

    def _read(self) -> None:
        self._program.set_weights(
            self._layout.flatten([v.numpy() for v in self._model.trainable_variables])
        )
        self._program.set_state([v.numpy() for v in self._model.non_trainable_variables])
