"""Axes, colours and time axes of the displays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

# From the palette of Okabe and Ito (2008), "Color Universal Design", which colour-blind readers can
# distinguish; the history is grey, so that it recedes.
HISTORY = "#555555"
FORECAST = "#0072B2"
ACTUAL = "#D55E00"
ATTENTION = "#009E73"
# For parts of a whole, neighbours far apart in lightness.
PARTS = ("#0072B2", "#56B4E9", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#E69F00", "#999999")


def axes_for(ax: Axes | None, height: float = 3.5) -> Axes:
    """Return axes to draw on, those given or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axes of the caller.
    height : float
        Height of a new figure, in inches.

    Returns
    -------
    matplotlib.axes.Axes
        Axes without a frame at the top and to the right.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    if ax is None:
        plt = import_pyplot()
        ax = plt.subplots(figsize=(8.0, height), layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_above(ax: Axes, handles: Sequence[Any]) -> Legend:
    """Draw a legend in rows at the top of the axes, which are extended so that it covers no data.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes with everything drawn.
    handles : sequence of matplotlib artists or containers
        What the legend explains, labelled.

    Returns
    -------
    matplotlib.legend.Legend
        The legend.
    """
    n_columns = len(handles)
    place: dict[str, Any] = {
        "handles": handles,
        "loc": "upper left",
        "frameon": False,
        "borderaxespad": 0.2,
    }
    legend = ax.legend(ncols=n_columns, **place)
    width, height = ax.get_window_extent().size
    while n_columns > 1 and legend.get_window_extent().width > width:
        n_columns = (n_columns + 1) // 2
        legend = ax.legend(ncols=n_columns, **place)
    share = min(0.5, 1.3 * legend.get_window_extent().height / height)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, bottom + (top - bottom) / (1 - share))
    return legend


def import_pyplot() -> Any:
    """Import Matplotlib, or say how to get it.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays draw with Matplotlib, which is not installed; "
            'run pip install "skconvattn[plots]".'
        ) from error
    return plt


def positions_of(index: pd.Index) -> np.ndarray:
    """Return an index as Matplotlib's x values.

    Parameters
    ----------
    index : pandas.Index of length n_timepoints
        Periods, time stamps or numbers.

    Returns
    -------
    ndarray of shape (n_timepoints,)
        The start of each period as datetime64, time stamps as datetime64 in their own zone,
        numbers as they are, and for anything else the position in the index.
    """
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp().to_numpy()
    if isinstance(index, pd.DatetimeIndex):
        return index.tz_localize(None).to_numpy()
    if pd.api.types.is_numeric_dtype(index.dtype):
        return index.to_numpy()
    return np.arange(len(index))


def edges_of(index: pd.Index) -> np.ndarray:
    """Return where each time step begins and the last one ends, as Matplotlib's x values.

    Parameters
    ----------
    index : pandas.Index of length n_timepoints
        Periods, time stamps or numbers.

    Returns
    -------
    ndarray of shape (n_timepoints + 1,)
        Midpoints between positions, half a step before the first and half a step after the last.
    """
    positions = positions_of(index)
    if len(positions) == 1:
        step = np.ones(1) if positions.dtype.kind != "M" else _duration(index)
    else:
        step = np.diff(positions)
    halves = step / 2
    first, last = positions[:1] - halves[:1], positions[-1:] + halves[-1:]
    midpoints = positions[:-1] + halves if len(positions) > 1 else positions[:0]
    return np.concatenate([first, midpoints, last])


def label_time(ax: Axes, index: pd.Index) -> None:
    """Put concise dates on the x axis, if the index has dates."""
    if isinstance(index, pd.PeriodIndex | pd.DatetimeIndex):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=3, maxticks=8)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _duration(index: pd.Index) -> np.ndarray:
    """Return the duration of a single time stamp, one day if the index has no frequency."""
    if isinstance(index, pd.PeriodIndex):
        return (index.end_time - index.start_time).to_numpy()
    # In seconds, since half of one day in whole days is zero.
    return np.array([np.timedelta64(86400, "s")])
