"""Codes for missing values, such as -999, that were written in place of them."""

from __future__ import annotations

import numpy as np

# Digits of codes, all of them nines, and values that a series has beside them, at least.
_DIGITS, _FEWEST_OTHERS = range(2, 10), 6
# A code is this many ranges of all other values away from them.
_RANGES = 2.0
_CODES = frozenset(sign * float("9" * n) for n in _DIGITS for sign in (-1, 1))


def missing_code(values: np.ndarray) -> float | None:
    """Return the code for missing values in a series.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints,)
        A series; NaN where missing.

    Returns
    -------
    float or None
        Its lowest or highest value, if that has no digits but nines, two at least, and is farther
        from all others than twice their range, which is not zero; None otherwise.
    """
    finite = values[np.isfinite(values)]
    if len(finite) <= _FEWEST_OTHERS:
        return None
    for code in (float(finite.min()), float(finite.max())):
        if code not in _CODES:
            continue
        others = finite[finite != code]
        if len(others) < max(_FEWEST_OTHERS, len(finite) / 2):
            continue
        distance = np.abs(others - code).min()
        if distance > _RANGES * np.ptp(others) > 0:
            return code
    return None
