"""A search over the parameters of regressors and classifiers with pruning inside a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import assert_all_finite, get_tags, indexable
from sklearn.utils._indexing import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skconvattn.tuning.pruning import Reports, watched, with_reports
from skconvattn.tuning.running import OptunaResults, check_options, documented, run, space_of


def _has(name: str) -> Any:
    def check(search: Any) -> bool:
        return hasattr(getattr(search, "best_estimator_", search.estimator), name)

    return available_if(check)


@documented
class OptunaSearch(OptunaResults, MetaEstimatorMixin, BaseEstimator):
    """Search the parameters of a regressor or classifier with Optuna.

    Beside what ``OptunaSearchCV`` does, trials of networks end within a fit when the losses of
    their epochs promise nothing, a study can be kept in a file, taken up after an interruption and
    shared by processes, and a trial that fails does not end the search. For forecasters there is
    :class:`OptunaForecastingSearch`.

    Parameters
    ----------
    estimator : estimator
        A regressor or classifier of scikit-learn's kind, or a pipeline of one.
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
    best_estimator_ : estimator
        Fitted with them, if ``refit``.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skconvattn.tuning import OptunaSearch
    >>> X, y = load_diabetes(return_X_y=True)
    >>> space = {{"alpha": FloatDistribution(1e-3, 10, log=True)}}
    >>> search = OptunaSearch(Ridge(), space, n_trials=5, random_state=0, progress_bar=False)
    >>> search.fit(X, y).results_.shape
    (5, 5)
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = None,
        *,
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
        self.estimator = estimator
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

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Search, and fit the best parameters to all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Targets.
        **fit_params
            Passed to ``fit`` of the estimator; arrays of one entry per sample are cut like ``X``.

        Returns
        -------
        object
            The search itself.

        Raises
        ------
        TypeError
            If the estimator is a forecaster, or a space is missing.
        ValueError
            If options are not valid, or ``y`` is not finite.
        Exception
            The error of the first trial, if none was completed.
        """
        check_options(self)
        _refuse_forecaster(self.estimator)
        X, y = indexable(X, y)
        if y is not None and np.asarray(y).dtype.kind == "f":
            assert_all_finite(np.asarray(y), input_name="y")
        space = space_of(self, self.estimator, X)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        objective = _CrossValidation(
            clone(self.estimator),
            X,
            y,
            list(splitter.split(X, y)),
            check_scoring(self.estimator, self.scoring),
            fit_params,
        )
        self.study_ = run(self, space, objective, "maximize")
        if self.refit:
            self.best_estimator_ = watched(clone(self.estimator).set_params(**self.best_params_))
            self.best_estimator_.fit(X, y, **fit_params)
        return self

    @_has("predict")
    def predict(self, X: Any) -> np.ndarray:
        """Predict with the best parameters; see the estimator."""
        return self._best().predict(X)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities with the best parameters; see the estimator."""
        return self._best().predict_proba(X)

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of probabilities with the best parameters; see the estimator."""
        return self._best().predict_log_proba(X)

    @_has("decision_function")
    def decision_function(self, X: Any) -> np.ndarray:
        """Decide with the best parameters; see the estimator."""
        return self._best().decision_function(X)

    @_has("transform")
    def transform(self, X: Any) -> Any:
        """Transform with the best parameters; see the estimator."""
        return self._best().transform(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the score of the best parameters, by ``scoring``.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Targets.
        """
        best = self._best()
        return float(check_scoring(best, self.scoring)(best, X, y))

    @property
    def classes_(self) -> np.ndarray:
        """Class labels, of a classifier: (n_classes,)."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in ``fit``."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError(f"{type(self).__name__} has no n_features_in_ before fit.")
        return self.best_estimator_.n_features_in_

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator; samples are cut as NumPy arrays."""
        tags = get_tags(self.estimator)
        tags.array_api_support = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a study."""
        return hasattr(self, "study_")

    def _best(self) -> Any:
        check_is_fitted(self)
        if not self.refit:
            raise AttributeError(
                f"refit=False leaves {type(self).__name__} without an estimator to predict with; "
                "use refit=True, or fit an estimator with best_params_."
            )
        return self.best_estimator_


@dataclass(frozen=True)
class _CrossValidation:
    """The mean score of parameters over validation parts."""

    estimator: Any
    X: Any
    y: Any
    parts: list[tuple[np.ndarray, np.ndarray]]
    scorer: Any
    fit_params: dict[str, Any]

    def __call__(self, params: dict[str, Any], reports: Reports) -> float:
        scores: list[float] = []
        n_samples = len(self.parts[0][0]) + len(self.parts[0][1])
        for training, validation in self.parts:
            estimator = with_reports(clone(self.estimator).set_params(**params), reports)
            own = {
                name: _safe_indexing(value, training)
                if hasattr(value, "__len__") and len(value) == n_samples
                else value
                for name, value in self.fit_params.items()
            }
            estimator.fit(*self._of(training), **own)
            scores.append(float(self.scorer(estimator, *self._of(validation))))
            reports.part(float(np.mean(scores)))
        return float(np.mean(scores))

    def _of(self, rows: np.ndarray) -> tuple[Any, Any]:
        y = None if self.y is None else _safe_indexing(self.y, rows)
        return _safe_indexing(self.X, rows), y


def _refuse_forecaster(estimator: Any) -> None:
    if hasattr(estimator, "get_tag") and hasattr(estimator, "predict_quantiles"):
        raise TypeError(
            f"estimator is the forecaster {type(estimator).__name__}, which is not fitted to "
            "(X, y); use OptunaForecastingSearch."
        )
