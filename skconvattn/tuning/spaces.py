"""Which hyperparameters are worth searching, and between which values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils._param_validation import make_constraint

from skconvattn._hyperparameters import parameter_names

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Integers by (lowest, highest, logarithmic), real numbers likewise, choices as a tuple.
_INTEGERS = {
    "filters": (8, 64, True),
    "kernel_size": (2, 9, False),
    "pool_size": (1, 4, False),
    "units": (8, 64, True),
    "recurrent_units": (8, 64, True),
    "n_layers": (1, 2, False),
    "n_convolutions": (1, 4, False),
    "num_heads": (1, 8, True),
    "key_dim": (4, 32, True),
}
_REALS = {
    "learning_rate": (3e-4, 3e-2, True),
    "dropout": (0.0, 0.5, False),
    "branch_dropout": (0.0, 0.5, False),
}
_CHOICES: dict[str, tuple[Any, ...]] = {
    "activation": ("relu", "gelu", "tanh"),
    "attention_score": ("luong", "bahdanau"),
    "attention_type": ("multi_head", "additive", "multiplicative", "linear"),
    "pooling": ("last", "statistics", "attention"),
    "hidden_normalization": ("batch", "layer", None),
    "normalization": ("standard", "last", "robust"),
}

# Parameters without effect where another is None.
_NEEDS = {"recurrent_units": "recurrent"}


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

    Examples
    --------
    >>> from skconvattn import ConvAttentionRegressor
    >>> space = search_space(ConvAttentionRegressor)
    >>> space["filters"]
    IntDistribution(high=64, log=True, low=8, step=1)
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    cls = estimator if isinstance(estimator, type) else type(estimator)
    if not hasattr(cls, "network_class"):
        raise TypeError(
            f"{cls.__name__} is not an estimator of skconvattn; give one, or the step of a "
            "pipeline that is one together with prefix='<step>__'."
        )
    given = {} if isinstance(estimator, type) else estimator.get_params(deep=False)
    space: dict[str, BaseDistribution] = {}
    for name in parameter_names(cls):
        if given.get(_NEEDS.get(name), True) is None:
            continue
        if name in _INTEGERS:
            low, high, log = _INTEGERS[name]
            space[prefix + name] = IntDistribution(low, high, log=log)
        elif name in _REALS:
            least, most, log = _REALS[name]
            space[prefix + name] = FloatDistribution(least, most, log=log)
        elif name in _CHOICES:
            choices = [value for value in _CHOICES[name] if _is_valid(cls, name, value)]
            space[prefix + name] = CategoricalDistribution(choices)
    return space


def _is_valid(cls: type[Any], name: str, value: Any) -> bool:
    """Whether a parameter of an estimator may have a value."""
    constraints = map(make_constraint, cls._parameter_constraints[name])
    return any(constraint.is_satisfied_by(value) for constraint in constraints)
