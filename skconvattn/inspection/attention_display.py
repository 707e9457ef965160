"""A display of attention over time."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skconvattn.estimators.inputs import series_to_predict
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.inspection import drawing
from skconvattn.inspection.attention_spread import attention_of_networks, doubt_of
from skconvattn.inspection.weights import (
    attention_weights,
    forecaster_window,
    received_attention,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection, QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

_KINDS = ("auto", "strip", "bars", "map", "pairs")
_LINES = ("black", drawing.FORECAST, drawing.ACTUAL, "#CC79A7")


class AttentionDisplay:
    """Attention over the time steps of one or more series.

    Create it with :meth:`from_estimator`, or from values of any origin and call :meth:`plot`.

    Parameters
    ----------
    attention : ndarray of shape (n_samples, n_timepoints)
        Weights, which sum to one per series.
    series : ndarray of shape (n_samples, n_channels, n_timepoints), optional
        Series that are attended to.
    index : pandas.Index of length n_timepoints, optional
        Time stamps; 0, 1, 2 and so on by default.
    name : str, optional
        Name of the series.
    pairs : ndarray of shape (n_samples, n_positions, n_positions), optional
        Self-attention: weights of every position for each position that attends, on the first of
        both axes, with a sum of one.
    networks : ndarray of shape (n_networks, n_samples, n_timepoints), optional
        Attention of each of several networks, of which ``attention`` is the mean.
    note : str, optional
        What is to be said of the attention, above the axes.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the display.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    heat_ : matplotlib.collections.QuadMesh or None
        Attention as colour, for the kinds "strip", "map" and "pairs".
    bars_ : matplotlib.container.BarContainer or None
        Attention as height, for the kind "bars".
    band_ : matplotlib.collections.PolyCollection or None
        From the lowest to the highest attention of several networks, for the kind "bars".
    note_ : matplotlib.text.Text or None
        The note.
    lines_ : list of matplotlib.lines.Line2D
        The channels of the series, for the kind "strip".
    colorbar_ : matplotlib.colorbar.Colorbar or None
        Scale of the colours.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import ConvAttentionClassifier
    >>> from skconvattn.inspection import AttentionDisplay
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 24)), np.repeat([0, 1], 20)
    >>> X[y == 1, 12] += 3
    >>> classifier = ConvAttentionClassifier(members=["network"], epochs=5, random_state=0)
    >>> classifier = classifier.fit(X, y)
    >>> AttentionDisplay.from_estimator(classifier, X[:10]).attention.shape
    (10, 24)
    """

    def __init__(
        self,
        *,
        attention: np.ndarray,
        series: np.ndarray | None = None,
        index: pd.Index | None = None,
        name: str | None = None,
        pairs: np.ndarray | None = None,
        networks: np.ndarray | None = None,
        note: str | None = None,
    ) -> None:
        self.attention = attention
        self.networks = networks
        self.note = note
        self.pairs = pairs
        self.series = series
        self.index = index
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        ax: Axes | None = None,
        *,
        kind: str = "auto",
        member: str = "auto",
    ) -> AttentionDisplay:
        """Compute the attention and draw it.

        Self-attention, which has a weight per pair of positions, is drawn as what each time step
        receives on average over heads and attending positions; ``kind="pairs"`` draws the pairs.
        Of several networks (``n_networks``) bars show the mean, and a band from the lowest to the
        highest. A note says where attention is no better than an even average: where held-out
        errors gave the network no weight, or where the mean over the networks is no further from
        even than two of its standard errors.

        Parameters
        ----------
        estimator : estimator of skconvattn
            A fitted forecaster, regressor or classifier.
        X : array-like or pandas.Series, optional
            As for :func:`~skconvattn.inspection.attention_weights`: series for regressors and
            classifiers; for forecasters a history, their own by default.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.
        kind : {"auto", "strip", "bars", "map", "pairs"}, default="auto"
            As for :meth:`plot`.
        member : {"auto", "pretrained", "network"}, default="auto"
            As for :func:`~skconvattn.inspection.attention_weights`.

        Returns
        -------
        AttentionDisplay
            The display, drawn.

        Raises
        ------
        TypeError, ValueError
            As :func:`~skconvattn.inspection.attention_weights` and :meth:`plot`.
        ImportError
            If Matplotlib is not installed.
        """
        drawing.import_pyplot()
        attention = attention_weights(estimator, X, member=member)
        values, index, name = _series_of(estimator, X, attention)
        pairs = None
        if np.ndim(attention) == 4:
            pairs = np.asarray(attention, dtype=np.float64).mean(axis=1)
            attention = received_attention(estimator, np.asarray(attention), values.shape[-1])
        networks = attention_of_networks(estimator, X, member=member)
        display = cls(
            attention=np.atleast_2d(attention),
            series=values,
            index=index,
            name=name,
            pairs=pairs,
            networks=networks,
            note=doubt_of(estimator, member, networks),
        )
        return display.plot(ax, kind=kind)

    def plot(self, ax: Axes | None = None, *, kind: str = "auto") -> AttentionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.
        kind : {"auto", "strip", "bars", "map", "pairs"}, default="auto"
            "strip" draws one series over its attention as colour; "bars" draws the attention of
            one series as bars, with the even share as a line; "map" draws the attention of many
            series as colour, one row per series; "pairs" draws the self-attention of one series as
            colour, attending positions downwards. "auto" is "strip" for one series, "bars" where
            several networks attend to it, and "map" for several series.

        Returns
        -------
        AttentionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``kind`` is not known, one series is needed and there are more, or pairs are asked
            for and attention has none.
        ImportError
            If Matplotlib is not installed.
        """
        kind = self._checked(kind)
        ax = drawing.axes_for(ax, height={"bars": 2.5, "pairs": 6.0}.get(kind, 3.5))
        self.heat_: QuadMesh | None = None
        self.bars_: BarContainer | None = None
        self.band_: PolyCollection | None = None
        self.note_: Text | None = None
        self.colorbar_: Colorbar | None = None
        self.lines_: list[Line2D] = []
        draw = {
            "strip": self._draw_strip,
            "bars": self._draw_bars,
            "map": self._draw_map,
            "pairs": self._draw_pairs,
        }
        draw[kind](ax)
        if kind == "pairs":
            ax.set_xlabel("position attended to")
        elif self.index is None:
            ax.set_xlabel("time step")
        else:
            drawing.label_time(ax, self.index)
        if self.note:
            self.note_ = ax.set_title(
                self.note, loc="left", fontsize="small", color=drawing.HISTORY
            )
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        return self

    def _checked(self, kind: str) -> str:
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} is not known; use one of {', '.join(_KINDS)}.")
        n_samples = len(self.attention)
        if kind == "auto":
            if n_samples > 1:
                return "map"
            return "strip" if self.networks is None else "bars"
        if kind == "pairs" and self.pairs is None:
            raise ValueError(
                "kind='pairs' shows self-attention, and this attention has one weight per time "
                "step; use kind='strip', 'bars' or 'map'."
            )
        if kind in ("strip", "bars", "pairs") and n_samples != 1:
            raise ValueError(
                f"kind={kind!r} shows one series and there are {n_samples}; give one, as X[:1], or "
                "use kind='map'."
            )
        return kind

    @property
    def _stamps(self) -> pd.Index:
        return pd.RangeIndex(self.attention.shape[1]) if self.index is None else self.index

    def _draw_strip(self, ax: Axes) -> None:
        channels = np.empty((0, 0)) if self.series is None else self.series[0]
        x = drawing.positions_of(self._stamps)
        for channel, colour in zip(channels, cycle(_LINES), strict=False):
            self.lines_.extend(ax.plot(x, channel, linewidth=1.5, color=colour))
        if len(channels) == 0:
            ax.set_yticks([])
        elif self.name is not None:
            ax.set_ylabel(self.name)
        # The colour fills the height that the series needs.
        bottom, top = ax.get_ylim()
        self.heat_ = self._draw_heat(ax, np.array([bottom, top]))
        ax.set_ylim(bottom, top)

    def _draw_bars(self, ax: Axes) -> None:
        edges = drawing.edges_of(self._stamps)
        self.bars_ = ax.bar(
            edges[:-1],
            self.attention[0],
            width=np.diff(edges),
            align="edge",
            color=drawing.ATTENTION,
            edgecolor="white",
            linewidth=0.5,
        )
        even = 1 / self.attention.shape[1]
        ax.axhline(even, color=drawing.HISTORY, linewidth=1, linestyle=":")
        # Beside the axes, where it overlaps neither bars nor title.
        ax.annotate(
            "even\nshare",
            (1.0, even),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            color=drawing.HISTORY,
            fontsize="small",
            annotation_clip=False,
        )
        ax.set_ylabel("attention")
        if self.networks is not None:
            self._draw_band(ax, edges, self.networks[:, 0])

    def _draw_band(self, ax: Axes, edges: np.ndarray, networks: np.ndarray) -> None:
        """Draw from the lowest to the highest attention of several networks."""
        low, high = networks.min(axis=0), networks.max(axis=0)
        self.band_ = ax.fill_between(
            edges,
            np.append(low, low[-1]),
            np.append(high, high[-1]),
            step="post",
            color=drawing.HISTORY,
            alpha=0.35,
            linewidth=0,
            label="lowest to highest",
        )
        assert self.bars_ is not None
        self.bars_.set_label(f"mean of {len(networks)} networks")
        drawing.legend_above(ax, [self.bars_, self.band_])

    def _draw_map(self, ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        self.heat_ = self._draw_heat(ax, np.arange(len(self.attention) + 1) - 0.5)
        ax.invert_yaxis()
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel("series")

    def _draw_pairs(self, ax: Axes) -> None:
        assert self.pairs is not None
        edges = np.arange(self.pairs.shape[1] + 1) - 0.5
        self.heat_ = self._draw_colours(ax, edges, edges, self.pairs[0])
        ax.invert_yaxis()
        ax.set_aspect("equal")
        ax.set_ylabel("position that attends")

    def _draw_heat(self, ax: Axes, rows: np.ndarray) -> QuadMesh:
        """Draw attention as colour between the given edges of the rows, with a scale."""
        return self._draw_colours(ax, drawing.edges_of(self._stamps), rows, self.attention)

    def _draw_colours(
        self, ax: Axes, columns: np.ndarray, rows: np.ndarray, values: np.ndarray
    ) -> QuadMesh:
        from matplotlib.colors import LinearSegmentedColormap

        # No darker than the colour of the bars, so that a black line stays visible on it.
        colours = LinearSegmentedColormap.from_list("attention", ["white", drawing.ATTENTION])
        heat = ax.pcolormesh(columns, rows, values, cmap=colours, vmin=0.0, zorder=0)
        self.colorbar_ = ax.figure.colorbar(heat, ax=ax, label="attention", pad=0.02)
        self.colorbar_.outline.set_visible(False)
        return heat


def _series_of(
    estimator: Any, X: Any, attention: Any
) -> tuple[np.ndarray, pd.Index | None, str | None]:
    """Return the series that are attended to, (n_samples, n_channels, n_timepoints), and stamps."""
    if not isinstance(estimator, PanelForecaster):
        panel = series_to_predict(estimator, X)
        n_after = estimator._preparation_.n_timepoints - panel.values.shape[1]
        values = np.pad(
            np.asarray(panel.values, dtype=np.float64),
            ((0, 0), (0, n_after), (0, 0)),
            constant_values=np.nan,
        )
        return values.swapaxes(1, 2), None, None
    length = len(attention) if np.ndim(attention) == 1 else estimator.window_length_
    window = forecaster_window(estimator, length, X)
    name = None if window.name is None else str(window.name)
    return window.to_numpy()[None, None], window.index, name
