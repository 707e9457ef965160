"""A display of a backtest: forecasts over what came, and the error by step ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skconvattn.forecasting.backtest_result import BacktestResult
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing
from skconvattn.inspection.series import Name, as_text, chosen, part_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Horizons of the history that are shown before the first cutoff.
_BEFORE = 2
_BAND: dict[str, Any] = {"color": drawing.FORECAST, "alpha": 0.12, "linewidth": 0}


class BacktestDisplay:
    """Forecasts of one series from all cutoffs, and below the error of all series by step ahead.

    Create it with :meth:`from_estimator`, or from the result of ``backtest`` and call :meth:`plot`.

    Parameters
    ----------
    backtest : BacktestResult
        What ``backtest`` of a forecaster has returned.
    metric : {"MAE", "RMSE", "MASE", "sMAPE", "bias"}, default="MASE"
        Error that is drawn by step.

    Attributes
    ----------
    axes_ : ndarray of shape (2,)
        Axes of the forecasts and of the error.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    actual_line_ : matplotlib.lines.Line2D
        The series.
    forecast_lines_ : list of matplotlib.lines.Line2D
        Forecast from each cutoff.
    bars_ : matplotlib.container.BarContainer
        Error by step ahead.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import PretrainedForecaster
    >>> from skconvattn.inspection import BacktestDisplay
    >>> found = PretrainedForecaster().backtest(load_airline(), initial_window=108, step_length=12)
    >>> display = BacktestDisplay(backtest=found).plot()
    >>> len(display.forecast_lines_), len(display.bars_)
    (3, 12)
    """

    def __init__(self, *, backtest: BacktestResult, metric: str = "MASE") -> None:
        self.backtest = backtest
        self.metric = metric

    @classmethod
    def from_estimator(
        cls,
        forecaster: PanelForecaster,
        y: Any,
        X: Any = None,
        *,
        metric: str = "MASE",
        series: Any = None,
        axes: Sequence[Axes] | None = None,
        **options: Any,
    ) -> BacktestDisplay:
        """Run a backtest and draw it.

        Parameters
        ----------
        forecaster : PanelForecaster
            A forecaster; fitted where ``initial_window`` is not given.
        y : pandas.Series, or any container of sktime
            One series or many.
        X : pandas.DataFrame, optional
            Covariates.
        metric : {"MAE", "RMSE", "MASE", "sMAPE", "bias"}, default="MASE"
            Error that is drawn by step.
        series : object, optional
            As for :meth:`plot`.
        axes : sequence of two matplotlib.axes.Axes, optional
            As for :meth:`plot`.
        **options
            Further parameters of ``backtest``: ``fh``, ``initial_window``, ``step_length``,
            ``refit`` and ``coverage``.

        Returns
        -------
        BacktestDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If ``forecaster`` is no forecaster of this package.
        ValueError
            If the backtest is refused, or there is no such metric or series.
        ImportError
            If Matplotlib is not installed.
        """
        if not isinstance(forecaster, PanelForecaster):
            raise TypeError(
                f"forecaster is a {type(forecaster).__name__}; give a forecaster of skconvattn."
            )
        drawing.import_pyplot()
        found = forecaster.backtest(y, X, **options)
        return cls(backtest=found, metric=metric).plot(axes, series=series)

    def plot(self, axes: Sequence[Axes] | None = None, *, series: Any = None) -> BacktestDisplay:
        """Draw.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, optional
            Axes of the forecasts and of the error, those of a new figure by default.
        series : object, optional
            Which series of a panel, or which column: a key of the index, a column, or a tuple of
            both. The first one by default.

        Returns
        -------
        BacktestDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such metric or series.
        ImportError
            If Matplotlib is not installed.
        """
        table = self.backtest.errors()
        metrics = table.columns.drop("n")
        if self.metric not in metrics:
            raise ValueError(
                f"metric={self.metric!r} is not measured; use one of {', '.join(metrics)}."
            )
        names = self._names()
        name = names[0] if series is None else chosen(names, series)[0]
        if axes is None:
            plt = drawing.import_pyplot()
            ratios = {"height_ratios": [2, 1]}
            axes = plt.subplots(2, 1, figsize=(8.0, 5.6), layout="constrained", **ratios)[1]
        assert axes is not None
        above, below = axes
        self._draw_forecasts(drawing.axes_for(above), name)
        if len(names) > 1:
            above.set_title(as_text(name), fontsize="medium")
        below = drawing.axes_for(below)
        self.bars_: BarContainer = below.bar(
            table.index.to_numpy(), table[self.metric].to_numpy(), color=drawing.FORECAST
        )
        below.set(xlabel="steps ahead", ylabel=self.metric)
        self.axes_: np.ndarray = np.array([above, below])
        self.figure_: Figure = above.figure  # type: ignore[assignment]
        return self

    def _names(self) -> list[Name]:
        """Return the names of all columns of all series, as in the index of the forecasts."""
        index = self.backtest.scales.index
        levels = [index.get_level_values(i) for i in range(index.nlevels - 1)]
        return list(dict.fromkeys(zip(*levels, strict=True))) if levels else [()]

    def _draw_forecasts(self, ax: Axes, name: Name) -> None:
        """Draw a series, and its forecasts and intervals from all cutoffs."""
        found = self.backtest
        frame = found.forecasts.loc[name] if name else found.forecasts
        parts = [part.droplevel(0) for _, part in frame.groupby(level="cutoff", sort=False)]
        actual = part_of(found.y, name)
        first = int(actual.index.get_indexer(parts[0].index[:1])[0])
        shown = actual.iloc[max(first - _BEFORE * int(frame["step"].max()), 0) :]
        style: dict[str, Any] = {"color": drawing.HISTORY, "linewidth": 1.2, "label": "actual"}
        self.actual_line_: Line2D = ax.plot(
            drawing.positions_of(shown.index), shown.to_numpy(), **style
        )[0]
        level = max(found.levels, default=None)
        self.forecast_lines_: list[Line2D] = []
        band: Any = None
        for part in parts:
            x = drawing.positions_of(part.index)
            if level is not None:
                lower, upper = (part[f"{end} {level:g}"].to_numpy() for end in ("lower", "upper"))
                band = ax.fill_between(x, lower, upper, **_BAND)
                band.set_label(f"{100 * level:g} % interval")
            self.forecast_lines_ += ax.plot(x, part["forecast"], **_line_style(part))
        handles = [self.actual_line_, self.forecast_lines_[0]]
        if band is not None:
            handles.append(band)
        drawing.label_time(ax, shown.index)
        if isinstance(actual.name, str):
            ax.set_ylabel(actual.name)
        drawing.legend_above(ax, handles)


def _line_style(part: Any) -> dict[str, Any]:
    """Return the style of a forecast; a single value makes no line."""
    marker = "o" if len(part) == 1 else ""
    return {
        "color": drawing.FORECAST, "linewidth": 1.2, "alpha": 0.8, "marker": marker,
        "markersize": 3, "label": "forecasts",
    }  # fmt: skip
