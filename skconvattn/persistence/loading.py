"""The public ``load``: files of every estimator of the package."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from skconvattn._registry import all_estimators
from skconvattn.persistence.reading import read


def load(
    path: str | os.PathLike[str], networks: Mapping[str, Callable[..., Any]] | None = None
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

    Returns
    -------
    object
        The estimator, fitted if it was.

    Raises
    ------
    SaveFileError
        If the file is not one that ``save`` wrote, was changed, or needs another version.
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
    return read(path, known | classes, functions)


def _is_estimator(value: Any) -> bool:
    """Whether something is a class of estimators, and not a network alone."""
    return isinstance(value, type) and hasattr(value, "network_class") and hasattr(value, "save")
