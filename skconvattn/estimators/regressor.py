"""The base class of regressors of time series: of values, quantiles or whole sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from skconvattn._hyperparameters import hyperparameter
from skconvattn.data import Rows
from skconvattn.data.panel import Panel
from skconvattn.data.scaling import Scaling
from skconvattn.engine import TrainingPlan
from skconvattn.estimators import file_state
from skconvattn.estimators.base import BaseNeuralEstimator
from skconvattn.estimators.bases import RegressorMixin
from skconvattn.estimators.losses import check_values, value_loss
from skconvattn.intervals import quantile_shifts
from skconvattn.members.value_average import VALUE_MEMBERS, ValueAverage
from skconvattn.networks import (
    Head,
    Output,
    PointOutput,
    QuantileOutput,
    SequenceHead,
    ValueHead,
    output_of,
)
from skconvattn.networks.outputs import check_quantiles
from skconvattn.persistence.budget import Budget


class BaseNeuralRegressor(RegressorMixin, BaseNeuralEstimator):
    """Base of all regressors."""

    _parameter_group = "prediction"

    _file_attributes = file_state.REGRESSOR
    _check_file_state: ClassVar[Callable[[Any, Budget], None]] = staticmethod(
        file_state.check_regressor
    )

    linear_skip: bool = hyperparameter(
        default=True,
        constraints=["boolean"],
        doc="""
        bool
        Whether a linear map of the whole series is added to the network; with ``sequence``, a
        linear map of each time step by itself.
        """,
    )
    quantiles: Any = hyperparameter(
        default=None,
        constraints=["array-like", None],
        doc="""
        sequence of float or None
        Increasing levels of quantiles, which are learned jointly and never cross; ``predict`` then
        gives the median and ``predict_quantiles`` all of them. Samples held out for early stopping
        also correct their coverage; without held-out samples, quantiles stay as they were trained.
        """,
    )
    sequence: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether the target has one value per time step, ``y`` of shape (n_samples, n_timepoints).
        """,
    )

    _numeric_targets: ClassVar[bool] = True
    _all_members = VALUE_MEMBERS

    def predict(self, X: Any) -> np.ndarray:
        """Predict values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series as for :meth:`fit`, of the shape seen there.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_timepoints)
            Predicted values in the units of ``y``, float64: the median where ``quantiles`` were
            learned.
        """
        values = self._values(X)
        return self._as_given(self._output().point(values))

    @available_if(lambda self: getattr(self, "_levels_", ()) or self.quantiles is not None)
    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Predict the quantiles at the levels of ``quantiles``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series as for :meth:`fit`, of the shape seen there.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Quantiles in the units of ``y``, float64, increasing along the last axis. The axis of
            outputs is that of ``y``, time steps with ``sequence``.

        Raises
        ------
        ValueError
            If series are not valid, or ``quantiles`` was set after the fit.
        """
        values = self._values(X)
        if not self._asked_for_:
            raise ValueError(
                f"quantiles={self.quantiles} was set after the fit, which learned none; fit anew."
            )
        output = QuantileOutput(self._levels_)
        return self._as_given(output.quantiles(values, np.array(self._asked_for_)))

    def sample(self, X: Any, n_samples: int = 100, random_state: Any = None) -> np.ndarray:
        """Draw values by Monte-Carlo dropout, with dropout as in training.

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
        ndarray of shape (n_samples, n_samples_drawn) or (n_samples, n_outputs, n_samples_drawn)
            Values in the units of ``y``, float64: medians where ``quantiles`` were learned.

        Raises
        ------
        ValueError
            If the network has no dropout, ``n_samples`` is below 1, or series are not valid.
        """
        drawn = self._drawn_outputs(X, n_samples, random_state)
        output = self._output()
        points = [output.point(self._in_units(outputs)) for outputs in drawn]
        return np.stack([self._as_given(point) for point in points], axis=-1)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one more epoch, on all samples given, from the present weights.

        The first call starts from new weights, unless :meth:`fit` trained a network before.
        Predictions are those of the network from then on: other members need all samples at once.
        Scaling and time steps are those of the first call or fit, as is the correction of
        quantiles; the optimiser begins anew each time.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Series, as for :meth:`fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), optional
            Weights, not negative.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If parameters or data are not valid; the estimator is then as it was before.
        """
        self._train_further(X, y, sample_weight)
        return self

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: several targets are accepted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_lengths(self, panel: Panel) -> None:
        if self.sequence and panel.lengths is not None:
            raise ValueError(
                "sequence=True needs series of equal length, and those of X have "
                f"{panel.lengths.min()} to {panel.lengths.max()} time steps; cut them to one."
            )

    def _encode_targets(self, y: np.ndarray, panel: Panel, *, resume: bool) -> np.ndarray:
        if not isinstance(y, np.ndarray):
            raise TypeError(
                f"y is a sparse {type(y).__name__}, and targets have to be dense; use y.toarray()."
            )
        targets = y.reshape(len(y), -1).astype(np.float64)
        check_quantiles(self.quantiles, self.loss)
        check_values(self.loss, targets)
        if resume:
            self._check_further_targets(y)
            return targets
        self._asked_for_ = () if self.quantiles is None else tuple(map(float, self.quantiles))
        self._levels_ = tuple(sorted({*self._asked_for_, 0.5})) if self._asked_for_ else ()
        self._one_value_per_step_ = bool(self.sequence)
        self._single_output_ = y.ndim == 1
        self._n_outputs_ = targets.shape[1]
        if self.sequence:
            self._check_sequences(y, panel)
        return targets

    def _check_sequences(self, y: np.ndarray, panel: Panel) -> None:
        if self.augmentation:
            raise ValueError(
                f"augmentation={self.augmentation} changes when things happen, and sequence=True "
                "has one value per time step; use augmentation=0."
            )
        n_timepoints = panel.values.shape[1]
        if y.ndim != 2 or y.shape[1] != n_timepoints:
            raise ValueError(
                f"sequence=True needs one value per time step, y of shape ({len(y)}, "
                f"{n_timepoints}), and y has {y.shape}; give such values, or use sequence=False."
            )

    def _check_further_targets(self, y: np.ndarray) -> None:
        shape = () if self._single_output_ else (self._n_outputs_,)
        if y.shape[1:] != shape:
            raise ValueError(
                f"y has {y.shape}, and that of the first call had {('n_samples', *shape)}; give "
                "the same targets, or fit anew."
            )

    def _scale_targets(
        self, targets: np.ndarray, weights: np.ndarray, *, resume: bool
    ) -> np.ndarray:
        if self._one_value_per_step_:
            targets = targets[..., None]  # all time steps have one scale
        if not resume:
            self._target_scaling_ = Scaling.of(targets, weights)
        scaled = self._target_scaling_.apply(targets)
        if self._one_value_per_step_ and not self._levels_:
            return scaled[..., 0]
        return scaled[..., None] if self._levels_ and not self._one_value_per_step_ else scaled

    def _only_network_learns(self) -> str | None:
        if self._levels_:
            return "quantiles"
        if self._one_value_per_step_:
            return "sequence"
        return None if isinstance(self.loss, str) and self.loss == "auto" else "loss"

    def _fit_members(
        self, source: Rows, targets: np.ndarray, names: Sequence[str], rng: np.random.Generator
    ) -> tuple[ValueAverage, np.ndarray]:
        return ValueAverage.fit(
            source.inputs,
            source.mask,
            source.targets.astype(np.float64),
            source.weights.astype(np.float64),
            members=names,
            n_dilations=self.pattern_dilations,
            rng=rng,
        )

    def _losses(self, averaged: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.square(averaged - targets).mean(axis=1)

    def _head(self) -> Head:
        if self._one_value_per_step_:
            return SequenceHead(self._output(), linear=self.linear_skip)
        return ValueHead(self._n_outputs_, self._output(), linear=self.linear_skip)

    def _default_loss(self) -> Any:
        return self._output().loss()

    def _training_plan(
        self, n_training: int, automatic_loss: Any, *, stops_early: bool
    ) -> TrainingPlan:
        plan = super()._training_plan(n_training, automatic_loss, stops_early=stops_early)
        if plan.loss is automatic_loss:
            return plan
        return replace(plan, loss=value_loss(plan.loss, self._target_scaling_))

    def _output(self) -> Output:
        return output_of(self._levels_ or None, PointOutput("mean_squared_error"))

    def _held_out(
        self, targets: np.ndarray, n_held_out: int, rng: np.random.Generator
    ) -> np.ndarray:
        return rng.permutation(len(targets))[:n_held_out]

    def _calibrate(self, source: Rows, validation: np.ndarray) -> None:
        self._shifts_ = np.zeros((self._n_outputs_, len(self._levels_)))
        if not self._levels_ or not len(validation):
            return
        inputs, targets, weights = source.batch(validation)
        errors = targets - self.fitted_model_.predict(inputs)  # (n_samples, n_outputs, n_levels)
        # The steps of a sequence share their shifts.
        parts = [errors] if self._one_value_per_step_ else np.split(errors, errors.shape[1], axis=1)
        shifts = [quantile_shifts(part, weights, self._levels_) for part in parts]
        self._shifts_ = np.broadcast_to(np.stack(shifts), self._shifts_.shape).copy()

    def _values(self, X: Any) -> np.ndarray:
        """Return values in the units of ``y``: (n_samples, n_outputs, n_levels), float64."""
        return self._in_units(self._outputs(X))

    def _in_units(self, outputs: np.ndarray) -> np.ndarray:
        if not self._levels_:
            return self._target_scaling_.reverse(outputs)[..., None]
        # Each level is shifted by itself; sorted, quantiles do not cross.
        shifted = np.sort(outputs + self._shifts_, axis=-1)
        return self._target_scaling_.reverse(shifted.swapaxes(1, 2)).swapaxes(1, 2)

    def _as_given(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] if self._single_output_ else values
