"""Backtests of forecasters: forecasts of the past from many cutoffs, beside what came."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sktime.datatypes import convert_to
from sktime.forecasting.base import ForecastingHorizon

from skconvattn.forecasting import agreement, horizons, validation
from skconvattn.forecasting.backtest_result import BacktestResult
from skconvattn.forecasting.predicting import panel_index
from skconvattn.forecasting.preparing import first_season
from skconvattn.forecasting.series.history import Panel, split_panel

# Series that are forecast together at most, if each cutoff has fewer.
_MOST_TOGETHER = 1024
_CONTAINERS = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


def backtest(
    self: Any,
    y: Any,
    X: Any = None,
    fh: Any = None,
    *,
    initial_window: int | None = None,
    step_length: int = 1,
    refit: bool | str = False,
    coverage: Any = 0.9,
) -> BacktestResult:
    """Forecast the past from many cutoffs, each without what came later.

    The forecaster itself stays as it is. Cutoffs, forecasts and errors are those of sktime's
    ``evaluate`` with ``ExpandingWindowSplitter(fh, initial_window, step_length)``. Where nothing is
    fitted again, all forecasts are made together.

    Parameters
    ----------
    y : pandas.Series, or any container of sktime
        One series or many, with what came after each cutoff.
    X : pandas.DataFrame, optional
        Covariates at the time stamps of ``y``. Those that are not known ahead have to be named in
        ``past_regressors``, since there are rows for them here.
    fh : int, sequence of int or ForecastingHorizon, optional
        Steps ahead, from 1. Those that the forecaster was fitted for by default, or one season.
    initial_window : int, optional
        Time steps of each series before the first cutoff, to which a copy of the forecaster is
        fitted. By default a fitted forecaster is taken as it is, and its end is the first cutoff;
        ``y`` has to go on from there, and may hold earlier values.
    step_length : int, default=1
        Time steps from one cutoff to the next.
    refit : bool or "update", default=False
        Whether all is fitted anew at each cutoff. With False a single fit sees further values, but
        learns nothing from them; with "update", ``update`` learns as ``update_strategy`` says.
        These are the strategies "refit", "no-update_params" and "update" of ``evaluate``.
    coverage : float or sequence of float, default=0.9
        Nominal coverage of intervals.

    Returns
    -------
    BacktestResult
        Forecasts beside what came, errors by step ahead, cutoff or series, and coverage.

    Raises
    ------
    ValueError, TypeError
        If parameters or data are not valid, or the series end before the first horizon does.

    See Also
    --------
    skconvattn.inspection.BacktestDisplay : A picture of the result.
    """
    self._validate_hyperparameters()
    validation.check_given(y, X, fh)
    validation.check_levels(coverage, "coverage", 0.9)
    _check_options(self, initial_window, step_length, refit)
    y, X = (None if each is None else convert_to(each, _CONTAINERS) for each in (y, X))
    seen: dict[tuple[Any, ...], int] = {}
    if initial_window is None:
        seen = {key: len(history.y) for key, history in self.panel_}
        y, X = _continued(self, y, X)
    parts = split_panel(y)
    validation.check_panel(parts, X)
    starts = np.array([seen[key] if initial_window is None else initial_window for key in parts])
    longest = max(parts.values(), key=len).iloc[:, 0]
    period = first_season(self.seasonal_period, longest.iloc[: int(starts.max())])
    steps = _steps(self, fh, period)
    ends = _ends([len(part) for part in parts.values()], starts, int(steps.max()), step_length)
    run = _Run(y, X, steps, ends)
    levels = tuple(float(level) for level in np.atleast_1d([] if coverage is None else coverage))
    alpha = [0.5 + sign * level for level in levels for sign in (-0.5, 0.5)]
    values = run.values(self, refit, as_is=initial_window is None, alpha=alpha)
    return BacktestResult.of(y, steps, ends, values, levels, period)


@dataclass(frozen=True, eq=False)
class _Run:
    """The forecasts of one backtest.

    Attributes
    ----------
    y : pandas.DataFrame
        All series.
    X : pandas.DataFrame or None
        Covariates.
    steps : ndarray of shape (n_steps,)
        Steps ahead, from 1.
    ends : ndarray of shape (n_cutoffs, n_series)
        Time steps of each series up to each cutoff.
    """

    y: pd.DataFrame
    X: pd.DataFrame | None
    steps: np.ndarray
    ends: np.ndarray

    def values(self, forecaster: Any, refit: bool | str, *, as_is: bool, alpha: list[float]) -> Any:
        """Fit, unless the forecaster is taken as it is, and forecast from all cutoffs."""

        def fresh() -> Any:
            # A clone would forget what was learned from other series.
            return (
                copy.deepcopy(forecaster)
                if "pretrained_" in vars(forecaster)
                else forecaster.clone()
            )

        first = forecaster if as_is else self.fitted(fresh(), 0)
        if refit is False and hasattr(first, "fitted_forecast_"):
            return self.together(first, alpha)
        if as_is:
            first = copy.deepcopy(first)
        return self.one_by_one(first, fresh, refit, alpha)

    def together(self, forecaster: Any, alpha: list[float]) -> np.ndarray:
        """Forecast from all cutoffs as if each series up to each of them were one of a panel.

        Returns
        -------
        ndarray of shape (n_cutoffs, n_series, n_steps, n_targets, 1 + n_alpha)
            Point forecasts and quantiles.
        """
        fitted, X = forecaster.fitted_forecast_, self.X
        if forecaster.panel_.first.X is None:
            X = None
        y = agreement.checked_update(self.y, X, forecaster.panel_, fitted.channels)
        panel = forecaster.panel_.extended(y, X, fitted.channels.timeline)
        n_cutoffs, n_series = self.ends.shape
        levels, n_each = np.array([0.5, *alpha]), max(_MOST_TOGETHER // n_series, 1)
        found = []
        for first in range(0, n_cutoffs, n_each):
            ends = self.ends[first : first + n_each]
            histories = [
                history.head(int(end))
                for row in ends
                for history, end in zip(panel.histories, row, strict=True)
            ]
            cut = Panel(panel.keys * len(ends), tuple(histories), panel.names)
            record = fitted.repeated(cut, np.tile(np.arange(n_series), len(ends)))
            found.append(
                forecaster._forecast_type.relative(record, cut, self.steps, X).quantiles(levels)
            )
        values = np.concatenate(found)  # (n_cutoffs * n_series, n_steps, n_targets, n_levels)
        return values.reshape(n_cutoffs, n_series, *values.shape[1:])

    def one_by_one(
        self, forecaster: Any, fresh: Callable[[], Any], refit: bool | str, alpha: list[float]
    ) -> np.ndarray:
        """Forecast from one cutoff after the other; results are those of :meth:`together`.

        ``forecaster`` is fitted up to the first cutoff, and ``fresh`` returns one that is not.
        """
        found = []
        for number in range(len(self.ends)):
            if number and refit is True:
                forecaster = self.fitted(fresh(), number)
            elif number:
                y, X = self.until(number)
                forecaster.update(y, X, update_params=refit == "update")
            found.append(self._values(forecaster, number, alpha))
        return np.stack(found)

    def fitted(self, forecaster: Any, number: int) -> Any:
        """Fit to what was seen at a cutoff."""
        y, X = self.until(number)
        return forecaster.fit(y, X, fh=self.steps)

    def until(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        """Return series and covariates up to a cutoff."""
        y = self.y[self._places < self.ends[number, self._series]]
        return y, None if self.X is None else self.X.loc[y.index]

    @cached_property
    def parts(self) -> dict[tuple[Any, ...], pd.DataFrame]:
        """The series by key."""
        return split_panel(self.y)

    @cached_property
    def _series(self) -> np.ndarray:
        """Index of the series of each row of ``y``: (n_rows,)."""
        if not isinstance(self.y.index, pd.MultiIndex):
            return np.zeros(len(self.y), dtype=int)
        levels = list(range(self.y.index.nlevels - 1))
        return self.y.groupby(level=levels, sort=False).ngroup().to_numpy()

    @cached_property
    def _places(self) -> np.ndarray:
        """Position of each row of ``y`` in its series: (n_rows,)."""
        return pd.Series(self._series).groupby(self._series).cumcount().to_numpy()

    def _values(self, forecaster: Any, number: int, alpha: list[float]) -> np.ndarray:
        """Forecast from one cutoff: (n_series, n_steps, n_targets, 1 + n_alpha)."""
        shape = len(self.parts), len(self.steps), self.y.shape[1]
        point = self._ordered(forecaster.predict(self.steps, self.X), number)
        values = point.reshape(*shape, 1)
        if not alpha:
            return values
        quantiles = forecaster.predict_quantiles(self.steps, self.X, alpha=alpha)
        own = self._ordered(quantiles, number).reshape(*shape, len(alpha))
        return np.concatenate([values, own], axis=-1)

    def _ordered(self, forecast: pd.DataFrame, number: int) -> np.ndarray:
        """Return the rows of a forecast in the order of the series of ``y``."""
        if not isinstance(self.y.index, pd.MultiIndex):
            return forecast.to_numpy()
        ends = self.ends[number]
        stamps = [
            part.index[end + self.steps - 1]
            for part, end in zip(self.parts.values(), ends, strict=True)
        ]
        index = panel_index(tuple(self.parts), stamps, self.y.index.names)
        return forecast.reindex(index).to_numpy()


def _check_options(forecaster: Any, initial_window: Any, step_length: Any, refit: Any) -> None:
    """Refuse windows that are no whole numbers, unknown ways of fitting, and what is not fitted."""
    for name, value in (("initial_window", initial_window), ("step_length", step_length)):
        if value is None and name == "initial_window":
            continue
        if not isinstance(value, int | np.integer) or value is True or value < 1:
            raise ValueError(
                f"{name}={value!r} is no number of time steps; give a whole number from 1."
            )
    if not (isinstance(refit, bool) or refit == "update"):
        raise ValueError(f'refit={refit!r} is not known; use True, False or "update".')
    if initial_window is not None:
        return
    if not forecaster.is_fitted or not hasattr(forecaster, "panel_"):
        raise ValueError(
            "initial_window is None, and there is no fitted forecaster of all series to start "
            "from; give the time steps before the first cutoff."
        )
    if refit is True:
        raise ValueError(
            "initial_window is None, which takes the forecaster as it is, but refit=True fits it "
            "anew; give the time steps before the first cutoff."
        )


def _continued(
    forecaster: Any, y: pd.DataFrame, X: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the series that a forecaster has seen with those that go on, and their covariates."""
    panel, channels = forecaster.panel_, forecaster.fitted_forecast_.channels
    y = agreement.checked_update(y, X, panel, channels)
    new = [key for key in split_panel(y) if key not in set(panel.keys)]
    if new:
        raise ValueError(
            f"y has the series {list(new[0])!r}, which the forecaster was not fitted to; give "
            "initial_window, or leave the series out."
        )
    panel = panel.extended(y, X, channels.timeline)
    covariates = [history.X for history in panel.histories if history.X is not None]
    whole = _joined([history.y for history in panel.histories], panel)
    return whole, _joined(covariates, panel) if covariates else None


def _joined(frames: list[pd.DataFrame], panel: Panel) -> pd.DataFrame:
    """Return the frames of all series as one in sktime's format."""
    if panel.keys == ((),):
        return frames[0]
    keys: list[Any] = [key if len(key) > 1 else key[0] for key in panel.keys]
    return pd.concat(dict(zip(keys, frames, strict=True)), names=list(panel.names) or None)


def _steps(forecaster: Any, fh: Any, period: int) -> np.ndarray:
    """Return the steps ahead: those given, those of the fit, or one season."""
    if fh is None:
        fh = vars(forecaster).get("_fh")
    if fh is None:
        return np.arange(1, period + 1)
    if not isinstance(fh, ForecastingHorizon):
        fh = ForecastingHorizon(fh)
    steps = np.asarray(fh.to_numpy(), dtype=int) if fh.is_relative else np.zeros(1, dtype=int)
    if steps.min() < 1:
        raise ValueError(
            f"fh={list(fh.to_pandas())} has to be steps ahead of each cutoff; give whole numbers "
            "from 1, for example fh=range(1, 13)."
        )
    return steps


def _ends(lengths: list[int], starts: np.ndarray, furthest: int, step_length: int) -> np.ndarray:
    """Return the time steps of each series up to each cutoff: (n_cutoffs, n_series).

    Every horizon ends within every series.
    """
    room = np.array(lengths) - starts - furthest
    if room.min() < 0:
        raise ValueError(
            f"initial_window={starts[room.argmin()]} leaves no horizon of {furthest} time steps in "
            f"{lengths[room.argmin()]}; give a longer y, a shorter fh, or an earlier first cutoff."
        )
    horizons.check_reach(furthest, int(starts.max()))
    return starts + step_length * np.arange(room.min() // step_length + 1)[:, None]
