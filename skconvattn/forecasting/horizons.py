"""Checks of the steps ahead that are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

_MAX_STEP = 1_000_000_000


def check_horizon(fh: Any) -> None:
    """Refuse a horizon without steps, or with steps that no calendar has.

    Raises
    ------
    ValueError
        If the horizon is empty, or a step is out of bounds.
    """
    if fh is None:
        return
    if np.size(fh) == 0:
        raise ValueError("fh is empty; give steps ahead, for example fh=range(1, 13).")
    steps = np.asarray(getattr(fh, "to_pandas", lambda: fh)())
    if steps.dtype.kind in "iuf" and not np.all(np.abs(steps.astype(np.float64)) <= _MAX_STEP):
        worst = steps.ravel()[np.argmax(~(np.abs(steps.astype(np.float64)) <= _MAX_STEP))]
        raise ValueError(
            f"fh has the step {worst}, and steps lie between -{_MAX_STEP} and {_MAX_STEP}; give "
            "steps ahead, for example fh=range(1, 13)."
        )


def check_reach(n_ahead: int, n_timepoints: int, first: int = 0) -> None:
    """Refuse to forecast much further ahead than a series is long, or long before it.

    Parameters
    ----------
    n_ahead : int
        Steps ahead of the end of a series.
    n_timepoints : int
        Time steps of the longest series.
    first : int
        The first of the steps, 0 or below in-sample.

    Raises
    ------
    ValueError
        If the last step is further ahead than 100 times the series, and than 1000 steps, or the
        first lies more than 1000 steps before the series.
    """
    if first < -n_timepoints - 1000:
        raise ValueError(
            f"fh has the step {first}, and y begins {n_timepoints} time steps before its end; use "
            "steps within the series."
        )
    furthest = max(1000, 100 * n_timepoints)
    if n_ahead > furthest:
        raise ValueError(
            f"fh has the step {n_ahead}, and {n_timepoints} time steps of y say nothing of it; use "
            f"fh <= {furthest}, or fit a series of longer time steps, such as one of years."
        )
