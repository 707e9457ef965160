"""Which axis of an array is which: words for arrays whose axes are not those of the fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from skconvattn.data.panel import Panel

# So many channels of so few time steps are rare, and the other way round they are common.
_FEWEST_CHANNELS = 20
_MOST_TIMEPOINTS = 12
_TIMES_MORE = 4


def check_axes(estimator: Any, X: Any) -> None:
    """Refuse an array with other axes than those of the fit.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator, named in messages.
    X : array-like
        Series to predict, or to train further on; frames and sparse matrices are left alone.

    Raises
    ------
    ValueError
        If the number of axes differs, or the last two are those of the fit in the other order.
    """
    preparation = getattr(estimator, "_preparation_", None)
    shape = np.shape(X) if isinstance(X, np.ndarray | list | tuple) else getattr(X, "shape", ())
    if preparation is None or preparation.masked or hasattr(X, "columns") or hasattr(X, "toarray"):
        return
    n_timepoints, n_channels = preparation.n_timepoints, len(preparation.scaling.center)
    n_features = estimator.n_features_in_
    given_as_table = n_channels == 1 and n_features == n_timepoints
    n_axes = 2 if given_as_table else 3
    name = type(estimator).__name__
    fitted = f"{name} was fitted on {_shown(n_channels, n_timepoints, given_as_table)}"
    if len(shape) > 1 and len(shape) != n_axes and not (n_features == 1 and given_as_table):
        expected = ("n_samples", *([] if given_as_table else [str(n_channels)]), str(n_timepoints))
        raise ValueError(
            f"X has {len(shape)} axes, {tuple(shape)}, but {fitted}; give series as "
            f"({', '.join(expected)})."
        )
    transposed = (n_timepoints, n_channels)
    if len(shape) == 3 and tuple(shape[1:]) == transposed and n_timepoints != n_channels:
        raise ValueError(
            f"X has {n_timepoints} channels of {n_channels} time steps, but {fitted}; give "
            "X.transpose(0, 2, 1)."
        )


def hint_at_axes(panel: Panel, names: Any) -> None:
    """Warn of series that look like (n_samples, n_timepoints, n_channels).

    Parameters
    ----------
    panel : Panel
        The series of a fit.
    names : DataFrame, ndarray or None
        What names the channels: frames say themselves which axis is which.
    """
    n_timepoints, n_channels = panel.values.shape[1:]
    if (
        n_channels >= _FEWEST_CHANNELS
        and n_timepoints <= _MOST_TIMEPOINTS
        and n_channels > _TIMES_MORE * n_timepoints
        and not hasattr(names, "columns")
        # One time step is a table of features.
        and n_timepoints > 1
    ):
        warnings.warn(
            f"X has {n_channels} channels of at most {n_timepoints} time steps, since its axes "
            "are (n_samples, n_channels, n_timepoints); if these are time steps of channels, give "
            "X.transpose(0, 2, 1).",
            UserWarning,
            stacklevel=2,
        )


def _shown(n_channels: int, n_timepoints: int, given_as_table: bool) -> str:
    if given_as_table:
        return f"series of {n_timepoints} time steps"
    channels = "1 channel" if n_channels == 1 else f"{n_channels} channels"
    return f"{channels} of {n_timepoints} time steps"
