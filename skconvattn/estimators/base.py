"""What regressors and classifiers share: validation of series, splitting and training."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skconvattn._hyperparameters import hyperparameters
from skconvattn.data import Rows
from skconvattn.data.rows import canonical_rows
from skconvattn.data.scaling import Scaling
from skconvattn.engine import TrainingParameters, train
from skconvattn.engine.atomic import restored_on_error
from skconvattn.engine.saving import Saveable
from skconvattn.engine.seeds import generator_from
from skconvattn.networks import Head, ModelSpec, Network

if TYPE_CHECKING:
    import keras

# Fewer held-out samples say too little about when to stop.
_MIN_VALIDATION_SAMPLES = 20


@hyperparameters
class BaseNeuralEstimator(TrainingParameters, Network, Saveable, BaseEstimator, metaclass=ABCMeta):
    """Base of regressors and classifiers."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series of equal length.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values or class labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weights, not negative. A weight of two is the same as giving the sample twice.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If parameters or data are not valid; the estimator is then as it was before.
        """
        self._validate_params()
        with restored_on_error(self):
            series, y = self._validated_training_data(X, y)
            targets = self._encode_targets(y)
            if sample_weight is not None:
                sample_weight = _checked_weights(sample_weight, series)
            # One order for equal data: the fit depends on neither order nor repetition of samples.
            rows, weights = canonical_rows(series, targets, sample_weight)
            self._train(series[rows], targets[rows], weights)
        return self

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model; scaled series of shape (batch, n_timepoints, n_channels) in."""
        check_is_fitted(self)
        return self.fitted_model_.to_keras()

    @abstractmethod
    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Return what the loss compares with, and remember how to decode it."""

    @abstractmethod
    def _scale_targets(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the targets on the scale of the network."""

    @abstractmethod
    def _head(self) -> Head:
        """Return the head for the encoded targets."""

    @abstractmethod
    def _default_loss(self) -> Any:
        """Return the loss for ``loss="auto"``."""

    @abstractmethod
    def _held_out(
        self, targets: np.ndarray, n_held_out: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Choose the samples of the validation part."""

    def _validated_training_data(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Check data for a fit and bring series to Keras's axes."""
        X, y = validate_data(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=self._numeric_targets,
            dtype=[np.float64, np.float32],
            allow_nd=True,
        )
        return _to_keras_axes(X), y

    def _validated_series(self, X: Any) -> np.ndarray:
        """Check data for a prediction and bring it to Keras's axes."""
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], allow_nd=True)
        series = _to_keras_axes(X)
        if series.shape[1:] != self._series_shape_:
            n_timepoints, n_channels = self._series_shape_
            raise ValueError(
                f"X has {series.shape[1]} time steps and {series.shape[2]} channels, but "
                f"{type(self).__name__} was fitted on {n_timepoints} and {n_channels}; give series "
                "of the shape seen in fit."
            )
        return series

    _numeric_targets: ClassVar[bool] = False

    def _train(self, series: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
        rng = generator_from(self.random_state)
        scaling = Scaling.of(series, weights)
        source = Rows(
            inputs=scaling.apply(series),
            targets=self._scale_targets(targets, weights),
            weights=(weights / weights.mean()).astype(np.float32),
        )
        spec = ModelSpec.of(
            self, self._head(), n_timepoints=series.shape[1], n_channels=series.shape[2]
        )
        training, validation = self._split(targets, rng)
        result = train(
            spec,
            source,
            self._training_plan(
                len(training), self._default_loss(), stops_early=len(validation) > 0
            ),
            rng,
            training=training,
            validation=validation,
            start=self._warm_model(spec),
        )
        self._series_shape_ = series.shape[1:]
        self._scaling_ = scaling
        self.fitted_model_ = result.model
        self.history_ = result.history
        self.n_iter_ = len(result.history["loss"])
        self.best_loss_ = result.best_loss

    def _split(
        self, targets: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        n_samples = len(targets)
        n_held_out = round(self.validation_fraction * n_samples)
        if not self.early_stopping or n_held_out < _MIN_VALIDATION_SAMPLES:
            return np.arange(n_samples), np.zeros(0, dtype=int)
        held_out = self._held_out(targets, n_held_out, rng)
        return np.setdiff1d(np.arange(n_samples), held_out), held_out

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs for series."""
        check_is_fitted(self)
        return self.fitted_model_.predict([self._scaling_.apply(self._validated_series(X))])


def _to_keras_axes(X: np.ndarray) -> np.ndarray:
    """Return series as (n_samples, n_timepoints, n_channels)."""
    if X.ndim > 3:
        raise ValueError(
            f"X has {X.ndim} axes, {X.shape}; give series as (n_samples, n_timepoints) or "
            "(n_samples, n_channels, n_timepoints)."
        )
    return X[:, :, None] if X.ndim == 2 else X.transpose(0, 2, 1)


def _checked_weights(sample_weight: Any, series: np.ndarray) -> np.ndarray:
    weights = _check_sample_weight(
        sample_weight,
        series,
        dtype=np.float64,
        ensure_non_negative=True,
        allow_all_zero_weights=True,
    )
    if not weights.any():
        raise ValueError(
            "sample_weight is zero for every sample; give at least one sample a positive weight."
        )
    return weights
