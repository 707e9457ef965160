"""Histories of series: targets and covariates as given, and the scale of each target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.calendar import calendar_channels
from skconvattn.forecasting.series.covariates import covariate_rows
from skconvattn.forecasting.series.repairing import Repaired, gross_at_the_end, repaired
from skconvattn.forecasting.series.target_scaling import TargetScaling
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.intervals.noise import noise_floor

# How far the scale of a series by its noise may be from its standard deviation, either way.
_MOST_RESCALED = 10.0
# Values above zero in a row, on average, from which a series is no rare demand.
_LONG_RUN = 4


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
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    scaling: TargetScaling
    period: int = 1
    holidays: tuple[str, ...] = ()

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

    @cached_property
    def repaired(self) -> np.ndarray:
        """Targets without gaps, outliers and level shifts: (n_timepoints, n_targets), float64."""
        return np.stack([one.values for one in self._repairs], axis=1)

    @cached_property
    def moved(self) -> np.ndarray:
        """What was added to undo level shifts: (n_timepoints, n_targets)."""
        return np.stack([one.moved for one in self._repairs], axis=1)

    @cached_property
    def _repairs(self) -> list[Repaired]:
        values, covariates = self.y.to_numpy(np.float64, na_value=np.nan), self.X
        if self.holidays:
            days = calendar_channels(self.y.index, self.holidays)
            frame = pd.DataFrame(days, index=self.y.index, columns=list(self.holidays))
            covariates = pd.concat([self.covariates, frame], axis=1)
        return [repaired(column, self.period, covariates) for column in values.T]

    @property
    def missing(self) -> np.ndarray:
        """True where a target is missing: (n_timepoints, n_targets)."""
        return self.y.isna().to_numpy()

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
        given = self.y.to_numpy(np.float64, na_value=np.nan) + self.moved
        gross = gross_at_the_end(given, self.repaired)
        return np.where(gross, np.nan, self.observed)

    @property
    def covariates(self) -> pd.DataFrame:
        """Covariates at the time stamps of ``y``; a frame without columns where there are none."""
        return pd.DataFrame(index=self.y.index) if self.X is None else self.X

    def tail(self, n_timepoints: int) -> History:
        """Return the history of the last time steps, on the same scale."""
        cut = replace(
            self,
            y=self.y.iloc[-n_timepoints:],
            X=None if self.X is None else self.X.iloc[-n_timepoints:],
        )
        # Values are repaired by those of the whole history.
        vars(cut)["repaired"] = self.repaired[-n_timepoints:]
        vars(cut)["moved"] = self.moved[-n_timepoints:]
        return cut

    def known_tail(self, n_timepoints: int) -> History:
        """Return at least the last time steps, from one on at which nothing is missing.

        Gaps within are then filled as they are in the whole history.
        """
        start = max(len(self.y) - n_timepoints, 0)
        frames = [self.y] if self.X is None else [self.y, self.X]
        if start and any(frame.iloc[start : start + 1].isna().any(axis=None) for frame in frames):
            missing = [frame.iloc[:start].isna().to_numpy().any(axis=1) for frame in frames]
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
        if not self.y.iloc[-1:].isna().any(axis=None):
            return np.zeros(self.y.shape[1], dtype=int)
        present = self.y.iloc[::-1].notna().to_numpy()
        if together:
            present = np.broadcast_to(present.any(axis=1, keepdims=True), present.shape)
        return np.where(present.any(axis=0), present.argmax(axis=0), 0)

    def has_inner_gaps(self) -> bool:
        """Whether values are missing before the last value of their target."""
        missing = self.y.isna().to_numpy()
        return bool((missing.sum(axis=0) > self.trailing_gaps(together=False)).any())

    def extended(self, y: pd.DataFrame, X: pd.DataFrame | None, timeline: Timeline) -> History:
        """Return the history with new time stamps added, on the old scale.

        Time stamps between the old end and the new beginning are missing values.
        """
        targets = y.combine_first(self.y)[list(self.y.columns)]
        whole = timeline.whole(targets.index)
        if len(whole) > len(targets):
            targets = targets.reindex(whole)
        if self.X is None:
            return replace(self, y=targets)
        assert X is not None  # checked where it came in
        rows = covariate_rows(X, list(self.X.columns))
        covariates = rows.loc[rows.index.isin(y.index)].combine_first(self.X)[list(self.X.columns)]
        return replace(self, y=targets, X=covariates.reindex(targets.index))

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

    def _with(self, scaling: TargetScaling) -> History:
        """Return the same values on another scale."""
        scaled = replace(self, scaling=scaling)
        vars(scaled)["repaired"], vars(scaled)["moved"] = self.repaired, self.moved
        return scaled


@dataclass(frozen=True, eq=False)
class Panel:
    """One or many series.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series in all levels of the index but the last; one empty tuple for a series
        that is not part of a panel.
    histories : tuple of History
        Histories in the order of the keys.
    names : tuple of str or None
        Names of all levels of the index; empty where levels have no names.
    """

    keys: tuple[tuple[Any, ...], ...]
    histories: tuple[History, ...]
    names: tuple[Any, ...] = ()

    @classmethod
    def of(
        cls,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        period: int | Callable[[pd.Series], int] = 1,
        holidays: tuple[str, ...] = (),
        *,
        scaled: bool = True,
    ) -> Panel:
        """Take checked data of sktime's kinds pd.DataFrame, pd-multiindex or pd_multiindex_hier.

        ``period`` is that of all series, or is found from the first target of the longest.
        """
        covariates = split_panel(X) if X is not None else {}
        parts = split_panel(y)
        if callable(period):
            period = period(max(parts.values(), key=len).iloc[:, 0])
        histories = [
            History.of(part, covariates.get(key), period, holidays, scaled=scaled)
            for key, part in parts.items()
        ]
        return cls(tuple(parts), tuple(histories), tuple(y.index.names))

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], History]]:
        """Iterate over keys and histories."""
        return iter(zip(self.keys, self.histories, strict=True))

    @property
    def n_targets(self) -> int:
        """Number of targets of each series."""
        return self.histories[0].y.shape[1]

    @property
    def targets(self) -> list[np.ndarray]:
        """Every target of every series, up to its last value, on the scale of the network."""
        return [
            target[: len(target) - gap]
            for history in self.histories
            for target, gap in zip(
                history.scaled_targets()[0].T, history.trailing_gaps(together=False), strict=True
            )
        ]

    @property
    def lengths(self) -> list[int]:
        """Time steps of each series up to its last value."""
        return [len(h.y) - int(h.trailing_gaps(together=True)[0]) for h in self.histories]

    @property
    def has_inner_gaps(self) -> bool:
        """Whether any values are missing before the last value of their target."""
        return any(history.has_inner_gaps() for history in self.histories)

    @property
    def is_rare(self) -> bool:
        """Whether the series are rare demand: mostly zero, never negative, in short runs."""
        n_values = n_zeros = n_runs = 0
        for history in self.histories:
            for column in history.y.to_numpy(np.float64, na_value=np.nan).T:
                values = column[~np.isnan(column)]
                if len(values) and values.min() < 0:
                    return False
                sold = values > 0
                n_values, n_zeros = n_values + len(values), n_zeros + int((~sold).sum())
                n_runs += int((sold[1:] & ~sold[:-1]).sum()) + int(sold[:1].sum())
        return n_zeros > n_values / 2 and n_values - n_zeros < _LONG_RUN * n_runs

    @property
    def first(self) -> History:
        """The first series, which is the only one outside of panels."""
        return self.histories[0]

    @property
    def longest(self) -> History:
        """The longest series, the first of them."""
        return max(self.histories, key=lambda history: len(history.y))

    def noise_factor(self, period: int) -> float:
        """Return the scale per unit of noise that leaves the median series as it is.

        The loss of a panel sums errors of all series. In units of standard deviations, a series
        with a clear season and little noise would hardly count; in units of the noise, the change
        from one season to the next, all series count alike.

        Parameters
        ----------
        period : int
            Time steps of a season.
        """
        return float(1 / np.median([noise_floor(target, period) for target in self.targets]))

    def rescaled_by_noise(
        self, period: int, factor: float, only: Collection[Any] | None = None
    ) -> Panel:
        """Return the panel with series, all or some by key, rescaled by noise."""
        histories = (
            history.rescaled_by_noise(period, factor) if only is None or key in only else history
            for key, history in self
        )
        return replace(self, histories=tuple(histories))

    def on_logs(self, logs: np.ndarray) -> Panel:
        """Return the panel with the logarithms of some targets scaled.

        Parameters
        ----------
        logs : boolean ndarray of shape (n_series * n_targets,)
            Which of all targets, whose values are positive.
        """
        if not logs.any():
            return self
        by_series = logs.reshape(len(self.keys), -1)
        histories = (h.on_logs(one) for h, one in zip(self.histories, by_series, strict=True))
        return replace(self, histories=tuple(histories))

    def rescaled(self, period: int, *, scaled: bool = True) -> Panel:
        """Return the panel with another season, and scales measured on all that has been seen."""
        histories = (
            History.of(h.y, h.X, period, h.holidays, scaled=scaled) for h in self.histories
        )
        return replace(self, histories=tuple(histories))

    def extended(
        self,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        timeline: Timeline,
        *,
        scaled: bool = True,
    ) -> Panel:
        """Return the panel with new time stamps, and new series, added."""
        known = dict(iter(self))
        covariates = split_panel(X) if X is not None else {}
        for key, part in split_panel(y).items():
            if key in known:
                known[key] = known[key].extended(part, covariates.get(key), timeline)
            else:
                given = covariates.get(key)
                period, holidays = self.first.period, self.first.holidays
                known[key] = History.of(part, given, period, holidays, scaled=scaled)
        return Panel(tuple(known), tuple(known.values()), self.names)


def split_panel(data: pd.DataFrame) -> dict[tuple[Any, ...], pd.DataFrame]:
    """Return the series of a panel by key; one with an empty key where there is no panel."""
    if not isinstance(data.index, pd.MultiIndex):
        return {(): data}
    levels: list[Any] = list(range(data.index.nlevels - 1))
    # Before 3.0, pandas warns of one level in a list.
    by = levels if len(levels) > 1 else levels[0]
    return {
        key if isinstance(key, tuple) else (key,): part.droplevel(levels)
        for key, part in data.groupby(level=by, sort=False)
    }
