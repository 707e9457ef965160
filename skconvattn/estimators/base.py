"""The base class of regressors and classifiers: from checked series to a trained network."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skconvattn.data import Rows
from skconvattn.data.panel import Panel, Preparation
from skconvattn.data.rows import canonical_rows
from skconvattn.engine.isolation import restored_on_error
from skconvattn.engine.programs import FittedModel
from skconvattn.estimators.averaging import FEWEST_COMPARED, MEMBER_RECORDS
from skconvattn.estimators.bases import BaseEstimator
from skconvattn.estimators.choices import log_choices
from skconvattn.estimators.held_out import with_validation_data
from skconvattn.estimators.inputs import (
    check_shape,
    checked_weights,
    series_to_predict,
    training_data,
)
from skconvattn.estimators.sampling import drawn_outputs
from skconvattn.estimators.training import NetworkTraining
from skconvattn.persistence.saving import Saveable

if TYPE_CHECKING:
    import keras


class _Fitted:
    """Types of what a fit sets; annotations of an estimator itself would declare parameters."""

    _preparation_: Preparation
    _n_further_epochs_: int
    _same_classes_: bool
    history_: dict[str, list[float]]


class BaseNeuralEstimator(NetworkTraining, Saveable, _Fitted, BaseEstimator, metaclass=ABCMeta):
    """Base of regressors and classifiers."""

    _file_records = MEMBER_RECORDS

    _fitted_attributes: ClassVar[str] = """
    weights_ : pandas.DataFrame of shape (n_outputs, n_members)
        Weights of the members of a prediction, one row per target, with a sum of one.
    fitted_model_ : FittedModel
        Trained weights and the description of the network, as plain data; there is none where no
        network was trained.
    model_ : keras.Model
        The same as a Keras model of its own.
    history_ : dict of str to list of float
        Losses and metrics of the network by epoch; empty where none was trained.
    n_iter_ : int
        Epochs trained; 0 without a network.
    best_loss_ : float
        Loss of the weights that were kept: of the held-out part where there is one.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
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
        log_choices(self)
        return self

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model of scaled series of shape (batch, n_timepoints, n_channels).

        Each channel with missing values has a further channel, which is 1 where a value is missing.
        A model of series of unequal length also takes a boolean mask of shape
        (batch, n_timepoints).
        """
        check_is_fitted(self)
        return self._network().to_keras()

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: three axes and missing values are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    _numeric_targets: ClassVar[bool] = False

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

    def _weighted_by_target(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weights of samples, given those of the user."""
        return weights

    def _train_further(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Train for one epoch from the present weights, if there are any."""
        self._validate_params()
        if getattr(self, "_member_average_", None) is not None:
            warnings.warn(
                "partial_fit trains the network alone, and predictions are those of the network "
                "from here on, without the other members of fit, which need all samples at once; "
                "fit with members=('network',) to go on with it.",
                UserWarning,
                stacklevel=3,
            )
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
            sample_weight = checked_weights(sample_weight, panel.values)
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

    def _inputs(self, X: Any) -> list[np.ndarray]:
        """Return the network's inputs for series no longer than those of the fit."""
        panel = series_to_predict(self, X)
        check_shape(self, panel, self._preparation_, longest=self._preparation_.n_timepoints)
        return self._preparation_.inputs(panel, np.arange(len(panel)))

    def _outputs(self, X: Any) -> np.ndarray:
        """Return predictions of series, averaged over members."""
        check_is_fitted(self)
        panel = series_to_predict(self, X)
        groups = list(self._preparation_.by_length(panel))
        parts = [
            self._averaged(self._preparation_.inputs(panel, rows, n_timepoints), n_timepoints)
            for n_timepoints, rows in groups
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts)[np.argsort(np.concatenate([rows for _, rows in groups]))]

    def _network(self) -> FittedModel:
        """Return the network.

        Raises
        ------
        AttributeError
            If none was trained.
        """
        if not hasattr(self, "fitted_model_"):
            raise AttributeError(
                f"This {type(self).__name__} was fitted without a network, since what it could add "
                f"is not told from chance by fewer than {FEWEST_COMPARED} held-out samples; fit "
                "with members=('network',), or name 'network' among others."
            )
        return self.fitted_model_

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
                self._network().for_length(n_timepoints),
                self._preparation_.inputs(panel, rows, n_timepoints),
            )
            for n_timepoints, rows in groups
        ]
        return models, np.concatenate([rows for _, rows in groups])
