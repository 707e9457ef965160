"""The fit of a forecaster to a panel of series, as its hyperparameters say."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.engine import FittedModel, TrainingPlan
from skconvattn.engine.isolation import generator_from
from skconvattn.forecasting.agreement import check_columns
from skconvattn.forecasting.choices import log_choices
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.preparing import (
    all_seasons,
    attended_seasons,
    channels_for,
    encoder_for,
    first_season,
    is_mixed,
    windows_for,
)
from skconvattn.forecasting.series.calendar import holiday_features_for
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.forecasting.series.windowing import (
    WindowSpec,
)
from skconvattn.forecasting.training import ForecastTrainer
from skconvattn.forecasting.training_series import TrainingSeries
from skconvattn.members.combination import MEMBERS
from skconvattn.members.pretrained import Pretrained
from skconvattn.networks import HorizonHead, ModelSpec, PointOutput, output_of

Start = Callable[[ModelSpec], FittedModel | None]


@dataclass(frozen=True)
class ForecastFitter:
    """Fits to series, resumes from a fit to other series, and updates with further values.

    Attributes
    ----------
    parameters : ForecastingParameters
        A forecaster, of which the parameters alone are read.
    """

    parameters: Any

    def fit(
        self, y: pd.DataFrame, X: pd.DataFrame | None, n_ahead: int, start: Start | None = None
    ) -> tuple[FittedForecast, Panel]:
        """Train on checked series.

        Parameters
        ----------
        y, X : pandas.DataFrame
            Targets and covariates in sktime's containers; ``X`` may be None.
        n_ahead : int
            Steps to forecast directly; 0 for one season.
        start : callable, optional
            ``start(spec)`` gives weights to resume from, or None.

        Returns
        -------
        fitted : FittedForecast
            Record of the fit.
        panel : Panel
            Series up to their ends, on the scale of the network.
        """
        return self._fit_panel(
            self._panel(y, X, partial(first_season, self.parameters.seasonal_period)),
            X,
            n_ahead,
            start,
        )

    def fit_from(
        self, fitted: FittedForecast, y: pd.DataFrame, X: pd.DataFrame | None, epochs: int
    ) -> tuple[FittedForecast, Panel]:
        """Resume from a fit to other series, and train on these for some epochs.

        Parameters and results are otherwise those of :meth:`fit`.

        Raises
        ------
        ValueError, TypeError
            If columns of ``y`` or ``X`` are not those of the other series.
        """
        panel, channels = self._panel(y, X, fitted.period), fitted.channels
        check_columns(X, channels.encoder)
        panel = self._explained(panel, channels.encoder)
        if channels.mixed and channels.n_targets != panel.n_targets:
            raise ValueError(
                f"y has {panel.n_targets} columns, but pretrain saw {channels.n_targets} with "
                "channels='mixed'; give as many, or use channels='shared'."
            )
        timeline = Timeline.of(panel.first.y.index)
        channels = replace(channels, n_targets=panel.n_targets, timeline=timeline)
        univariate = self._univariate(panel, fitted.window.horizon)
        panel = _scaled_as(fitted, self._on_logs(panel, univariate))
        fitted = replace(fitted, channels=channels)
        fitted = self._resumed(fitted, panel, epochs).on(panel)
        if univariate is not None:
            series = TrainingSeries.of(panel, channels, fitted.window)
            trainer = self._trainer(fitted.model.spec, fitted.window, fitted.period)
            weighed = trainer.weighed(series, fitted.model, univariate.on(panel))
            fitted = replace(fitted, combination=weighed)
        return fitted, panel

    def update(
        self,
        fitted: FittedForecast,
        panel: Panel,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        strategy: str,
    ) -> tuple[FittedForecast, Panel]:
        """Add further values to the series, and train as a strategy says.

        Parameters
        ----------
        fitted, panel
            Record of the fit, and the series so far.
        y, X : pandas.DataFrame
            Further targets and covariates, checked; ``X`` may be None.
        strategy : {"finetune", "refit", "none"}
            See ``update_strategy``.

        Returns
        -------
        tuple
            Results as of :meth:`fit`.
        """
        scaled, known = self.parameters.normalization is not None, set(panel.keys)
        panel = panel.extended(
            y, X, fitted.channels.timeline, fitted.channels.encoder, scaled=scaled
        )
        if strategy == "refit":
            period = first_season(self.parameters.seasonal_period, panel.longest.y.iloc[:, 0])
            panel, horizon = panel.rescaled(period, scaled=scaled), fitted.window.horizon
            return self._fit_panel(panel, None, horizon, before=fitted.channels.encoder)
        panel = _scaled_as(fitted, panel, set(panel.keys) - known)
        if strategy == "finetune":
            epochs = self.parameters.finetune_epochs
            if epochs is None:
                epochs = -(-fitted.n_epochs // 10)
            if epochs == 0 and fitted.network == 0.0 and self.parameters.finetune_epochs is None:
                fitted = self._solved_anew(fitted, panel)
            elif epochs:
                fitted = self._resumed(fitted, panel, epochs)
        fitted = fitted.on(panel)
        if fitted.combination is None:
            return fitted, panel
        if strategy == "none" and set(panel.keys) == known:
            return fitted, panel
        univariate = self._univariate(panel, fitted.window.horizon)
        if univariate is not None:
            combination = fitted.combination.on(panel.keys, univariate.univariate)
            fitted = replace(fitted, combination=combination)
        return fitted, panel

    def _panel(self, y: pd.DataFrame, X: pd.DataFrame | None, period: Any) -> Panel:
        parameters = self.parameters
        holidays = holiday_features_for(
            parameters.holidays, next(iter(split_panel(y).values())).index
        )
        return Panel.of(y, X, period, holidays, scaled=parameters.normalization is not None)

    def _explained(self, panel: Panel, encoder: CovariateEncoder) -> Panel:
        """Return the panel with the effects that covariates are found to have."""
        if not self.parameters.covariate_effects:
            return panel
        return panel.explained(encoder, scaled=self.parameters.normalization is not None)

    def _rescaled(self, panel: Panel) -> tuple[Panel, float]:
        """Return several series scaled by their noise, and the factor; one series as it is."""
        if len(panel.keys) == 1 or self.parameters.normalization is None:
            return panel, 0.0
        period = panel.first.period
        factor = panel.noise_factor(period)
        return panel.rescaled_by_noise(period, factor), factor

    def _fit_panel(
        self,
        panel: Panel,
        X: pd.DataFrame | None,
        n_ahead: int,
        start: Start | None = None,
        before: CovariateEncoder | None = None,
    ) -> tuple[FittedForecast, Panel]:
        """Train on a panel; of several windows, the one with the lowest loss is taken.

        Rows of ``X`` later than the series tell which columns are future covariates; columns of an
        earlier encoder keep their role.
        """
        seed = np.random.SeedSequence(
            int(generator_from(self.parameters.random_state).integers(2**63))
        )
        encoder = encoder_for(self.parameters, panel, X, before)
        panel = self._explained(panel, encoder)
        windows = windows_for(self.parameters, panel, n_ahead)
        univariate = self._univariate(panel, windows[0].horizon)
        panel, factor = self._rescaled(self._on_logs(panel, univariate))
        univariate = None if univariate is None else univariate.on(panel)
        longest = panel.longest.y
        channels = channels_for(self.parameters, panel, encoder, Timeline.of(longest.index))
        candidates = [
            self._fit_window(panel, channels, window, seed, start, univariate) for window in windows
        ]
        # Without a held-out part there is no loss to compare: the first one is taken.
        best = min(candidates, key=lambda each: (np.isnan(each.best_loss), each.best_loss))
        fitted = replace(best, noise_factor=factor)
        log_choices(self.parameters, fitted, panel)
        return fitted, panel

    def _resumed(self, fitted: FittedForecast, panel: Panel, epochs: int) -> FittedForecast:
        """Resume training for some epochs on all windows of a panel, and correct for its series."""
        if epochs == 0 and fitted.maps is None:
            return fitted
        trainer = self._trainer(fitted.model.spec, fitted.window, fitted.period)
        series = TrainingSeries.of(panel, fitted.channels, fitted.window)
        correct_one = fitted.maps is not None
        model, maps = trainer.train_on(series, fitted.model, epochs, correct_one=correct_one)
        return replace(fitted, model=model, maps=maps)

    def _solved_anew(self, fitted: FittedForecast, panel: Panel) -> FittedForecast:
        """Learn the linear model anew where the network has no share in the forecast."""
        trainer = self._trainer(fitted.model.spec, fitted.window, fitted.period)
        series = TrainingSeries.of(panel, fitted.channels, fitted.window)
        model, maps = trainer.solved_anew(series, fitted.model)
        return replace(fitted, model=model, maps=maps)

    def _fit_window(
        self,
        panel: Panel,
        channels: Channels,
        window: WindowSpec,
        seed: np.random.SeedSequence,
        start: Start | None,
        univariate: UnivariateTargets | None,
    ) -> FittedForecast:
        period, parameters = panel.first.period, self.parameters
        spec = self._spec(channels, window, period, of_mean=self._forecasts_mean(panel))
        series = TrainingSeries.of(panel, channels, window)
        trainer = self._trainer(spec, window, period)
        trained = trainer.fit(series, seed, None if start is None else start(spec), univariate)
        return FittedForecast(
            model=trained.model,
            # Training repeats the first values of short series; changes are measured without that.
            intervals=trained.intervals.on(panel.keys, panel.targets),
            window=window,
            channels=channels,
            period=period,
            history=trained.search.history,
            best_loss=trained.search.best_loss,
            n_epochs=trained.n_epochs,
            lower=-np.inf if parameters.lower_bound is None else float(parameters.lower_bound),
            upper=np.inf if parameters.upper_bound is None else float(parameters.upper_bound),
            network=trained.network,
            maps=trained.maps,
            combination=trained.combination,
        )

    def _univariate(self, panel: Panel, horizon: int) -> UnivariateTargets | None:
        """Return the univariate members of a panel; None where all are switched off."""
        of_mean, members = self._forecasts_mean(panel), self._members
        on_values, on_logs = (kind in members for kind in ("smoothing", "log smoothing"))
        periods = all_seasons(self.parameters.seasonal_period, panel)
        mixed = is_mixed(self.parameters, panel)
        pretrained = None
        # Beside the mean by smoothing, that of a few quantiles is not worth its time.
        if "pretrained" in members and not (of_mean and (on_values or on_logs)):
            seasons = attended_seasons(self.parameters.seasonal_period, panel)
            pretrained = Pretrained(seasons, mean=of_mean)
        if not (on_values or on_logs or pretrained):
            return None
        return UnivariateTargets.choose(
            panel,
            periods,
            horizon,
            mixed=mixed,
            smoothed=on_values or on_logs,
            pretrained=pretrained,
            # The exponential function of a mean of logarithms is no mean.
            kinds=(on_values or of_mean, on_logs and not of_mean),
            squared=of_mean,
            rare=of_mean and panel.is_rare,
        )

    def _forecasts_mean(self, panel: Panel) -> bool:
        """Whether the mean is forecast instead of the median."""
        asked = self.parameters.point_forecast
        return asked == "mean" or (asked == "auto" and panel.is_rare)

    def _on_logs(self, panel: Panel, univariate: UnivariateTargets | None) -> Panel:
        """Return the panel with the logarithms of those targets scaled that they suit better."""
        if univariate is None or self.parameters.normalization is None:
            return panel
        return panel.on_logs(univariate.mostly_logs)

    @property
    def _members(self) -> tuple[str, ...]:
        """Names of what the forecast is averaged from."""
        members = self.parameters.members
        if not isinstance(members, str):
            return tuple(members)
        return tuple(name for name in MEMBERS if self.parameters.pretrained or name != "pretrained")

    def _spec(
        self, channels: Channels, window: WindowSpec, period: int, *, of_mean: bool
    ) -> ModelSpec:
        parameters = self.parameters
        point = PointOutput("mean_squared_error" if of_mean else "mean_absolute_error")
        normalization = parameters.normalization
        head = HorizonHead(
            horizon=window.horizon,
            n_known=channels.n_future,
            n_past=channels.n_past,
            output=output_of(parameters.quantiles, point),
            normalization=None if normalization == "series" else normalization,
            linear=parameters.linear_skip,
            seasonal_period=period,
            dropout=parameters.branch_dropout,
            cycle=channels.cycle > 0,
        )
        n_channels = 1 + channels.n_past + channels.n_future
        return ModelSpec.of(parameters, head, n_timepoints=window.length, n_channels=n_channels)

    def _trainer(self, spec: ModelSpec, window: WindowSpec, period: int) -> ForecastTrainer:
        parameters = self.parameters
        assert isinstance(spec.head, HorizonHead)
        loss, members = spec.head.output.loss(), self._members

        def plan(n_training: int) -> TrainingPlan:
            stops_early = parameters.early_stopping
            found = parameters._training_plan(n_training, loss, stops_early=stops_early)
            return found if "network" in members else replace(found, epochs=0)

        return ForecastTrainer(
            spec=spec.single,
            window=window,
            period=period,
            plan=plan,
            fraction=parameters.validation_fraction,
            refit=parameters.refit,
            conformal=parameters.conformal,
            correct=parameters.series_correction,
            members=self._members,
        )


def _scaled_as(fitted: FittedForecast, panel: Panel, only: Collection[Any] | None = None) -> Panel:
    """Return a panel, or some of its series by key, scaled as the model was trained."""
    if not fitted.noise_factor:
        return panel
    return panel.rescaled_by_noise(fitted.period, fitted.noise_factor, only)
