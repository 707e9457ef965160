"""A display of a forecast: history, point forecast, interval and, where known, actual values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing
from skconvattn.inspection.weights import forecaster_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


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
        y_true: pd.Series | None = None,
        fh: Any = None,
        X: pd.DataFrame | None = None,
        coverage: float | None = 0.9,
        n_history: int | None = None,
        ax: Axes | None = None,
    ) -> ForecastDisplay:
        """Forecast and draw.

        Parameters
        ----------
        forecaster : PanelForecaster
            A fitted forecaster.
        y_true : pandas.Series, optional
            Actual values. Time stamps that are not forecast are left out, so the whole series may
            be given.
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
            Axes to draw on, those of a new figure by default.

        Returns
        -------
        ForecastDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If ``forecaster`` is no forecaster of this package.
        ValueError
            If ``n_history`` is below 1, ``coverage`` not between 0 and 1, or the forecaster holds
            one forecaster per series.
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
        forecaster_window(forecaster, 1)
        fh = _steps(forecaster) if fh is None else fh
        forecast = forecaster.predict(fh=fh, X=X)
        if n_history is None:
            n_history = max(_window_length(forecaster), 4 * len(forecast))
        display = cls(
            history=forecaster.panel_.first.y.iloc[-n_history:, 0],
            forecast=cast(pd.Series, forecast),
            interval=None if coverage is None else _interval(forecaster, fh, X, coverage),
            truth=None if y_true is None else y_true[y_true.index.isin(forecast.index)],
            coverage=coverage,
        )
        return display.plot(ax)

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
            self._draw_legend(ax)
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

    def _draw_legend(self, ax: Axes) -> None:
        order = [self.history_line_, self.truth_line_, self.forecast_line_, self.band_]
        ax.legend(handles=[artist for artist in order if artist is not None], frameon=False)

    def _joined(self, values: pd.Series) -> pd.Series:
        """Return values after the last value of the history, if they come after it."""
        if len(self.history) == 0 or not (values.index > self.history.index[-1]).all():
            return values
        return pd.concat([self.history.iloc[-1:], values])


def _check_options(coverage: float | None, n_history: int | None) -> None:
    if coverage is not None and not 0 < coverage < 1:
        raise ValueError(
            f"coverage={coverage} must lie strictly between 0 and 1; use 0.9, or None for no "
            "interval."
        )
    if n_history is not None and n_history < 1:
        raise ValueError(f"n_history={n_history} shows no history; use n_history >= 1.")


def _window_length(forecaster: PanelForecaster) -> int:
    """Return the time steps of the network's window; none for a zero-shot forecaster."""
    return forecaster.window_length_ if isinstance(forecaster, BaseNeuralForecaster) else 0


def _steps(forecaster: PanelForecaster) -> Any:
    """Return the horizon of the fit, or all steps that are forecast directly."""
    try:
        return forecaster.fh
    except ValueError:  # sktime's answer where neither fit nor predict was given one
        return np.arange(1, forecaster.fitted_forecast_.n_direct + 1)


def _interval(
    forecaster: PanelForecaster, fh: Any, X: pd.DataFrame | None, coverage: float
) -> pd.DataFrame:
    """Return the interval with the columns lower and upper."""
    interval = forecaster.predict_interval(fh=fh, X=X, coverage=coverage)
    return interval.droplevel([0, 1], axis=1)
