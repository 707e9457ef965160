"""The base classes of scikit-learn, with the types that it leaves out.

A type checker that finds no types for a base class accepts any argument of a constructor. It sees
the classes below instead; what runs are those of scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

    import numpy as np

    class BaseEstimator:
        """See :class:`sklearn.base.BaseEstimator`."""

        n_features_in_: int
        feature_names_in_: np.ndarray

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters by name."""

        def set_params(self, **params: Any) -> Self:
            """Set parameters."""

        def set_fit_request(self, **requests: bool | str | None) -> Self:
            """Say what of the metadata ``fit`` is given."""

        def set_score_request(self, **requests: bool | str | None) -> Self:
            """Say what of the metadata ``score`` is given."""

        def get_metadata_routing(self) -> Any:
            """Return what metadata is asked for."""

        def _validate_params(self) -> None: ...

        def __sklearn_tags__(self) -> Any: ...

    class ClassifierMixin:
        """See :class:`sklearn.base.ClassifierMixin`."""

        classes_: np.ndarray

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """Return the accuracy."""

    class RegressorMixin:
        """See :class:`sklearn.base.RegressorMixin`."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """Return the coefficient of determination."""

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin"]
