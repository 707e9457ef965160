"""Forecasts of the targets of a panel from their own past, on the scale of the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.series.target_scaling import TargetScaling
from skconvattn.members.univariate import Univariate, UnivariateState
from skconvattn.members.weighing import PastForecasts

# A target is modelled on its logarithm where smoothing of logarithms has this weight.
_MOSTLY_LOGS = 0.8


@dataclass(frozen=True, eq=False)
class UnivariateTargets:
    """Targets as members read them that forecast each from its own past, and their weights.

    Attributes
    ----------
    series : tuple of ndarray of shape (n_timepoints,)
        Every target of every series up to its last value, divided by its unit; NaN where missing,
        repaired.
    trusted : tuple of ndarray of shape (n_timepoints,)
        The same, without values at the end that may be outliers.
    units : ndarray of shape (n_series * n_targets,)
        A power of two of about the size of each target.
    scalings : tuple of TargetScaling
        Scale of each series for the network.
    univariate : Univariate
        Weighted members.
    smoothed, attended : tuple of PastForecasts
        Forecasts of each target by exponential smoothing and by pretrained attention at past
        origins, in its unit, that saw nothing later; empty where weights are taken from elsewhere.
    """

    series: tuple[np.ndarray, ...]
    trusted: tuple[np.ndarray, ...]
    units: np.ndarray
    scalings: tuple[TargetScaling, ...]
    univariate: Univariate
    smoothed: tuple[PastForecasts, ...] = ()
    attended: tuple[PastForecasts, ...] = ()

    @classmethod
    def choose(
        cls,
        panel: Panel,
        periods: tuple[int, ...],
        horizon: int,
        *,
        mixed: bool,
        **options: Any,
    ) -> UnivariateTargets:
        """Weigh the members by their errors at past origins.

        Parameters
        ----------
        panel : Panel
            Series.
        periods : tuple of int
            Time steps of the seasons.
        horizon : int
            Steps ahead.
        mixed : bool
            Whether the targets of a series are forecast from one another, and so end together.
        **options
            As for :meth:`Univariate.choose`.
        """
        series, trusted, units = _read(panel, mixed=mixed)
        univariate, *past = Univariate.choose(series, periods, horizon, **options)
        return cls(series, trusted, units, _scalings(panel), univariate, *map(tuple, past))

    @classmethod
    def of(cls, panel: Panel, univariate: Univariate, *, mixed: bool) -> UnivariateTargets:
        """Take weights that are known."""
        return cls(*_read(panel, mixed=mixed), _scalings(panel), univariate)

    @property
    def mostly_logs(self) -> np.ndarray:
        """Targets whose logarithms are more regular than they are: (n_series * n_targets,)."""
        return self.univariate.log_shares >= _MOSTLY_LOGS

    @property
    def by_level(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight of logarithms in each target, and its zero on the scale of the network, negated.

        The weight is zero where the logarithm is scaled anyway.
        """
        logs = np.concatenate([scaling.logs for scaling in self.scalings])
        zero = np.concatenate([scaling.center / scaling.scale for scaling in self.scalings])
        return np.where(logs, 0.0, self.univariate.log_shares), zero

    def on(self, panel: Panel) -> UnivariateTargets:
        """Return the same for a panel on another scale."""
        return replace(self, scalings=_scalings(panel))

    def ahead(self, n_ahead: int) -> np.ndarray:
        """Forecast after the last value of each target: (n_series * n_targets, n_ahead)."""
        found = self.univariate.forecasts(self.series, n_ahead, self.trusted)
        return np.stack([self.scaled(i, values) for i, values in enumerate(found)])

    def at(self, number: np.ndarray, origins: np.ndarray, n_ahead: int) -> np.ndarray:
        """Forecast from past origins.

        Parameters
        ----------
        number : ndarray of shape (n,)
            Index of the target.
        origins : ndarray of shape (n,)
            Position of the last value before each forecast; -1 before the first value.
        n_ahead : int
            Steps ahead.

        Returns
        -------
        ndarray of shape (n, n_ahead)
            Forecasts on the scale of the network.
        """
        ahead = np.empty((len(number), n_ahead))
        used, asked, series = self._asked(number)
        found = self.univariate.of(used).forecasts_at(
            series, [origins[rows] for rows in asked], n_ahead
        )
        for i, rows, values in zip(used, asked, found, strict=True):
            ahead[rows] = self.scaled(int(i), values)
        return ahead

    def honest(self, number: np.ndarray, origins: np.ndarray, n_ahead: int) -> np.ndarray:
        """Forecast from past origins, with weights from errors known there where these are kept.

        Parameters and results are those of :meth:`at`; NaN before the first value.
        """
        ahead = np.full((len(number), n_ahead), np.nan)
        attended = np.full((len(number), n_ahead), np.nan)
        for i in np.unique(number):
            rows = np.flatnonzero(number == i)
            ahead[rows] = self.smoothed[i].at(origins[rows])
            attended[rows] = self.attended[i].at(origins[rows])
        kept = np.isfinite(ahead[:, 0])
        shares = self.univariate.shares[number]
        # Attention has no weights that errors after the origin could have changed.
        missing = np.flatnonzero(kept & (shares > 0) & np.isnan(attended[:, 0]))
        attended[missing] = self._attended_at(number[missing], origins[missing], n_ahead)
        share = shares[:, None]
        mixed = (1 - share) * ahead + np.where(share > 0, share * attended, 0.0)
        for i in np.unique(number[kept]):
            rows = np.flatnonzero(kept & (number == i))
            ahead[rows] = self.scaled(int(i), mixed[rows])
        left = np.flatnonzero(~kept & (origins >= 0))
        if len(left):
            ahead[left] = self.at(number[left], origins[left], n_ahead)
        return ahead

    def _attended_at(self, number: np.ndarray, origins: np.ndarray, n_ahead: int) -> np.ndarray:
        """Forecast by pretrained attention from past origins, in units of the targets."""
        ahead = np.empty((len(number), n_ahead))
        if len(number):
            _, asked, series = self._asked(number)
            of_each = [origins[rows] for rows in asked]
            found = self.univariate.attended_at(series, of_each, n_ahead)
            ahead[np.concatenate(asked)] = np.concatenate(found)
        return ahead

    def _asked(self, number: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """Return the targets that are asked for, the rows of each, and their series."""
        used = np.unique(number)
        return used, [np.flatnonzero(number == i) for i in used], [self.series[i] for i in used]

    def state(self) -> UnivariateState:
        """Return the state of the only target at its end."""
        return UnivariateState(self.univariate, self.series[0], self.trusted[0])

    def scaled(self, number: int, forecasts: np.ndarray) -> np.ndarray:
        """Return forecasts of a target, in its unit, on the scale of the network."""
        series, target = divmod(number, len(self.series) // len(self.scalings))
        scaling = self.scalings[series]
        values = np.zeros((*forecasts.shape, len(scaling.center)))
        values[..., target] = forecasts * self.units[number]
        return scaling.precise(values)[..., target]


def _scalings(panel: Panel) -> tuple[TargetScaling, ...]:
    return tuple(history.scaling for history in panel.histories)


def _read(
    panel: Panel, *, mixed: bool
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray]:
    """Return every target divided by its unit, also without doubtful values, and the units."""
    series, trusted, units = [], [], []
    for history in panel.histories:
        values = history.observed
        largest = np.nanmax(np.abs(history.repaired), axis=0)
        _, exponents = np.frexp(np.where(largest > 0, largest, 1.0))
        own = np.ldexp(1.0, exponents)
        ends = len(values) - history.trailing_gaps(together=mixed)
        series += [column[:end] for column, end in zip((values / own).T, ends, strict=True)]
        scaled = history.trusted / own
        trusted += [column[:end] for column, end in zip(scaled.T, ends, strict=True)]
        units.append(own)
    return tuple(series), tuple(trusted), np.concatenate(units)
