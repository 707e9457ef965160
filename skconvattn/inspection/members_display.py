"""A display of what a prediction is averaged from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skconvattn.inspection import drawing
from skconvattn.inspection.series import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

# Rows that are drawn beside each other and can still be read.
_MOST = 20
# Parts of a bar that are wide enough for their number, in percent.
_WRITTEN = 8


class MembersDisplay:
    """Weights of the members of a forecast or prediction, as parts of bars.

    Create it with :meth:`from_estimator`, or from values of any origin and call :meth:`plot`.

    Parameters
    ----------
    shares : pandas.DataFrame of shape (n_series, n_members)
        Weights by member, with a sum of one per row.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the display.
    figure_ : matplotlib.figure.Figure
        Figure with the axes.
    bars_ : dict of str to matplotlib.container.BarContainer
        Parts of the bars by member; their widths are percentages. Members without any weight are
        left out.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.inspection import MembersDisplay
    >>> forecaster = ConvAttentionForecaster(epochs=0).fit(load_airline(), fh=range(1, 13))
    >>> "pretrained" in MembersDisplay.from_estimator(forecaster).bars_
    True
    """

    def __init__(self, *, shares: pd.DataFrame) -> None:
        self.shares = shares

    @classmethod
    def from_estimator(cls, estimator: Any, ax: Axes | None = None) -> MembersDisplay:
        """Draw what ``weights_`` says.

        Parameters
        ----------
        estimator : estimator of skconvattn
            A fitted estimator whose prediction is an average of members.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.

        Returns
        -------
        MembersDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no ``weights_``.
        ImportError
            If Matplotlib is not installed.
        """
        weights = getattr(estimator, "weights_", None)
        if weights is None:
            raise TypeError(
                f"estimator is a {type(estimator).__name__} without weights_; give a fitted "
                "estimator whose prediction is an average of members."
            )
        if not isinstance(weights, pd.DataFrame):
            weights = pd.Series(weights).to_frame().T
        return cls(shares=weights).plot(ax)

    def plot(self, ax: Axes | None = None) -> MembersDisplay:
        """Draw one bar per series, or, of more than 20 series, the average and the first 19.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, those of a new figure by default.

        Returns
        -------
        MembersDisplay
            The display itself.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        drawn = 100 * self.shares
        names = _names_of(self.shares.index)
        if len(drawn) > _MOST:
            first = drawn.iloc[: _MOST - 1]
            names = [f"average of {len(drawn)}", *names[: len(first)]]
            drawn = pd.concat([drawn.mean().to_frame().T, first])
        ax = drawing.axes_for(ax, height=1.3 + 0.35 * len(drawn))
        left = np.zeros(len(drawn))
        self.bars_: dict[str, BarContainer] = {}
        for member, colour in zip(drawn.columns, drawing.PARTS, strict=False):
            width = drawn[member].to_numpy()
            if (width >= 0.05).any():
                bars = ax.barh(
                    np.arange(len(drawn)), width, left=left, color=colour, label=str(member),
                    edgecolor="white",
                )  # fmt: skip
                texts = [f"{w:.0f} %" if w >= _WRITTEN else "" for w in width]
                ax.bar_label(bars, texts, label_type="center", color=_ink(colour), fontsize="small")
                self.bars_[str(member)] = bars
            left = left + width
        ax.set_yticks(np.arange(len(drawn)), names)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.invert_yaxis()
        ax.set_xlim(0, 100)
        ax.set_xlabel("weight in percent")
        drawing.legend_above(ax, list(self.bars_.values()))
        self.ax_: Axes = ax
        self.figure_: Figure = ax.figure  # type: ignore[assignment]
        return self


def _names_of(index: pd.Index) -> list[str]:
    """Return what stands beside the bars; nothing beside a single one without a name."""
    if len(index) == 1 and index.nlevels == 1 and not isinstance(index[0], str):
        return [""]
    return [as_text(name if isinstance(name, tuple) else (name,)) for name in index]


def _ink(colour: str) -> str:
    """Return black or white, whichever can be read on a colour, by its luminance."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
