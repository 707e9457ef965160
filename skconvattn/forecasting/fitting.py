"""A forecaster's fit: train, calibrate on the held-out end, and train again on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.forecasting.calibration import ResidualQuantiles, noise_scale
from skconvattn.forecasting.layout import Cut
from skconvattn.networks import ModelSpec


@dataclass(frozen=True)
class FitResult:
    """What a forecaster's fit gives.

    Attributes
    ----------
    model : FittedModel
        Trained on all data if asked for, else on the training part.
    search : TrainingResult
        The training that was stopped early, with its history.
    calibration : ResidualQuantiles
        Errors on the held-out part.
    """

    model: FittedModel
    search: TrainingResult
    calibration: ResidualQuantiles


@dataclass(frozen=True)
class ForecastFitter:
    """Everything that a fit needs beside the series.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    cut : Cut
        Window and horizon.
    period : int
        Time steps of a season.
    plan : Callable
        ``plan(n_training) -> TrainingPlan``.
    fraction : float
        Share of the series held out at its end.
    refit : bool
        Whether to train again on all windows for as many epochs as were best.
    """

    spec: ModelSpec
    cut: Cut
    period: int
    plan: Callable[[int], TrainingPlan]
    fraction: float
    refit: bool

    def fit(
        self, series: np.ndarray, seed: np.random.SeedSequence, start: FittedModel | None
    ) -> FitResult:
        """Train on one series.

        Parameters
        ----------
        series : ndarray of shape (n_timepoints, 1 + n_known)
            Scaled target and known regressors, float32.
        seed : numpy.random.SeedSequence
            Both trainings draw the same initial weights from it.
        start : FittedModel or None
            Weights to go on from.

        Returns
        -------
        FitResult
            Model, history and calibration.
        """
        windows = Windows.over([series], self.cut.window_length, self.cut.horizon)
        training, held_out = self.cut.split(len(series), self.fraction)
        if len(held_out) == 0:
            return self._fit_all(windows, seed, start)
        search = train(
            self.spec,
            windows,
            self.plan(len(training)),
            np.random.default_rng(seed),
            training=training,
            validation=held_out,
            start=start,
        )
        calibration = self.calibrate(search.model, windows, held_out)
        model = search.model
        if self.refit:
            model = self._refit(windows, search, seed, start)
        return FitResult(model, search, calibration)

    def train_on(self, series: np.ndarray, model: FittedModel, epochs: int) -> FittedModel:
        """Go on training a model on all windows of a longer series."""
        windows = Windows.over([series], self.cut.window_length, self.cut.horizon)
        plan = replace(self.plan(len(windows)), epochs=epochs, patience=None)
        rng = np.random.default_rng(len(series))
        return train(self.spec, windows, plan, rng, start=model).model

    def calibrate(
        self, model: FittedModel, windows: Windows, held_out: np.ndarray
    ) -> ResidualQuantiles:
        """Measure a model's errors on windows that it was not trained on."""
        inputs, targets, present = windows.batch(held_out)
        forecasts = model.predict(inputs)
        middle = forecasts[..., forecasts.shape[-1] // 2].astype(np.float64)
        residuals = np.where(present > 0, targets[..., 0] - middle, np.nan)
        floor = noise_floor(windows.series[: len(windows.series) - self.cut.horizon], self.period)
        return ResidualQuantiles.of(residuals, noise_scale(inputs[0][..., 0], self.period, floor))

    def _refit(
        self,
        windows: Windows,
        search: TrainingResult,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
    ) -> FittedModel:
        plan = replace(self.plan(len(windows)), epochs=search.best_epoch, patience=None, verbose=0)
        return train(
            self.spec,
            windows,
            replace(plan, callbacks=()),
            np.random.default_rng(seed),
            start=start,
        ).model

    def _fit_all(
        self, windows: Windows, seed: np.random.SeedSequence, start: FittedModel | None
    ) -> FitResult:
        """Train on a series too short to hold anything out.

        Its intervals come from the errors of the untrained model, the seasonal naive forecast: the
        training errors would promise too much.
        """
        naive = train(
            self.spec, windows, replace(self.plan(1), epochs=0, verbose=0, callbacks=()),
            np.random.default_rng(seed),
        ).model  # fmt: skip
        result = train(
            self.spec,
            windows,
            replace(self.plan(len(windows)), patience=None),
            np.random.default_rng(seed),
            start=start,
        )
        calibration = self.calibrate(naive, windows, np.arange(len(windows)))
        return FitResult(result.model, result, calibration)


def noise_floor(series: np.ndarray, period: int) -> float:
    """Return the mean absolute change of the target over a season, positive."""
    target = series[:, 0].astype(np.float64)
    lag = period if len(target) > period else 1
    change = np.abs(target[lag:] - target[:-lag])
    return max(float(np.nanmean(change)) if len(change) else 0.0, 1e-9)


def quantiles_between(levels: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> Any:
    """Interpolate quantiles, linearly in the normal quantile of the level, tails included.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels of ``values``, increasing.
    values : ndarray of shape (n_steps, n_levels)
        Quantiles, increasing along the last axis.
    wanted : ndarray of shape (n_wanted,)
        Levels asked for.

    Returns
    -------
    ndarray of shape (n_steps, n_wanted)
        Quantiles at these levels; beyond the outermost levels the nearest slope is continued.
    """
    from scipy.stats import norm

    if len(levels) == 1:
        return np.repeat(values, len(wanted), axis=1)
    known, asked = norm.ppf(levels), norm.ppf(wanted)
    right = np.clip(np.searchsorted(known, asked), 1, len(known) - 1)
    share = (asked - known[right - 1]) / (known[right] - known[right - 1])
    return values[:, right - 1] + share * (values[:, right] - values[:, right - 1])
