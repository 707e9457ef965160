"""Calls that fail leave the forecaster as it was, and are refused before anything is done."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import validation


class GuardedForecaster(BaseForecaster):
    """The public methods of sktime, each checked first and undone if it fails.

    sktime moves the cutoff, and remembers the horizon, before it asks the forecaster.
    """

    def update(self, y: Any, X: Any = None, update_params: bool = True) -> Any:
        """Take further data; see :meth:`sktime.forecasting.base.BaseForecaster.update`."""
        with _unchanged_on_error(self):
            validation.check_data(y, X)
            return super().update(y=y, X=X, update_params=update_params)

    def update_predict(
        self,
        y: Any,
        cv: Any = None,
        X: Any = None,
        update_params: bool = True,
        reset_forecaster: bool = True,
    ) -> Any:
        """Backtest; see :meth:`sktime.forecasting.base.BaseForecaster.update_predict`."""
        with _unchanged_on_error(self):
            validation.check_data(y, X)
            return super().update_predict(y, cv, X, update_params, reset_forecaster)

    def update_predict_single(
        self, y: Any = None, fh: Any = None, X: Any = None, update_params: bool = True
    ) -> Any:
        """Update, then predict; see :meth:`BaseForecaster.update_predict_single` of sktime."""
        with _unchanged_on_error(self):
            validation.check_data(y, X)
            validation.check_horizon(fh)
            return super().update_predict_single(y=y, fh=fh, X=X, update_params=update_params)

    def fit_predict(self, y: Any, X: Any = None, fh: Any = None, X_pred: Any = None) -> Any:
        """Fit, then predict; see :meth:`sktime.forecasting.base.BaseForecaster.fit_predict`."""
        with _unchanged_on_error(self):
            return self.fit(y=y, X=X, fh=fh).predict(X=X if X_pred is None else X_pred)

    def predict(self, fh: Any = None, X: Any = None) -> Any:
        """Forecast; see :meth:`sktime.forecasting.base.BaseForecaster.predict`."""
        with self._asked(fh, X):
            return super().predict(fh=fh, X=X)

    def predict_quantiles(self, fh: Any = None, X: Any = None, alpha: Any = None) -> Any:
        """Forecast quantiles; see :meth:`BaseForecaster.predict_quantiles` of sktime."""
        with self._asked(fh, X):
            validation.check_levels(alpha, "alpha", (0.05, 0.95))
            return super().predict_quantiles(fh=fh, X=X, alpha=alpha)

    def predict_interval(self, fh: Any = None, X: Any = None, coverage: Any = 0.9) -> Any:
        """Forecast intervals; see :meth:`BaseForecaster.predict_interval` of sktime."""
        with self._asked(fh, X):
            validation.check_levels(coverage, "coverage", 0.9)
            return super().predict_interval(fh=fh, X=X, coverage=coverage)

    def predict_var(self, fh: Any = None, X: Any = None, cov: bool = False) -> Any:
        """Forecast variances; see :meth:`sktime.forecasting.base.BaseForecaster.predict_var`."""
        with self._asked(fh, X):
            return super().predict_var(fh=fh, X=X, cov=cov)

    def predict_proba(self, fh: Any = None, X: Any = None, marginal: bool = True) -> Any:
        """Forecast distributions; see :meth:`BaseForecaster.predict_proba` of sktime."""
        with self._asked(fh, X):
            return super().predict_proba(fh=fh, X=X, marginal=marginal)

    def predict_residuals(self, y: Any = None, X: Any = None) -> Any:
        """Return errors; see :meth:`sktime.forecasting.base.BaseForecaster.predict_residuals`.

        Of a panel too, whose series begin together.
        """
        with _unchanged_on_error(self):
            if not isinstance(getattr(y, "index", None), pd.MultiIndex):
                return super().predict_residuals(y=y, X=X)
            asked, stamps = (
                vars(self).get("_fh"),
                y.index.get_level_values(-1).unique().sort_values(),
            )
            forecasts = self.predict(fh=ForecastingHorizon(stamps, is_relative=False), X=X)
            self._fh = asked
            return y - forecasts.reindex(y.index)

    def _update_predict_single(
        self, y: Any, fh: Any, X: Any = None, update_params: bool = True
    ) -> Any:
        """Update and predict; sktime's own way forgets the container that ``y`` came in."""
        self._update(y=y, X=X, update_params=update_params)
        return self._predict(fh=fh, X=X)

    def _set_cutoff_from_y(self, y: Any) -> None:
        """Move the cutoff on, with the frequency of the fit."""
        super()._set_cutoff_from_y(y)
        learned = vars(self).get("_learned")
        if learned is not None:
            self._cutoff = learned.channels.timeline.with_frequency(self.cutoff)

    @contextmanager
    def _asked(self, fh: Any, X: Any) -> Iterator[None]:
        """Check what is asked of a forecaster, and undo the horizon if it fails."""
        with _unchanged_on_error(self):
            validation.check_horizon(fh)
            validation.check_order(X, "X")
            yield


@contextmanager
def _unchanged_on_error(forecaster: Any) -> Iterator[None]:
    """Undo what a failed call changes, in sktime's store of names and in local models too."""
    with restored_on_error(forecaster):
        state = vars(forecaster)
        # These two sktime changes in place.
        if "_converter_store_y" in state:
            forecaster._converter_store_y = dict(state["_converter_store_y"])
        if "forecasters_" in state:
            forecaster.forecasters_ = state["forecasters_"].map(copy.copy)
        yield
