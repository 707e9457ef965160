"""A display of the loss, or of a metric, by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class LossCurveDisplay:
    """Loss of training and of the held-out part by epoch.

    Create it with :meth:`from_estimator`, or from values of any origin and call :meth:`plot`.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Values by epoch under the name of the loss or metric, and under ``"val_"`` and that name
        those of the held-out part, if there is one.
    metric : str, default="loss"
        Name of what is drawn.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the display.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    lines_ : list of matplotlib.lines.Line2D
        Training, and where there is a held-out part, its values.
    best_point_ : matplotlib.lines.Line2D or None
        The lowest held-out loss, if the loss is drawn and there is a held-out part.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import ConvAttentionRegressor
    >>> from skconvattn.inspection import LossCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 24))
    >>> regressor = ConvAttentionRegressor(members=["network"], epochs=5, random_state=0)
    >>> regressor = regressor.fit(X, X[:, -1])
    >>> [line.get_label() for line in LossCurveDisplay.from_estimator(regressor).lines_]
    ['training', 'held out']
    """

    def __init__(self, *, history: Mapping[str, Sequence[float]], metric: str = "loss") -> None:
        self.history = history
        self.metric = metric

    @classmethod
    def from_estimator(
        cls, estimator: Any, metric: str = "loss", ax: Axes | None = None
    ) -> LossCurveDisplay:
        """Draw the losses of the last fit.

        Parameters
        ----------
        estimator : estimator of skconvattn
            A fitted forecaster, regressor or classifier whose network was trained.
        metric : str, default="loss"
            Name of the loss or of a metric in ``history_``.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.

        Returns
        -------
        LossCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If no network was trained, there is no such metric, or the forecaster holds one
            forecaster per series.
        ImportError
            If Matplotlib is not installed.
        """
        if isinstance(estimator, PanelForecaster):
            estimator.check_is_fitted()
            if not hasattr(estimator, "fitted_forecast_"):
                raise ValueError(
                    f"{type(estimator).__name__} holds one forecaster per series; give one of "
                    "forecaster.forecasters_."
                )
        else:
            check_is_fitted(estimator)
        return cls(history=getattr(estimator, "history_", {}), metric=metric).plot(ax)

    def plot(self, ax: Axes | None = None) -> LossCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.

        Returns
        -------
        LossCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If no network was trained, or there is no such metric.
        ImportError
            If Matplotlib is not installed.
        """
        self._check()
        ax = drawing.axes_for(ax)
        from matplotlib.ticker import MaxNLocator

        self.lines_: list[Line2D] = []
        styles = (("", "training", drawing.HISTORY), ("val_", "held out", drawing.FORECAST))
        for prefix, label, colour in styles:
            values = self.history.get(prefix + self.metric, ())
            if len(values):
                epochs = np.arange(1, len(values) + 1)
                marker = "o" if len(values) == 1 else ""
                self.lines_ += ax.plot(epochs, values, marker=marker, color=colour, label=label)
        self.best_point_: Line2D | None = None
        held_out = self.history.get("val_loss", ())
        if self.metric == "loss" and len(held_out):
            best = int(np.argmin(held_out))
            self.best_point_ = ax.plot(
                best + 1, held_out[best], "o", color=drawing.ACTUAL, label=f"epoch {best + 1}"
            )[0]
        ax.set_xlabel("epoch")
        ax.set_ylabel(self.metric)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        handles = [*self.lines_, *([] if self.best_point_ is None else [self.best_point_])]
        drawing.legend_above(ax, handles)
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        return self

    def _check(self) -> None:
        names = [name for name in self.history if not name.startswith("val_")]
        if not any(len(values) for values in self.history.values()):
            raise ValueError(
                "There are no losses to draw, since no network was trained; name it in "
                "members, and fit with epochs > 0."
            )
        if self.metric not in names:
            raise ValueError(
                f"metric={self.metric!r} was not measured; use one of {', '.join(names)}."
            )
