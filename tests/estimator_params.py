"""The public estimators as parameters of tests: all of them, or most of them marked exhaustive.

Every list comes from :func:`skconvattn.all_estimators`, so that a new architecture is tested as
soon as it has a public name. A test that takes more than about 1.5 s per estimator names the
architecture that `make test` runs; `make test-all` and `.ci/run` run them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import pytest

from skconvattn import all_estimators

KINDS = ("forecaster", "regressor", "classifier")
# Names of the architectures: an estimator's without its kind.
ARCHITECTURES = [
    name.removesuffix("Regressor")
    for name, _ in all_estimators("regressor")
    if name != "NeuralRegressor"
]
# Estimators without one: the zero-shot forecaster, and those of a user's own network.
OTHERS = ("Pretrained", "Neural")

# Suites of older versions have fewer checks: at least this share of what is counted for these.
COUNTED_FOR = {"scikit-learn": (1, 9), "sktime": (1, 2)}
SHARE_IN_OLDER = 0.8


def expected_checks(n_checks: int, package: str) -> int:
    """Return how many checks a suite must have had at least, in the version that is installed."""
    installed = tuple(int(part) for part in version(package).split(".")[:2])
    return n_checks if installed >= COUNTED_FOR[package] else round(SHARE_IN_OLDER * n_checks)


def of_architectures(*kinds: str) -> list[tuple[str, type]]:
    """Return names and classes of the estimators of an architecture of this package.

    Parameters
    ----------
    *kinds : {"forecaster", "regressor", "classifier"}
        Kinds of estimators, in this order; all three by default.
    """
    named = [pair for kind in kinds or KINDS for pair in all_estimators(kind)]
    return [(name, cls) for name, cls in named if not name.startswith(OTHERS)]


def estimators(*kinds: str, quick: str | None = None, others: bool = False) -> list[Any]:
    """Return each estimator as a parameter whose id is its name.

    Parameters
    ----------
    *kinds : {"forecaster", "regressor", "classifier"}
        Kinds of estimators, in this order; all three by default.
    others : bool
        Whether estimators without an architecture of this package are among them: the zero-shot
        forecaster, and those of a user's own network.
    quick : str or None
        Architecture whose estimators `make test` runs, such as ``"ConvAttention"``; all others are
        marked exhaustive. None marks nothing.

    Returns
    -------
    list of pytest.param
        One class each.

    Raises
    ------
    ValueError
        If no estimator is of the architecture ``quick``: `make test` would run none.
    """
    named = of_architectures(*kinds)
    if others:
        named = [pair for kind in kinds or KINDS for pair in all_estimators(kind)]
    kept = [name for name, _ in named if quick is None or _architecture(name) == quick]
    if not kept:
        raise ValueError(
            f"quick={quick!r} is no architecture; use one of "
            f"{sorted({_architecture(name) for name, _ in named})}."
        )
    marks = {name: () if name in kept else (pytest.mark.exhaustive,) for name, _ in named}
    return [pytest.param(cls, id=name, marks=marks[name]) for name, cls in named]


def every(*kinds: str, quick: str | None = None, others: bool = False) -> pytest.MarkDecorator:
    """Run a test on each estimator, as its argument ``cls``; see :func:`estimators`."""
    return pytest.mark.parametrize("cls", estimators(*kinds, quick=quick, others=others))


def thinned(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Mark all values but those of ``quick`` as exhaustive.

    Parameters
    ----------
    values : iterable
        Parameters of a test, hashable ones.
    *quick : object
        Values that `make test` runs.

    Returns
    -------
    list
        All values in their order, as they are or as a ``pytest.param``.

    Raises
    ------
    ValueError
        If a value of ``quick`` is not among ``values``: `make test` would run fewer than meant.
    """
    values = list(values)
    if not quick or not set(quick) <= set(values):
        raise ValueError(f"quick={quick!r} are no values of this grid; use some of {values}.")
    return [
        value if value in quick else pytest.param(value, marks=pytest.mark.exhaustive)
        for value in values
    ]


def _architecture(name: str) -> str:
    """Name of an estimator without its kind."""
    for kind in KINDS:
        name = name.removesuffix(kind.capitalize())
    return name
