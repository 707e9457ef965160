"""A forecaster's fit: train, calibrate on the held-out end, and train again on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel, TrainingPlan, TrainingResult, train
from skconvattn.forecasting.calibration import (
    Calibration,
    ConformalQuantiles,
    ResidualQuantiles,
    noise_floor,
    noise_scale,
)
from skconvattn.forecasting.layout import Cut
from skconvattn.forecasting.linear_start import LinearStart
from skconvattn.networks import ModelSpec

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
    """

    arrays: tuple[np.ndarray, ...]
    n_past: int
    targets_apart: bool

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps of each series."""
        return tuple(len(array) for array in self.arrays)

    def noise_floors(self, period: int) -> np.ndarray:
        """Return the noise floor of each series: (n_series,)."""
        return np.array([noise_floor(array[:, 0], period) for array in self.arrays])


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
    """

    model: FittedModel
    search: TrainingResult
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class _Errors:
    """Errors on held-out windows, and on earlier ones by a linear map that did not see them.

    Attributes
    ----------
    levels : ndarray of shape (n_windows, horizon, n_levels)
        Truth less forecast; NaN where there is no truth.
    scales : ndarray of shape (n_windows,)
        Noise scale of each window.
    earlier, earlier_scales : ndarray of shape (n_earlier, horizon) and (n_earlier,)
        The same of earlier windows.
    """

    levels: np.ndarray
    scales: np.ndarray
    earlier: np.ndarray | None = None
    earlier_scales: np.ndarray | None = None

    @property
    def middle(self) -> np.ndarray:
        """Errors of the point forecast: (n_windows, horizon)."""
        return self.levels[..., self.levels.shape[-1] // 2]

    @property
    def size(self) -> float:
        """Root mean square of the scaled errors of the point forecast."""
        return float(np.sqrt(np.nanmean((self.middle / self.scales[:, None]) ** 2)))

    def after(self, earlier: np.ndarray, scales: np.ndarray, ratio: float) -> _Errors:
        """Return these errors with those of a linear map, as if it erred as little as the model.

        A few held-out windows tell little of how errors grow with the step ahead. Where those
        before were smaller, as on a series whose noise grows, they are taken for as large.
        """
        with_them = replace(self, levels=earlier[..., None], scales=scales)
        ratio = max(min(ratio, 1.0), self.size / max(with_them.size, 1e-300))
        return replace(self, earlier=ratio * earlier, earlier_scales=scales)


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
    """

    spec: ModelSpec
    cut: Cut
    period: int
    plan: Callable[[int], TrainingPlan]
    fraction: float
    refit: bool
    conformal: bool = False

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
        errors = self._errors(search.model, series, windows, held_out)
        if chosen is not None and start is not None and len(held_out) < _FEW_HELD_OUT:
            before = self._errors(start, series, windows, held_out)
            left_out = chosen.errors_left_out(self.spec, windows, training, of_series)
            scales = self._scales(series, windows, left_out[0])
            errors = errors.after(left_out[1], scales, errors.size / max(before.size, 1e-300))
        model = search.model
        if self.refit:
            if chosen is not None:
                everything = np.arange(len(windows))
                start = chosen.model(self.spec, windows, everything, np.random.default_rng(seed))
            model = self._refit(windows, search, seed, start)
        return FitResult(model, search, self._calibration(errors))

    def train_on(self, series: TrainingSeries, model: FittedModel, epochs: int) -> FittedModel:
        """Go on training a model on all windows of longer series."""
        windows = self._windows(series)
        plan = replace(self.plan(len(windows)), epochs=epochs, patience=None)
        rng = np.random.default_rng(sum(series.lengths))
        return train(self.spec, windows, plan, rng, start=model).model

    def _windows(self, series: TrainingSeries) -> Windows:
        return Windows.over(
            series.arrays,
            self.cut.window_length,
            self.cut.horizon,
            n_past=series.n_past,
            targets_apart=series.targets_apart,
        )

    def _errors(
        self, model: FittedModel, series: TrainingSeries, windows: Windows, indices: np.ndarray
    ) -> _Errors:
        """Measure a model's errors on windows that it was not trained on."""
        inputs, targets, present = windows.batch(indices)
        forecasts = model.predict(inputs).astype(np.float64)  # (n_windows, horizon, n_levels)
        errors = np.where(present[..., None] > 0, targets - forecasts, np.nan)
        return _Errors(errors, self._scales(series, windows, indices))

    def _scales(self, series: TrainingSeries, windows: Windows, indices: np.ndarray) -> np.ndarray:
        """Return the noise scale of windows: (n_windows,)."""
        floors = series.noise_floors(self.period)[self.cut.series_of(indices, series.lengths)]
        inputs, _, _ = windows.batch(indices)
        return noise_scale(inputs[0][..., 0], self.period, floors)

    def _calibration(self, errors: _Errors) -> Calibration:
        quantiles: tuple[float, ...] = getattr(self.spec.head, "quantiles", ())
        if quantiles and self.conformal:
            return ConformalQuantiles.of(errors.levels, errors.scales, quantiles)
        if errors.earlier is None or errors.earlier_scales is None:
            return ResidualQuantiles.of(errors.middle, errors.scales)
        return ResidualQuantiles.of(
            np.concatenate([errors.earlier, errors.middle]),
            np.concatenate([errors.earlier_scales, errors.scales]),
        )

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
        return FitResult(result.model, result, self._calibration(errors))
