"""How the network of a regressor or classifier is trained, and when training ends."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.data import Rows
from skconvattn.data.panel import Preparation
from skconvattn.engine import TrainingParameters, TrainingPlan
from skconvattn.engine.copies import train_copies
from skconvattn.engine.isolation import generator_from
from skconvattn.engine.parameters import batch_size_for
from skconvattn.engine.programs import in_distribution_scope
from skconvattn.engine.training import without_validation
from skconvattn.estimators.augmentation import copies_too, with_copies
from skconvattn.estimators.averaging import FEWEST_COMPARED, NETWORK, MemberAverage
from skconvattn.estimators.cross_fitting import cross_fitted
from skconvattn.estimators.parameters import AugmentationParameters
from skconvattn.members.forest import left_out_parts
from skconvattn.networks import Head, ModelSpec

# Fewer held-out samples say too little about when to stop.
_FEWEST_HELD_OUT = 20
# Epochs, and steps in them, that patience="auto" waits for, and the fewest epochs of many steps.
_EPOCHS_WAITED, _STEPS_WAITED, _FEWEST_EPOCHS_WAITED = 15, 1000, 5


class _Trained:
    """Types of what a fit sets; annotations of an estimator itself would declare parameters."""

    _preparation_: Preparation
    _n_further_epochs_: int
    history_: dict[str, list[float]]
    n_iter_: int
    best_loss_: float


class NetworkTraining(
    MemberAverage, AugmentationParameters, TrainingParameters, _Trained, patience="auto"
):
    """Fits the members of a prediction, and trains the network beside them."""

    _classifies: ClassVar[bool] = False

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

    def _calibrate(self, source: Rows, validation: np.ndarray) -> None:
        """Measure the trained network's errors on samples that it was not trained on."""

    def _train(
        self, source: Rows, targets: np.ndarray, *, resume: bool, only_one_epoch: bool
    ) -> None:
        rng = generator_from(self.random_state)
        if self._n_further_epochs_:
            # Each epoch has an order of its own.
            rng = rng.spawn(self._n_further_epochs_)[-1]
        # Samples after those with targets are validation data that the user gave.
        training, validation = np.split(np.arange(len(source)), [len(targets)])
        if only_one_epoch:
            self._member_average_, self._network_share_ = None, 1.0
            self._train_network(source, training, validation, None, rng, resume=resume, epochs=1)
            return
        names = self._chosen_members(len(targets), watched=len(validation) > 0)
        closed = [name for name in names if name != NETWORK]
        left_out = None
        self._member_average_, self._network_share_ = None, float(not closed)
        if closed:
            # A stream of its own: the network is the same without other members.
            self._member_average_, left_out = self._fit_members(
                source.taken(training), targets, closed, rng.spawn(1)[0]
            )
        if NETWORK not in names:
            vars(self).pop("fitted_model_", None)
            self.history_, self.n_iter_, self.best_loss_ = {}, 0, math.nan
            return
        if not len(validation):
            training, validation = self._split(
                targets, rng, FEWEST_COMPARED if closed else _FEWEST_HELD_OUT
            )
        self._train_network(source, training, validation, left_out, rng)

    def _train_network(
        self,
        source: Rows,
        training: np.ndarray,
        validation: np.ndarray,
        left_out: np.ndarray | None,
        rng: np.random.Generator,
        *,
        resume: bool = False,
        epochs: int | None = None,
    ) -> None:
        """Train the network, and measure its share in the average with other members.

        Parameters
        ----------
        source : Rows
            All samples.
        training, validation : ndarray
            Indices of the samples to train on, and to stop early by.
        left_out : ndarray of shape (n_samples, ...) or None
            Predictions of other members for samples that they have not seen; None without any.
        rng : numpy.random.Generator
            Source of randomness.
        resume : bool
            Whether to train on from the present weights.
        epochs : int, optional
            Number of epochs; by default as parameters and held-out samples say.
        """
        start = self.fitted_model_ if resume else None
        spec = start.spec.single if start is not None else self._spec()
        if epochs is None:
            start = self._warm_model(spec)
        stops_early = self.early_stopping and len(validation) > 0
        plan = self._training_plan(len(training), self._default_loss(), stops_early=stops_early)
        if epochs is not None:
            n_networks = plan.n_networks if start is None else start.spec.n_networks
            plan = replace(plan, epochs=epochs, n_networks=n_networks)
        elif start is None and not len(validation):
            plan = self._cross_fitted(spec, source, plan, left_out, rng.spawn(1)[0])
        seen = copies_too(training, len(source), self.augmentation)
        result = train_copies(
            spec, self._augmented(source, rng), plan, rng, training=seen, validation=validation,
            start=start,
        )  # fmt: skip
        before = self.history_ if resume else {}
        self.fitted_model_ = result.model
        self.history_ = {
            name: [*before.get(name, []), *losses] for name, losses in result.history.items()
        }
        self.n_iter_ = len(self.history_["loss"])
        self.best_loss_ = result.best_loss
        if not resume:
            self._calibrate(source, validation)
        if left_out is not None and len(validation):
            self._compare(source, validation, left_out)

    def _compare(self, source: Rows, validation: np.ndarray, left_out: np.ndarray) -> None:
        """Measure the share of the network on the samples that it stopped early by."""
        rows = source.taken(validation)
        if validation[-1] < len(left_out):
            of_members = left_out[validation]
        else:  # validation data of the user's, which no member has seen
            average: Any = self._member_average_
            of_members = average.predict(rows.inputs, rows.mask)
        outputs = self.fitted_model_.predict(source.batch(validation)[0])
        self._network_share_ = self._share_of_network(of_members, outputs, rows)

    def _cross_fitted(
        self,
        spec: ModelSpec,
        source: Rows,
        plan: TrainingPlan,
        left_out: np.ndarray | None,
        rng: np.random.Generator,
    ) -> TrainingPlan:
        """Choose the number of epochs with parts left out in turn, and measure the share."""
        load_backend()
        if in_distribution_scope():
            # Replicas share a batch evenly, and parts left out need not divide.
            return plan
        stops_early = self.early_stopping
        parts = left_out_parts(source.targets, len(source), rng, stratified=self._classifies)
        if len(parts) < 2 or (left_out is None and not stops_early):
            return plan
        patience = self._patience(len(source)) if stops_early else None
        outputs, n_epochs = cross_fitted(
            spec,
            self._augmented(source, rng),
            replace(plan, patience=patience),
            parts,
            len(source),
            rng,
            predicts=left_out is not None,
            n_copies=self.augmentation,
        )
        if left_out is not None and outputs is not None:
            order = np.concatenate(parts)
            self._network_share_ = self._share_of_network(
                left_out[order], outputs, source.taken(order)
            )
        # Callbacks that would wait for held-out samples are named before epochs are few.
        callbacks = without_validation(plan)
        return replace(plan, epochs=min(plan.epochs, n_epochs), callbacks=callbacks)

    def _patience(self, n_training: int) -> int:
        """Return the epochs to wait for a lower validation loss, fewer of many steps."""
        if self.patience != "auto":
            return super()._patience(n_training)
        n_steps = math.ceil(n_training / batch_size_for(self.batch_size, n_training))
        return int(np.clip(_STEPS_WAITED // n_steps, _FEWEST_EPOCHS_WAITED, _EPOCHS_WAITED))

    def _augmented(self, source: Rows, rng: np.random.Generator) -> Rows:
        """Return samples with their copies, drawn from a stream of their own."""
        if not self.augmentation:
            return source
        n_channels = len(self._preparation_.scaling.center)
        return with_copies(source, self.augmentation, n_channels, rng.spawn(1)[0])

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
        self, targets: np.ndarray, rng: np.random.Generator, fewest: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Hold samples out, at least ``fewest``; none where parts are left out in turn."""
        n_samples = len(targets)
        n_held_out = round(self.validation_fraction * n_samples)
        if not self.early_stopping or n_held_out < fewest:
            return np.arange(n_samples), np.zeros(0, dtype=int)
        held_out = self._held_out(targets, n_held_out, rng)
        if len(held_out) == n_samples:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} holds out all {n_samples} "
                "distinct samples; use a smaller fraction, or early_stopping=False."
            )
        return np.setdiff1d(np.arange(n_samples), held_out), held_out
