"""Search spaces, read from the declarations of hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skconvattn._hyperparameters import (
    Choices,
    IntegerRange,
    RealRange,
    SearchRange,
    search_ranges,
)

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def search_space(estimator: Any, prefix: str = "") -> dict[str, BaseDistribution]:
    """Return a search space for the hyperparameters of an estimator.

    Parameters
    ----------
    estimator : estimator or type
        An estimator of this package, or its class. What has no effect in the given one, such as the
        size of a recurrent encoder that it does not have, is left out.
    prefix : str
        What stands before each name, such as ``"forecaster__"`` in a pipeline.

    Returns
    -------
    dict of str to optuna.distributions.BaseDistribution
        For ``OptunaSearchCV`` or ``ForecastingOptunaSearchCV``; entries may be dropped or changed.

    Raises
    ------
    TypeError
        If the object has no hyperparameters of this package.
    ImportError
        If Optuna is not installed.

    Examples
    --------
    >>> from skconvattn import ConvAttentionRegressor
    >>> space = search_space(ConvAttentionRegressor)
    >>> space["filters"]
    IntDistribution(high=64, log=True, low=8, step=1)
    """
    cls = estimator if isinstance(estimator, type) else type(estimator)
    if not hasattr(cls, "network_class"):
        raise TypeError(
            f"{cls.__name__} is not an estimator of skconvattn; give one, or the step of a "
            "pipeline that is one together with prefix='<step>__'."
        )
    given = {} if isinstance(estimator, type) else estimator.get_params(deep=False)
    return {
        prefix + name: _distribution(search)
        for name, search in search_ranges(cls).items()
        if given.get(search.needs, True) is not None
    }


def _distribution(search: SearchRange) -> BaseDistribution:
    """Return a search range as Optuna takes it."""
    try:
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )
    except ImportError as error:
        raise ImportError(
            "search_space returns distributions of Optuna, which is not installed; run "
            "pip install optuna optuna-integration."
        ) from error

    match search:
        case IntegerRange():
            return IntDistribution(search.low, search.high, log=search.log)
        case RealRange():
            return FloatDistribution(search.low, search.high, log=search.log)
        case Choices():
            return CategoricalDistribution(search.values)
    raise TypeError(f"{search!r} is no search range; use IntegerRange, RealRange or Choices.")
