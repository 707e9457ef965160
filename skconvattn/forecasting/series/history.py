"""Histories of series: targets and covariates as given, and the scale of each target."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.data.scaling import Scaling
from skconvattn.forecasting.series.covariates import covariate_rows
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
    scaling : Scaling
        Location and scale of each target, from the first data seen.
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    scaling: Scaling

    @classmethod
    def of(cls, y: pd.DataFrame, X: pd.DataFrame | None, *, scaled: bool = True) -> History:
        """Take a checked series and its covariates, and measure its scale.

        Parameters
        ----------
        y : pandas.DataFrame of shape (n_timepoints, n_targets)
            Targets.
        X : pandas.DataFrame or None
            Covariates, at least at the time stamps of ``y``.
        scaled : bool
            Whether targets are brought to mean zero and a standard deviation of one.
        """
        values = y.to_numpy(np.float64, na_value=np.nan)
        scaling = (
            _scaling_of(values)
            if scaled
            else Scaling(np.zeros(values.shape[1]), np.ones(values.shape[1]))
        )
        return cls(y, None if X is None else X.loc[y.index], scaling)

    @property
    def covariates(self) -> pd.DataFrame:
        """Covariates at the time stamps of ``y``; a frame without columns where there are none."""
        return pd.DataFrame(index=self.y.index) if self.X is None else self.X

    def tail(self, n_timepoints: int) -> History:
        """Return the history of the last time steps, on the same scale."""
        return replace(
            self,
            y=self.y.iloc[-n_timepoints:],
            X=None if self.X is None else self.X.iloc[-n_timepoints:],
        )

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
        scaling = Scaling(self.scaling.center, self.scaling.scale * ratio)
        return replace(self, scaling=scaling)

    def scaled_targets(self) -> tuple[np.ndarray, np.ndarray]:
        """Return targets on the scale of the network.

        Returns
        -------
        filled : ndarray of shape (n_timepoints, n_targets)
            Gaps filled linearly, at the ends by the nearest value; float32.
        missing : ndarray of shape (n_timepoints, n_targets)
            True where there was a gap.
        """
        values = self.y.to_numpy(np.float64, na_value=np.nan)
        missing = np.isnan(values)
        if missing.any():
            values = np.stack([_interpolated(column) for column in values.T], axis=1)
        return self.scaling.apply(values), missing


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
    def of(cls, y: pd.DataFrame, X: pd.DataFrame | None, *, scaled: bool = True) -> Panel:
        """Take checked data of sktime's kinds pd.DataFrame, pd-multiindex or pd_multiindex_hier."""
        covariates = split_panel(X) if X is not None else {}
        parts = split_panel(y)
        histories = [
            History.of(part, covariates.get(key), scaled=scaled) for key, part in parts.items()
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

    def rescaled(self, *, scaled: bool = True) -> Panel:
        """Return the panel with scales measured on all that has been seen."""
        histories = (History.of(h.y, h.X, scaled=scaled) for h in self.histories)
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
                known[key] = History.of(part, covariates.get(key), scaled=scaled)
        return Panel(tuple(known), tuple(known.values()), self.names)


def split_panel(data: pd.DataFrame) -> dict[tuple[Any, ...], pd.DataFrame]:
    """Return the series of a panel by key; one with an empty key where there is no panel."""
    if not isinstance(data.index, pd.MultiIndex):
        return {(): data}
    levels: list[Any] = list(range(data.index.nlevels - 1))
    return {
        key if isinstance(key, tuple) else (key,): part.droplevel(levels)
        for key, part in data.groupby(level=levels, sort=False)
    }


def _interpolated(values: np.ndarray) -> np.ndarray:
    present = np.flatnonzero(~np.isnan(values))
    if len(present) == 0:
        return np.zeros_like(values)
    return np.interp(np.arange(len(values)), present, values[present])


def _scaling_of(values: np.ndarray) -> Scaling:
    """Measure each target on its observed values."""
    parts = [column[~np.isnan(column)][:, None] for column in values.T]
    parts = [part if len(part) else np.zeros((1, 1)) for part in parts]
    each = [Scaling.of(part, np.ones(len(part))) for part in parts]
    return Scaling(
        np.concatenate([np.atleast_1d(one.center) for one in each]),
        np.concatenate([np.atleast_1d(one.scale) for one in each]),
    )
