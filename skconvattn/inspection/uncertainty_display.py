"""A display of samples: a histogram of value against time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class UncertaintyDisplay:
    """Samples of a forecast, or of a prediction per time step, as a two-dimensional histogram.

    Each column of the picture is a histogram of the samples of one time step. Samples of
    Monte-Carlo dropout show what the network is unsure of, and leave the noise of the series out:
    they are no interval. In ``examples/plot_intervals.py``, what holds 50, 80 and 95 % of the
    samples holds 4, 9 and 12 % of the actual values.

    Create it with :meth:`from_estimator`, or from values of any origin and call :meth:`plot`.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_timepoints)
        Samples.
    index : pandas.Index of length n_timepoints, optional
        Time stamps; 0, 1, 2 and so on by default.
    truth : ndarray of shape (n_timepoints,), optional
        Actual values; missing where they are not known.
    name : str, optional
        Name of the values.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the display.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    heat_ : matplotlib.collections.QuadMesh
        Shares of the samples, of shape (n_bins, n_timepoints); those of a time step sum to one.
    median_line_ : matplotlib.lines.Line2D
        Median of the samples.
    truth_line_ : matplotlib.lines.Line2D or None
        Actual values.
    colorbar_ : matplotlib.colorbar.Colorbar
        Scale of the shares.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.inspection import UncertaintyDisplay
    >>> forecaster = ConvAttentionForecaster(
    ...     dropout=0.2, members=("network",), early_stopping=False, epochs=5, random_state=0
    ... ).fit(load_airline(), fh=range(1, 13))
    >>> UncertaintyDisplay.from_estimator(forecaster, n_samples=50).samples.shape
    (50, 12)
    """

    def __init__(
        self,
        *,
        samples: np.ndarray,
        index: pd.Index | None = None,
        truth: np.ndarray | None = None,
        name: str | None = None,
    ) -> None:
        self.samples = samples
        self.index = index
        self.truth = truth
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y_true: Any = None,
        ax: Axes | None = None,
        *,
        n_samples: int = 200,
        n_bins: int = 40,
        random_state: Any = None,
    ) -> UncertaintyDisplay:
        """Draw samples with dropout on, and show them.

        Parameters
        ----------
        estimator : estimator of skconvattn
            A forecaster that was fitted to one series, or a regressor fitted with
            ``sequence=True``; both with dropout.
        X : array-like or pandas.DataFrame, optional
            For a regressor one series, of shape (1, n_timepoints) or (1, n_channels, n_timepoints);
            for a forecaster its future covariates, if it was fitted with any.
        y_true : pandas.Series or array-like of shape (n_timepoints,), optional
            Actual values. Of a series, time stamps that are not forecast are left out.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.
        n_samples : int, default=200
            Samples to draw.
        n_bins : int, default=40
            Bins of the values.
        random_state : int, numpy.random.RandomState or None
            Seed of the samples; that of the estimator by default.

        Returns
        -------
        UncertaintyDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are samples of several series or of no time steps, or as ``sample`` of the
            estimator.
        ImportError
            If Matplotlib is not installed.
        """
        drawing.import_pyplot()
        if isinstance(estimator, PanelForecaster):
            drawn = estimator.sample(n_samples, X=X, random_state=random_state)
            samples, index = drawn.to_numpy().T, drawn.index
            several = index.nlevels > 1 or samples.shape[0] != n_samples
            name = str(drawn.columns[0][0])
        else:
            # (n_series, n_timepoints, n_samples)
            values = estimator.sample(X, n_samples, random_state=random_state)
            if not getattr(estimator, "sequence", False):
                raise ValueError(
                    f"{type(estimator).__name__} predicts one value per series, and this display "
                    "shows time steps; fit a regressor with sequence=True."
                )
            samples, index, several, name = values[0].T, None, len(values) != 1, None
        if several:
            raise ValueError("The samples are of several series; draw one, such as X[:1].")
        truth = _actual(y_true, index)
        display = cls(samples=samples, index=index, truth=truth, name=name)
        return display.plot(ax, n_bins=n_bins)

    def plot(self, ax: Axes | None = None, *, n_bins: int = 40) -> UncertaintyDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.
        n_bins : int, default=40
            Bins of the values.

        Returns
        -------
        UncertaintyDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``n_bins`` is below 1.
        ImportError
            If Matplotlib is not installed.
        """
        if n_bins < 1:
            raise ValueError(f"n_bins={n_bins} draws nothing; use n_bins >= 1.")
        ax = drawing.axes_for(ax)
        stamps = pd.RangeIndex(self.samples.shape[1]) if self.index is None else self.index
        x = drawing.positions_of(stamps)
        self._draw_histogram(ax, stamps, n_bins)
        marker = "o" if len(x) == 1 else ""
        self.median_line_: Line2D = ax.plot(
            x, np.median(self.samples, axis=0), color=drawing.FORECAST, marker=marker,
            linewidth=1.5, label="median of the samples",
        )[0]  # fmt: skip
        self.truth_line_: Line2D | None = None
        handles = [self.median_line_]
        if self.truth is not None:
            self.truth_line_ = ax.plot(
                x, self.truth, color=drawing.ACTUAL, marker=marker, linewidth=1.5, label="truth"
            )[0]
            handles.append(self.truth_line_)
        if self.index is None:
            ax.set_xlabel("time step")
        else:
            drawing.label_time(ax, self.index)
        if self.name not in (None, "0"):
            ax.set_ylabel(str(self.name))
        drawing.legend_above(ax, handles)
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        return self

    def _draw_histogram(self, ax: Axes, stamps: pd.Index, n_bins: int) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        edges = np.histogram_bin_edges(self.samples, n_bins)
        counts = [np.histogram(values, edges)[0] for values in self.samples.T]
        shares = np.transpose(counts) / len(self.samples)  # (n_bins, n_timepoints)
        colours = LinearSegmentedColormap.from_list("samples", ["white", drawing.ATTENTION])
        self.heat_: QuadMesh = ax.pcolormesh(
            drawing.edges_of(stamps), edges, shares, cmap=colours, vmin=0.0, zorder=0
        )
        self.colorbar_: Colorbar = ax.figure.colorbar(
            self.heat_, ax=ax, label="share of the samples", pad=0.02
        )
        self.colorbar_.outline.set_visible(False)


def _actual(y_true: Any, index: pd.Index | None) -> np.ndarray | None:
    """Return actual values over the time stamps, missing where there are none."""
    if y_true is None:
        return None
    if index is not None and isinstance(y_true, pd.Series):
        y_true = y_true.reindex(index)
    return np.asarray(y_true, dtype=np.float64).ravel()
