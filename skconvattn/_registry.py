"""The list of all estimators, read from the package's public names."""

from __future__ import annotations


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
    import skconvattn

    endings = {"forecaster": "Forecaster", "regressor": "Regressor", "classifier": "Classifier"}
    if kind is not None and kind not in endings:
        raise ValueError(f"kind={kind!r} is not a kind of estimator; use one of {list(endings)}.")
    wanted = tuple(endings.values()) if kind is None else endings[kind]
    return [(n, getattr(skconvattn, n)) for n in sorted(skconvattn.__all__) if n.endswith(wanted)]
