"""What a fit leaves behind: a description of the model and plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skconvattn.engine.backend import load_backend
from skconvattn.networks.spec import ModelSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A trained model without any Keras object in it: it pickles, copies and compares as data.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    weights : ndarray of shape (n_weights,)
        Trainable weights, one after the other, float32.
    state : tuple of ndarray
        Non-trainable variables.
    """

    spec: ModelSpec
    weights: np.ndarray
    state: tuple[np.ndarray, ...]

    def for_length(self, n_timepoints: int) -> FittedModel:
        """Return the model with the same weights for longer series.

        Parameters
        ----------
        n_timepoints : int
            Time steps, not fewer than the model has.

        Returns
        -------
        FittedModel
            The model.

        Raises
        ------
        ValueError
            If the network has weights for each time step.
        """
        from skconvattn.engine.prediction import model_program

        spec = self.spec.for_length(n_timepoints)
        if spec is self.spec:
            return self
        load_backend()
        if model_program(spec).layout != model_program(self.spec).layout:
            raise ValueError(
                f"X has series of more than {self.spec.n_timepoints} time steps, the longest seen "
                f"in fit, and this {self.spec.network.__name__} has weights for each time step; "
                "cut longer series, or fit anew with them."
            )
        return replace(self, spec=spec)

    def predict(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Predict samples.

        Parameters
        ----------
        inputs : sequence of ndarray of shape (n_samples, ...)
            One a model input, float32.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Output of the head, float32.
        """
        from skconvattn.engine.prediction import model_program

        load_backend()
        return model_program(self.spec).predict(self.weights, self.state, inputs)

    def attention(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the attention of samples, see :class:`~skconvattn.networks.Encoding`."""
        from skconvattn.engine.prediction import model_program

        load_backend()
        return model_program(self.spec).attention(self.weights, self.state, inputs)

    def to_keras(self) -> keras.Model:
        """Return a Keras model of its own with these weights."""
        from skconvattn.engine.weights import Layout

        model = self.spec.build().model
        layout = Layout.of(model.trainable_variables)
        for variable, value in zip(
            model.trainable_variables, layout.split(self.weights), strict=True
        ):
            variable.assign(value)
        for variable, value in zip(model.non_trainable_variables, self.state, strict=True):
            variable.assign(value)
        return model
