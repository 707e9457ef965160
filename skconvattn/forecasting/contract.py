"""What all forecasters share: sktime's contract, over a record of a fit and a panel of series."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_parameter_constraints
from sktime.datatypes import VectorizedDF
from sktime.forecasting.base import ForecastingHorizon

from skconvattn._sktime import remembers_data
from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import (
    backtesting,
    file_state,
    guarding,
    horizons,
    sampling,
    saving,
    validation,
)
from skconvattn.forecasting.bases import BaseForecaster
from skconvattn.forecasting.predicting import PanelForecast
from skconvattn.forecasting.series.history import Panel

_MTYPES = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


class PanelForecaster(BaseForecaster):
    """Base of all forecasters.

    The fit is one record, ``fitted_forecast_``, and the series up to their ends are another,
    ``panel_``. ``guarding`` undoes calls that fail, and ``persistence`` writes files.
    """

    # Names and constraints of the hyperparameters, from the class that declares them.
    _parameter_names: ClassVar[tuple[str, ...]]
    _parameter_constraints: ClassVar[dict[str, Any]]
    # What computes forecasts from the two records.
    _forecast_type: ClassVar[type[PanelForecast]] = PanelForecast

    _tags = {
        "authors": "skconvattn developers",
        "maintainers": "skconvattn developers",
        "capability:multivariate": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:missing_values": True,
        "capability:update": True,
        "property:randomness": "derandomized",
        "y_inner_mtype": _MTYPES,
        "X_inner_mtype": _MTYPES,
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": False,
    }
    # Histories are kept in ``panel_``; sktime's own copy doubles them where it needs one.
    _config = {"remember_data": remembers_data()}

    # What files of forecasters hold beside those of all estimators; sktime's load needs a marker.
    _file_kinds = saving.KINDS
    _file_records = saving.RECORDS
    _file_attributes = file_state.FORECASTER
    _check_file_state = staticmethod(file_state.check_forecaster)
    _file_is_marked = True

    def __post_init__(self) -> None:
        """Run sktime's constructor, which calls back here."""
        if self.__dict__.pop("_in_sktime_constructor", False):
            return
        self._in_sktime_constructor = True
        BaseForecaster.__init__(self)
        self._y = self._X = None

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> Self:
        """Fit to one series or many; see :meth:`sktime.forecasting.base.BaseForecaster.fit`.

        A fit that fails leaves the forecaster as it was.

        Parameters
        ----------
        y : pandas.Series, or any container of sktime
            Series in order of time, each with a row for every time stamp; values may be missing.
        X : pandas.DataFrame, optional
            Covariates, at least at the time stamps of ``y``.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead that are forecast directly, up to the largest. One season by default.

        Returns
        -------
        PanelForecaster
            The forecaster itself.

        Raises
        ------
        ValueError, TypeError
            If parameters or data are not valid.
        """
        with restored_on_error(self):
            self._validate_hyperparameters()
            validation.check_given(y, X, fh)
            return super().fit(y=y, X=X, fh=fh)

    # The base class has the types of these.
    if not TYPE_CHECKING:
        update = guarding.guarded("update", guarding.DATA)
        update_predict = guarding.guarded("update_predict", guarding.DATA)
        update_predict_single = guarding.guarded(
            "update_predict_single", {**guarding.DATA, "fh": horizons.check_horizon}
        )
        predict = guarding.guarded("predict", guarding.HORIZON)
        predict_quantiles = guarding.guarded("predict_quantiles", guarding.HORIZON)
        predict_interval = guarding.guarded("predict_interval", guarding.HORIZON)
        predict_var = guarding.guarded("predict_var", guarding.HORIZON)
        predict_proba = guarding.guarded("predict_proba", guarding.HORIZON)

    def fit_predict(self, y: Any, X: Any = None, fh: Any = None, X_pred: Any = None) -> Any:
        """Fit, then predict; see :meth:`sktime.forecasting.base.BaseForecaster.fit_predict`."""
        with guarding.unchanged_on_error(self):
            return self.fit(y=y, X=X, fh=fh).predict(X=X if X_pred is None else X_pred)

    def predict_residuals(self, y: Any = None, X: Any = None) -> Any:
        """Return residuals; see :meth:`sktime.forecasting.base.BaseForecaster.predict_residuals`.

        Panels are accepted too, if their series begin together.
        """
        with guarding.unchanged_on_error(self):
            if not isinstance(getattr(y, "index", None), pd.MultiIndex):
                return super().predict_residuals(y=y, X=X)
            asked = vars(self).get("_fh")
            stamps = y.index.get_level_values(-1).unique().sort_values()
            forecasts = self.predict(fh=ForecastingHorizon(stamps, is_relative=False), X=X)
            self._fh = asked
            return y - forecasts.reindex(y.index)

    backtest = backtesting.backtest
    save = saving.save
    load_from_path: ClassVar[Any] = classmethod(saving.load_from_path)

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.DataFrame:
        forecast = self._forecast(fh, X)
        values = forecast.quantiles(np.array([0.5]))[..., 0]
        return forecast.framed(values, self.panel_.first.y.columns)

    def _predict_quantiles(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        forecast = self._forecast(fh, X)
        values = forecast.quantiles(np.asarray(alpha, dtype=np.float64))
        columns = self._get_columns(method="predict_quantiles", alpha=alpha)
        return forecast.framed(values.reshape(*values.shape[:2], -1), columns)

    def _predict_var(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, cov: bool = False
    ) -> pd.DataFrame:
        return sampling.variance(self._forecast(fh, X))

    def _predict_proba(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, marginal: bool = True
    ) -> Any:
        return sampling.distribution(self._forecast(fh, X))

    def _update_predict_single(
        self, y: Any, fh: Any, X: Any = None, update_params: bool = True
    ) -> Any:
        """Update and predict; sktime's own method forgets the container that ``y`` came in."""
        self._update(y=y, X=X, update_params=update_params)
        return self._predict(fh=fh, X=X)

    def _update_y_X(self, y: Any, X: Any = None, enforce_index_type: Any = None) -> None:  # noqa: N802
        """Move the cutoff, which sktime before 1.2 does only where it remembers the series."""
        # Rows that cannot be joined to sktime's copy of a fit are refused by name in _update.
        with suppress(ValueError) if self.is_fitted else nullcontext():
            super()._update_y_X(y, X, enforce_index_type)
        if y is not None:
            self._set_cutoff_from_y(y.X_multiindex if isinstance(y, VectorizedDF) else y)

    def _set_cutoff_from_y(self, y: Any) -> None:
        """Move the cutoff on, never back, with the frequency of the fit."""
        before: Any = vars(self).get("_cutoff")
        super()._set_cutoff_from_y(y)
        fitted: Any = vars(self).get("fitted_forecast_")
        if self.is_fitted and fitted is not None:
            # A series that is new to a panel may end before the others.
            is_panel = isinstance(getattr(y, "index", None), pd.MultiIndex)
            later = is_panel and before is not None and before[0] > self.cutoff[0]
            timeline = fitted.channels.timeline
            self._cutoff = timeline.with_frequency(before if later else self.cutoff)

    def _forecast(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> PanelForecast:
        """Return the forecasts of a horizon, which are computed by its methods."""
        fitted, panel = self.fitted_forecast_, self.panel_
        longest = max(len(history.y) for history in panel.histories)
        if fh.is_relative:
            steps = fitted.channels.timeline.counts(fh.to_pandas())
            horizons.check_reach(int(steps.max()), longest, int(steps.min()))
            return self._forecast_type.relative(fitted, panel, steps, X)
        stamps = fh.to_absolute_index(self.cutoff)
        forecast = self._forecast_type.absolute(fitted, panel, stamps, X)
        horizons.check_reach(int(forecast.steps_ahead().max()), longest)
        return forecast

    def _keep(self, fitted: Any, panel: Panel) -> Self:
        """Store the record of a fit and the series seen as the state of the forecaster."""
        self._cutoff = fitted.channels.timeline.with_frequency(self._cutoff)
        self.fitted_forecast_, self.panel_ = fitted, panel
        return self

    def _validate_hyperparameters(self) -> None:
        values = {name: getattr(self, name) for name in self._parameter_names}
        validate_parameter_constraints(
            self._parameter_constraints, values, caller_name=type(self).__name__
        )
