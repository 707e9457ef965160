"""The base class of classifiers of time series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skconvattn._hyperparameters import hyperparameter
from skconvattn.data import Rows
from skconvattn.data.panel import Panel
from skconvattn.engine import TrainingPlan
from skconvattn.engine.isolation import restored_on_error
from skconvattn.engine.programs import FittedModel
from skconvattn.estimators import file_state
from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.estimators.bases import ClassifierMixin
from skconvattn.estimators.losses import class_loss
from skconvattn.members.calibration import cross_entropies
from skconvattn.members.class_vote import CLASS_MEMBERS, ClassVote
from skconvattn.networks import ClassHead, ClassOutput, Head, ModelSpec


class BaseNeuralClassifier(ClassifierMixin, BaseNeuralEstimator):
    """Base of all classifiers."""

    _parameter_group = "prediction"

    _file_attributes = file_state.CLASSIFIER
    _check_file_state: ClassVar[Callable[[Any], None]] = staticmethod(file_state.check_classifier)

    _fitted_attributes: ClassVar[str] = (
        """
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    """.rstrip()
        + BaseNeuralEstimator._fitted_attributes
    )

    class_weight: Any = hyperparameter(
        default=None,
        constraints=[dict, StrOptions({"balanced"}), None],
        doc="""
        dict, "balanced" or None
        Weight of each class by its label, one where it is left out. "balanced" gives all classes
        the same total weight.
        """,
    )

    _all_members = CLASS_MEMBERS
    _classifies = True

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
        return self._outputs(X)

    def sample(self, X: Any, n_samples: int = 100, random_state: Any = None) -> np.ndarray:
        """Draw probabilities by Monte-Carlo dropout, with dropout as in training.

        Each sample drops other features of the network. The spread shows the uncertainty of the
        network alone, and not the noise of the target. After Gal and Ghahramani (2016), "Dropout as
        a Bayesian Approximation".

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series as for :meth:`fit`, of the shape seen there.
        n_samples : int, default=100
            Number of predictions to draw for each series.
        random_state : int, numpy.random.RandomState or None
            Seed of the samples; ``random_state`` of the estimator by default.

        Returns
        -------
        ndarray of shape (n_samples, n_classes, n_samples_drawn)
            Probabilities, float64, each sample summing to one over the classes.

        Raises
        ------
        ValueError
            If the network has no dropout, ``n_samples`` is below 1, or series are not valid.
        """
        drawn = self._drawn_outputs(X, n_samples, random_state)
        return np.moveaxis(ClassOutput(len(self.classes_)).probabilities(drawn), 0, -1)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one more epoch, on all samples given, from the present weights.

        The first call starts from new weights, unless :meth:`fit` trained a network before.
        Predictions are those of the network from then on: other members need all samples at once.
        Scaling, time steps and classes are those of the first call or fit; the optimiser begins
        anew each time.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series, as for :meth:`fit`.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), optional
            All labels that any call will bring; those of ``y`` by default. Later calls may leave
            it out.
        sample_weight : array-like of shape (n_samples,), optional
            Weights, not negative.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If parameters or data are not valid, or there is a new class; the estimator is then as
            it was before.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} counts the classes of all samples, which "
                "partial_fit does not see; give the weights as a dict."
            )
        with restored_on_error(self):
            self._remember_classes(classes)
            self._train_further(X, y, sample_weight)
        return self

    def _remember_classes(self, classes: Any) -> None:
        """Store the classes of a first call, and compare those of a later one with them."""
        if classes is None:
            return
        classes = np.unique(column_or_1d(classes))
        if not hasattr(self, "fitted_model_"):
            self.classes_ = classes
        elif not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes={classes.tolist()} are not those of the first call, "
                f"{self.classes_.tolist()}; leave them out, or fit anew."
            )

    def _encode_targets(self, y: np.ndarray, panel: Panel, *, resume: bool) -> np.ndarray:
        if hasattr(y, "toarray") or (y.ndim == 2 and y.shape[1] > 1):
            raise ValueError(
                f"y has the shape {y.shape}, several labels per sample, and "
                f"{type(self).__name__} learns one; give a classifier to each column with "
                "sklearn.multioutput.MultiOutputClassifier."
            )
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        present = np.unique(y)
        if not resume and not (self._n_further_epochs_ and hasattr(self, "classes_")):
            before = getattr(self, "classes_", present)
            self._same_classes_ = bool(np.array_equal(before, present))
            self.classes_ = present
        # NumPy compares text with the text of numbers, whose order is another.
        comparable = (present.dtype.kind in "US") == (self.classes_.dtype.kind in "US")
        comparable |= object in (present.dtype, self.classes_.dtype)
        new = present[~np.isin(present, self.classes_)] if comparable else present
        if len(new):
            raise ValueError(
                f"y has the class {new.tolist()[0]!r}, which is none of {self.classes_.tolist()}; "
                "give partial_fit all classes in its first call, or fit anew."
            )
        return np.searchsorted(self.classes_, y).astype(np.int32)

    def _weighted_by_target(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Multiply by class weights; "balanced" counts each sample by its weight."""
        if self.class_weight is None:
            return weights
        if self.class_weight == "balanced":
            sums = np.bincount(targets, weights)
            # Samples of one class are worth as much together as those of another.
            weights = weights * (weights.sum() / (np.count_nonzero(sums) * sums[targets]))
        else:
            # A class that is given a weight need not be among these samples.
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_[targets]
            )
            weights = weights * by_class[targets]
        if not weights.any() or not np.all((weights >= 0) & (weights < np.inf)):
            raise ValueError(
                f"class_weight={self.class_weight!r} must give every class a weight that is not "
                "negative, and one of those in y a positive one."
            )
        return weights

    def _scale_targets(
        self, targets: np.ndarray, weights: np.ndarray, *, resume: bool
    ) -> np.ndarray:
        return targets

    def _only_network_learns(self) -> str | None:
        return None if isinstance(self.loss, str) and self.loss == "auto" else "loss"

    def _fit_members(
        self, source: Rows, targets: np.ndarray, names: Sequence[str], rng: np.random.Generator
    ) -> tuple[ClassVote, np.ndarray]:
        return ClassVote.fit(
            source.inputs,
            source.mask,
            targets,
            source.weights.astype(np.float64),
            n_classes=len(self.classes_),
            members=names,
            n_dilations=self.pattern_dilations,
            rng=rng,
        )

    def _as_averaged(self, outputs: np.ndarray) -> np.ndarray:
        return ClassOutput(len(self.classes_)).probabilities(outputs)

    def _losses(self, averaged: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return cross_entropies(averaged, targets)

    def _head(self) -> Head:
        return ClassHead(ClassOutput(len(self.classes_)))

    def _default_loss(self) -> Any:
        return ClassOutput(len(self.classes_)).loss()

    def _training_plan(
        self, n_training: int, automatic_loss: Any, *, stops_early: bool
    ) -> TrainingPlan:
        plan = super()._training_plan(n_training, automatic_loss, stops_early=stops_early)
        if plan.loss is automatic_loss:
            return plan
        return replace(plan, loss=class_loss(plan.loss, len(self.classes_)))

    def _warm_model(self, spec: ModelSpec) -> FittedModel | None:
        # Weights that were trained for other labels are no start.
        return super()._warm_model(spec) if self._same_classes_ else None

    def _held_out(
        self, targets: np.ndarray, n_held_out: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Take the same share of each class, rounded down, so that each keeps training samples."""
        share = n_held_out / len(targets)
        members = (np.flatnonzero(targets == code) for code in np.unique(targets))
        return np.concatenate([rng.permutation(m)[: int(share * len(m))] for m in members])
