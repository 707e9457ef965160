"""Regression of one or many values on a series."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from skconvattn._hyperparameters import hyperparameter, hyperparameters
from skconvattn.data.scaling import Scaling
from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.networks import Head, ValueHead


@hyperparameters
class BaseNeuralRegressor(RegressorMixin, BaseNeuralEstimator):
    """Base of all regressors."""

    linear_skip: bool = hyperparameter(
        True,
        ["boolean"],
        """
        bool
        Whether a linear map of the whole series stands beside the network.
        """,
    )

    _numeric_targets: ClassVar[bool] = True

    def predict(self, X: Any) -> np.ndarray:
        """Predict values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series of the shape seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values in the units of ``y``, float64.
        """
        outputs = self._outputs(X)
        values = self._target_scaling_.reverse(outputs)
        return values[:, 0] if self._single_output_ else values

    def __sklearn_tags__(self) -> Any:
        """Say what data is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        self._single_output_ = y.ndim == 1
        return y.reshape(len(y), -1).astype(np.float64)

    def _scale_targets(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        self._target_scaling_ = Scaling.of(targets, weights)
        return self._target_scaling_.apply(targets)

    def _head(self) -> Head:
        return ValueHead(len(self._target_scaling_.scale), linear=self.linear_skip)

    def _default_loss(self) -> Any:
        return "mean_squared_error"

    def _held_out(
        self, targets: np.ndarray, n_held_out: int, rng: np.random.Generator
    ) -> np.ndarray:
        return rng.permutation(len(targets))[:n_held_out]
