"""Classification of series."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skconvattn._hyperparameters import hyperparameters
from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.networks import ClassHead, Head


@hyperparameters
class BaseNeuralClassifier(ClassifierMixin, BaseNeuralEstimator):
    """Base of all classifiers."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series of the shape seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series of the shape seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities in the order of ``classes_``, float64, each row summing to one.
        """
        logits = self._outputs(X).astype(np.float64)
        # Shifting by the maximum keeps the exponential finite.
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Any:
        """Say what data is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        return codes.astype(np.int32)

    def _scale_targets(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return targets

    def _head(self) -> Head:
        return ClassHead(len(self.classes_))

    def _default_loss(self) -> Any:
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def _held_out(
        self, targets: np.ndarray, n_held_out: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Take the same share of each class, rounded down, so that none is used up."""
        share = n_held_out / len(targets)
        members = (np.flatnonzero(targets == code) for code in np.unique(targets))
        return np.concatenate([rng.permutation(m)[: int(share * len(m))] for m in members])
