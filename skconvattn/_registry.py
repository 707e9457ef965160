"""The list of all estimators, found in the modules of the architectures."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from skconvattn import architectures


def all_estimators(kind: str | None = None) -> list[tuple[str, type]]:
    """Return every public estimator.

    Parameters
    ----------
    kind : {"forecaster", "regressor", "classifier"} or None
        Only these; all by default.

    Returns
    -------
    list of (str, type)
        Names and classes, in order of the names.

    Raises
    ------
    ValueError
        If ``kind`` is none of these.

    Examples
    --------
    >>> from skconvattn import all_estimators
    >>> [name for name, _ in all_estimators("classifier")][:2]
    ['AttentionClassifier', 'ConvAttentionClassifier']
    """
    endings = {"forecaster": "Forecaster", "regressor": "Regressor", "classifier": "Classifier"}
    if kind is not None and kind not in endings:
        raise ValueError(f"kind={kind!r} is not a kind of estimator; use one of {list(endings)}.")
    wanted = tuple(endings.values()) if kind is None else endings[kind]
    return sorted(
        (name, value)
        for module in _modules()
        for name, value in vars(module).items()
        if name.endswith(wanted)
        and not name.startswith("_")
        and isinstance(value, type)
        and value.__module__ == module.__name__
    )


def _modules() -> list[ModuleType]:
    """Import every module of the architectures."""
    names = [module.name for module in pkgutil.iter_modules(architectures.__path__)]
    return [importlib.import_module(f"{architectures.__name__}.{name}") for name in sorted(names)]
