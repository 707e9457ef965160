"""How a forecaster learns: channels, windows, seasons and training from panels of series."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.engine import FittedModel
from skconvattn.forecasting.fitting import ForecastFitter, TrainingSeries
from skconvattn.forecasting.forecasts import Learned, last_window
from skconvattn.forecasting.parameters import ForecastingParameters
from skconvattn.forecasting.series.calendar import calendar_features_for
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import RegressorEncoder
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.series.seasonality import seasonal_period
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.forecasting.series.windowing import (
    Cut,
    checked_window_length,
    wanted_window_length,
    window_length_for,
)
from skconvattn.networks import HorizonHead, ModelSpec, Network

_LOGGER = logging.getLogger("skconvattn")


class LearningForecaster(ForecastingParameters, Network):
    """The part of a forecaster that turns a panel into something learned."""

    def _panel(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
        return Panel.of(y, X, scaled=self.normalization is not None)

    def _evened(self, panel: Panel) -> tuple[Panel, float]:
        """Return several series scaled by their noise, and the factor; one series as it is."""
        if len(panel.keys) == 1 or self.normalization is None:
            return panel, 0.0
        period = self._season(panel.longest.y.iloc[:, 0])
        factor = panel.noise_factor(period)
        return panel.evened(period, factor), factor

    def _learn(
        self,
        panel: Panel,
        X: pd.DataFrame | None,
        n_ahead: int,
        seed: np.random.SeedSequence,
        start: Any = None,
        before: RegressorEncoder | None = None,
    ) -> Learned:
        """Train on a panel.

        Parameters
        ----------
        panel : Panel
            Histories.
        X : pandas.DataFrame or None
            Regressors as given: later rows than those of the series tell what is known ahead.
        n_ahead : int
            Steps to forecast directly; 0 for a season.
        seed : numpy.random.SeedSequence
            Source of all random numbers.
        start : callable, optional
            ``start(spec)`` gives weights to go on from, or None.
        before : RegressorEncoder, optional
            Of an earlier fit: columns keep the part that they had.

        Returns
        -------
        Learned
            The result.
        """
        longest = panel.longest.y
        period = self._season(longest.iloc[:, 0])
        channels = self._channels(panel, X, Timeline.of(longest.index), period, before)
        candidates = [
            self._learn_cut(panel, channels, cut, period, seed, start)
            for cut in self._cuts(panel, n_ahead, period)
        ]
        # Without a held-out part there is no loss to compare: the first one is taken.
        return min(candidates, key=lambda each: (np.isnan(each.best_loss), each.best_loss))

    def _learn_cut(
        self,
        panel: Panel,
        channels: Channels,
        cut: Cut,
        period: int,
        seed: np.random.SeedSequence,
        start: Any,
    ) -> Learned:
        spec = self._spec(channels, cut, period)
        result = self._fitter(spec, cut, period).fit(
            training_series(panel, channels, cut), seed, None if start is None else start(spec)
        )
        return Learned(
            model=result.model,
            calibration=result.calibration,
            locality=result.locality,
            maps=result.maps,
            spreads=result.spreads,
            cut=cut,
            channels=channels,
            period=period,
            history=result.search.history,
            best_loss=result.search.best_loss,
        )

    def _train_on(self, learned: Learned, panel: Panel, epochs: int) -> Learned:
        """Go on training for some epochs on all windows of a panel, and correct for its series."""
        if epochs == 0 and learned.maps is None:
            return learned
        fitter = self._fitter(learned.model.spec, learned.cut, learned.period)
        series = training_series(panel, learned.channels, learned.cut)
        even_one = learned.maps is not None
        model, maps = fitter.train_on(series, learned.model, epochs, even_one=even_one)
        return replace(learned, model=model, maps=maps)

    def _adopt(self, learned: Learned, panel: Panel) -> Learned:
        """Return what was learned on other series, for the targets and time stamps of a panel."""
        channels = learned.channels
        if channels.mixed and channels.n_targets != panel.n_targets:
            raise ValueError(
                f"y has {panel.n_targets} columns, but pretrain saw {channels.n_targets} with "
                "channels='mixed'; give as many, or use channels='shared'."
            )
        timeline = Timeline.of(panel.first.y.index)
        return replace(
            learned, channels=replace(channels, n_targets=panel.n_targets, timeline=timeline)
        )

    def _season(self, y: pd.Series) -> int:
        if self.seasonal_period == "auto":
            return seasonal_period(y)
        return int(self.seasonal_period)

    def _channels(
        self,
        panel: Panel,
        X: pd.DataFrame | None,
        timeline: Timeline,
        period: int,
        before: RegressorEncoder | None,
    ) -> Channels:
        given = {} if X is None else split_panel(X)
        indices = [history.y.index for history in panel.histories]
        frames = [given.get(key, history.regressors) for key, history in panel]
        encoder = RegressorEncoder.of(
            frames,
            indices,
            past=self.past_regressors if before is None else before.past,
            static=self.static_regressors if before is None else before.static,
            calendar=calendar_features_for(self.calendar_features, indices[0]),
        )
        return Channels(
            encoder=encoder,
            n_targets=panel.n_targets,
            mixed=self.channels == "mixed" and panel.n_targets > 1,
            marked=any(bool(h.y.isna().to_numpy().any()) for h in panel.histories),
            cycle=period if self.learned_cycle and period > 1 else 0,
            timeline=timeline,
        )

    def _cuts(self, panel: Panel, n_ahead: int, period: int) -> list[Cut]:
        """Return the windows to try, with the horizon."""
        lengths = [len(history.y) for history in panel.histories]
        typical, longest = int(np.median(lengths)), max(lengths)
        # A horizon beyond what the series can teach is reached by recursion.
        horizon = max(1, min(n_ahead if n_ahead > 0 else period, typical // 2))
        if isinstance(self.window_length, str):
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
            return [Cut(length, horizon)]
        asked = [int(length) for length in np.atleast_1d(self.window_length)]
        return [Cut(checked_window_length(length, longest), horizon) for length in asked]

    def _spec(self, channels: Channels, cut: Cut, period: int) -> ModelSpec:
        head = HorizonHead(
            horizon=cut.horizon,
            n_known=channels.n_known,
            n_past=channels.n_past,
            quantiles=() if self.quantiles is None else tuple(map(float, self.quantiles)),
            normalization=None if self.normalization == "series" else self.normalization,
            linear=self.linear_skip,
            seasonal_period=period,
            dropout=self.branch_dropout,
            cycle=channels.cycle > 0,
        )
        n_channels = 1 + channels.n_past + channels.n_known
        return ModelSpec.of(self, head, n_timepoints=cut.window_length, n_channels=n_channels)

    def _fitter(self, spec: ModelSpec, cut: Cut, period: int) -> ForecastFitter:
        return ForecastFitter(
            spec=spec,
            cut=cut,
            period=period,
            plan=lambda n_training: self._training_plan(
                n_training, self._automatic_loss(), stops_early=self.early_stopping
            ),
            fraction=self.validation_fraction,
            refit=self.refit,
            conformal=self.conformal,
            correct=self.series_correction,
        )

    def _automatic_loss(self) -> str:
        if self.quantiles is None:
            return "mean_absolute_error"
        return "pinball:" + ",".join(str(float(level)) for level in self.quantiles)

    def _warm_start(self, spec: ModelSpec) -> FittedModel | None:
        return self._warm_model(spec)


def training_series(panel: Panel, channels: Channels, cut: Cut) -> TrainingSeries:
    """Return the channels of a panel as training sees them.

    Parameters
    ----------
    panel : Panel
        Histories.
    channels : Channels
        What the network sees.
    cut : Cut
        Window and horizon; series no longer than a window repeat their first values in front.
    """
    pairs = [_with_truth(history, channels) for history in panel.histories]
    apart = any(missing for _, missing in pairs)
    arrays = []
    for parts, _ in pairs:
        for array, truth in parts:
            whole = np.concatenate([array, truth], axis=1) if apart else array
            n_own = len(whole)
            if n_own <= cut.window_length:
                whole = last_window(whole, cut.window_length + max(1, n_own // 2))
            arrays.append(whole)
    return TrainingSeries(
        tuple(arrays), n_past=channels.n_past, targets_apart=apart, keys=panel.keys
    )


def _with_truth(history: Any, channels: Channels) -> tuple[list[Any], bool]:
    """Return the channels of each target with its values as they are, NaN where missing."""
    filled, missing = history.scaled_targets()
    truth = np.where(missing, np.nan, filled).astype(np.float32)
    arrays = channels.of(history)
    return [(array, truth[:, [i]]) for i, array in enumerate(arrays)], bool(missing.any())
