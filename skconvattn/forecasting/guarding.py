"""Public methods of sktime with their arguments checked, and undone if they fail."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sktime.forecasting.base import BaseForecaster

from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import horizons, validation

# Check of the value of each argument, by name.
Checks = dict[str, Callable[[Any], None]]

DATA: Checks = {
    "y": lambda y: validation.check_data(y, None),
    "X": lambda X: validation.check_data(None, X),
}
HORIZON: Checks = {
    "fh": horizons.check_horizon,
    "X": lambda X: validation.check_order(X, "X"),
    "alpha": lambda alpha: validation.check_levels(alpha, "alpha", (0.05, 0.95)),
    "coverage": lambda coverage: validation.check_levels(coverage, "coverage", 0.9),
}


def guarded(name: str, checks: Checks) -> Any:
    """Return a method of sktime that checks its arguments, and is undone if it fails.

    sktime moves the cutoff, and remembers the horizon, before it asks the forecaster.

    Parameters
    ----------
    name : str
        A public method of :class:`sktime.forecasting.base.BaseForecaster`.
    checks : dict of str to callable
        Check of each argument; arguments that the method does not have are ignored.

    Returns
    -------
    function
        Method with the signature and the docstring of sktime's method.
    """
    method = getattr(BaseForecaster, name)
    names = method.__code__.co_varnames[1 : method.__code__.co_argcount]

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with unchanged_on_error(self):
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            for argument, check in checks.items():
                if argument in given:
                    check(given[argument])
            return method(self, *args, **kwargs)

    return checked


@contextmanager
def unchanged_on_error(forecaster: Any) -> Iterator[None]:
    """Undo the changes of a failed call, in sktime's store of names and in local models too."""
    with restored_on_error(forecaster):
        state = vars(forecaster)
        # sktime changes these two in place.
        if "_converter_store_y" in state:
            forecaster._converter_store_y = dict(state["_converter_store_y"])
        if "forecasters_" in state:
            forecaster.forecasters_ = state["forecasters_"].map(copy.copy)
        yield
