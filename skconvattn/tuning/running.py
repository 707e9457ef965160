"""What both searches share: their options, the search itself, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from skconvattn.tuning import studies
from skconvattn.tuning.spaces import search_space
from skconvattn.tuning.studies import Budget, Objective

CONSTRAINTS: dict[str, Any] = {
    "param_distributions": [Mapping, None],
    "n_trials": [Interval(Integral, 1, None, closed="left"), None],
    "timeout": [Interval(Real, 0, None, closed="neither"), None],
    "sampler": "no_validation",
    "pruner": "no_validation",
    "storage": "no_validation",
    "study_name": [str, None],
    "resume": ["boolean"],
    "refit": ["boolean"],
    "n_processes": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "progress_bar": ["boolean"],
}
# Epochs that a trial is left before the pruner compares it, and trials that it compares with.
_WARM_UP, _LEAST_TRIALS = 5, 5

_OPTIONS_DOC = """param_distributions : dict of str to BaseDistribution of Optuna, optional
        Search space. None takes :func:`search_space` of the estimator and the data.
    n_trials : int or None, default=40
        Trials of the study, those of earlier runs included; None for as many as ``timeout`` allows.
    timeout : float, optional
        Seconds after which no trial begins, and networks in training end at their next epoch.
    cv : int, splitter or iterable, default=3
        Validation parts.
    scoring : str, callable or None
        What is compared.
    sampler : optuna.samplers.BaseSampler, optional
        Sampler; None is a tree-structured Parzen estimator with ``random_state``.
    pruner : optuna.pruners.BasePruner, optional
        Ends trials within a fit, by the held-out loss after each epoch of their first training, and
        between validation parts. None is the median pruner.
    storage : str, Path or optuna.storages.BaseStorage, optional
        Where the study is kept: the path of a SQLite file, a URL that Optuna knows, or a storage.
        None keeps it in memory. Searches of several processes or machines on one storage share
        its trials.
    study_name : str, optional
        Name of the study in the storage; "skconvattn" if None.
    resume : bool, default=False
        Whether to go on with a study of that name. Trials that were cut off are tried again.
    refit : bool, default=True
        Whether to fit the best parameters to all data.
    n_processes : int, default=1
        Processes that search; more than one need a ``storage`` with a file or a server.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampler; results repeat with an integer and one process.
    progress_bar : bool, default=True
        Whether to show the progress."""


def documented(cls: type) -> type:
    """Write the options of a search into the docstring of a class."""
    cls.__doc__ = (cls.__doc__ or "").format(options=_OPTIONS_DOC)
    return cls


class OptunaResults:
    """Results of a search, by the names that scikit-learn's searches have."""

    study_: Any

    @property
    def results_(self) -> pd.DataFrame:
        """Trials as a table: score, state, seconds, reason of an early end, and parameters."""
        return studies.results(self.study_)

    @property
    def best_score_(self) -> float:
        """Score of the best parameters."""
        return float(self.study_.best_value)

    @property
    def best_params_(self) -> dict[str, Any]:
        """The best parameters."""
        return dict(self.study_.best_params)


# joblib's backend of Dask puts what it calls into a set.
@dataclass(frozen=True, eq=False)
class _Worker:
    """One process of a search."""

    storage: Any
    options: dict[str, Any]
    space: Mapping[str, Any]
    objective: Objective
    budget: Budget
    seed: int | None

    def __call__(self) -> None:
        study = studies.open_study(self.storage, resume=True, **self.options)
        studies.work(
            study, self.space, self.objective, self.budget, seed=self.seed, progress_bar=False
        )


def check_options(search: Any) -> None:
    """Refuse options of a search that are not valid.

    Parameters
    ----------
    search : OptunaSearch or OptunaForecastingSearch
        The search.

    Raises
    ------
    ImportError
        If Optuna is not installed.
    ValueError
        If one has another value than its documentation says.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{type(search).__name__} searches with Optuna, which is not installed; run pip "
            "install optuna optuna-integration."
        ) from error
    given = {name: getattr(search, name) for name in CONSTRAINTS}
    validate_parameter_constraints(CONSTRAINTS, given, type(search).__name__)
    if search.n_trials is None and search.timeout is None:
        raise ValueError(
            "n_trials=None and timeout=None let the search go on for ever; give one of them."
        )
    if search.resume and search.storage is None:
        raise ValueError(
            "resume=True has nothing to go on with, because storage=None keeps a study in memory "
            "alone; give the path of the file that holds it as storage."
        )
    if (
        search.n_processes > 1
        and not isinstance(search.storage, str)
        and not _is_path(search.storage)
    ):
        raise ValueError(
            f"n_processes={search.n_processes} needs a study that several processes can open; give "
            "the path of a file as storage."
        )


def space_of(search: Any, estimator: Any, data: Any) -> Mapping[str, Any]:
    """Return the search space, checked against the parameters of the estimator.

    Raises
    ------
    TypeError
        If none is given and none is known for the estimator.
    ValueError
        If the space is empty, or names what the estimator does not have.
    """
    space = search.param_distributions
    if space is None:
        if not hasattr(type(estimator), "network_class"):
            raise TypeError(
                f"param_distributions=None needs an estimator of skconvattn, and this is a "
                f"{type(estimator).__name__}; give a dict of Optuna's distributions."
            )
        return search_space(estimator, data)
    known = estimator.get_params(deep=True)
    unknown = [name for name in space if name not in known]
    if unknown:
        raise ValueError(
            f"param_distributions has {unknown[0]!r}, which is no parameter of "
            f"{type(estimator).__name__}; choose from its get_params()."
        )
    if not space:
        raise ValueError("param_distributions={} leaves nothing to search; name a parameter.")
    return space


def run(search: Any, space: Mapping[str, Any], objective: Objective, direction: str) -> Any:
    """Search, and return the study.

    Parameters
    ----------
    search : OptunaSearch or OptunaForecastingSearch
        The search, with valid options.
    space : mapping of str to optuna.distributions.BaseDistribution
        Search space.
    objective : callable
        From parameters and reports to a score.
    direction : {"minimize", "maximize"}
        Whether low or high scores are better.

    Returns
    -------
    optuna.Study
        The study, with one complete trial at least.

    Raises
    ------
    Exception
        The error of the first trial, if none was completed.
    """
    import optuna

    pruner = search.pruner
    if pruner is None:
        pruner = optuna.pruners.MedianPruner(_LEAST_TRIALS, _WARM_UP)
    options = {
        "name": search.study_name,
        "direction": direction,
        "sampler": search.sampler,
        "pruner": pruner,
    }
    seed = None
    if search.sampler is None:
        seed = int(check_random_state(search.random_state).randint(np.iinfo(np.int32).max))
    study = studies.open_study(search.storage, resume=search.resume, **options)
    budget = Budget(search.n_trials, search.timeout)
    error = None
    if search.n_processes == 1:
        error = studies.work(
            study, space, objective, budget, seed=seed, progress_bar=search.progress_bar
        )
    else:
        from joblib import Parallel, delayed

        worker = _Worker(search.storage, options, space, objective, budget, seed)
        n_processes = search.n_processes
        # Processes of this machine, unless the user has named a backend of joblib such as Dask's.
        Parallel(n_processes, prefer="processes")(delayed(worker)() for _ in range(n_processes))
    studies.check_finished(study, error)
    return study


def _is_path(storage: Any) -> bool:
    return hasattr(storage, "__fspath__")
