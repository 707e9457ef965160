"""Public methods of sktime, checked before anything is done and undone if they fail."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sktime.forecasting.base import BaseForecaster

from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import validation

# From the name of an argument to what refuses values of it.
Checks = dict[str, Callable[[Any], None]]

DATA: Checks = {
    "y": lambda y: validation.check_data(y, None),
    "X": lambda X: validation.check_data(None, X),
}
HORIZON: Checks = {
    "fh": validation.check_horizon,
    "X": lambda X: validation.check_order(X, "X"),
    "alpha": lambda alpha: validation.check_levels(alpha, "alpha", (0.05, 0.95)),
    "coverage": lambda coverage: validation.check_levels(coverage, "coverage", 0.9),
}


def guarded(name: str, checks: Checks) -> Any:
    """Return sktime's method of a name, with checks of its arguments and undone if it fails.

    sktime moves the cutoff, and remembers the horizon, before it asks the forecaster.

    Parameters
    ----------
    name : str
        A public method of :class:`sktime.forecasting.base.BaseForecaster`.
    checks : dict of str to callable
        What refuses values of arguments; those that the method does not take are left out.

    Returns
    -------
    function
        With the signature and the docstring of sktime's method.
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
    """Undo what a failed call changes, in sktime's store of names and in local models too."""
    with restored_on_error(forecaster):
        state = vars(forecaster)
        # These two sktime changes in place.
        if "_converter_store_y" in state:
            forecaster._converter_store_y = dict(state["_converter_store_y"])
        if "forecasters_" in state:
            forecaster.forecasters_ = state["forecasters_"].map(copy.copy)
        yield
