"""The import of sktime, which would otherwise leave traces in the user's process."""

from __future__ import annotations

import importlib
import importlib.metadata
import random
import warnings

# Before this version, sktime and its test suite take it that forecasters keep what they have seen.
_REMEMBERS_BEFORE = (1, 2)


def remembers_data() -> bool:
    """Whether forecasters have to leave a copy of their data to the sktime that is installed."""
    version = importlib.metadata.version("sktime").split(".")
    return tuple(int(part) for part in version[:2]) < _REMEMBERS_BEFORE


def import_sktime(*modules: str) -> None:
    """Import modules of sktime, and leave Python's random numbers and warning filters alone.

    sktime draws from Python's global generator while it is imported, and it and what it imports
    add filters of warnings. Those of NumPy, pandas, SciPy and scikit-learn, which programs of
    theirs count on, stay. So do those that Keras and its backend add when they are loaded.

    Parameters
    ----------
    *modules : str
        Names such as ``"sktime.forecasting.base"``.
    """
    for name in ("numpy", "pandas", "scipy.special", "scipy.stats", "sklearn.base"):
        importlib.import_module(name)
    state = random.getstate()
    try:
        with warnings.catch_warnings():
            for name in modules:
                importlib.import_module(name)
    finally:
        random.setstate(state)
