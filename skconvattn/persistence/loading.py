"""The public ``load``: files of every estimator of the package."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast, overload

from skconvattn._registry import all_estimators
from skconvattn.persistence.reading import read

EstimatorT = TypeVar("EstimatorT")


class Estimator(Protocol):
    """What every estimator of a file has; what its kind has beside is not checked."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Fit to data."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict."""

    def save(self, path: str | os.PathLike[str]) -> Any:
        """Write to a file."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters by name."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Set parameters by name."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the kind of estimator that the file holds."""


@overload
def load(
    path: str | os.PathLike[str], networks: Mapping[str, Callable[..., Any]] | None = None
) -> Estimator: ...


@overload
def load(
    path: str | os.PathLike[str],
    networks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    kind: type[EstimatorT],
) -> EstimatorT: ...


def load(
    path: str | os.PathLike[str],
    networks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    kind: type[Any] | None = None,
) -> Any:
    """Load an estimator that was saved to a file.

    The network is built anew by this package. Nothing in the file is run: names, sizes, SHA-256
    sums, shapes and types are checked first, and anything unexpected is refused.

    Parameters
    ----------
    path : str or PathLike
        File that ``estimator.save(path)`` wrote.
    networks : mapping of str to callable or type, optional
        Networks and estimators of your own by the names that they had when they were saved, as in
        ``{"mine": mine, "MyForecaster": MyForecaster}``: files hold no code.
    kind : type, optional
        Class that the file is expected to hold, or a base of it: editors and type checkers then
        know the result.

    Returns
    -------
    object
        The estimator, fitted if it was.

    Raises
    ------
    SaveFileError
        If the file is not one that ``save`` wrote, was changed, or needs another version.
    TypeError
        If the file does not hold what ``kind`` says.
    ValueError
        If a class in ``networks`` has the name of an estimator of skconvattn.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> from skconvattn import ConvAttentionRegressor, load
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.zip")
    ...     ConvAttentionRegressor(filters=8).save(path)
    ...     load(path)
    ConvAttentionRegressor(filters=8)
    """
    given = dict(networks or {})
    classes = {n: cast(type, value) for n, value in given.items() if _is_estimator(value)}
    known = dict(all_estimators())
    taken = sorted(known.keys() & classes.keys())
    if taken:
        raise ValueError(
            f"networks has {taken[0]!r}, which is an estimator of skconvattn; give your own class "
            "another name."
        )
    functions = {name: value for name, value in given.items() if name not in classes}
    estimator = read(path, known | classes, functions)
    if kind is not None and not isinstance(estimator, kind):
        raise TypeError(
            f"kind={kind.__name__} is not what the file holds, a {type(estimator).__name__}; give "
            f"kind={type(estimator).__name__}, or leave kind out."
        )
    return estimator


def _is_estimator(value: Any) -> bool:
    """Whether something is a class of estimators, and not a network alone."""
    return isinstance(value, type) and hasattr(value, "network_class") and hasattr(value, "save")
