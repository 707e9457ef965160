"""Regressors and classifiers of skconvattn as those of sktime, with its tags and checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sktime.classification.base import BaseClassifier
from sktime.regression.base import BaseRegressor

# Panels are passed on as they are; those of unequal length are no array.
_TAGS = {
    "authors": "skconvattn developers",
    "maintainers": "skconvattn developers",
    "X_inner_mtype": ["numpy3D", "pd-multiindex", "df-list", "nested_univ"],
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "capability:missing_values": True,
    "capability:categorical_in_X": False,
    "capability:random_state": True,
    "property:randomness": "derandomized",
}


def as_sktime(estimator: Any) -> SktimeClassifier | SktimeRegressor:
    """Return an estimator as one of sktime's.

    Parameters
    ----------
    estimator : regressor or classifier of skconvattn
        Cloned before it is fitted.

    Returns
    -------
    SktimeClassifier or SktimeRegressor
        The adapter, not fitted.

    Raises
    ------
    TypeError
        If the estimator is neither a regressor nor a classifier.

    Examples
    --------
    >>> from skconvattn import ConvAttentionClassifier
    >>> from skconvattn.adapters import as_sktime
    >>> as_sktime(ConvAttentionClassifier(filters=8))
    SktimeClassifier(estimator=ConvAttentionClassifier(filters=8))
    """
    known = hasattr(estimator, "__sklearn_tags__")
    if known and is_classifier(estimator):
        return SktimeClassifier(estimator)
    if known and is_regressor(estimator):
        return SktimeRegressor(estimator)
    raise TypeError(
        f"estimator is a {type(estimator).__name__}, which sktime has no such adapter for; give a "
        "regressor or classifier. Forecasters are sktime's own already."
    )


class SktimeClassifier(BaseClassifier):
    """A classifier of skconvattn as one of sktime.

    Parameters
    ----------
    estimator : classifier of skconvattn
        Cloned before it is fitted; its parameters are ``estimator__...`` here.
    random_state : int, numpy.random.RandomState or None, default=None
        Stands in for that of the estimator, unless None.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.

    Examples
    --------
    >>> from sktime.datasets import load_unit_test
    >>> from skconvattn import ConvAttentionClassifier
    >>> from skconvattn.adapters import SktimeClassifier
    >>> X, y = load_unit_test(split="train")
    >>> classifier = SktimeClassifier(ConvAttentionClassifier(epochs=20, random_state=0)).fit(X, y)
    >>> classifier.predict_proba(X).shape
    (20, 2)
    """

    _tags = {**_TAGS, "capability:predict_proba": True}

    def __init__(self, estimator: Any, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> SktimeClassifier:
        self.estimator_ = _cloned(self.estimator, self.random_state).fit(X, y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    def _predict_proba(self, X: Any) -> np.ndarray:
        return self.estimator_.predict_proba(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's test suite."""
        from skconvattn.architectures.conv_attention import ConvAttentionClassifier

        settings: list[dict[str, Any]] = [
            {"epochs": 2, "filters": 4, "units": 4},
            {"epochs": 1, "pool_size": 1},
        ]
        return [{"estimator": ConvAttentionClassifier(random_state=0, **s)} for s in settings]


class SktimeRegressor(BaseRegressor):
    """A regressor of skconvattn as one of sktime.

    Parameters
    ----------
    estimator : regressor of skconvattn
        Cloned before it is fitted; its parameters are ``estimator__...`` here.
    random_state : int, numpy.random.RandomState or None, default=None
        Stands in for that of the estimator, unless None.

    Attributes
    ----------
    estimator_ : regressor
        The fitted clone.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import ConvAttentionRegressor
    >>> from skconvattn.adapters import SktimeRegressor
    >>> X = np.random.default_rng(0).normal(size=(40, 1, 24))
    >>> regressor = SktimeRegressor(ConvAttentionRegressor(epochs=20, random_state=0))
    >>> regressor.fit(X, X.max(axis=(1, 2))).predict(X[:3]).shape
    (3,)
    """

    _tags = {
        **_TAGS,
        "capability:multioutput": True,
        "y_inner_mtype": "numpy2D",
    }

    def __init__(self, estimator: Any, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    def _fit(self, X: Any, y: np.ndarray) -> SktimeRegressor:
        # sktime gives a single target as a column, too.
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        self.estimator_ = _cloned(self.estimator, self.random_state).fit(X, y)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's test suite."""
        from skconvattn.architectures.conv_attention import ConvAttentionRegressor

        settings: list[dict[str, Any]] = [
            {"epochs": 2, "filters": 4, "units": 4},
            {"epochs": 1, "linear_skip": False},
        ]
        return [{"estimator": ConvAttentionRegressor(random_state=0, **s)} for s in settings]


def _cloned(estimator: Any, random_state: Any) -> Any:
    copy = clone(estimator)
    return copy if random_state is None else copy.set_params(random_state=random_state)
