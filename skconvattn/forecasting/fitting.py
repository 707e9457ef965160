"""The fit of a forecaster to a panel of series, as its hyperparameters say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.engine import FittedModel
from skconvattn.engine.isolation import generator_from
from skconvattn.forecasting.agreement import check_columns
from skconvattn.forecasting.fitted import FittedForecast, last_window
from skconvattn.forecasting.series.calendar import calendar_features_for
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.history import History, Panel, split_panel
from skconvattn.forecasting.series.seasonality import seasonal_period
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.forecasting.series.windowing import (
    WindowSpec,
    checked_window_length,
    wanted_window_length,
    window_length_for,
)
from skconvattn.forecasting.training import ForecastTrainer, TrainingSeries
from skconvattn.networks import HorizonHead, ModelSpec, PointOutput, output_of

_LOGGER = logging.getLogger("skconvattn")

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
        panel, factor = self._rescaled(self._panel(y, X))
        fitted = self._fit_panel(panel, X, n_ahead, start)
        return replace(fitted, noise_factor=factor), panel

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
        panel, channels = self._panel(y, X), fitted.channels
        check_columns(X, channels.encoder)
        if channels.mixed and channels.n_targets != panel.n_targets:
            raise ValueError(
                f"y has {panel.n_targets} columns, but pretrain saw {channels.n_targets} with "
                "channels='mixed'; give as many, or use channels='shared'."
            )
        timeline = Timeline.of(panel.first.y.index)
        channels = replace(channels, n_targets=panel.n_targets, timeline=timeline)
        panel = _scaled_as(fitted, panel)
        fitted = replace(fitted, channels=channels)
        return self._resumed(fitted, panel, epochs).on(panel), panel

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
        panel = panel.extended(y, X, fitted.channels.timeline, scaled=scaled)
        if strategy == "refit":
            panel, factor = self._rescaled(panel.rescaled(scaled=scaled))
            before, horizon = fitted.channels.encoder, fitted.window.horizon
            fitted = self._fit_panel(panel, None, horizon, before=before)
            return replace(fitted, noise_factor=factor), panel
        panel = _scaled_as(fitted, panel, set(panel.keys) - known)
        if strategy == "finetune":
            epochs = self.parameters.finetune_epochs
            epochs = max(1, len(fitted.history["loss"]) // 10) if epochs is None else epochs
            if epochs:
                fitted = self._resumed(fitted, panel, epochs)
        return fitted.on(panel), panel

    def _panel(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
        return Panel.of(y, X, scaled=self.parameters.normalization is not None)

    def _rescaled(self, panel: Panel) -> tuple[Panel, float]:
        """Return several series scaled by their noise, and the factor; one series as it is."""
        if len(panel.keys) == 1 or self.parameters.normalization is None:
            return panel, 0.0
        period = self._season(panel.longest.y.iloc[:, 0])
        factor = panel.noise_factor(period)
        return panel.rescaled_by_noise(period, factor), factor

    def _fit_panel(
        self,
        panel: Panel,
        X: pd.DataFrame | None,
        n_ahead: int,
        start: Start | None = None,
        before: CovariateEncoder | None = None,
    ) -> FittedForecast:
        """Train on a panel; of several windows, the one with the lowest loss is taken.

        Rows of ``X`` later than the series tell which columns are future covariates; columns of an
        earlier encoder keep their role.
        """
        seed = np.random.SeedSequence(
            int(generator_from(self.parameters.random_state).integers(2**63))
        )
        longest = panel.longest.y
        period = self._season(longest.iloc[:, 0])
        channels = self._channels(panel, X, Timeline.of(longest.index), period, before)
        candidates = [
            self._fit_window(panel, channels, window, period, seed, start)
            for window in self._windows(panel, n_ahead, period)
        ]
        # Without a held-out part there is no loss to compare: the first one is taken.
        return min(candidates, key=lambda each: (np.isnan(each.best_loss), each.best_loss))

    def _resumed(self, fitted: FittedForecast, panel: Panel, epochs: int) -> FittedForecast:
        """Resume training for some epochs on all windows of a panel, and correct for its series."""
        if epochs == 0 and fitted.maps is None:
            return fitted
        trainer = self._trainer(fitted.model.spec, fitted.window, fitted.period)
        series = training_series(panel, fitted.channels, fitted.window)
        correct_one = fitted.maps is not None
        model, maps = trainer.train_on(series, fitted.model, epochs, correct_one=correct_one)
        return replace(fitted, model=model, maps=maps)

    def _fit_window(
        self,
        panel: Panel,
        channels: Channels,
        window: WindowSpec,
        period: int,
        seed: np.random.SeedSequence,
        start: Start | None,
    ) -> FittedForecast:
        spec = self._spec(channels, window, period)
        series = training_series(panel, channels, window)
        trainer = self._trainer(spec, window, period)
        trained = trainer.fit(series, seed, None if start is None else start(spec))
        return FittedForecast(
            model=trained.model,
            # Training repeats the first values of short series; changes are measured without that.
            intervals=trained.intervals.on(panel.keys, panel.targets),
            window=window,
            channels=channels,
            period=period,
            history=trained.search.history,
            best_loss=trained.search.best_loss,
            maps=trained.maps,
        )

    def _season(self, y: pd.Series) -> int:
        given = self.parameters.seasonal_period
        return seasonal_period(y) if given == "auto" else int(given)

    def _channels(
        self,
        panel: Panel,
        X: pd.DataFrame | None,
        timeline: Timeline,
        period: int,
        before: CovariateEncoder | None,
    ) -> Channels:
        parameters = self.parameters
        return Channels(
            encoder=self._encoder(panel, X, before),
            n_targets=panel.n_targets,
            mixed=parameters.channels == "mixed" and panel.n_targets > 1,
            has_missing=panel.has_inner_gaps,
            cycle=period if parameters.learned_cycle and period > 1 else 0,
            timeline=timeline,
        )

    def _encoder(
        self, panel: Panel, X: pd.DataFrame | None, before: CovariateEncoder | None
    ) -> CovariateEncoder:
        parameters = self.parameters
        asked = (parameters.past_regressors, parameters.static_regressors)
        is_auto = all(isinstance(each, str) and each == "auto" for each in asked)
        features = parameters.calendar_features
        if X is None and panel.first.X is None and features is None and is_auto:
            return CovariateEncoder()
        given = {} if X is None else split_panel(X)
        indices = [history.y.index for history in panel.histories]
        return CovariateEncoder.of(
            [given.get(key, history.covariates) for key, history in panel],
            indices,
            past=parameters.past_regressors if before is None else before.past,
            static=parameters.static_regressors if before is None else before.static,
            calendar=calendar_features_for(features, indices[0]),
            unknown_category=parameters.unknown_category,
        )

    def _windows(self, panel: Panel, n_ahead: int, period: int) -> list[WindowSpec]:
        """Return the windows to try, with the horizon."""
        lengths = panel.lengths
        typical, longest = int(np.median(lengths)), max(lengths)
        # A horizon too long to learn from the series is reached by recursion.
        horizon = max(1, min(n_ahead if n_ahead > 0 else period, typical // 2))
        given = self.parameters.window_length
        if isinstance(given, str):
            length = window_length_for(typical, horizon, period)
            wanted = wanted_window_length(horizon, period)
            if length < wanted - wanted % period:
                _LOGGER.info(
                    "A window of %d time steps, instead of %d, is the longest that leaves enough "
                    "of %d to learn from.",
                    length,
                    wanted,
                    typical,
                )
            return [WindowSpec(length, horizon)]
        asked = [int(length) for length in np.atleast_1d(given)]
        return [WindowSpec(checked_window_length(length, longest), horizon) for length in asked]

    def _spec(self, channels: Channels, window: WindowSpec, period: int) -> ModelSpec:
        parameters = self.parameters
        normalization = parameters.normalization
        head = HorizonHead(
            horizon=window.horizon,
            n_known=channels.n_future,
            n_past=channels.n_past,
            output=output_of(parameters.quantiles, PointOutput("mean_absolute_error")),
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
        loss = spec.head.output.loss()
        return ForecastTrainer(
            spec=spec,
            window=window,
            period=period,
            plan=lambda n_training: parameters._training_plan(
                n_training, loss, stops_early=parameters.early_stopping
            ),
            fraction=parameters.validation_fraction,
            refit=parameters.refit,
            conformal=parameters.conformal,
            correct=parameters.series_correction,
        )


def training_series(panel: Panel, channels: Channels, window: WindowSpec) -> TrainingSeries:
    """Return the channels of a panel as training sees them.

    Parameters
    ----------
    panel : Panel
        Series on the scale of the network.
    channels : Channels
        Channels of the network's input.
    window : WindowSpec
        Window and horizon; series no longer than a window repeat their first values in front.
    """
    pairs = [part for history in panel.histories for part in _with_actual(history, channels)]
    separate = any(bool(np.isnan(actual).any()) for _, actual in pairs)
    arrays = []
    for array, actual in pairs:
        whole = np.concatenate([array, actual], axis=1) if separate else array
        n_own = len(whole)
        if n_own <= window.length:
            whole = last_window(whole, window.length + max(1, n_own // 2))
        arrays.append(whole)
    return TrainingSeries(
        tuple(arrays), n_past=channels.n_past, separate_targets=separate, keys=panel.keys
    )


def _with_actual(history: History, channels: Channels) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return channels and values, NaN where missing, of each target up to its last value."""
    filled, missing = history.scaled_targets()
    actual = np.where(missing, np.nan, filled).astype(np.float32)
    ends = len(actual) - history.trailing_gaps(together=channels.mixed)
    return [
        (array[:end], actual[:end, [i]])
        for i, (array, end) in enumerate(zip(channels.of(history), ends, strict=True))
    ]


def _scaled_as(fitted: FittedForecast, panel: Panel, only: Collection[Any] | None = None) -> Panel:
    """Return a panel, or some of its series by key, scaled as the model was trained."""
    if not fitted.noise_factor:
        return panel
    return panel.rescaled_by_noise(fitted.period, fitted.noise_factor, only)
