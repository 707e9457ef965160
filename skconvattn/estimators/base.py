"""The base class of regressors and classifiers: from checked series to a trained network."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skconvattn.data import Rows
from skconvattn.data.panel import Panel, Preparation
from skconvattn.data.rows import canonical_rows
from skconvattn.engine import TrainingParameters, train
from skconvattn.engine.isolation import generator_from, restored_on_error
from skconvattn.engine.programs import FittedModel
from skconvattn.estimators.given import check_given
from skconvattn.estimators.held_out import with_validation_data
from skconvattn.estimators.inputs import check_shape, series_to_predict, training_data
from skconvattn.estimators.sampling import drawn_outputs
from skconvattn.networks import Head, ModelSpec, Network
from skconvattn.persistence.saving import Saveable

if TYPE_CHECKING:
    import keras


class _Fitted:
    """Types of what a fit sets; annotations of an estimator itself would declare parameters."""

    _preparation_: Preparation
    _n_further_epochs_: int
    _same_classes_: bool
    fitted_model_: FittedModel
    history_: dict[str, list[float]]


class BaseNeuralEstimator(
    TrainingParameters, Network, Saveable, _Fitted, BaseEstimator, metaclass=ABCMeta
):
    """Base of regressors and classifiers."""

    _fitted_attributes: ClassVar[str] = """
    fitted_model_ : FittedModel
        Trained weights and the description of the network, as plain data.
    model_ : keras.Model
        The same as a Keras model of its own.
    history_ : dict of str to list of float
        Losses and metrics by epoch.
    n_iter_ : int
        Epochs trained.
    best_loss_ : float
        Loss of the weights that were kept: of the held-out part where there is one.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series; NaN where a value is missing. Series of unequal length come as a list of arrays
            of shape (n_timepoints,) or (n_channels, n_timepoints), or as a panel of sktime: a list
            of frames, a frame with a series in each cell, or one whose index has two levels.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values or class labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weights, not negative. A weight of two is the same as giving the sample twice.
        validation_data : tuple of (X, y) or (X, y, sample_weight), optional
            Samples held out, instead of a part of ``X`` and ``y``, all of which is then trained on.
            Held-out series have the shape of those in ``X``, and held-out labels are among those
            in ``y``.

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
            self._n_further_epochs_ = 0
            self._learn(X, y, sample_weight, validation_data, resume=False, only_one_epoch=False)
        return self

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model of scaled series of shape (batch, n_timepoints, n_channels).

        Each channel with missing values has a further channel, which is 1 where a value is missing.
        A model of series of unequal length also takes a boolean mask of shape
        (batch, n_timepoints).
        """
        check_is_fitted(self)
        return self.fitted_model_.to_keras()

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: three axes and missing values are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    _numeric_targets: ClassVar[bool] = False
    # Fewer held-out samples say too little about when to stop.
    _min_validation_samples: ClassVar[int] = 20

    def _check_lengths(self, panel: Panel) -> None:
        """Refuse series of unequal length where the targets need one length."""

    @abstractmethod
    def _encode_targets(self, y: np.ndarray, panel: Panel, *, resume: bool) -> np.ndarray:
        """Return the targets of the loss, and remember how to decode them."""

    @abstractmethod
    def _scale_targets(
        self, targets: np.ndarray, weights: np.ndarray, *, resume: bool
    ) -> np.ndarray:
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

    def _weighted_by_target(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weights of samples, given those of the user."""
        return weights

    def _first_model(
        self, spec: ModelSpec, source: Rows, training: np.ndarray, rng: np.random.Generator
    ) -> FittedModel | None:
        """Return initial weights that depend on the data; None to draw all of them at random."""
        return None

    def _calibrate(self, source: Rows, validation: np.ndarray) -> None:
        """Measure the trained network's errors on samples that it was not trained on."""

    def _train_further(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Train for one epoch from the present weights, if there are any."""
        self._validate_params()
        resume = hasattr(self, "fitted_model_")
        with restored_on_error(self):
            self._n_further_epochs_ = 1 + (self._n_further_epochs_ if resume else 0)
            self._learn(X, y, sample_weight, None, resume=resume, only_one_epoch=True)

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any,
        *,
        resume: bool,
        only_one_epoch: bool,
    ) -> None:
        panel, y = training_data(self, X, y, numeric=self._numeric_targets, reset=not resume)
        if resume:
            check_shape(self, panel, self._preparation_, longest=self._preparation_.n_timepoints)
        targets = self._encode_targets(y, panel, resume=resume)
        if sample_weight is not None:
            sample_weight = _checked_weights(sample_weight, panel.values)
            panel = panel.cut_to(np.flatnonzero(sample_weight))
        # One order for equal data: the fit depends on neither order nor repetition of samples.
        rows, weights = canonical_rows(panel.values, targets, sample_weight, panel.lengths)
        targets = targets[rows]
        weights = self._weighted_by_target(targets, weights)
        if not resume:
            self._preparation_ = Preparation.of(panel, rows, weights)
        series, *mask = self._preparation_.inputs(panel, rows)
        source = Rows(
            series,
            self._scale_targets(targets, weights, resume=resume),
            (weights / weights.mean()).astype(np.float32),
            *mask,
        )
        if validation_data is not None:
            source = with_validation_data(self, source, validation_data)
        self._train(source, targets, resume=resume, only_one_epoch=only_one_epoch)

    def _train(
        self, source: Rows, targets: np.ndarray, *, resume: bool, only_one_epoch: bool
    ) -> None:
        rng = generator_from(self.random_state)
        if self._n_further_epochs_:
            # Each epoch has an order of its own.
            rng = rng.spawn(self._n_further_epochs_)[-1]
        start = self.fitted_model_ if resume else None
        spec = start.spec if start is not None else self._spec()
        # Samples after those with targets are validation data that the user gave.
        training, validation = np.split(np.arange(len(source)), [len(targets)])
        if not only_one_epoch:
            if not len(validation):
                training, validation = self._split(targets, rng)
            start = self._warm_model(spec)
        if start is None:
            start = self._first_model(spec, source, training, rng)
        plan = self._training_plan(
            len(training),
            self._default_loss(),
            stops_early=self.early_stopping and len(validation) > 0,
        )
        if only_one_epoch:
            plan = replace(plan, epochs=1)
        result = train(
            spec, source, plan, rng, training=training, validation=validation, start=start
        )
        before = self.history_ if resume else {}
        self.fitted_model_ = result.model
        self.history_ = {
            name: [*before.get(name, []), *losses] for name, losses in result.history.items()
        }
        self.n_iter_ = len(self.history_["loss"])
        self.best_loss_ = result.best_loss
        if not resume:
            self._calibrate(source, validation)

    def _spec(self) -> ModelSpec:
        preparation = self._preparation_
        return ModelSpec.of(
            self,
            self._head(),
            n_timepoints=preparation.n_timepoints,
            n_channels=preparation.n_channels,
            masked=preparation.masked,
        )

    def _split(
        self, targets: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        n_samples = len(targets)
        n_held_out = round(self.validation_fraction * n_samples)
        if not self.early_stopping or n_held_out < self._min_validation_samples:
            return np.arange(n_samples), np.zeros(0, dtype=int)
        held_out = self._held_out(targets, n_held_out, rng)
        if len(held_out) == n_samples:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} holds out all {n_samples} "
                "distinct samples; use a smaller fraction, or early_stopping=False."
            )
        return np.setdiff1d(np.arange(n_samples), held_out), held_out

    def _inputs(self, X: Any) -> list[np.ndarray]:
        """Return the network's inputs for series no longer than those of the fit."""
        panel = series_to_predict(self, X)
        check_shape(self, panel, self._preparation_, longest=self._preparation_.n_timepoints)
        return self._preparation_.inputs(panel, np.arange(len(panel)))

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs for series."""
        models, order = self._inputs_by_length(X)
        parts = [model.predict(inputs) for model, inputs in models]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)[np.argsort(order)]

    def _drawn_outputs(self, X: Any, n_samples: int, random_state: Any) -> np.ndarray:
        """Return outputs with dropout on: (n_samples, n_series, ...)."""
        models, order = self._inputs_by_length(X)
        parts = list(drawn_outputs(self, models, n_samples, random_state))
        return np.concatenate(parts, axis=1)[:, np.argsort(order)]

    def _inputs_by_length(
        self, X: Any
    ) -> tuple[list[tuple[FittedModel, list[np.ndarray]]], np.ndarray]:
        """Return networks and their inputs by padded length, and which series these are."""
        check_is_fitted(self)
        panel = series_to_predict(self, X)
        groups = list(self._preparation_.by_length(panel))
        models = [
            (
                self.fitted_model_.for_length(n_timepoints),
                self._preparation_.inputs(panel, rows, n_timepoints),
            )
            for n_timepoints, rows in groups
        ]
        return models, np.concatenate([rows for _, rows in groups])


def _checked_weights(sample_weight: Any, series: np.ndarray) -> np.ndarray:
    check_given(sample_weight, "sample_weight")
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
