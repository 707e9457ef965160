"""Weights of the settings of exponential smoothing, from their errors at past origins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skconvattn.members.runs import Runs

# Powers of the error by which weights fall, and what each counts before there is any evidence. The
# lowest averages widely, which is safe; the highest trusts the differences that have been measured.
_SHARPNESS = np.array([3.0, 8.0, 24.0, 72.0])
_PRIOR = np.array([1.0, 0.3, 0.1, 0.03])
# Power of the error of the averages by which they are averaged in turn, per horizon of origins.
_SHARPNESS_OF_AVERAGES = 30.0
# Steps, or seasons if these are longer, after which an origin counts half, and how many of these
# lie before the end when errors begin to be measured.
_HALF_LIFE, _HALF_LIFE_SEASONS, _MOST_HALF_LIVES = 70, 3, 6
# Most origins and steps ahead at which errors are measured; of a large panel as many origins as
# come to this number over all series, at least some.
_MOST_ORIGINS, _MOST_STEPS = 200, 12
_MOST_OF_PANEL, _LEAST_ORIGINS = 2**15, 24
# Errors count at most as this multiple of the median error of the seasonal naive forecast, so that
# one shock or level shift, by which all settings are wrong, does not drown their differences.
_MOST_ERROR = 5.0
# Numbers in the forecasts at past origins that are kept, and least origins.
_MOST_PAST, _LEAST_PAST = 2**24, 16
# Errors below this share of the median of all settings differ by chance.
_LEAST_ERROR = 0.01


def smoothing_weights(
    runs: Runs,
    n_series: int,
    period: int,
    horizon: int,
    *,
    squared: bool,
    n_in_panel: int | None = None,
) -> tuple[np.ndarray, list[PastForecasts]]:
    """Weigh the settings by the errors of their forecasts at past origins.

    Parameters
    ----------
    runs : Runs
        The series, before any time step is taken.
    n_series : int
        Number of series.
    period : int
        Time steps of a season.
    horizon : int
        Steps ahead.
    squared : bool
        Whether errors are squared.
    n_in_panel : int, optional
        Number of series in the panel that these are a part of; ``n_series`` by default.

    Returns
    -------
    weights : ndarray of shape (n_series, 2 * n_periods, n_settings)
        Weights of the settings, for each season on values and on logarithms, with a sum of one per
        series.
    past : list of PastForecasts
        Forecasts of each series at past origins.
    """
    most = int(np.clip(_MOST_OF_PANEL // (n_in_panel or n_series), _LEAST_ORIGINS, _MOST_ORIGINS))
    origins = RollingOrigins(runs, n_series, period, horizon, squared=squared, most=most)
    for t in range(runs.n_timepoints):
        runs.advance(t)
        origins.settle(t)
        origins.forecast(t)
    return origins.weights(), origins.past()


@dataclass(frozen=True, eq=False)
class PastForecasts:
    """Forecasts of one series at past origins, with weights from errors known at the origin.

    Attributes
    ----------
    origins : ndarray of shape (n_origins,)
        Positions in the series, increasing.
    forecasts : ndarray of shape (n_origins, horizon)
        Forecasts of the steps after each origin, float32.
    """

    origins: np.ndarray
    forecasts: np.ndarray

    def __getitem__(self, rows: slice | np.ndarray) -> PastForecasts:
        """Return the forecasts at some of the origins."""
        return PastForecasts(self.origins[rows], self.forecasts[rows])

    def at(self, origins: np.ndarray) -> np.ndarray:
        """Return the forecasts at origins, (n, horizon), float64; NaN where there is none."""
        found = np.full((len(origins), self.forecasts.shape[1]), np.nan)
        if len(self.origins):
            place = np.searchsorted(self.origins, origins).clip(0, len(self.origins) - 1)
            kept = self.origins[place] == origins
            found[kept] = self.forecasts[place[kept]]
        return found


class RollingOrigins:
    r"""Errors of all settings at past origins, each counted as soon as its value is known.

    At each origin the settings are averaged with weights :math:`E_k^{-c}` that fall with their mean
    errors :math:`E_k` so far, for several powers :math:`c`. Which power is best depends on how much
    the errors tell, and shows in the errors :math:`\bar E_c` of the averages themselves, none of
    which has seen what follows. The weights in the end are

    .. math:: a_k = \sum_c \pi_c \frac{E_k^{-c}}{\sum_j E_j^{-c}}, \qquad
              \pi_c \propto p_c\, \bar E_c^{-30 n},

    with the number :math:`n` of horizons that the origins span.

    Parameters
    ----------
    runs, n_series, period, horizon, squared
        As for :func:`smoothing_weights`.
    most : int
        Origins at which errors are measured, at most.
    """

    def __init__(
        self,
        runs: Runs,
        n_series: int,
        period: int,
        horizon: int,
        *,
        squared: bool,
        most: int = _MOST_ORIGINS,
    ) -> None:
        self._runs, self._n_series, self._squared = runs, n_series, squared
        values, starts = runs.values(), runs.starts
        self._n = values.shape[1]
        lengths = self._n - starts
        self._raw = values
        self._steps = np.unique(
            np.linspace(1, horizon, min(horizon, _MOST_STEPS)).round().astype(int)
        )
        # Short series compare forecasts over a third of their length at most.
        self._counted = self._steps[:, None] <= np.maximum(lengths // 3, 1)  # (n_steps, n_rows)
        half_life = max(_HALF_LIFE, _HALF_LIFE_SEASONS * period)
        first = np.maximum(
            _first_origins(lengths, period, horizon), lengths - 1 - _MOST_HALF_LIVES * half_life
        )
        self._first = starts + first
        self._caps = _most_errors(self._raw, self._first, self._steps, period)
        if squared:
            # A mean has to follow its largest values.
            self._caps[:] = np.inf
        # Of the origins of a long series, every nth; the others in a panel do not matter.
        self._stride = np.maximum(1, -(-(self._n - 1 - self._first) // most))
        self._decay = 0.5 ** (1 / half_life)
        shape = (len(values), runs.n_settings)
        self._total = np.zeros((len(self._steps), *shape))
        self._count = np.zeros(self._total.shape[:2])
        # Forecasts whose values are still to come, in rings: the slot of a forecast is free again
        # when its value is known.
        self._pending = [np.zeros((step, *shape)) for step in self._steps]
        self._pending_averages = [
            np.zeros((step, len(_SHARPNESS), n_series)) for step in self._steps
        ]
        self._made = [np.zeros((step, len(values)), dtype=bool) for step in self._steps]
        self._averaged = [np.zeros((step, n_series), dtype=bool) for step in self._steps]
        self._of_averages = np.zeros((len(_SHARPNESS), n_series))
        self._n_averages = np.zeros(n_series)
        self._past: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._most_past = max(_LEAST_PAST, _MOST_PAST // (n_series * horizon))
        self._horizon = horizon
        self._first_row = np.full(n_series, -1)
        self._first_row[runs.number[::-1]] = np.arange(len(values))[::-1]

    def settle(self, t: int) -> None:
        """Count the errors of earlier forecasts of the values at a time step."""
        # The weight of an error, by which all that count so far would shrink from step to step.
        weight = self._decay ** (self._n - 1 - t)
        self._of_averages *= self._decay
        self._n_averages *= self._decay
        actual = self._raw[:, t]
        seen = ~np.isnan(actual)
        for i, step in enumerate(self._steps):
            slot = t % step
            rows = self._made[i][slot] & seen & self._counted[i]
            if not rows.any():
                continue
            every = rows.all()
            error = self._pending[i][slot] if every else self._pending[i][slot][rows]
            loss = self._loss(error, actual[rows, None], self._caps[i, rows, None])
            loss *= weight
            if every:
                self._total[i] += loss
            else:
                self._total[i, rows] += loss
            self._count[i, rows] += weight
            first = self._first_row
            known = rows[first] & self._averaged[i][slot]
            if known.any():
                values = np.where(known, actual[first], 0.0)
                losses = self._loss(self._pending_averages[i][slot], values, self._caps[i, first])
                self._of_averages += np.where(known, losses, 0.0)
                self._n_averages += known

    def forecast(self, t: int) -> None:
        """Forecast from a time step, unless it is left out."""
        for made, averaged in zip(self._made, self._averaged, strict=True):
            made[t % len(made)] = averaged[t % len(averaged)] = False
        rows = (self._first <= t) & ((self._n - 2 - t) % self._stride == 0)
        # With these origins all other members are compared.
        latest = self._horizon <= self._n - 1 - t <= 2 * self._horizon
        kept = (self._first <= t) if latest else rows
        if t == self._n - 1 or not kept.any():
            return
        within = np.flatnonzero(t + self._steps < self._n)
        ahead = self._runs.ahead(t, self._steps[within])
        averages = self._averages(ahead) if self._count.any() else None
        informed = (kept & np.any(self._count > 0, axis=0))[self._first_row]
        if averages is not None:
            # (n_powers, n_steps, n_series), NaN for steps beyond the end.
            whole = np.full((len(_SHARPNESS), len(self._steps), self._n_series), np.nan)
            whole[:, within] = averages
            self._past = [*self._past[-self._most_past :], (t, informed, whole)]
        if not rows.any():
            return
        for i, values in zip(within, ahead, strict=True):
            slot = t % self._steps[i]
            self._pending[i][slot], self._made[i][slot] = values, rows
            if averages is not None:
                self._pending_averages[i][slot] = averages[:, i]
                self._averaged[i][slot] = informed & rows[self._first_row]

    def weights(self) -> np.ndarray:
        """Return the weights after the last time step: (n_series, n_slots, n_settings)."""
        by_power = self._by_power()  # (n_powers, n_rows, n_settings)
        number = self._runs.number
        weights = np.zeros((self._n_series, 2 * len(self._runs.recursions), by_power.shape[2]))
        mixed = np.einsum("cr,crk->rk", self._shares()[:, number], by_power)
        weights[number, self._runs.slot] = mixed
        return weights

    def past(self) -> list[PastForecasts]:
        """Return the forecasts at past origins of each series.

        Steps that were not measured are interpolated between those that were.
        """
        shares, steps = self._shares(), np.arange(1, self._horizon + 1)
        starts = self._runs.starts[self._first_row]
        found = []
        for number in range(self._n_series):
            origins = [t for t, informed, _ in self._past if informed[number]]
            forecasts = [
                np.interp(steps, self._steps, shares[:, number] @ whole[..., number])
                for _, informed, whole in self._past
                if informed[number]
            ]
            values = np.array(forecasts, dtype=np.float32).reshape(-1, self._horizon)
            begin = starts[number] - self._runs.skipped[number]
            found.append(PastForecasts(np.array(origins, dtype=int) - begin, values))
        return found

    def _shares(self) -> np.ndarray:
        """Return the weights of the averages: (n_powers, n_series)."""
        least = np.maximum(self._of_averages.min(axis=0), np.finfo(np.float64).tiny)
        worse = np.maximum(self._of_averages, least) / least
        stride = self._stride[self._first_row]
        n_horizons = stride * self._n_averages / (len(self._steps) * self._horizon)
        power = _SHARPNESS_OF_AVERAGES * n_horizons / (2 if self._squared else 1)
        shares = _PRIOR[:, None] * worse**-power
        return shares / shares.sum(axis=0)

    def _averages(self, ahead: np.ndarray) -> np.ndarray:
        """Average forecasts by each power: (n_powers, n_steps, n_series)."""
        by_row = np.einsum("hrk,crk->chr", ahead, self._by_power())
        averages = np.zeros((*by_row.shape[:2], self._n_series))
        for row, number in enumerate(self._runs.number):
            averages[..., number] += by_row[..., row]
        return averages

    def _by_power(self) -> np.ndarray:
        """Return the weights so far by each power: (n_powers, n_rows, n_settings).

        The rows of a series have a sum of one; without any error, all settings are equal.
        """
        known = self._count > 0
        means = self._total / np.where(known, self._count, 1.0)[..., None]
        n_known = np.maximum(known.sum(axis=0), 1)
        errors = means.sum(axis=0) / n_known[:, None]
        if self._squared:
            errors = np.sqrt(errors)
        number = self._runs.number
        typical, least = np.zeros(self._n_series), np.full(self._n_series, np.inf)
        np.maximum.at(typical, number, np.median(errors, axis=1))
        np.minimum.at(least, number, errors.min(axis=1))
        floor = np.maximum(np.maximum(least, _LEAST_ERROR * typical), np.finfo(np.float64).tiny)
        ratio = floor[number, None] / np.maximum(errors, floor[number, None])
        powers = ratio ** _SHARPNESS[:, None, None]
        sums = np.zeros((self._n_series, len(_SHARPNESS)))
        np.add.at(sums, number, powers.sum(axis=2).T)
        return powers / sums[number].T[..., None]

    def _loss(self, forecast: np.ndarray, actual: np.ndarray, cap: np.ndarray) -> np.ndarray:
        error = forecast - actual
        np.abs(error, out=error)
        np.minimum(error, cap, out=error)
        return np.square(error, out=error) if self._squared else error


def _first_origins(lengths: np.ndarray, period: int, horizon: int) -> np.ndarray:
    """Return the first origin at which each series is compared, counted from its beginning."""
    wanted = np.maximum(np.maximum(2 * period, lengths // 4), 4)
    latest = np.maximum(np.maximum(lengths - horizon - 1, lengths // 2), 1)
    return np.minimum(np.minimum(wanted, latest), np.maximum(lengths - 2, 0))


def _most_errors(raw: np.ndarray, first: np.ndarray, steps: np.ndarray, period: int) -> np.ndarray:
    """Return the largest error that counts: (n_steps, n_rows)."""
    caps = np.full((len(steps), len(raw)), np.inf)
    for row, begin, cap in zip(raw, first, caps.T, strict=True):
        for i, step in enumerate(steps):
            lag = -(-step // period) * period
            if lag >= len(row):
                continue
            start = max(begin, lag)
            change = np.abs(row[start:] - row[start - lag : len(row) - lag])
            change = change[~np.isnan(change)]
            typical = np.median(change) if len(change) else 0.0
            cap[i] = _MOST_ERROR * typical if typical > 0 else np.inf
    return caps
