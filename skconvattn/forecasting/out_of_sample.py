"""Errors of forecasts on windows that they were not fitted on, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.series.windowing import WindowSpec
from skconvattn.forecasting.training_series import TrainingSeries
from skconvattn.intervals import HeldOutErrors, IntervalModel
from skconvattn.intervals.model import joined
from skconvattn.intervals.noise import LevelShare, mean_change
from skconvattn.members.combination import Combination
from skconvattn.members.linear import LinearStart
from skconvattn.members.series_maps import SeriesMaps
from skconvattn.members.shares import shares_of_unfitted
from skconvattn.networks import POINT, HorizonHead, ModelSpec
from skconvattn.networks.outputs import PointOutput, QuantileOutput

# Where fewer windows are held out, errors at the beginning of a series are used as well, of those
# that univariate members have at least this share of.
_MANY, _MOSTLY_UNIVARIATE = 256, 0.5


@dataclass(frozen=True, eq=False)
class Residuals:
    """Actual minus forecast on windows that a forecast was not fitted on.

    Attributes
    ----------
    output : PointOutput or QuantileOutput
        Meaning of the last axis of ``values``.
    indices : ndarray of shape (n_windows,)
        Indices of the windows.
    values : ndarray of shape (n_windows, horizon, n_values)
        Residuals; NaN where no value was observed.
    """

    output: PointOutput | QuantileOutput
    indices: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Judgement:
    """What follows from errors out of sample.

    Attributes
    ----------
    intervals : IntervalModel
        Interval model of the combined forecast.
    combination : Combination or None
        Weights of model and univariate members; None without these.
    """

    intervals: IntervalModel
    combination: Combination | None


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """Measures errors of forecasts of some series.

    Attributes
    ----------
    head : HorizonHead
        Head of the network.
    window : WindowSpec
        Window and horizon.
    period : int
        Time steps of a season.
    series : TrainingSeries
        The series.
    windows : Windows
        Their windows.
    """

    head: HorizonHead
    window: WindowSpec
    period: int
    series: TrainingSeries
    windows: Windows

    def series_of(self, indices: np.ndarray) -> np.ndarray:
        """Return the index of the series of each window."""
        return self.window.series_of(indices, self.series.lengths)

    def blocks_of(self, indices: np.ndarray) -> np.ndarray:
        """Return the index of a block of time, as long as the horizon, for each window."""
        _, blocks = np.unique(
            self.windows.starts[indices] // self.window.horizon, return_inverse=True
        )
        return self.series_of(indices) * (int(blocks.max(initial=0)) + 1) + blocks

    def losses(self, model: FittedModel, indices: np.ndarray) -> np.ndarray:
        """Return the loss of each window, averaged over its observed steps: (n_windows,)."""
        inputs, targets, present = self.windows.batch(indices)
        losses = self.head.output.losses(model.predict(inputs).astype(np.float64), targets)
        counts = np.maximum(present.sum(axis=1), 1)
        return np.where(present > 0, losses, 0.0).sum(axis=1) / counts

    def residuals(
        self, model: FittedModel, indices: np.ndarray, maps: SeriesMaps | None = None
    ) -> Residuals:
        """Measure a model on windows that it was not trained on.

        Parameters
        ----------
        model : FittedModel
            The model.
        indices : ndarray of shape (n_windows,)
            Indices of the windows.
        maps : SeriesMaps, optional
            Corrections of its forecasts.
        """
        inputs, targets, present = self.windows.batch(indices)
        forecasts = model.predict(inputs).astype(np.float64)  # (n_windows, horizon, n_values)
        if maps is not None:
            point = self.head.output.point(forecasts)
            positions = maps.positions[self.series_of(indices)]
            added = maps.correction(inputs[0], point, positions, self.head.normalization)
            forecasts += added[..., None]
        values = np.where(present[..., None] > 0, targets - forecasts, np.nan)
        return Residuals(self.head.output, indices, values)

    def left_out(self, linear: LinearStart, training: np.ndarray, spec: ModelSpec) -> Residuals:
        """Measure the linear start on blocks of training windows left out in turn."""
        of_series = self.series_of(training)
        indices, values = linear.errors_left_out(spec, self.windows, training, of_series)
        return Residuals(POINT, indices, values[..., None])

    def combined(
        self,
        errors: list[Residuals],
        univariate: UnivariateTargets | None,
        *,
        conformal: bool,
        alone: bool = False,
    ) -> Judgement:
        """Weigh the model against the univariate members, and measure the intervals of both.

        Parameters
        ----------
        errors : list of Residuals
            Of the model, those of the latest windows last.
        univariate : UnivariateTargets or None
            Univariate members.
        conformal : bool
            Whether trained quantiles are corrected.
        alone : bool
            Whether univariate members are all that a forecast is made of.
        """
        combination = None
        if univariate is not None:
            beside = [self._of_univariate(each, univariate) for each in errors]
            shares = np.ones(len(self.series.arrays))
            if not alone:
                indices = np.concatenate([each.indices for each in errors])
                shares = shares_of_unfitted(
                    np.concatenate([each.output.point(each.values) for each in errors]),
                    np.concatenate(beside),
                    self.series_of(indices),
                    self.blocks_of(indices),
                    len(self.series.arrays),
                    squared=self.head.output == PointOutput("mean_squared_error"),
                )
            combination = Combination(self.series.keys, univariate.univariate, shares)
            errors = [
                self._mixed(each, other, shares) for each, other in zip(errors, beside, strict=True)
            ]
        *earlier, latest = [self._measured(each) for each in errors]
        if combination is not None and univariate is not None and not len(latest.local) >= _MANY:
            earlier = [*self._before_windows(univariate, combination.shares), *earlier]
        targets = [array[:, 0] for array in self.series.arrays]
        by_level = None
        if univariate is not None:
            shares, offsets = univariate.by_level
            by_level = LevelShare.measured(shares, offsets, targets, self.period)
        intervals = IntervalModel.fit(
            latest,
            period=self.period,
            keys=self.series.keys,
            targets=targets,
            by_level=by_level,
            earlier=joined(earlier),
            conformal=conformal,
        )
        return Judgement(intervals, combination)

    def _of_univariate(self, residuals: Residuals, univariate: UnivariateTargets) -> np.ndarray:
        """Return residuals of the univariate members on the same windows: (n_windows, horizon)."""
        indices = residuals.indices
        _, targets, present = self.windows.batch(indices)
        number = self.series_of(indices)
        lengths = np.asarray(self.series.lengths)
        before = np.concatenate([[0], np.cumsum(lengths + self.window.horizon)[:-1]])
        origins = self.windows.starts[indices] - before[number] + self.window.length - 1
        origins -= np.asarray(self.series.n_repeated)[number]
        ahead = univariate.honest(number, origins, self.window.horizon)
        return np.where(present > 0, targets[..., 0] - ahead, np.nan)

    def _before_windows(
        self, univariate: UnivariateTargets, shares: np.ndarray
    ) -> Iterator[HeldOutErrors]:
        """Return errors of univariate members at origins that no whole window comes before.

        Only series of which they make up most of the forecast have any.
        """
        for number in np.flatnonzero(shares >= _MOSTLY_UNIVARIATE):
            skipped = self.series.n_repeated[number]
            target = self.series.arrays[number][skipped:, -1 if self.series.separate_targets else 0]
            first = self.window.length - 1 - skipped
            origins = univariate.smoothed[number].origins
            origins = origins[origins < max(first, 0)]
            if not len(origins):
                continue
            rows = np.full(len(origins), number)
            ahead = univariate.honest(rows, origins, self.window.horizon)
            padded = np.concatenate([target, np.full(self.window.horizon, np.nan)])
            actual = padded[origins[:, None] + np.arange(1, self.window.horizon + 1)]
            filled = self.series.arrays[number][skipped:, 0]
            local = [mean_change(filled[None, : t + 1], self.period)[0] for t in origins]
            level = [filled[max(t + 1 - self.period, 0) : t + 1].mean() for t in origins]
            yield HeldOutErrors(
                POINT, (actual - ahead)[..., None], np.array(local), rows, np.array(level)
            )

    def _mixed(self, residuals: Residuals, other: np.ndarray, shares: np.ndarray) -> Residuals:
        """Return residuals of the combined forecast: all values of a step are moved alike."""
        share = shares[self.series_of(residuals.indices)][:, None]
        moved = share * (other - residuals.output.point(residuals.values))
        moved = np.where(np.isnan(moved) | (share == 0), 0.0, moved)
        return Residuals(residuals.output, residuals.indices, residuals.values + moved[..., None])

    def _measured(self, residuals: Residuals) -> HeldOutErrors:
        """Combine residuals with the windows before them."""
        rows = self.windows.batch(residuals.indices)[0][0][..., 0]
        of_series = self.series_of(residuals.indices)
        return HeldOutErrors.of(residuals.output, residuals.values, rows, of_series, self.period)
