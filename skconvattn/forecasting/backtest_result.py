"""What a backtest has found: forecasts beside what came, their errors, and coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.series.history import split_panel

# What tables may have one row for each of.
_GROUPS = ("step", "cutoff", "series")


@dataclass(frozen=True, eq=False)
class BacktestResult:
    r"""Forecasts from many cutoffs beside what came, as ``backtest`` of a forecaster returns it.

    With the residual :math:`e = \hat y - y`, the season :math:`m` and the mean
    :math:`\bar d_c` of the seasonal changes :math:`|y_t - y_{t-m}|` up to the cutoff :math:`c`,
    errors are means of

    .. math:: \mathrm{MAE}: |e|, \quad \mathrm{RMSE}: \sqrt{\overline{e^2}}, \quad
              \mathrm{MASE}: |e| / \bar d_c, \quad
              \mathrm{sMAPE}: 2 |e| / (|y| + |\hat y|), \quad \mathrm{bias}: e.

    They are taken for each column of each series, and then averaged over these with equal weights,
    as sktime's metrics do. Hyndman and Koehler (2006), "Another look at measures of forecast
    accuracy", propose the MASE. Missing values are left out.

    Attributes
    ----------
    forecasts : pandas.DataFrame of shape (n_forecasts, 3 + 2 * n_levels)
        One row per forecast value, indexed by the levels of the series, the column of ``y`` where
        there are several, the cutoff, and the time stamp. Columns are "step" (time steps after the
        cutoff), "actual", "forecast", and for each level of coverage, such as 0.9, "lower 0.9" and
        "upper 0.9".
    scales : pandas.Series of shape (n_series * n_targets * n_cutoffs,)
        :math:`\bar d_c` of each column of each series, by the same levels up to the cutoff; NaN
        where nothing changed.
    levels : tuple of float
        Nominal coverage of the intervals.
    seasonal_period : int
        Time steps :math:`m` of a season.
    y : pandas.DataFrame of shape (n_timepoints, n_targets)
        The series, in sktime's format of panels where there are several.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> forecaster = ConvAttentionForecaster(epochs=0)
    >>> found = forecaster.backtest(load_airline(), fh=[1, 2, 3], initial_window=96, step_length=3)
    >>> len(found.cutoffs), found.forecasts.shape
    (16, (48, 5))
    >>> list(found.errors().index)
    [1, 2, 3]
    >>> list(found.coverage("cutoff").columns)
    [0.9]
    """

    forecasts: pd.DataFrame
    scales: pd.Series
    levels: tuple[float, ...]
    seasonal_period: int
    y: pd.DataFrame

    @classmethod
    def of(
        cls,
        y: pd.DataFrame,
        steps: np.ndarray,
        ends: np.ndarray,
        values: np.ndarray,
        levels: tuple[float, ...],
        seasonal_period: int,
    ) -> BacktestResult:
        """Put forecasts beside what came.

        Parameters
        ----------
        y, levels, seasonal_period
            As the attributes.
        steps : ndarray of shape (n_steps,)
            Steps ahead, from 1.
        ends : ndarray of shape (n_cutoffs, n_series)
            Time steps of each series up to each cutoff.
        values : ndarray of shape (n_cutoffs, n_series, n_steps, n_targets, 1 + 2 * n_levels)
            Point forecasts, and the lower and upper end for each level.
        """
        parts, (n_cutoffs, n_series), n_targets = split_panel(y), ends.shape, y.shape[1]
        places = (ends.T[..., None] + steps - 1).reshape(n_series, -1)  # cutoffs times steps
        arrays = [part.to_numpy(np.float64, na_value=np.nan) for part in parts.values()]
        actual = np.stack([own[at].T for own, at in zip(arrays, places, strict=True)])
        columns = ["forecast", *(f"{end} {x:g}" for x in levels for end in ("lower", "upper"))]
        # Series and their columns first, then cutoffs and steps.
        table = values.transpose(1, 3, 0, 2, 4).reshape(-1, len(columns))
        index = _index(y, parts, ends, n_each=len(steps))
        times = [
            part.index.take(np.tile(at, n_targets))
            for part, at in zip(parts.values(), places, strict=True)
        ]
        stamps = times[0].append(times[1:])
        forecasts = pd.DataFrame(table, columns=columns)
        forecasts.insert(0, "actual", actual.ravel())
        forecasts.insert(0, "step", np.tile(steps, n_series * n_targets * n_cutoffs))
        levels_of = [index.get_level_values(i) for i in range(index.nlevels)]
        names = [*index.names, y.index.names[-1] or "time"]
        forecasts.index = pd.MultiIndex.from_arrays([*levels_of, stamps], names=names)
        changes = [
            _mean_changes(a, e, seasonal_period) for a, e in zip(arrays, ends.T, strict=True)
        ]
        scales = pd.Series(np.concatenate(changes).ravel(), index=_index(y, parts, ends))
        return cls(forecasts, scales, levels, seasonal_period, y)

    @property
    def cutoffs(self) -> pd.Index:
        """Last time stamp before each forecast, in order: (n_cutoffs,)."""
        return self.forecasts.index.get_level_values("cutoff").unique().sort_values()

    def errors(self, by: str | None = "step") -> Any:
        """Return mean errors.

        Parameters
        ----------
        by : {"step", "cutoff", "series"} or None, default="step"
            What the table has one row for each of: steps ahead, cutoffs, or columns of series;
            None for the errors over all forecasts.

        Returns
        -------
        pandas.DataFrame of shape (n_groups, 6), or pandas.Series
            "MAE", "RMSE", "MASE", "sMAPE" as a fraction, "bias", and "n", the number of values.

        Raises
        ------
        ValueError
            If ``by`` is none of these, or is "series" and there is but one.
        """
        actual, forecast = (self.forecasts[name].to_numpy() for name in ("actual", "forecast"))
        error = forecast - actual
        size, sum_of_sizes = np.abs(error), np.abs(actual) + np.abs(forecast)
        scale = np.repeat(self.scales.to_numpy(), len(error) // len(self.scales))
        parts = {
            "MAE": size,
            "RMSE": error**2,
            "MASE": size / scale,
            # Zero is a perfect forecast of zero.
            "sMAPE": 2 * size / np.where(sum_of_sizes > 0, sum_of_sizes, 1.0),
            "bias": error,
        }
        table = self._averaged(pd.DataFrame(parts), by, root="RMSE")
        counts = self._grouped(pd.DataFrame({"n": np.isfinite(error)}), by, self._group(by)).sum()
        table["n"] = counts["n"]
        return table.iloc[0].rename(None) if by is None else table

    def coverage(self, by: str | None = "step") -> Any:
        """Return the share of values that lie within the interval of each level.

        Parameters
        ----------
        by : {"step", "cutoff", "series"} or None, default="step"
            As for :meth:`errors`.

        Returns
        -------
        pandas.DataFrame of shape (n_groups, n_levels), or pandas.Series
            Shares, between 0 and 1.

        Raises
        ------
        ValueError
            If ``by`` is none of these, or is "series" and there is but one.
        """
        actual = self.forecasts["actual"].to_numpy()
        within = {}
        for level in self.levels:
            lower, upper = (self.forecasts[f"{end} {level:g}"] for end in ("lower", "upper"))
            inside = (lower.to_numpy() <= actual) & (actual <= upper.to_numpy())
            within[level] = np.where(np.isnan(actual), np.nan, inside)
        table = self._averaged(pd.DataFrame(within), by)
        return table.iloc[0].rename(None) if by is None else table

    def _averaged(self, values: pd.DataFrame, by: str | None, root: str | None = None) -> Any:
        """Average over the forecasts of each column of each series, and then over these."""
        group = self._group(by)
        index = self.forecasts.index
        units = [index.get_level_values(i) for i in range(index.nlevels - 2)]
        means = self._grouped(values, by, [*units, *group] if by != "series" else group).mean()
        if root is not None:
            means[root] = np.sqrt(means[root])
        if by == "series" or not units:
            return means
        last = list(range(len(units), len(units) + len(group)))
        return means.groupby(level=last if len(last) > 1 else last[0]).mean()

    @staticmethod
    def _grouped(values: pd.DataFrame, by: str | None, group: list[Any]) -> Any:
        return values.groupby(group if len(group) > 1 else group[0], sort=by != "series")

    def _group(self, by: str | None) -> list[Any]:
        """Return the labels of the rows by which a table is grouped."""
        index = self.forecasts.index
        if by is None:
            return [np.zeros(len(index), dtype=int)]
        if by == "step":
            return [pd.Index(self.forecasts["step"], name="step")]
        if by == "cutoff":
            return [index.get_level_values("cutoff")]
        if by != "series":
            raise ValueError(f"by={by!r} is not known; use one of {', '.join(_GROUPS)}, or None.")
        if index.nlevels == 2:
            raise ValueError("by='series' tells series apart, but there is one; use by=None.")
        return [index.get_level_values(i) for i in range(index.nlevels - 2)]


def _index(
    y: pd.DataFrame, parts: dict[Any, pd.DataFrame], ends: np.ndarray, n_each: int = 1
) -> Any:
    """Return the levels of series, the column where there are several, and the cutoff."""
    n_cutoffs, n_targets = len(ends), y.shape[1]
    arrays, names = [], []
    for level, name in enumerate(y.index.names[:-1]):
        keys = pd.Index([key[level] for key in parts])
        arrays.append(keys.repeat(n_targets * n_cutoffs * n_each))
        names.append(name or ("series" if y.index.nlevels == 2 else f"series {level}"))
    if n_targets > 1:
        columns = pd.Index(y.columns).repeat(n_cutoffs * n_each)
        arrays.append(columns.take(np.tile(np.arange(len(columns)), len(parts))))
        names.append("column")
    cutoffs = [
        part.index.take(np.tile((end - 1).repeat(n_each), n_targets))
        for part, end in zip(parts.values(), ends.T, strict=True)
    ]
    arrays.append(cutoffs[0].append(cutoffs[1:]))
    return pd.MultiIndex.from_arrays(arrays, names=[*names, "cutoff"])


def _mean_changes(values: np.ndarray, ends: np.ndarray, period: int) -> np.ndarray:
    """Return the mean absolute change over a season up to each end: (n_targets, n_cutoffs).

    Before a season has passed, the change is over one step; NaN where nothing changes.
    """
    found = []
    for end in ends:
        lag = period if end > period else 1
        change = np.abs(values[lag:end] - values[: end - lag])
        known = np.isfinite(change)
        total = np.where(known, change, 0.0).sum(axis=0)
        found.append(np.where(total > 0, total / np.maximum(known.sum(axis=0), 1), np.nan))
    return np.stack(found, axis=1)
