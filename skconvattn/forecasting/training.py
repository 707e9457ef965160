"""The training behind a forecaster's fit: stop early, measure held-out errors, train on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.forecasting.series.windowing import WindowSpec
from skconvattn.intervals import HeldOutErrors, IntervalModel
from skconvattn.members.linear import LinearStart
from skconvattn.members.series_maps import SeriesMaps, fitted_maps
from skconvattn.networks import POINT, HorizonHead, ModelSpec

# Where fewer windows are held out, errors on earlier windows are used as well.
_FEW_HELD_OUT = 256


@dataclass(frozen=True, eq=False)
class TrainingSeries:
    """The channels of all series in training.

    Attributes
    ----------
    arrays : tuple of ndarray of shape (n_timepoints, n_channels)
        Channels of every target of every series, and the targets again in a last column where
        values are missing; float32.
    n_past : int
        Number of channels of past covariates, which follow the first channel, the target.
    separate_targets : bool
        Whether the last column, which is no input, has the targets.
    keys : tuple of tuple
        Names of the series.
    """

    arrays: tuple[np.ndarray, ...]
    n_past: int
    separate_targets: bool
    keys: tuple[tuple[Any, ...], ...] = ((),)

    @property
    def n_targets(self) -> int:
        """Number of targets of each series."""
        return len(self.arrays) // len(self.keys)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps of each series."""
        return tuple(len(array) for array in self.arrays)

    def windows(self, window: WindowSpec) -> Windows:
        """Return every window that is followed by at least one step."""
        return Windows.over(
            self.arrays,
            window.length,
            window.horizon,
            n_past=self.n_past,
            separate_targets=self.separate_targets,
        )


@dataclass(frozen=True)
class TrainedForecast:
    """The result of the training of a forecaster.

    Attributes
    ----------
    model : FittedModel
        Trained on all data if asked for, else on the training part.
    search : TrainingResult
        The training that was stopped early, with its history.
    intervals : IntervalModel
        Interval model, from errors on the held-out part.
    maps : SeriesMaps or None
        Corrections of the forecasts of the model, by series.
    """

    model: FittedModel
    search: TrainingResult
    intervals: IntervalModel
    maps: SeriesMaps | None = None


@dataclass(frozen=True)
class ForecastTrainer:
    """All that training needs except the series.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    window : WindowSpec
        Window and horizon.
    period : int
        Time steps of a season.
    plan : Callable
        ``plan(n_training) -> TrainingPlan``.
    fraction : float
        Share of the series held out at its end.
    refit : bool
        Whether to train again on all windows for as many epochs as were best.
    conformal : bool
        Whether quantiles are corrected by their errors on the held-out part.
    correct : bool
        Whether a model of several series is corrected for each of them.
    """

    spec: ModelSpec
    window: WindowSpec
    period: int
    plan: Callable[[int], TrainingPlan]
    fraction: float
    refit: bool
    conformal: bool = False
    correct: bool = False

    def fit(
        self,
        series: TrainingSeries,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
    ) -> TrainedForecast:
        """Train on one series or many.

        Parameters
        ----------
        series : TrainingSeries
            Scaled channels of every series.
        seed : numpy.random.SeedSequence
            Seed from which both trainings draw the same initial weights.
        start : FittedModel or None
            Weights to resume from.

        Returns
        -------
        TrainedForecast
            Model, history and intervals.
        """
        windows = series.windows(self.window)
        training, held_out = self.window.split_all(series.lengths, self.fraction)
        if len(held_out) == 0:
            return self._fit_all(series, windows, seed, start)
        of_series = self.window.series_of(training, series.lengths)
        linear = None
        if start is None:
            linear = LinearStart.choose(self.spec, windows, training, of_series)
        if linear is not None:
            start = linear.model(self.spec, windows, training, np.random.default_rng(seed))
        plan = self.plan(len(training))
        search = self._train(windows, plan, seed, start, training=training, validation=held_out)
        maps = self._maps(search.model, series, windows, training)
        errors = self._errors(search.model, series, windows, held_out, maps)
        earlier = None
        is_corrected = maps is not None and len(maps.kernels) > 0
        if linear is not None and not is_corrected and len(held_out) < _FEW_HELD_OUT:
            indices, left_out = linear.errors_left_out(self.spec, windows, training, of_series)
            rows = windows.batch(indices)[0][0]
            earlier = self._measured(POINT, left_out[..., None], rows, series, indices)
        model = search.model
        if self.refit:
            everything = np.arange(len(windows))
            if linear is not None:
                start = linear.model(self.spec, windows, everything, np.random.default_rng(seed))
            plan = replace(self.plan(len(windows)), epochs=search.best_epoch, callbacks=())
            model = self._train(windows, _unstopped(plan), seed, start).model
            maps = self._maps(model, series, windows, everything, before=maps)
        return TrainedForecast(model, search, self._intervals(errors, series, earlier), maps)

    def train_on(
        self, series: TrainingSeries, model: FittedModel, epochs: int, *, correct_one: bool
    ) -> tuple[FittedModel, SeriesMaps | None]:
        """Resume the training of a model on all windows of longer or other series.

        Parameters
        ----------
        series : TrainingSeries
            Scaled channels of every series.
        model : FittedModel
            Weights to resume from.
        epochs : int
            Epochs; none leaves the model as it is.
        correct_one : bool
            Whether a single series is corrected as well, since the model comes from others.

        Returns
        -------
        model : FittedModel
            The model after training.
        maps : SeriesMaps or None
            Corrections of its forecasts, by series.
        """
        windows = series.windows(self.window)
        if epochs:
            plan = replace(self.plan(len(windows)), epochs=epochs, patience=None)
            rng = np.random.default_rng(sum(series.lengths))
            model = train(self.spec, windows, plan, rng, start=model).model
        everything = np.arange(len(windows))
        return model, self._maps(model, series, windows, everything, correct_one=correct_one)

    @property
    def _head(self) -> HorizonHead:
        return cast(HorizonHead, self.spec.head)

    def _train(
        self,
        windows: Windows,
        plan: TrainingPlan,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
        **parts: np.ndarray,
    ) -> TrainingResult:
        rng = np.random.default_rng(seed)
        return train(self.spec, windows, plan, rng, start=start, **parts)

    def _maps(
        self,
        model: FittedModel,
        series: TrainingSeries,
        windows: Windows,
        chosen: np.ndarray,
        *,
        before: SeriesMaps | None = None,
        correct_one: bool = False,
    ) -> SeriesMaps | None:
        """Return the corrections by series; None for a single series, whose model is its own."""
        if not self.correct or (len(series.arrays) == 1 and not correct_one):
            return None
        of_series = self.window.series_of(chosen, series.lengths)
        return fitted_maps(model, windows, chosen, of_series, series.keys, series.n_targets, before)

    def _errors(
        self,
        model: FittedModel,
        series: TrainingSeries,
        windows: Windows,
        indices: np.ndarray,
        maps: SeriesMaps | None = None,
    ) -> HeldOutErrors:
        """Measure a model's errors on windows that it was not trained on."""
        inputs, targets, present = windows.batch(indices)
        forecasts = model.predict(inputs).astype(np.float64)  # (n_windows, horizon, n_values)
        if maps is not None:
            positions = maps.positions[self.window.series_of(indices, series.lengths)]
            point = self._head.output.point(forecasts)
            added = maps.correction(inputs[0], point, positions, self._head.normalization)
            forecasts += added[..., None]
        residuals = np.where(present[..., None] > 0, targets - forecasts, np.nan)
        return self._measured(self._head.output, residuals, inputs[0], series, indices)

    def _measured(
        self,
        output: Any,
        residuals: np.ndarray,
        rows: np.ndarray,
        series: TrainingSeries,
        indices: np.ndarray,
    ) -> HeldOutErrors:
        """Combine residuals with the windows, (n, window_length, n_channels), before them."""
        of_series = self.window.series_of(indices, series.lengths)
        return HeldOutErrors.of(output, residuals, rows[..., 0], of_series, self.period)

    def _intervals(
        self, errors: HeldOutErrors, series: TrainingSeries, earlier: HeldOutErrors | None = None
    ) -> IntervalModel:
        return IntervalModel.fit(
            errors,
            period=self.period,
            keys=series.keys,
            targets=[array[:, 0] for array in series.arrays],
            earlier=earlier,
            conformal=self.conformal,
        )

    def _fit_all(
        self,
        series: TrainingSeries,
        windows: Windows,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
    ) -> TrainedForecast:
        """Train on a series too short to hold anything out.

        Intervals come from the errors of the untrained model, the seasonal naive forecast: training
        errors would be too small.
        """
        untrained = replace(_unstopped(self.plan(1)), epochs=0, callbacks=())
        naive = self._train(windows, untrained, seed, None).model
        plan = replace(self.plan(len(windows)), patience=None)
        result = self._train(windows, plan, seed, start)
        errors = self._errors(naive, series, windows, np.arange(len(windows)))
        return TrainedForecast(result.model, result, self._intervals(errors, series))


def _unstopped(plan: TrainingPlan) -> TrainingPlan:
    """Return a plan that is silent and trains for all of its epochs."""
    return replace(plan, patience=None, verbose=0)
