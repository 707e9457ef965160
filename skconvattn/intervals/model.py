"""The model of prediction intervals: quantiles of forecasts from errors on held-out windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.intervals.noise import (
    LevelShare,
    locality_of,
    mean_change,
    mixed_scale,
    overall_change,
    window_level,
)
from skconvattn.intervals.residuals import ConformalQuantiles, ResidualQuantiles
from skconvattn.intervals.series_scales import series_scales
from skconvattn.networks import POINT, PointOutput, QuantileOutput

# Series of a panel with fewer values, or fewer than two seasons, may err like a random walk.
_SHORT = 10


@dataclass(frozen=True, eq=False)
class HeldOutErrors:
    """Residuals on windows that a model was not fitted on.

    Attributes
    ----------
    output : PointOutput or QuantileOutput
        Meaning of the last axis of ``residuals``.
    residuals : ndarray of shape (n_windows, horizon, n_values)
        Actual minus forecast, the windows of a series in order of time; NaN where no value was
        observed.
    local : ndarray of shape (n_windows,)
        Mean change within each window; see :func:`~skconvattn.intervals.noise.mean_change`.
    series : ndarray of shape (n_windows,)
        Index of the series of each window.
    level : ndarray of shape (n_windows,)
        Mean of the last season of each window.
    """

    output: PointOutput | QuantileOutput
    residuals: np.ndarray
    local: np.ndarray
    series: np.ndarray
    level: np.ndarray

    @classmethod
    def of(
        cls,
        output: PointOutput | QuantileOutput,
        residuals: np.ndarray,
        windows: np.ndarray,
        series: np.ndarray,
        period: int,
    ) -> HeldOutErrors:
        """Combine residuals with the mean changes in the windows before them.

        Parameters
        ----------
        output, residuals, series
            As the attributes.
        windows : ndarray of shape (n_windows, window_length)
            Values of the target before each forecast.
        period : int
            Time steps of a season.

        Returns
        -------
        HeldOutErrors
            The errors.
        """
        level = window_level(windows, period)
        return cls(output, residuals, mean_change(windows, period), series, level)

    @property
    def point(self) -> np.ndarray:
        """Residuals of the point forecast: (n_windows, horizon)."""
        return self.output.point(self.residuals)


@dataclass(frozen=True, eq=False)
class IntervalModel:
    r"""Quantiles around forecasts, with a width that follows errors on held-out windows.

    The quantile at level :math:`\alpha`, :math:`h` steps after window :math:`w` of series
    :math:`s`, is for a point forecast :math:`\hat y`

    .. math:: \hat y_{w,h} + \underbrace{f_s\,[k\, l_w + (1 - k)\, o_s]}_{\text{noise scale}}\;
              \sigma_h\; \mathrm{sign}(\alpha - \tfrac12)\; Q_{|e|}(c)\;
              \frac{t_{n_h}((1 + c) / 2)}{\Phi^{-1}((1 + c) / 2)}, \qquad c = |2 \alpha - 1|,

    and for trained quantiles :math:`\hat q`, if they are corrected,

    .. math:: \hat q_{w,h}(\alpha) + f_s\,[k\, l_w + (1 - k)\, o_s]\; \delta_\alpha.

    - :math:`l_w` and :math:`o_s`: mean absolute change within the window and over the whole
      series, half of it over one step and half over one season; where errors grow with the level, a
      share of both is replaced by a multiple of the level of the window
      (:class:`~skconvattn.intervals.noise.LevelShare`);
    - :math:`k`: the locality, how far the size of errors follows the changes in their own window
      (:func:`~skconvattn.intervals.noise.locality_of`);
    - :math:`f_s`: size of the errors of the series relative to its changes, shrunk towards that of
      the other series (:func:`~skconvattn.intervals.series_scales.series_scales`); 1 for a
      single series and for new series, and for a series of a panel that is shorter than two
      seasons, as large as those of a random walk;
    - :math:`\sigma_h`: growth of the error with the step ahead;
    - :math:`Q_{|e|}`: conformal quantile of all absolute errors divided by the factors above;
    - Student's quantile over the normal one: widening for :math:`n_h` independent errors
      (the last three are attributes of
      :class:`~skconvattn.intervals.residuals.ResidualQuantiles`);
    - :math:`\delta_\alpha`: conformal quantile of the scaled residuals of that level
      (:class:`~skconvattn.intervals.residuals.ConformalQuantiles`).

    Attributes
    ----------
    output : PointOutput or QuantileOutput
        Meaning of the last axis of forecasts.
    period : int
        Time steps of a season.
    locality : float
        :math:`k`, between 0 and 1.
    calibration : ResidualQuantiles or ConformalQuantiles
        Factors that depend on neither window nor series.
    keys : tuple of tuple
        Names of the series.
    changes, factors : ndarray of shape (n_series * n_targets,)
        :math:`o_s` and :math:`f_s`, both positive, of every target of every series.
    by_level : LevelShare
        How far errors grow with the level, of every target of every series.
    lengths : ndarray of shape (n_series * n_targets,)
        Time steps of every target: windows that are longer repeat its first value, which is no
        change.
    """

    output: PointOutput | QuantileOutput
    period: int
    locality: float
    calibration: ResidualQuantiles | ConformalQuantiles
    keys: tuple[tuple[Any, ...], ...]
    changes: np.ndarray
    factors: np.ndarray
    by_level: LevelShare
    lengths: np.ndarray

    @classmethod
    def fit(
        cls,
        errors: HeldOutErrors,
        *,
        period: int,
        keys: tuple[tuple[Any, ...], ...],
        targets: Sequence[np.ndarray],
        earlier: HeldOutErrors | None = None,
        by_level: LevelShare | None = None,
        conformal: bool = False,
    ) -> IntervalModel:
        """Measure the errors of held-out windows.

        Few held-out windows tell little about the growth of errors with the step ahead, which may
        be measured on errors of a simpler model on earlier windows as well. Where earlier errors
        are smaller, as on a series whose noise grows, they are scaled up to the size of the later.

        Parameters
        ----------
        errors : HeldOutErrors
            Errors of the model that forecasts.
        period : int
            Time steps of a season.
        keys : tuple of tuple
            Names of the series.
        targets : sequence of ndarray of shape (n_timepoints,)
            Values of every target of every series, on the scale of the residuals.
        earlier : HeldOutErrors, optional
            Errors on windows before those of ``errors``.
        by_level : LevelShare, optional
            How far errors grow with the level; not at all by default.
        conformal : bool
            Whether trained quantiles are corrected.

        Returns
        -------
        IntervalModel
            The model.
        """
        by_level = LevelShare.none(len(targets)) if by_level is None else by_level
        changes = np.array([overall_change(target, period) for target in targets])
        parts = [errors] if earlier is None else [earlier, errors]
        n_earlier = 0 if earlier is None else len(earlier.local)
        residuals = np.concatenate([part.point for part in parts])
        series = np.concatenate([part.series for part in parts])
        level = np.concatenate([part.level for part in parts])
        local = by_level.mixed(np.concatenate([part.local for part in parts]), level, series)
        overall = by_level.mixed(changes[series], level, series)
        n_first = n_earlier or len(residuals) // 2
        locality = locality_of(residuals, local, overall, n_first)
        scales = mixed_scale(local, overall, locality)
        factors, cross_fitted = np.ones(len(changes)), np.ones(len(errors.local))
        if len(changes) > 1:
            scaled = residuals[n_earlier:] / scales[n_earlier:, None]
            factors, cross_fitted = series_scales(scaled, errors.series, len(changes))
        if n_earlier:
            residuals[:n_earlier] *= _growth(residuals, scales, n_earlier)
            scales[:n_earlier] *= factors[series[:n_earlier]]
        scales[n_earlier:] *= cross_fitted
        output = errors.output
        calibration: ResidualQuantiles | ConformalQuantiles
        if conformal and isinstance(output, QuantileOutput):
            own = scales[n_earlier:]
            calibration = ConformalQuantiles.of(errors.residuals, own, output.levels)
        else:
            calibration = ResidualQuantiles.of(residuals, scales, period)
        lengths = np.array([len(target) for target in targets])
        return cls(output, period, locality, calibration, keys, changes, factors, by_level, lengths)

    def on(self, keys: tuple[tuple[Any, ...], ...], targets: Sequence[np.ndarray]) -> IntervalModel:
        """Return the model for series with further data, or for other series.

        Parameters
        ----------
        keys : tuple of tuple
            Names of the series; errors of new series are taken as proportional to their changes.
        targets : sequence of ndarray of shape (n_timepoints,)
            Values of every target of every series.

        Returns
        -------
        IntervalModel
            The model.
        """
        n_targets = len(targets) // len(keys)
        known = {key: i for i, key in enumerate(self.keys)}
        same = len(self.factors) == len(self.keys) * n_targets
        number = np.array([known.get(key, -1) if same else -1 for key in keys])
        rows = np.where(number < 0, -1, number * n_targets)[:, None] + np.arange(n_targets)
        rows = np.where(number[:, None] < 0, -1, rows).ravel()
        return replace(
            self,
            keys=keys,
            changes=np.array([overall_change(target, self.period) for target in targets]),
            factors=np.where(rows < 0, 1.0, self.factors[rows]),
            by_level=self.by_level.of(rows),
            lengths=np.array([len(target) for target in targets]),
        )

    def scales(self, windows: np.ndarray, series: np.ndarray | None = None) -> np.ndarray:
        """Return the noise scale of forecasts made from windows.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, window_length)
            Values of the target.
        series : ndarray of shape (n_windows,), optional
            Index in ``changes`` of the target of each window; 0 by default.

        Returns
        -------
        ndarray of shape (n_windows,)
            Noise scales, positive.
        """
        series = np.zeros(len(windows), dtype=int) if series is None else series
        level = window_level(windows, self.period)
        local = mean_change(windows, self.period)
        local = np.where(windows.shape[1] > self.lengths[series], self.changes[series], local)
        local = self.by_level.mixed(local, level, series)
        overall = self.by_level.mixed(self.changes[series], level, series)
        return self._factors_of(series) * mixed_scale(local, overall, self.locality)

    def _factors_of(self, series: np.ndarray) -> np.ndarray:
        """Return the factors of targets; of a few values in a panel, those of a random walk."""
        factors, calibration = self.factors[series], self.calibration
        is_alone = len(self.changes) == len(self.keys) and len(set(self.keys)) == 1
        if is_alone or not isinstance(calibration, ResidualQuantiles):
            return factors
        is_short = self.lengths[series] < max(2 * self.period, _SHORT)
        # Root mean square error, over the horizon, of a random walk of its changes.
        walk = np.sqrt((len(calibration.sigma) + 1) / 2) / calibration.sigma[0]
        return np.where(is_short, np.maximum(factors, walk), factors)

    def quantiles(
        self,
        outputs: np.ndarray,
        windows: np.ndarray,
        steps: np.ndarray,
        levels: np.ndarray,
        series: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return quantiles of forecasts.

        Parameters
        ----------
        outputs : ndarray of shape (n_windows, n_steps, n_values)
            Outputs of the model, on the scale of the network.
        windows : ndarray of shape (n_windows, window_length)
            Values of the target from which each row was forecast.
        steps : ndarray of shape (n_steps,) or (n_windows, n_steps)
            Steps ahead, from 1.
        levels : ndarray of shape (n_levels,)
            Strictly between 0 and 1.
        series : ndarray of shape (n_windows,), optional
            As in :meth:`scales`.

        Returns
        -------
        ndarray of shape (n_windows, n_steps, n_levels)
            Quantiles on the scale of the network, float64.
        """
        calibration = self.calibration
        if isinstance(calibration, ResidualQuantiles) and isinstance(self.output, PointOutput):
            steps = np.broadcast_to(steps, outputs.shape[:2])
            offsets = calibration.offsets(levels, steps.ravel()).reshape(*steps.shape, -1)
            return outputs + self.scales(windows, series)[:, None, None] * offsets
        assert isinstance(self.output, QuantileOutput)
        if isinstance(calibration, ConformalQuantiles):
            scales = np.repeat(self.scales(windows, series), outputs.shape[1])
            rows = outputs.reshape(-1, outputs.shape[-1])
            outputs = calibration.applied(rows, scales).reshape(outputs.shape)
        return self.output.quantiles(outputs, levels)


def joined(errors: Sequence[HeldOutErrors]) -> HeldOutErrors | None:
    """Return all errors of point forecasts as one record, the first ones first; None for none."""
    if not errors:
        return None
    return HeldOutErrors(
        POINT,
        np.concatenate([each.point for each in errors])[..., None],
        np.concatenate([each.local for each in errors]),
        np.concatenate([each.series for each in errors]),
        np.concatenate([each.level for each in errors]),
    )


def _growth(residuals: np.ndarray, scales: np.ndarray, n_earlier: int) -> float:
    """Return how much larger the scaled residuals of later windows are, at least 1."""
    squares = (residuals / scales[:, None]) ** 2
    earlier, later = (float(np.sqrt(np.nanmean(part))) for part in np.split(squares, [n_earlier]))
    return max(1.0, later / max(earlier, 1e-300))
