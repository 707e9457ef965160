"""Search spaces, read from the declarations of hyperparameters and from the data at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skconvattn._hyperparameters import (
    Choices,
    IntegerRange,
    RealRange,
    SearchRange,
    search_ranges,
)

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Attention with several heads; other types have none.
_WITH_HEADS = ("multi_head", "linear")
# Recurrent encoders, where a network may be without one.
_ENCODERS = (None, "lstm", "gru")
# Window lengths in seasons, and in time steps where there is no season; batch sizes.
_SEASONS, _STEPS = (1.0, 1.5, 2.0, 3.0, 4.0), (6, 12, 24, 48)
_BATCHES = (16, 32, 64, 128)
# A window leaves this many windows of its length to learn from, and a batch as many batches.
_LEAST_PARTS = 3


class SearchSpace(dict[str, Any]):
    """Distributions by name, and which of them have an effect only beside certain others.

    As a mapping it is what ``OptunaSearchCV`` and ``ForecastingOptunaSearchCV`` take, without the
    conditions.

    Parameters
    ----------
    distributions : mapping of str to optuna.distributions.BaseDistribution
        Distributions.
    conditions : mapping of str to (str, collection)
        For some names, another name, and values of it beside which the first has an effect.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        conditions: Mapping[str, tuple[str, tuple[Any, ...]]] | None = None,
    ) -> None:
        super().__init__(distributions)
        self.conditions = dict(conditions or {})

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw the parameters of a trial, without those that would have no effect.

        Parameters
        ----------
        trial : optuna.trial.BaseTrial
            A trial.

        Returns
        -------
        dict of str to object
            Values by name, for ``set_params``.
        """
        drawn: dict[str, Any] = {}
        for name in sorted(self, key=self._depth):
            other, values = self.conditions.get(name, ("", ()))
            if other not in self or drawn.get(other) in values:
                drawn[name] = suggested(trial, name, self[name])
        return drawn

    def for_random_search(self) -> dict[str, Any]:
        """Return the space as ``RandomizedSearchCV`` takes it: lists and distributions of SciPy."""
        return {name: _random(distribution) for name, distribution in self.items()}

    def _depth(self, name: str) -> int:
        return 1 + self._depth(self.conditions[name][0]) if name in self.conditions else 0


def search_space(estimator: Any, data: Any = None, prefix: str = "") -> SearchSpace:
    """Return a search space for the hyperparameters of an estimator.

    Parameters
    ----------
    estimator : estimator or type
        An estimator of this package, or its class. What has no effect in the given one, such as the
        size of a recurrent encoder that it does not have, is left out.
    data : pandas object or array-like, optional
        What will be fitted: the series of a forecaster, or ``X``. With it the space has window
        lengths in seasons, batch sizes that suit the number of samples, whether there is a
        recurrent encoder, and whether pretrained attention is a member.
    prefix : str
        What stands before each name, such as ``"forecaster__"`` in a pipeline.

    Returns
    -------
    SearchSpace
        A dict of names to distributions of Optuna, for ``OptunaSearchCV`` or
        ``ForecastingOptunaSearchCV``; entries may be dropped or changed. ``suggest(trial)`` draws
        from it with its conditions, ``for_random_search()`` translates it for scikit-learn.

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
    ranges = {
        name: search
        for name, search in search_ranges(cls).items()
        if data is not None or search.needs is None or given.get(search.needs, True) is not None
    }
    space = {name: _distribution(search) for name, search in ranges.items()}
    conditions: dict[str, tuple[str, tuple[Any, ...]]] = {}
    if "num_heads" in space and "attention_type" in space:
        conditions["num_heads"] = "attention_type", _WITH_HEADS
    if data is not None:
        space |= _from_data(cls, data)
        if (
            given.get("members", "all") not in ("all", None)
            and "pretrained" not in given["members"]
        ):
            space.pop("pretrained", None)
        conditions |= {
            name: (search.needs, _ENCODERS[1:])
            for name, search in ranges.items()
            if search.needs is not None and search.needs in space
        }
    return SearchSpace(
        {prefix + name: distribution for name, distribution in space.items()},
        {prefix + name: (prefix + other, values) for name, (other, values) in conditions.items()},
    )


def suggested(trial: Any, name: str, distribution: Any) -> Any:
    """Draw one parameter of a trial.

    Parameters
    ----------
    trial : optuna.trial.BaseTrial
        A trial.
    name : str
        Name of the parameter.
    distribution : optuna.distributions.BaseDistribution
        Where it is drawn from.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = trial.suggest_int
    if isinstance(distribution, FloatDistribution):
        suggest = trial.suggest_float
    options: dict[str, Any] = {"log": distribution.log}
    if distribution.step is not None:
        options["step"] = distribution.step
    return suggest(name, distribution.low, distribution.high, **options)


def _from_data(cls: Any, data: Any) -> dict[str, BaseDistribution]:
    """Return what depends on the data: windows, batches, the encoder, members."""
    from optuna.distributions import CategoricalDistribution

    names = set(cls._parameter_names)
    space: dict[str, BaseDistribution] = {}
    if "window_length" in names:
        n_samples, windows = _windows(data)
        if windows:
            space["window_length"] = CategoricalDistribution(windows)
        space["pretrained"] = CategoricalDistribution((True, False))
    else:
        n_samples = len(data)
    batches = [size for size in _BATCHES if _LEAST_PARTS * size <= n_samples]
    if batches:
        space["batch_size"] = CategoricalDistribution(batches)
    if search_ranges(cls).get("recurrent_units", SearchRange()).needs == "recurrent":
        space["recurrent"] = CategoricalDistribution(_ENCODERS)
    return space


def _windows(y: Any) -> tuple[int, list[int]]:
    """Return the length of the shortest series, and window lengths for it."""
    from skconvattn.forecasting.series.seasonality import seasonal_period

    series = next(iter(_series(y)))
    n_timepoints = min(len(one) for one in _series(y))
    period = seasonal_period(series)
    wanted = _STEPS if period == 1 else [int(np.ceil(share * period)) for share in _SEASONS]
    lengths = sorted({length for length in wanted if _LEAST_PARTS * length <= n_timepoints})
    return n_timepoints, lengths


def _series(y: Any) -> Iterable[Any]:
    """Return the first column of each series."""
    import pandas as pd

    frame = pd.DataFrame(y)
    if not isinstance(frame.index, pd.MultiIndex):
        return [frame.iloc[:, 0]]
    levels: list[Any] = list(range(frame.index.nlevels - 1))
    groups = frame.iloc[:, 0].groupby(level=levels, sort=False)
    return [one.droplevel(levels) for _, one in groups]


def _random(distribution: Any) -> Any:
    """Return a distribution as SciPy has it, or a list."""
    from optuna.distributions import CategoricalDistribution, IntDistribution
    from scipy.stats import loguniform, uniform

    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    low, high = distribution.low, distribution.high
    if isinstance(distribution, IntDistribution):
        # At most so many values that a list of them draws each as often as its scale has it.
        values = np.arange(low, high + 1, distribution.step)
        if not distribution.log:
            return values.tolist()
        drawn = np.exp(np.linspace(np.log(low - 0.5), np.log(high + 0.5), 1001))
        return np.clip(np.rint(drawn), low, high).astype(int).tolist()
    return loguniform(low, high) if distribution.log else uniform(low, high - low)


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
