"""Forecasts of series from their own past alone: exponential smoothing and pretrained attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.members.pretrained import Pretrained
from skconvattn.members.shares import shares_of_equals
from skconvattn.members.smoothing import Smoothing, SmoothingState
from skconvattn.members.spreading import in_parts, parts_of
from skconvattn.members.weighing import PastForecasts

# Most origins at which pretrained attention alone is measured, and the share of a series before.
_MOST_ORIGINS, _BEFORE = 60, 4
# Origins at which both members are compared, over all series, and per series at least. Forecasts
# from neighbouring origins err alike, and in a panel the errors of all series count.
_MOST_COMPARED, _LEAST_COMPARED = 2**13, 16
# Logarithm of the ratio of the errors of both that is expected where attention forecasts with a
# season of which a short series shows smoothing nothing. On parts of M1's training series it is .2
# for months, and the average of both errs least above that.
_FAVOUR_OF_SEASON = 0.35


@dataclass(frozen=True, eq=False)
class Univariate:
    r"""Average of exponential smoothing and pretrained attention, for each series.

    .. math:: \hat y = p\, \hat y_\mathrm{pretrained} + (1 - p)\, \hat y_\mathrm{smoothing}

    with shares by their errors at past origins, which neither has seen what follows of; see
    :func:`~skconvattn.members.shares.shares_of_equals`.

    Attributes
    ----------
    smoothing : Smoothing or None
        Weighted settings of exponential smoothing.
    pretrained : Pretrained or None
        Pretrained attention; one of both is there.
    shares : ndarray of shape (n_series,)
        :math:`p`.
    """

    smoothing: Smoothing | None
    pretrained: Pretrained | None
    shares: np.ndarray

    @classmethod
    def choose(
        cls,
        series: Sequence[np.ndarray],
        periods: tuple[int, ...],
        horizon: int,
        *,
        smoothed: bool = True,
        pretrained: Pretrained | None = None,
        squared: bool = False,
        **options: Any,
    ) -> tuple[Univariate, list[PastForecasts], list[PastForecasts]]:
        """Weigh the members by their errors at past origins.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series that end with a value; NaN where missing.
        periods : tuple of int
            Time steps of the seasons; 1 for none.
        horizon : int
            Steps ahead.
        smoothed : bool
            Whether exponential smoothing is a member.
        pretrained : Pretrained, optional
            Pretrained attention, if it is a member.
        squared : bool
            Whether errors are squared, for a forecast of the mean.
        **options
            As for :meth:`Smoothing.choose`.

        Returns
        -------
        univariate : Univariate
            Weighted members.
        smoothed : list of PastForecasts
            Forecasts of each series by exponential smoothing at past origins; zeros if it is no
            member.
        attended : list of PastForecasts
            Forecasts of each series by pretrained attention, in a panel at some of these origins;
            at none if it is no member.
        """
        options = {"smoothed": smoothed, "pretrained": pretrained, "squared": squared, **options}
        jobs = [
            ([series[i] for i in part], periods, horizon, len(series), options)
            for part in parts_of(len(series))
        ]
        found = in_parts(_past_forecasts, jobs)
        smoothing = Smoothing.joined([one for one, _, _ in found]) if smoothed else None
        past = [one for _, part, _ in found for one in part]
        attended = [one for _, _, part in found for one in part]
        if pretrained is None:
            return cls(smoothing, None, np.zeros(len(series))), past, attended
        shares = np.ones(len(series))
        if smoothed:
            favour = 0.0 if pretrained.periods == periods else _FAVOUR_OF_SEASON
            shares = _shares(series, past, attended, horizon, squared=squared, favour=favour)
        return cls(smoothing, pretrained, shares), past, attended

    @property
    def log_shares(self) -> np.ndarray:
        """Weight of logarithms in the exponential smoothing of each series: (n_series,)."""
        return np.zeros(len(self.shares)) if self.smoothing is None else self.smoothing.log_shares

    def of(self, numbers: np.ndarray) -> Univariate:
        """Return the members of some series by their index."""
        smoothing = None if self.smoothing is None else self.smoothing.of(numbers)
        return replace(self, smoothing=smoothing, shares=self.shares[numbers])

    def forecasts(
        self,
        series: Sequence[np.ndarray],
        n_ahead: int,
        trusted: Sequence[np.ndarray] | None = None,
    ) -> np.ndarray:
        """Forecast the steps after the end of each series: (n_series, n_ahead).

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series in the order of the shares; they may have grown.
        n_ahead : int
            Steps ahead.
        trusted : sequence of ndarray of shape (n_timepoints,), optional
            The series without doubtful values at their ends, for pretrained attention.
        """
        origins = [np.array([len(one) - 1]) for one in series]
        ahead = self.forecasts_at(series, origins, n_ahead, trusted)
        return np.concatenate(ahead) if ahead else np.zeros((0, n_ahead))

    def forecasts_at(
        self,
        series: Sequence[np.ndarray],
        origins: Sequence[np.ndarray],
        n_ahead: int,
        trusted: Sequence[np.ndarray] | None = None,
    ) -> list[np.ndarray]:
        """Forecast from past origins, each from the values up to it.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timepoints,)
            Series in the order of the shares.
        origins : sequence of ndarray of shape (n_origins,)
            Positions of the last value before each forecast; -1 before the first value.
        n_ahead : int
            Steps ahead.
        trusted : sequence of ndarray of shape (n_timepoints,), optional
            As for :meth:`forecasts`.

        Returns
        -------
        list of ndarray of shape (n_origins, n_ahead)
            Forecasts of each series.
        """
        read = series if trusted is None else trusted
        jobs = [
            (self.of(part), *([each[i] for i in part] for each in (series, origins, read)), n_ahead)
            for part in parts_of(len(series))
        ]
        return [one for part in in_parts(_forecasts_at, jobs) for one in part]

    def attended_at(
        self, series: Sequence[np.ndarray], origins: Sequence[np.ndarray], n_ahead: int
    ) -> list[np.ndarray]:
        """Forecast from past origins by pretrained attention alone; see :meth:`forecasts_at`."""
        assert self.pretrained is not None
        jobs = [
            ([series[i] for i in part], [origins[i] for i in part], n_ahead)
            for part in parts_of(len(series))
        ]
        found = in_parts(self.pretrained.forecasts_at, jobs)
        return [one for part in found for one in part]


class UnivariateState:
    """Members of one series that goes on.

    Parameters
    ----------
    univariate : Univariate
        Members of one series.
    series : ndarray of shape (n_timepoints,)
        The series so far; NaN where missing.
    trusted : ndarray of shape (n_timepoints,), optional
        The series without doubtful values at its end, for pretrained attention.
    """

    def __init__(
        self, univariate: Univariate, series: np.ndarray, trusted: np.ndarray | None = None
    ) -> None:
        self._share = float(univariate.shares[0])
        self._smoothing, self._pretrained = None, None
        if univariate.smoothing is not None and self._share < 1:
            self._smoothing = SmoothingState(univariate.smoothing, series)
        if univariate.pretrained is not None and self._share > 0:
            self._pretrained = univariate.pretrained
            read = series if trusted is None else trusted
            self._recent = read[-self._pretrained.n_read :]

    def take(self, values: np.ndarray) -> None:
        """Take further values, (n_timepoints,); NaN where missing."""
        if self._smoothing is not None:
            self._smoothing.take(values)
        if self._pretrained is not None:
            self._recent = np.concatenate([self._recent, values])[-self._pretrained.n_read :]

    def ahead(self, n_ahead: int) -> np.ndarray:
        """Forecast the steps after the last value: (n_ahead,)."""
        ahead = np.zeros(n_ahead)
        if self._smoothing is not None:
            ahead += (1 - self._share) * self._smoothing.ahead(n_ahead)
        if self._pretrained is not None:
            last = np.array([len(self._recent) - 1])
            found = self._pretrained.forecasts_at([self._recent], [last], n_ahead)
            ahead += self._share * found[0][0]
        return ahead


def _past_forecasts(
    series: list[np.ndarray],
    periods: tuple[int, ...],
    horizon: int,
    n_in_panel: int,
    options: dict[str, Any],
) -> tuple[Smoothing | None, list[PastForecasts], list[PastForecasts]]:
    """Forecast some series of a panel at past origins, by smoothing and by attention."""
    options = dict(options)
    smoothed, pretrained = options.pop("smoothed"), options.pop("pretrained")
    smoothing, past = None, [_origins(one, horizon) for one in series]
    if smoothed:
        smoothing, past = Smoothing.choose(
            series, periods, horizon, n_in_panel=n_in_panel, **options
        )
    if pretrained is None:
        return smoothing, past, [one[:0] for one in past]
    most = max(_LEAST_COMPARED, _MOST_COMPARED // n_in_panel)
    origins = [one.origins[_spread(one.origins, most)] for one in past]
    ahead = pretrained.forecasts_at(series, origins, horizon)
    attended = [
        PastForecasts(one, values.astype(np.float32))
        for one, values in zip(origins, ahead, strict=True)
    ]
    return smoothing, past, attended


def _forecasts_at(
    univariate: Univariate,
    series: list[np.ndarray],
    origins: list[np.ndarray],
    trusted: list[np.ndarray],
    n_ahead: int,
) -> list[np.ndarray]:
    """Forecast some series of a panel from origins by the average of both members."""
    ahead = [np.zeros((len(asked), n_ahead)) for asked in origins]
    shares = univariate.shares
    for member, weights in ((univariate.smoothing, 1.0 - shares), (univariate.pretrained, shares)):
        used = np.flatnonzero(weights).tolist()
        if member is None or not used:
            continue
        own, read = member, trusted
        if isinstance(member, Smoothing):
            own, read = member.of(np.array(used)), series
        found = own.forecasts_at([read[i] for i in used], [origins[i] for i in used], n_ahead)
        for i, values in zip(used, found, strict=True):
            ahead[i] += weights[i] * values
    return ahead


def _origins(series: np.ndarray, horizon: int) -> PastForecasts:
    """Return origins spread over a series, with forecasts of zero."""
    n = len(series)
    first = min(max(n // _BEFORE, 1), max(n - 2, 0))
    origins = np.unique(np.linspace(first, max(n - 2, 0), min(_MOST_ORIGINS, n)).astype(int))
    origins = origins[origins < n - 1]
    return PastForecasts(origins, np.zeros((len(origins), horizon), dtype=np.float32))


def _spread(origins: np.ndarray, most: int) -> np.ndarray:
    """Return positions of at most ``most`` origins, spread evenly over time, with the last one."""
    if len(origins) <= most:
        return np.arange(len(origins))
    wanted = np.linspace(origins[0], origins[-1], most)
    return np.unique(np.searchsorted(origins, np.floor(wanted)))


def _shares(
    series: Sequence[np.ndarray],
    past: list[PastForecasts],
    attended: list[PastForecasts],
    horizon: int,
    *,
    squared: bool,
    favour: float,
) -> np.ndarray:
    """Weigh pretrained attention against exponential smoothing: (n_series,)."""
    residuals, number, blocks, n_blocks = [], [], [], 0
    for i, (one, own, other) in enumerate(zip(series, past, attended, strict=True)):
        padded = np.concatenate([one, np.full(horizon, np.nan)])
        actual = padded[other.origins[:, None] + np.arange(1, horizon + 1)]
        residuals.append(np.stack([actual - own.at(other.origins), actual - other.forecasts]))
        number.append(np.full(len(other.origins), i))
        blocks.append(n_blocks + other.origins // horizon)
        n_blocks += len(one) // horizon + 1
    of_smoothing, of_pretrained = np.concatenate(residuals, axis=1)
    return shares_of_equals(
        of_smoothing,
        of_pretrained,
        np.concatenate(number),
        np.concatenate(blocks),
        len(series),
        squared=squared,
        favour=favour,
    )
