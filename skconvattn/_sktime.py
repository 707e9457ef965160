"""The import of sktime, which would otherwise leave traces in the user's process."""

from __future__ import annotations

import importlib
import random
import warnings


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
