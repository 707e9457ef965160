"""The history of one series: targets and covariates as given, and the scale of each target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.calendar import calendar_channels
from skconvattn.forecasting.series.codes import missing_code
from skconvattn.forecasting.series.covariates import CovariateEncoder, covariate_rows
from skconvattn.forecasting.series.effects import Effects
from skconvattn.forecasting.series.level_shifts import Shifts
from skconvattn.forecasting.series.outliers import gross_at_the_end
from skconvattn.forecasting.series.repairing import Repaired, repaired
from skconvattn.forecasting.series.resting import steps_at_rest, zeros_before_start
from skconvattn.forecasting.series.target_scaling import TargetScaling
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.intervals.noise import noise_floor

# How far the scale of a series by its noise may be from its standard deviation, either way.
_MOST_RESCALED = 10.0


@dataclass(frozen=True, eq=False)
class History:
    """A series of one or many targets up to its end.

    Attributes
    ----------
    y : pandas.DataFrame of shape (n_timepoints, n_targets)
        Targets; NaN where missing.
    X : pandas.DataFrame or None
        Covariates at the time stamps of ``y``.
    scaling : TargetScaling
        Location and scale of each target, from the first data seen.
    period : int
        Time steps of a season, by which gaps and outliers are repaired.
    holidays : tuple of str
        Calendar features of holidays, which explain outliers.
    effects : Effects or None
        Effects of future covariates, without which the targets are forecast; they are taken out
        before anything is repaired or scaled.
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    scaling: TargetScaling
    period: int = 1
    holidays: tuple[str, ...] = ()
    effects: Effects | None = None

    @classmethod
    def of(
        cls,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        period: int = 1,
        holidays: tuple[str, ...] = (),
        *,
        scaled: bool = True,
    ) -> History:
        """Take a checked series and its covariates, and measure its scale.

        Parameters
        ----------
        y : pandas.DataFrame of shape (n_timepoints, n_targets)
            Targets.
        X : pandas.DataFrame or None
            Covariates, at least at the time stamps of ``y``.
        period : int
            Time steps of a season.
        holidays : tuple of str
            Calendar features of holidays.
        scaled : bool
            Whether targets are brought to mean zero and a standard deviation of one.
        """
        covariates = None if X is None else X.loc[y.index]
        history = cls(y, covariates, TargetScaling.identity(y.shape[1]), period, holidays)
        return history._with(TargetScaling.of(history.observed)) if scaled else history

    def explained(self, encoder: CovariateEncoder, *, scaled: bool = True) -> History:
        """Return the history with the effects that its future covariates are found to have.

        Parameters
        ----------
        encoder : CovariateEncoder
            Of which the channels of future covariates are read.
        scaled : bool
            As for :meth:`of`.
        """
        channels = encoder.future_channels(self.X, self.y.index)
        effects = Effects.of(self.observed, channels, self.period)
        if effects is None:
            return self
        scaling = TargetScaling.identity(self.y.shape[1])
        history = replace(self, effects=effects, scaling=scaling)
        return history._with(TargetScaling.of(history.observed)) if scaled else history

    @property
    def unexplained(self) -> np.ndarray:
        """Targets without the effects of covariates: (n_timepoints, n_targets), float64."""
        return self.values if self.effects is None else self.effects.without(self.values)

    @cached_property
    def repaired(self) -> np.ndarray:
        """Targets without gaps, outliers and level shifts: (n_timepoints, n_targets), float64."""
        return np.stack([one.values for one in self._repairs], axis=1)

    @cached_property
    def shifts(self) -> Shifts:
        """How level shifts were undone, arrays of shape (n_timepoints, n_targets)."""
        each = [one.shifts for one in self._repairs]
        factors = np.stack([one.factors for one in each], axis=1)
        return Shifts(factors, np.stack([one.added for one in each], axis=1))

    @cached_property
    def _repairs(self) -> list[Repaired]:
        values, covariates = self.unexplained, self.X
        if self.holidays:
            days = calendar_channels(self.y.index, self.holidays)
            frame = pd.DataFrame(days, index=self.y.index, columns=list(self.holidays))
            covariates = pd.concat([self.covariates, frame], axis=1)
        return [repaired(column, self.period, covariates) for column in values.T]

    @cached_property
    def values(self) -> np.ndarray:
        """Targets, NaN where missing, a code or not begun: (n_timepoints, n_targets), float64."""
        values = self.y.to_numpy(np.float64, na_value=np.nan)
        codes = self.codes
        if codes:
            values = values.copy()
            for number, code in codes.items():
                values[values[:, number] == code, number] = np.nan
        before = [zeros_before_start(column, self.period) for column in values.T]
        if any(before):
            values = np.where(np.arange(len(values))[:, None] < before, np.nan, values)
        return values

    @property
    def codes(self) -> dict[int, float]:
        """Values that stand for missing ones, by the number of the target."""
        given = self.y.to_numpy(np.float64, na_value=np.nan)
        found = {number: missing_code(column) for number, column in enumerate(given.T)}
        return {number: code for number, code in found.items() if code is not None}

    @property
    def at_rest(self) -> np.ndarray:
        """For how many time steps each target has been at its last value: (n_targets,), int."""
        if self.effects is not None:
            return np.zeros(self.y.shape[1], dtype=int)
        return np.array([steps_at_rest(column, self.period) for column in self.values.T])

    @property
    def missing(self) -> np.ndarray:
        """True where a target is missing: (n_timepoints, n_targets)."""
        return np.isnan(self.values)

    @property
    def observed(self) -> np.ndarray:
        """Repaired targets, NaN where missing: (n_timepoints, n_targets)."""
        return np.where(self.missing, np.nan, self.repaired)

    @property
    def trusted(self) -> np.ndarray:
        """Observed targets, NaN where one of the last values is a gross outlier.

        Shape (n_timepoints, n_targets). Of other outliers at the end, which may be the first values
        of a new level, a part is kept in ``observed``. Members that follow the last values closely
        read these.
        """
        given = self.shifts.of(self.unexplained)
        gross = gross_at_the_end(given, self.repaired)
        return np.where(gross, np.nan, self.observed)

    @property
    def covariates(self) -> pd.DataFrame:
        """Covariates at the time stamps of ``y``; a frame without columns where there are none."""
        return pd.DataFrame(index=self.y.index) if self.X is None else self.X

    def head(self, n_timepoints: int) -> History:
        """Return the history as it was after its first time steps, on the same scale."""
        covariates = None if self.X is None else self.X.iloc[:n_timepoints]
        effects = None if self.effects is None else self.effects.over(slice(n_timepoints))
        return replace(self, y=self.y.iloc[:n_timepoints], X=covariates, effects=effects)

    def tail(self, n_timepoints: int) -> History:
        """Return the history of the last time steps, on the same scale."""
        cut = replace(
            self,
            y=self.y.iloc[-n_timepoints:],
            X=None if self.X is None else self.X.iloc[-n_timepoints:],
            effects=None if self.effects is None else self.effects.over(slice(-n_timepoints, None)),
        )
        # Values are repaired by those of the whole history.
        vars(cut)["values"] = self.values[-n_timepoints:]
        vars(cut)["repaired"] = self.repaired[-n_timepoints:]
        vars(cut)["shifts"] = self.shifts[slice(-n_timepoints, None)]
        return cut

    def known_tail(self, n_timepoints: int) -> History:
        """Return at least the last time steps, from one on at which nothing is missing.

        Gaps within are then filled as they are in the whole history.
        """
        start = max(len(self.y) - n_timepoints, 0)
        missing = [self.missing] if self.X is None else [self.missing, self.X.isna().to_numpy()]
        if start and any(one[start].any() for one in missing):
            missing = [np.any(one[:start], axis=1) for one in missing]
            complete = np.flatnonzero(~np.any(missing, axis=0))
            start = int(complete[-1]) if len(complete) else 0
        return self.tail(len(self.y) - start)

    def trailing_gaps(self, *, together: bool) -> np.ndarray:
        """Return how many values of each target are missing at the end: (n_targets,).

        Parameters
        ----------
        together : bool
            Whether the targets are forecast from one another: only time steps at which all of them
            are missing count then.
        """
        if not np.isnan(self.values[-1:]).any():
            return np.zeros(self.y.shape[1], dtype=int)
        present = ~self.missing[::-1]
        if together:
            present = np.broadcast_to(present.any(axis=1, keepdims=True), present.shape)
        return np.where(present.any(axis=0), present.argmax(axis=0), 0)

    def has_inner_gaps(self) -> bool:
        """Whether values are missing before the last value of their target."""
        missing = self.missing
        return bool((missing.sum(axis=0) > self.trailing_gaps(together=False)).any())

    def extended(
        self,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        timeline: Timeline,
        encoder: CovariateEncoder | None = None,
    ) -> History:
        """Return the history with new time stamps added, on the old scale.

        Time stamps between the old end and the new beginning are missing values. The encoder gives
        the channels of future covariates, where these have effects.
        """
        targets = self._with_later(y)
        if targets is None:
            targets = y.combine_first(self.y)[list(self.y.columns)]
            whole = timeline.whole(targets.index)
            if len(whole) > len(targets):
                targets = targets.reindex(whole)
        if self.X is None:
            return self._grown(targets, None, encoder)
        assert X is not None  # checked where it came in
        rows = covariate_rows(X, list(self.X.columns))
        covariates = rows.loc[rows.index.isin(y.index)].combine_first(self.X)[list(self.X.columns)]
        return self._grown(targets, covariates.reindex(targets.index), encoder)

    def _with_later(self, y: pd.DataFrame) -> pd.DataFrame | None:
        """Return the targets with those of the next time step; None where there is more to do."""
        last, types = self.y.index[-1], self.y.dtypes
        if len(y) != 1 or not isinstance(last, pd.Period) or y.index[0] != last + 1:
            return None
        if list(y.columns) != list(types.index) or list(y.dtypes) != list(types):
            return None
        return pd.concat([self.y, y])

    def rescaled_by_noise(self, period: int, factor: float) -> History:
        """Return the history on a scale that is proportional to its noise.

        Parameters
        ----------
        period : int
            Time steps of a season.
        factor : float
            Scale per unit of noise, see :meth:`Panel.noise_factor`.
        """
        filled, _ = self.scaled_targets()
        noise = np.array([noise_floor(target, period) for target in filled.T])
        ratio = np.clip(factor * noise, 1 / _MOST_RESCALED, _MOST_RESCALED)
        return self._with(self.scaling.stretched(ratio))

    def on_logs(self, logs: np.ndarray) -> History:
        """Return the history with the logarithms of some targets, (n_targets,), scaled."""
        return self._with(TargetScaling.of(self.observed, logs))

    def scaled_targets(self) -> tuple[np.ndarray, np.ndarray]:
        """Return targets on the scale of the network.

        Returns
        -------
        filled : ndarray of shape (n_timepoints, n_targets)
            Repaired; float32.
        missing : ndarray of shape (n_timepoints, n_targets)
            True where there was a gap.
        """
        return self.scaling.apply(self.repaired), self.missing

    def _grown(
        self, y: pd.DataFrame, X: pd.DataFrame | None, encoder: CovariateEncoder | None
    ) -> History:
        """Return the history of more time stamps, with the same effects."""
        effects = self.effects
        if effects is not None:
            assert encoder is not None
            effects = effects.extended(encoder.future_channels(X, y.index))
        return replace(self, y=y, X=X, effects=effects)

    def _with(self, scaling: TargetScaling) -> History:
        """Return the same values on another scale."""
        scaled = replace(self, scaling=scaling)
        known = {"values": self.values, "repaired": self.repaired, "shifts": self.shifts}
        vars(scaled).update(known)
        return scaled
