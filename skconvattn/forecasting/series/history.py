"""Histories of the series of a panel."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.single_history import History
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.intervals.noise import noise_floor

__all__ = ["History", "Panel", "split_panel"]

# Values above zero in a row, on average, from which a series is no rare demand.
_LONG_RUN = 4


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
        for key, history in zip(parts, histories, strict=True):
            _warn_of_codes(key, history)
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
            for column in history.values.T:
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

    def explained(self, encoder: CovariateEncoder, *, scaled: bool = True) -> Panel:
        """Return the panel with the effects that covariates are found to have on each series."""
        if not encoder.n_future_channels:
            return self
        histories = (history.explained(encoder, scaled=scaled) for history in self.histories)
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
        encoder: CovariateEncoder | None = None,
        *,
        scaled: bool = True,
    ) -> Panel:
        """Return the panel with new time stamps, and new series, added.

        The encoder is that of the fit, where covariates have effects.
        """
        known = dict(iter(self))
        covariates = split_panel(X) if X is not None else {}
        for key, part in split_panel(y).items():
            if key in known:
                known[key] = known[key].extended(part, covariates.get(key), timeline, encoder)
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
    groups = data.groupby(level=levels if len(levels) > 1 else levels[0], sort=False)
    number = groups.ngroup().to_numpy()
    starts, times = np.flatnonzero(np.diff(number, prepend=-1)), data.index.get_level_values(-1)
    # Slices of dates would lose their frequency, and those of a range would be no range.
    if len(starts) != groups.ngroups or not isinstance(times, pd.PeriodIndex):
        return {_as_key(key): part.droplevel(levels) for key, part in groups}
    # The rows of each series stand together: slices of one frame, which is ours.
    keys = data.index.droplevel([-1])[starts]
    whole = data.copy().set_axis(times, axis=0)
    ends = [*starts[1:].tolist(), len(data)]
    return {
        _as_key(key): whole.iloc[start:end]
        for key, start, end in zip(keys, starts.tolist(), ends, strict=True)
    }


def _as_key(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _warn_of_codes(key: tuple[Any, ...], history: History) -> None:
    """Say which values are read as missing."""
    for number, code in history.codes.items():
        of_series = f" of the series {list(key)!r}" if key else ""
        column = history.y.iloc[:, number]
        warnings.warn(
            f"y[{column.name!r}]{of_series} has the value {code:g} {int((column == code).sum())} "
            "times, far from all others, and is read as missing there; write NaN for what is "
            "missing to be without this warning.",
            UserWarning,
            stacklevel=2,
        )
