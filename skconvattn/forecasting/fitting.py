"""A forecaster's fit: train, calibrate on the held-out end, and train again on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.forecasting.calibration import (
    Calibration,
    ConformalQuantiles,
    ResidualQuantiles,
    locality_of,
    mean_change,
    mixed_scale,
    overall_change,
)
from skconvattn.forecasting.linear_start import LinearStart
from skconvattn.forecasting.series.windowing import Cut
from skconvattn.forecasting.series_maps import SeriesMaps, fitted_maps
from skconvattn.forecasting.series_spreads import SeriesSpreads, spreads_of
from skconvattn.networks import HorizonHead, ModelSpec, PointOutput, QuantileOutput

# Where fewer windows are held out, earlier ones tell about the size of errors as well.
_FEW_HELD_OUT = 256


@dataclass(frozen=True, eq=False)
class TrainingSeries:
    """The channels of all series as training sees them.

    Attributes
    ----------
    arrays : tuple of ndarray of shape (n_timepoints, n_channels)
        Channels, and the targets apart in a last column where values are missing; float32.
    n_past : int
        Channels after the first that are known up to the present only.
    targets_apart : bool
        Whether the last column has the targets.
    keys : tuple of tuple
        Names of the series.
    """

    arrays: tuple[np.ndarray, ...]
    n_past: int
    targets_apart: bool
    keys: tuple[tuple[Any, ...], ...] = ((),)

    @property
    def n_targets(self) -> int:
        """Targets of each series."""
        return len(self.arrays) // len(self.keys)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps of each series."""
        return tuple(len(array) for array in self.arrays)

    def overall_changes(self, period: int) -> np.ndarray:
        """Return the mean change of each series: (n_series,)."""
        return np.array([overall_change(array[:, 0], period) for array in self.arrays])


@dataclass(frozen=True)
class FitResult:
    """What a forecaster's fit gives.

    Attributes
    ----------
    model : FittedModel
        Trained on all data if asked for, else on the training part.
    search : TrainingResult
        The training that was stopped early, with its history.
    calibration : Calibration
        Of the intervals, on the held-out part.
    locality : float
        How far the noise scale of a window is its own.
    maps : SeriesMaps or None
        What each series adds to the forecasts of the model.
    spreads : SeriesSpreads or None
        How large the errors of each series are for its noise scale.
    """

    model: FittedModel
    search: TrainingResult
    calibration: Calibration
    locality: float
    maps: SeriesMaps | None = None
    spreads: SeriesSpreads | None = None


@dataclass(frozen=True, eq=False)
class _Errors:
    """Errors on windows that a model did not see.

    Attributes
    ----------
    output : PointOutput or QuantileOutput
        What the last axis of ``levels`` holds.
    levels : ndarray of shape (n_windows, horizon, n_levels)
        Truth less forecast; NaN where there is no truth.
    local, overall : ndarray of shape (n_windows,)
        Mean change in each window, and in all data of its series.
    of_series : ndarray of shape (n_windows,)
        Series of each window.
    """

    output: PointOutput | QuantileOutput
    levels: np.ndarray
    local: np.ndarray
    overall: np.ndarray
    of_series: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """Errors of the point forecast: (n_windows, horizon)."""
        return self.output.point(self.levels)

    def scales(self, locality: float) -> np.ndarray:
        """Return the noise scale of each window: (n_windows,)."""
        return mixed_scale(self.local, self.overall, locality)

    def size(self, locality: float) -> float:
        """Return the root mean square of the scaled errors of the point forecast."""
        return float(np.sqrt(np.nanmean((self.middle / self.scales(locality)[:, None]) ** 2)))


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
    conformal : bool
        Whether quantiles are corrected by their errors on the held-out part.
    correct : bool
        Whether a model of several series is corrected for each of them.
    """

    spec: ModelSpec
    cut: Cut
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
    ) -> FitResult:
        """Train on one series or many.

        Parameters
        ----------
        series : TrainingSeries
            Scaled channels of every series.
        seed : numpy.random.SeedSequence
            Both trainings draw the same initial weights from it.
        start : FittedModel or None
            Weights to go on from.

        Returns
        -------
        FitResult
            Model, history and calibration.
        """
        windows = self._windows(series)
        training, held_out = self.cut.split_all(series.lengths, self.fraction)
        if len(held_out) == 0:
            return self._fit_all(series, windows, seed, start)
        of_series = self.cut.series_of(training, series.lengths)
        chosen = None
        if start is None:
            chosen = LinearStart.choose(self.spec, windows, training, of_series)
        if chosen is not None:
            start = chosen.model(self.spec, windows, training, np.random.default_rng(seed))
        search = train(
            self.spec,
            windows,
            self.plan(len(training)),
            np.random.default_rng(seed),
            training=training,
            validation=held_out,
            start=start,
        )
        maps = self._maps(search.model, series, windows, training)
        errors = self._errors(search.model, series, windows, held_out, maps)
        earlier = None
        is_corrected = maps is not None and len(maps.kernels) > 0
        if chosen is not None and not is_corrected and len(held_out) < _FEW_HELD_OUT:
            indices, left_out = chosen.errors_left_out(self.spec, windows, training, of_series)
            earlier = self._measured(left_out[..., None], series, windows, indices, PointOutput())
        model = search.model
        if self.refit:
            if chosen is not None:
                everything = np.arange(len(windows))
                start = chosen.model(self.spec, windows, everything, np.random.default_rng(seed))
            model = self._refit(windows, search, seed, start)
            maps = self._maps(model, series, windows, np.arange(len(windows)), before=maps)
        calibration, locality, spreads = self._calibration(errors, series, earlier)
        return FitResult(model, search, calibration, locality, maps, spreads)

    def train_on(
        self, series: TrainingSeries, model: FittedModel, epochs: int, *, even_one: bool
    ) -> tuple[FittedModel, SeriesMaps | None]:
        """Go on training a model on all windows of longer or other series.

        Parameters
        ----------
        series : TrainingSeries
            Scaled channels of every series.
        model : FittedModel
            Weights to go on from.
        epochs : int
            Epochs; none leaves the model as it is.
        even_one : bool
            Whether a single series is corrected as well, since the model comes from others.

        Returns
        -------
        model : FittedModel
            Trained on.
        maps : SeriesMaps or None
            What each series adds to its forecasts.
        """
        windows = self._windows(series)
        if epochs:
            plan = replace(self.plan(len(windows)), epochs=epochs, patience=None)
            rng = np.random.default_rng(sum(series.lengths))
            model = train(self.spec, windows, plan, rng, start=model).model
        everything = np.arange(len(windows))
        return model, self._maps(model, series, windows, everything, even_one=even_one)

    def _maps(
        self,
        model: FittedModel,
        series: TrainingSeries,
        windows: Windows,
        chosen: np.ndarray,
        *,
        before: SeriesMaps | None = None,
        even_one: bool = False,
    ) -> SeriesMaps | None:
        """Return what each series adds; None for a single one, whose model is its own."""
        if not self.correct or (len(series.arrays) == 1 and not even_one):
            return None
        of_series = self.cut.series_of(chosen, series.lengths)
        return fitted_maps(model, windows, chosen, of_series, series.keys, series.n_targets, before)

    @property
    def _head(self) -> HorizonHead:
        return cast(HorizonHead, self.spec.head)

    def _windows(self, series: TrainingSeries) -> Windows:
        return Windows.over(
            series.arrays,
            self.cut.window_length,
            self.cut.horizon,
            n_past=series.n_past,
            targets_apart=series.targets_apart,
        )

    def _errors(
        self,
        model: FittedModel,
        series: TrainingSeries,
        windows: Windows,
        indices: np.ndarray,
        maps: SeriesMaps | None = None,
    ) -> _Errors:
        """Measure a model's errors on windows that it was not trained on."""
        inputs, targets, present = windows.batch(indices)
        forecasts = model.predict(inputs).astype(np.float64)  # (n_windows, horizon, n_levels)
        if maps is not None:
            places = maps.places[self.cut.series_of(indices, series.lengths)]
            normalization = self._head.normalization
            middle = self._head.output.point(forecasts)
            forecasts += maps.correction(inputs[0], middle, places, normalization)[..., None]
        errors = np.where(present[..., None] > 0, targets - forecasts, np.nan)
        return self._measured(errors, series, windows, indices)

    def _measured(
        self,
        errors: np.ndarray,
        series: TrainingSeries,
        windows: Windows,
        indices: np.ndarray,
        output: PointOutput | QuantileOutput | None = None,
    ) -> _Errors:
        """Return errors together with the changes in and around their windows."""
        overall = series.overall_changes(self.period)
        of_series = self.cut.series_of(indices, series.lengths)
        inputs, _, _ = windows.batch(indices)
        local = mean_change(inputs[0][..., 0], self.period)
        output = self._head.output if output is None else output
        return _Errors(output, errors, local, overall[of_series], of_series)

    def _calibration(
        self, errors: _Errors, series: TrainingSeries, earlier: _Errors | None = None
    ) -> tuple[Calibration, float, SeriesSpreads | None]:
        """Return quantiles of errors, how far noise scales are windows' own, and spreads.

        A few held-out windows tell little of how errors grow with the step ahead, for which
        there are those of a linear map on earlier ones. Where the earlier ones are smaller, as on
        a series whose noise grows, they are taken for as large.
        """
        parts = [errors] if earlier is None else [earlier, errors]
        middle = np.concatenate([part.middle for part in parts])
        locality = locality_of(
            middle,
            np.concatenate([part.local for part in parts]),
            np.concatenate([part.overall for part in parts]),
            n_first=len(middle) // 2 if earlier is None else len(earlier.local),
        )
        spreads, apart = _spreads(errors, series, locality)
        output = self._head.output
        if isinstance(output, QuantileOutput) and self.conformal:
            scales = errors.scales(locality) * apart
            return ConformalQuantiles.of(errors.levels, scales, output.levels), locality, spreads
        if earlier is not None:
            ratio = errors.size(locality) / max(earlier.size(locality), 1e-300)
            middle[: len(earlier.local)] *= max(1.0, ratio)
        scales = np.concatenate([part.scales(locality) for part in parts])
        if earlier is None:
            scales = scales * apart
        elif spreads is not None:
            scales = scales * np.concatenate([spreads.factors[earlier.of_series], apart])
        return ResidualQuantiles.of(middle, scales), locality, spreads

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
        self,
        series: TrainingSeries,
        windows: Windows,
        seed: np.random.SeedSequence,
        start: FittedModel | None,
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
        errors = self._errors(naive, series, windows, np.arange(len(windows)))
        calibration, locality, spreads = self._calibration(errors, series)
        return FitResult(result.model, result, calibration, locality, spreads=spreads)


def _spreads(
    errors: _Errors, series: TrainingSeries, locality: float
) -> tuple[SeriesSpreads | None, np.ndarray]:
    """Return the spread of each series, None for a single one, and each window's by others."""
    n_series = len(series.arrays)
    if n_series == 1:
        return None, np.ones(len(errors.local))
    scaled = errors.middle / errors.scales(locality)[:, None]
    factors, apart = spreads_of(scaled, errors.of_series, n_series)
    return SeriesSpreads(series.keys, factors), apart
