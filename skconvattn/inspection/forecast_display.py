"""Displays of forecasts: history, point forecast, interval and, where known, actual values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing
from skconvattn.inspection.series import (
    Name,
    as_label,
    as_text,
    chosen,
    histories_of,
    part_of,
    rows_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


# Small pictures that are drawn if nobody says which.
_MOST = 9


class ForecastDisplay:
    """History and forecast of a series.

    Create it with :meth:`from_estimator`, or from values of any origin and call :meth:`plot`.

    Parameters
    ----------
    history : pandas.Series of shape (n_history,)
        The series up to the cutoff.
    forecast : pandas.Series of shape (n_steps,)
        Point forecast.
    interval : pandas.DataFrame of shape (n_steps, 2), optional
        Columns ``lower`` and ``upper``.
    truth : pandas.Series, optional
        Actual values, as far as they are known.
    coverage : float, optional
        Nominal coverage of the interval, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the display.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    history_line_, forecast_line_ : matplotlib.lines.Line2D
        Lines of the history and of the forecast.
    truth_line_ : matplotlib.lines.Line2D or None
        Line of the actual values.
    band_ : matplotlib.collections.FillBetweenPolyCollection or None
        Interval.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.inspection import ForecastDisplay
    >>> y = load_airline()
    >>> forecaster = ConvAttentionForecaster(epochs=5, random_state=0)
    >>> forecaster = forecaster.fit(y[:-12], fh=range(1, 13))
    >>> display = ForecastDisplay.from_estimator(forecaster, y_true=y)
    >>> len(display.history), len(display.truth)
    (48, 12)
    """

    def __init__(
        self,
        *,
        history: pd.Series,
        forecast: pd.Series,
        interval: pd.DataFrame | None = None,
        truth: pd.Series | None = None,
        coverage: float | None = None,
    ) -> None:
        self.history = history
        self.forecast = forecast
        self.interval = interval
        self.truth = truth
        self.coverage = coverage

    @classmethod
    def from_estimator(
        cls,
        forecaster: PanelForecaster,
        y_true: pd.Series | pd.DataFrame | None = None,
        fh: Any = None,
        X: pd.DataFrame | None = None,
        coverage: float | None = 0.9,
        n_history: int | None = None,
        ax: Axes | None = None,
        *,
        series: Any = None,
    ) -> ForecastDisplay | ForecastGrid:
        """Forecast and draw.

        Parameters
        ----------
        forecaster : PanelForecaster
            A fitted forecaster.
        y_true : pandas.Series or pandas.DataFrame, optional
            Actual values, of the kind that the forecaster was fitted to. Time stamps that are not
            forecast are left out, so the whole series may be given.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead. By default those of the fit, or else all that are forecast directly.
        X : pandas.DataFrame, optional
            Future covariates over the steps ahead, if the forecaster was fitted with any.
        coverage : float or None, default=0.9
            Coverage of the interval; None draws none.
        n_history : int, optional
            Time steps of the history to show, at least 1. By default the window or four times the
            horizon, whichever is longer.
        ax : matplotlib.axes.Axes, optional
            Axes to draw one series on, those of a new figure by default.
        series : object or list of object, optional
            Which series of a panel, or which columns: a key of the index, a column, a tuple of
            both, or a list of them. The beginning of a tuple stands for all that begin so, such as
            the region of a hierarchy. By default all, or the first 9 of more.

        Returns
        -------
        ForecastDisplay or ForecastGrid
            The display, drawn: of one series, or of several in a grid.

        Raises
        ------
        TypeError
            If ``forecaster`` is no forecaster of this package.
        ValueError
            If ``n_history`` is below 1, ``coverage`` not between 0 and 1, there is no such series,
            or there are several for one ``ax``.
        ImportError
            If Matplotlib is not installed.
        """
        if not isinstance(forecaster, PanelForecaster):
            raise TypeError(
                f"forecaster is a {type(forecaster).__name__}; give a fitted forecaster of "
                "skconvattn, or build ForecastDisplay from values."
            )
        _check_options(coverage, n_history)
        drawing.import_pyplot()
        forecaster.check_is_fitted()
        histories = histories_of(forecaster)
        names = list(histories) if series is None else chosen(histories, series)
        if ax is not None and len(names) > 1:
            raise ValueError(
                f"ax holds one picture, and there are {len(names)} series; name one, as in "
                f"series={as_label(names[0])!r}, or leave ax out for a grid."
            )
        n_series, names = len(names), names if series is not None else names[:_MOST]
        displays = _displays(cls, forecaster, names, histories, y_true, fh, X, coverage, n_history)
        if n_series == 1:
            return displays[names[0]].plot(ax)
        return ForecastGrid(displays=displays, n_series=n_series).plot()

    def plot(self, ax: Axes | None = None, *, legend: bool = True) -> ForecastDisplay:
        """Draw.

        Forecast, interval and actual values start from the last value of the history if they follow
        it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.
        legend : bool, default=True
            Whether to draw a legend.

        Returns
        -------
        ForecastDisplay
            The display itself.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        ax = drawing.axes_for(ax)
        self.band_: FillBetweenPolyCollection | None = None
        self.truth_line_: Line2D | None = None
        if self.interval is not None:
            self.band_ = self._draw_band(ax, self.interval)
        self.history_line_ = self._draw_line(
            ax, self.history, label="history", color=drawing.HISTORY, linewidth=1.2
        )
        if self.truth is not None and len(self.truth):
            self.truth_line_ = self._draw_line(
                ax, self._joined(self.truth), label="truth", color=drawing.ACTUAL, linewidth=1.4
            )
        self.forecast_line_ = self._draw_line(
            ax, self._joined(self.forecast), label="forecast", color=drawing.FORECAST, linewidth=1.8
        )
        drawing.label_time(ax, self.forecast.index)
        if self.history.name is not None:
            ax.set_ylabel(str(self.history.name))
        if legend:
            drawing.legend_above(ax, self._handles())
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        return self

    def _draw_line(self, ax: Axes, values: pd.Series, **style: Any) -> Line2D:
        # A single value makes no line.
        marker = "o" if len(values) == 1 else ""
        x = drawing.positions_of(values.index)
        return ax.plot(x, values.to_numpy(), marker=marker, markersize=4, **style)[0]

    def _draw_band(self, ax: Axes, interval: pd.DataFrame) -> FillBetweenPolyCollection:
        lower, upper = self._joined(interval["lower"]), self._joined(interval["upper"])
        share = "" if self.coverage is None else f"{100 * self.coverage:g} % "
        return ax.fill_between(
            drawing.positions_of(lower.index),
            lower.to_numpy(),
            upper.to_numpy(),
            label=f"{share}interval",
            color=drawing.FORECAST,
            alpha=0.2,
            linewidth=0,
        )

    def _handles(self) -> list[Any]:
        """Return what the legend explains."""
        order = [self.history_line_, self.truth_line_, self.forecast_line_, self.band_]
        return [artist for artist in order if artist is not None]

    def _joined(self, values: pd.Series) -> pd.Series:
        """Return values after the last value of the history, if they come after it."""
        if len(self.history) == 0 or not (values.index > self.history.index[-1]).all():
            return values
        return pd.concat([self.history.iloc[-1:], values])


class ForecastGrid:
    """Histories and forecasts of several series, one small picture each.

    :meth:`ForecastDisplay.from_estimator` makes one where there are several series.

    Parameters
    ----------
    displays : dict of tuple to ForecastDisplay
        Displays by the names of the series.
    n_series : int, optional
        How many series there are, for the title where not all are drawn.

    Attributes
    ----------
    displays_ : dict of tuple to ForecastDisplay
        The displays, drawn.
    axes_ : ndarray of shape (n_rows, n_columns)
        Axes; those behind the last series are empty.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from skconvattn import PretrainedForecaster
    >>> from skconvattn.inspection import ForecastDisplay
    >>> columns = load_longley()[1][["GNP", "POP"]]
    >>> forecaster = PretrainedForecaster().fit(columns, fh=[1, 2, 3])
    >>> sorted(ForecastDisplay.from_estimator(forecaster).displays_)
    [('GNP',), ('POP',)]
    """

    def __init__(
        self, *, displays: Mapping[Name, ForecastDisplay], n_series: int | None = None
    ) -> None:
        self.displays = displays
        self.n_series = n_series

    def plot(self, *, n_columns: int = 3) -> ForecastGrid:
        """Draw on a new figure.

        Parameters
        ----------
        n_columns : int, default=3
            Small pictures beside each other, at most.

        Returns
        -------
        ForecastGrid
            The grid itself.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        plt = drawing.import_pyplot()
        n_columns = min(n_columns, len(self.displays))
        n_rows = -(-len(self.displays) // n_columns)
        size = (max(5.0, 3.4 * n_columns), 2.3 * n_rows + 0.5)
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=size, layout="constrained", squeeze=False
        )
        for ax, (name, display) in zip(axes.flat, self.displays.items(), strict=False):
            display.plot(ax, legend=False)
            ax.set_title(as_text(name), fontsize="medium")
            if ax not in axes[:, 0] or display.history.name == name[-1]:
                ax.set_ylabel("")
        for ax in list(axes.flat)[len(self.displays) :]:
            ax.set_axis_off()
        handles = {h.get_label(): h for d in self.displays.values() for h in d._handles()}
        figure.legend(
            handles=list(handles.values()), loc="outside lower center", ncols=4, frameon=False
        )
        if self.n_series is not None and self.n_series > len(self.displays):
            figure.suptitle(f"{len(self.displays)} of {self.n_series} series", fontsize="medium")
        self.displays_ = dict(self.displays)
        self.axes_: np.ndarray = axes
        self.figure_: Figure = figure
        return self


def _displays(
    cls: type[ForecastDisplay],
    forecaster: PanelForecaster,
    names: list[Name],
    histories: dict[Name, pd.Series],
    y_true: pd.Series | pd.DataFrame | None,
    fh: Any,
    X: pd.DataFrame | None,
    coverage: float | None,
    n_history: int | None,
) -> dict[Name, ForecastDisplay]:
    """Forecast all series once, and return the displays of some."""
    fh = _steps(forecaster) if fh is None else fh
    forecast = forecaster.predict(fh=fh, X=X)
    bounds = None
    if coverage is not None:
        bounds = forecaster.predict_interval(fh=fh, X=X, coverage=coverage)
    displays = {}
    for name in names:
        ahead = part_of(forecast, name)
        shown = n_history or max(_window_length(forecaster), 4 * len(ahead))
        truth = None if y_true is None else part_of(y_true, name)
        displays[name] = cls(
            history=histories[name].iloc[-shown:],
            forecast=ahead,
            interval=None if bounds is None else _interval(bounds, forecast, name),
            truth=None if truth is None else truth[truth.index.isin(ahead.index)],
            coverage=coverage,
        )
    return displays


def _check_options(coverage: float | None, n_history: int | None) -> None:
    if coverage is not None and not 0 < coverage < 1:
        raise ValueError(
            f"coverage={coverage} must lie strictly between 0 and 1; use 0.9, or None for no "
            "interval."
        )
    if n_history is not None and n_history < 1:
        raise ValueError(f"n_history={n_history} shows no history; use n_history >= 1.")


def _window_length(forecaster: PanelForecaster) -> int:
    """Return the longest window of the networks; zero for a zero-shot forecaster."""
    if not isinstance(forecaster, BaseNeuralForecaster):
        return 0
    return max(each.window_length_ for each in _parts(forecaster))


def _steps(forecaster: PanelForecaster) -> Any:
    """Return the horizon of the fit, or all steps that are forecast directly."""
    try:
        return forecaster.fh
    except ValueError:  # sktime's answer where neither fit nor predict was given one
        n_direct = min(each.fitted_forecast_.n_direct for each in _parts(forecaster))
        return np.arange(1, n_direct + 1)


def _parts(forecaster: PanelForecaster) -> list[Any]:
    """Return the forecaster, or the forecasters of its series."""
    if hasattr(forecaster, "fitted_forecast_"):
        return [forecaster]
    return list(forecaster.forecasters_.to_numpy().ravel())


def _interval(bounds: pd.DataFrame, forecast: Any, name: Name) -> pd.DataFrame:
    """Return the interval of one series with the columns lower and upper."""
    columns = [] if isinstance(forecast, pd.Series) else list(forecast.columns)
    target = columns.index(name[-1]) if len(columns) > 1 else 0
    both: pd.DataFrame = rows_of(bounds, name).iloc[:, 2 * target : 2 * target + 2]
    return both.set_axis(["lower", "upper"], axis=1)
