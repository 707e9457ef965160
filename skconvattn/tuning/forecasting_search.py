"""A search over the parameters of forecasters, validated on the last steps of the series."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.base._delegate import _DelegatedForecaster
from sktime.forecasting.model_evaluation import evaluate
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.split import ExpandingWindowSplitter
from sktime.utils.validation.forecasting import check_scoring

from skconvattn._sktime import remembers_data
from skconvattn.forecasting.validation import check_given
from skconvattn.tuning.pruning import Reports, with_reports
from skconvattn.tuning.running import OptunaResults, check_options, documented, run, space_of

# Containers that are passed on as they are: one series, panels and hierarchies.
_CONTAINERS = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


@documented
class OptunaForecastingSearch(OptunaResults, _DelegatedForecaster):
    """Search the parameters of a forecaster with Optuna.

    Beside what ``ForecastingOptunaSearchCV`` does, trials of networks end within a fit when the
    losses of their epochs promise nothing, a study can be kept in a file, taken up after an
    interruption and shared by processes, and a trial that fails does not end the search. Each
    validation part is forecast by a model that was fitted to what came before it; nothing after
    the data of ``fit`` is seen.

    Parameters
    ----------
    forecaster : forecaster
        A forecaster of sktime's kind, or a pipeline of one.
    {options}

    Attributes
    ----------
    study_ : optuna.Study
        The study, for ``optuna.visualization``.
    results_ : pandas.DataFrame
        Trials: score, state, seconds, reason of an early end or failure, parameters.
    best_params_ : dict of str to object
        The best parameters.
    best_score_ : float
        Their mean score over the validation parts.
    best_forecaster_ : forecaster
        Fitted with them, if ``refit``.

    Notes
    -----
    ``cv=3`` forecasts the three last blocks of as many steps as the horizon has, each from all that
    came before. ``scoring`` is a metric of sktime; None is the mean absolute scaled error.

    Examples
    --------
    >>> from optuna.distributions import CategoricalDistribution
    >>> from sktime.datasets import load_airline
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from skconvattn.tuning import OptunaForecastingSearch
    >>> space = {{"sp": CategoricalDistribution([1, 6, 12])}}
    >>> search = OptunaForecastingSearch(NaiveForecaster(), space, n_trials=9, random_state=0)
    >>> search.set_params(progress_bar=False).fit(load_airline(), fh=range(1, 13)).best_params_
    {{'sp': 12}}
    """

    _delegate_name: ClassVar[str] = "best_forecaster_"
    # The forecaster keeps what an update needs.
    _config: ClassVar[dict[str, Any]] = {"remember_data": remembers_data()}
    _tags: ClassVar[dict[str, Any]] = {
        "authors": "skconvattn developers",
        "maintainers": "skconvattn developers",
        "python_dependencies": "optuna",
        "capability:random_state": True,
        "property:randomness": "derandomized",
    }

    def __init__(
        self,
        forecaster: Any,
        param_distributions: Any = None,
        n_trials: int | None = 40,
        timeout: float | None = None,
        cv: Any = 3,
        scoring: Any = None,
        sampler: Any = None,
        pruner: Any = None,
        storage: Any = None,
        study_name: str | None = None,
        resume: bool = False,
        refit: bool = True,
        n_processes: int = 1,
        random_state: Any = None,
        progress_bar: bool = True,
    ) -> None:
        self.forecaster = forecaster
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.cv = cv
        self.scoring = scoring
        self.sampler = sampler
        self.pruner = pruner
        self.storage = storage
        self.study_name = study_name
        self.resume = resume
        self.refit = refit
        self.n_processes = n_processes
        self.random_state = random_state
        self.progress_bar = progress_bar
        super().__init__()

    def __post_init__(self) -> None:
        """Take the tags of the forecaster, which converts and vectorises by itself."""
        self._y = self._X = None
        self._set_delegated_tags(self.forecaster)
        self.set_tags(
            **{
                "y_inner_mtype": _CONTAINERS,
                "X_inner_mtype": _CONTAINERS,
                "capability:multivariate": True,
            }
        )

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> Self:
        """Search, and fit with the best parameters.

        Parameters
        ----------
        y : pandas.Series, or any container of sktime
            Series in order of time.
        X : pandas.DataFrame, optional
            Covariates, at least at the time stamps of ``y``.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead that are forecast, and validated.

        Returns
        -------
        OptunaForecastingSearch
            The search itself.

        Raises
        ------
        ValueError, TypeError
            If parameters or data are not valid.
        """
        check_given(y, X, fh)
        return super().fit(y=y, X=X, fh=fh)

    def _fit(self, y: Any, X: Any = None, fh: Any = None) -> Any:
        check_options(self)
        space = space_of(self, self.forecaster, y)
        scoring = _scoring(self.scoring, self)
        objective = _RollingOrigins(
            self.forecaster.clone(), y, X, _splitter(self.cv, y, fh), scoring
        )
        lower = scoring.get_tag("lower_is_better")
        self.study_ = run(self, space, objective, "minimize" if lower else "maximize")
        self.best_forecaster_ = self.forecaster.clone().set_params(**self.best_params_)
        if self.refit:
            self.best_forecaster_.fit(y=y, X=X, fh=fh)
        return self

    def _predict(self, fh: Any = None, X: Any = None) -> Any:
        if not self.refit:
            raise ValueError(
                "refit=False leaves the search without a forecaster that is fitted; use "
                "refit=True, or fit best_forecaster_."
            )
        return super()._predict(fh=fh, X=X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return the parameters of sktime's tests."""
        from optuna.distributions import CategoricalDistribution, IntDistribution
        from sktime.forecasting.naive import NaiveForecaster
        from sktime.forecasting.trend import PolynomialTrendForecaster
        from sktime.performance_metrics.forecasting import MeanAbsoluteError

        common: dict[str, Any] = {"n_trials": 2, "random_state": 0, "progress_bar": False}
        return [
            {
                "forecaster": NaiveForecaster(strategy="mean"),
                "param_distributions": {"window_length": CategoricalDistribution((2, 5))},
                "cv": 1,
                **common,
            },
            {
                "forecaster": PolynomialTrendForecaster(),
                "param_distributions": {"degree": IntDistribution(1, 2)},
                "cv": 2,
                "scoring": MeanAbsoluteError(),
                **common,
            },
        ]


@dataclass(frozen=True)
class _RollingOrigins:
    """The mean score of parameters over blocks, each forecast from what came before."""

    forecaster: Any
    y: Any
    X: Any
    splitter: Any
    scoring: Any

    def __call__(self, params: dict[str, Any], reports: Reports) -> float:
        forecaster = with_reports(self.forecaster.clone().set_params(**params), reports)
        found = evaluate(
            forecaster,
            self.splitter,
            self.y,
            self.X,
            scoring=self.scoring,
            error_score="raise",
        )
        reports.end_if_late()
        return float(np.mean(found[f"test_{self.scoring.name}"]))


def _scoring(given: Any, search: Any) -> Any:
    return MeanAbsoluteScaledError() if given is None else check_scoring(given, obj=search)


def _splitter(cv: Any, y: Any, fh: Any) -> Any:
    """Return a splitter; of a number, one of that many blocks at the end.

    Raises
    ------
    ValueError
        If the number is not positive, or the series is too short for it.
    TypeError
        If it is neither a number nor a splitter of sktime.
    """
    if isinstance(cv, Integral):
        steps = _relative_steps(fh, y)
        horizon, shortest = int(max(steps)), _shortest(y)
        first = shortest - int(cv) * horizon
        if cv < 1 or first < 2:
            most = (shortest - 2) // horizon
            raise ValueError(
                f"cv={cv} blocks of {horizon} time steps leave nothing before them to fit, of "
                f"{shortest}; use cv from 1 to {most}."
                if most >= 1
                else f"{shortest} time steps are too few to validate a forecast of {horizon} "
                "steps; give a longer series or a shorter fh."
            )
        return ExpandingWindowSplitter(fh=steps, initial_window=first, step_length=horizon)
    if not hasattr(cv, "get_fh"):
        raise TypeError(
            f"cv={cv!r} is neither a number of validation parts nor a splitter of sktime; give "
            "one of them."
        )
    return cv


def _relative_steps(fh: Any, y: Any) -> list[int]:
    """Return steps ahead of a horizon; 1 if there is none."""
    if fh is None:
        return [1]
    if not isinstance(fh, ForecastingHorizon):
        fh = ForecastingHorizon(fh)
    if not fh.is_relative:
        index = pd.DataFrame(y).index
        stamps = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
        fh = fh.to_relative(cutoff=stamps.max())
    steps = [int(step) for step in fh.to_numpy()]
    return [step for step in steps if step > 0] or [1]


def _shortest(y: Any) -> int:
    frame = pd.DataFrame(y)
    if not isinstance(frame.index, pd.MultiIndex):
        return len(frame)
    return int(frame.groupby(level=list(range(frame.index.nlevels - 1))).size().min())
