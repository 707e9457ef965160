"""The training behind a forecaster's fit: stop early, measure errors, and train on all data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.engine.copies import train_copies
from skconvattn.engine.programs import changed_model, drawn_model
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.further_networks import between, further_networks
from skconvattn.forecasting.out_of_sample import Judgement, OutOfSample, Residuals
from skconvattn.forecasting.series.windowing import WindowSpec
from skconvattn.forecasting.training_series import TrainingSeries
from skconvattn.intervals import IntervalModel
from skconvattn.members.combination import MEMBERS, Combination
from skconvattn.members.linear import LinearStart
from skconvattn.members.series_maps import SeriesMaps, fitted_maps
from skconvattn.members.shares import network_share
from skconvattn.networks import HorizonHead, ModelSpec, PointOutput

# Where fewer windows are held out, errors on earlier windows are used as well.
_FEW_HELD_OUT = 256


@dataclass(frozen=True)
class TrainedForecast:
    """The result of the training of a forecaster.

    Attributes
    ----------
    model : FittedModel
        Trained on all data if asked for, else on the training part; between the start of training
        and its end by the share that errors support.
    search : TrainingResult
        The training that was stopped early, with its history.
    n_epochs : int
        Epochs of training behind the model; 0 where training did not help.
    network : float
        Share of the trained network in the model; what training began with has the rest.
    intervals : IntervalModel
        Interval model, from errors out of sample.
    maps : SeriesMaps or None
        Corrections of the forecasts of the model, by series.
    combination : Combination or None
        Weights of the model and of the univariate members.
    """

    model: FittedModel
    search: TrainingResult
    n_epochs: int
    network: float
    intervals: IntervalModel
    maps: SeriesMaps | None = None
    combination: Combination | None = None


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
    members : sequence of str
        What the forecast is averaged from.
    """

    spec: ModelSpec
    window: WindowSpec
    period: int
    plan: Callable[[int], TrainingPlan]
    fraction: float
    refit: bool
    conformal: bool = False
    correct: bool = False
    members: Sequence[str] = MEMBERS

    def fit(
        self,
        series: TrainingSeries,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
        univariate: UnivariateTargets | None = None,
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
        univariate : UnivariateTargets, optional
            Univariate members of the same series, with which the model is combined.

        Returns
        -------
        TrainedForecast
            Model, history and intervals.
        """
        windows = series.windows(self.window)
        judge = OutOfSample(self._head, self.window, self.period, series, windows)
        training, held_out = self.window.split_all(series.lengths, self.fraction)
        if len(held_out) == 0:
            return self._fit_whole(judge, seed, start, univariate)
        linear, resumed = None, start
        if resumed is None:
            linear = self._linear(judge, training)
            start = self._started(linear, windows, training, seed)
        else:
            start = resumed.networks[0]
        plan = self.plan(len(training))
        search = self._train(windows, plan, seed, start, training=training, validation=held_out)
        share = 1.0 if search.best_epoch else 0.0
        if start is not None and plan.patience is not None and "linear" in self.members:
            share = self._share(judge, start, search.model, held_out)
        model = between(start, search.model, share)
        if not self.refit and share > 0:
            shorter = replace(plan, epochs=search.best_epoch, patience=None, callbacks=())
            begun = resumed or start
            model = self._averaged(model, windows, shorter, seed, begun, share, training)
        maps = self._maps(model, judge, training)
        errors = [judge.residuals(model, held_out, maps)]
        is_corrected = maps is not None and len(maps.kernels) > 0
        if linear is not None and not is_corrected and len(held_out) < _FEW_HELD_OUT:
            errors.insert(0, judge.left_out(linear, training, self.spec))
        if self.refit:
            everything = np.arange(len(windows))
            if resumed is None:
                start = self._started(linear, windows, everything, seed)
            model = self._refitted(windows, seed, resumed or start, search.best_epoch, share)
            maps = self._maps(model, judge, everything, before=maps)
        n_epochs = search.best_epoch if share > 0 else 0
        found = self._combined(judge, errors, univariate)
        network = share if n_epochs else 0.0
        return TrainedForecast(
            model, search, n_epochs, network, found.intervals, maps, found.combination
        )

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
            n_networks = model.spec.n_networks
            plan = replace(self.plan(len(windows)), epochs=epochs, patience=None)
            plan = replace(plan, n_networks=n_networks)
            rng = np.random.default_rng(sum(series.lengths))
            model = train_copies(self.spec, windows, plan, rng, start=model).model
        judge = OutOfSample(self._head, self.window, self.period, series, windows)
        everything = np.arange(len(windows))
        return model, self._maps(model, judge, everything, correct_one=correct_one)

    def solved_anew(
        self, series: TrainingSeries, model: FittedModel
    ) -> tuple[FittedModel, SeriesMaps | None]:
        """Learn the linear start of a model, in which the network has no share, from longer series.

        Parameters and results are those of :meth:`train_on`.
        """
        windows = series.windows(self.window)
        judge = OutOfSample(self._head, self.window, self.period, series, windows)
        everything = np.arange(len(windows))
        linear = self._linear(judge, everything)
        if linear is not None:
            drawn = linear.model(self.spec, windows, everything, np.random.default_rng(0))
            model = changed_model(model, drawn, lambda now, new: self._head.blend(now, new, 0.0))
        return model, self._maps(model, judge, everything)

    def weighed(
        self, series: TrainingSeries, model: FittedModel, univariate: UnivariateTargets | None
    ) -> Combination | None:
        """Weigh a model that was trained on other series against the univariate members.

        Parameters
        ----------
        series : TrainingSeries
            Scaled channels of every series.
        model : FittedModel
            The model.
        univariate : UnivariateTargets or None
            Univariate members of the series; None gives no combination.
        """
        judge = OutOfSample(
            self._head, self.window, self.period, series, series.windows(self.window)
        )
        errors = judge.residuals(model, np.arange(len(judge.windows)))
        return self._combined(judge, [errors], univariate).combination

    def _fit_whole(
        self,
        judge: OutOfSample,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
        univariate: UnivariateTargets | None,
    ) -> TrainedForecast:
        """Fit to a series too short to hold anything out.

        Nothing says when training of a point forecast would have to stop: unless the number of
        epochs is the user's own, it is not trained. Errors are those of the start on blocks left
        out, or of the seasonal naive forecast, since errors on the training data are too small.
        """
        windows = judge.windows
        everything = np.arange(len(windows))
        plan = self.plan(len(windows))
        linear = None if start is not None else self._linear(judge, everything)
        is_point = isinstance(self._head.output, PointOutput)
        if linear is None or not is_point:
            untrained = self._started(None, windows, everything, seed)
            errors = judge.residuals(untrained, everything)
        else:
            errors = judge.left_out(linear, everything, self.spec)
        if start is None:
            start = self._started(linear, windows, everything, seed)
        epochs = 0 if plan.patience is not None and is_point else plan.epochs
        plan = replace(plan, epochs=epochs, patience=None)
        search = self._train(windows, plan, seed, start.networks[0])
        model = search.model
        if epochs:
            model = self._averaged(model, windows, plan, seed, start, 1.0, everything)
        found = self._combined(judge, [errors], univariate)
        return TrainedForecast(
            model,
            search,
            epochs,
            float(epochs > 0),
            found.intervals,
            combination=found.combination,
        )

    def _combined(
        self, judge: OutOfSample, errors: list[Residuals], univariate: UnivariateTargets | None
    ) -> Judgement:
        alone = not {"linear", "network"} & set(self.members)
        return judge.combined(errors, univariate, conformal=self.conformal, alone=alone)

    @property
    def _head(self) -> HorizonHead:
        return cast(HorizonHead, self.spec.head)

    def _linear(self, judge: OutOfSample, training: np.ndarray) -> LinearStart | None:
        return LinearStart.choose(self.spec, judge.windows, training, judge.series_of(training))

    def _started(
        self,
        linear: LinearStart | None,
        windows: Windows,
        training: np.ndarray,
        seed: np.random.SeedSequence,
    ) -> FittedModel:
        """Return the model before training: linear, or as it is drawn."""
        rng = np.random.default_rng(seed)
        if linear is None:
            return drawn_model(self.spec, rng)
        return linear.model(self.spec, windows, training, rng)

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

    def _refitted(
        self,
        windows: Windows,
        seed: np.random.SeedSequence,
        start: FittedModel,
        epochs: int,
        share: float,
    ) -> FittedModel:
        """Train on all windows for a number of epochs, as far as its share asks for it."""
        first = start.networks[0]
        if share == 0.0:
            return first
        plan = self.plan(len(windows))
        plan = replace(
            plan,
            epochs=epochs,
            patience=None,
            callbacks=(),
            description=f"{plan.description} on all data",
        )
        model = between(first, self._train(windows, plan, seed, first).model, share)
        return self._averaged(model, windows, plan, seed, start, share, np.arange(len(windows)))

    def _averaged(
        self,
        model: FittedModel,
        windows: Windows,
        plan: TrainingPlan,
        seed: np.random.SeedSequence,
        start: FittedModel,
        share: float,
        training: np.ndarray,
    ) -> FittedModel:
        """Average a trained network with the others of a plan, see :func:`further_networks`."""
        further = further_networks(windows, plan, seed, start, share, training)
        return FittedModel.average_of([model, *further])

    def _share(
        self, judge: OutOfSample, start: FittedModel, trained: FittedModel, held_out: np.ndarray
    ) -> float:
        """Return the share of the trained network that errors on held-out blocks support."""
        losses = [judge.losses(model, held_out) for model in (start, trained)]
        share = network_share(losses[0], losses[1], judge.blocks_of(held_out))
        # Quantiles between those of the start, which are all one, and trained ones are too narrow.
        return share if isinstance(self._head.output, PointOutput) else float(share > 0)

    def _maps(
        self,
        model: FittedModel,
        judge: OutOfSample,
        chosen: np.ndarray,
        *,
        before: SeriesMaps | None = None,
        correct_one: bool = False,
    ) -> SeriesMaps | None:
        """Return the corrections by series; None for a single series, whose model is its own."""
        series = judge.series
        if not self.correct or (len(series.arrays) == 1 and not correct_one):
            return None
        of_series = judge.series_of(chosen)
        return fitted_maps(
            model, judge.windows, chosen, of_series, series.keys, series.n_targets, before
        )
