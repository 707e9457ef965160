"""The base class of sktime's forecasters, with the types that it leaves out.

A type checker that finds no types for a base class accepts any argument of a constructor. It sees
the class below instead; what runs is that of sktime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd

    class BaseForecaster:
        """See :class:`sktime.forecasting.base.BaseForecaster`."""

        cutoff: pd.Index
        is_fitted: bool

        def fit(self, y: Any, X: Any = None, fh: Any = None) -> Self:
            """Fit to one series or many."""

        def fit_predict(self, y: Any, X: Any = None, fh: Any = None, X_pred: Any = None) -> Any:
            """Fit, then predict."""

        def predict(self, fh: Any = None, X: Any = None) -> pd.Series | pd.DataFrame:
            """Forecast, in the container that ``y`` came in."""

        def predict_interval(
            self, fh: Any = None, X: Any = None, coverage: Any = 0.9
        ) -> pd.DataFrame:
            """Return intervals."""

        def predict_quantiles(
            self, fh: Any = None, X: Any = None, alpha: Any = None
        ) -> pd.DataFrame:
            """Return quantiles."""

        def predict_var(self, fh: Any = None, X: Any = None, cov: bool = False) -> pd.DataFrame:
            """Return variances."""

        def predict_proba(self, fh: Any = None, X: Any = None, marginal: bool = True) -> Any:
            """Return distributions of skpro."""

        def predict_residuals(self, y: Any = None, X: Any = None) -> Any:
            """Return residuals."""

        def pretrain(self, y: Any, X: Any = None, fh: Any = None) -> Self:
            """Learn from some series to forecast others."""

        def update(self, y: Any, X: Any = None, update_params: bool = True) -> Self:
            """Add further values."""

        def update_predict(
            self,
            y: Any,
            cv: Any = None,
            X: Any = None,
            update_params: bool = True,
            reset_forecaster: bool = True,
        ) -> Any:
            """Forecast from several cutoffs."""

        def update_predict_single(
            self, y: Any = None, fh: Any = None, X: Any = None, update_params: bool = True
        ) -> pd.Series | pd.DataFrame:
            """Add further values, then forecast."""

        def score(self, y: Any, X: Any = None, fh: Any = None) -> float:
            """Return the mean absolute percentage error."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters by name."""

        def set_params(self, **params: Any) -> Self:
            """Set parameters."""

        def get_fitted_params(self, deep: bool = True) -> dict[str, Any]:
            """Return what was fitted by name."""

        def clone(self) -> Self:
            """Return a copy that is not fitted."""

        def check_is_fitted(self, method_name: str | None = None) -> None:
            """Raise an error unless the forecaster is fitted."""

        def reset(self) -> Self:
            """Forget what was fitted."""

        def save(self, path: Any = None, serialization_format: str = "pickle") -> Any:
            """Save to a file, or to a copy in memory."""

        def _set_cutoff_from_y(self, y: Any) -> None: ...
        def _update_y_X(self, y: Any, X: Any = None, enforce_index_type: Any = None) -> None: ...  # noqa: N802
        def _reset_at(self, state: str) -> Any: ...
        def _predict_moving_cutoff(self, *args: Any) -> Any: ...
        def __getattr__(self, name: str) -> Any: ...

else:
    from sktime.forecasting.base import BaseForecaster

__all__ = ["BaseForecaster"]
