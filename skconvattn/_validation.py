"""Checks that estimators of several rooms share."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_quantiles(quantiles: Any, loss: Any) -> None:
    """Refuse levels that are not increasing strictly between 0 and 1, and another loss with them.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,) or None
        Levels.
    loss : object
        The parameter ``loss``.

    Raises
    ------
    ValueError
        If they are not, or if there is another loss.
    """
    if quantiles is None:
        return
    levels = np.asarray(quantiles, dtype=np.float64)
    valid = levels.ndim == 1 and len(levels) > 0 and np.all((levels > 0) & (levels < 1))
    if not valid or np.any(np.diff(levels) <= 0):
        raise ValueError(
            f"quantiles={quantiles!r} must be increasing levels strictly between 0 and 1; use for "
            "example (0.05, 0.5, 0.95)."
        )
    if not (isinstance(loss, str) and loss == "auto"):
        raise ValueError(
            f"loss={loss!r} cannot train quantiles={quantiles!r}, which take the pinball loss; use "
            "loss='auto'."
        )
