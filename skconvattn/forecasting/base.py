"""The base class of all forecasters: sktime's interface, over collaborators that do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_parameter_constraints
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import agreement, guarding, sampling, saving, validation
from skconvattn.forecasting.backtest import Backtest
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.fitting import ForecastFitter
from skconvattn.forecasting.parameter_checks import check_parameters
from skconvattn.forecasting.parameters import ForecastingParameters
from skconvattn.forecasting.predicting import PanelForecast
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.series.timeline import Timeline

if TYPE_CHECKING:
    import keras

_MTYPES = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


class BaseNeuralForecaster(ForecastingParameters, BaseForecaster):
    """Base of all forecasters: sktime's contract.

    The fit is one record, ``fitted_forecast_``, and the series up to their ends are another,
    ``panel_``. The methods pass both to collaborators: :class:`ForecastFitter` fits,
    :class:`PanelForecast` predicts, ``sampling`` draws, :class:`Backtest` moves the cutoff,
    ``guarding`` undoes calls that fail, and ``persistence`` writes files.
    """

    _fitted_attributes: ClassVar[str] = """
    fitted_forecast_ : FittedForecast
        Trained model, intervals, window and channels: all that forecasts are made from.
    panel_ : Panel
        Targets and covariates of each series up to its end.
    fitted_model_ : FittedModel
        Trained weights and the description of the network, as plain data.
    model_ : keras.Model
        The network as a Keras model of its own.
    window_length_ : int
        Time steps of a window.
    seasonal_period_ : int
        Time steps of a season, 1 for none.
    history_ : dict of str to list of float
        Losses and metrics by epoch.
    n_iter_ : int
        Epochs of training behind the forecast; 0 where the network has no weight in it.
    weights_ : pandas.DataFrame of shape (n_series * n_targets, 4)
        What the forecast of each series is made of.
    best_loss_ : float
        Loss of the best epoch: on the held-out part where there is one.
    pretrained_ : FittedForecast
        Record of ``pretrain``, if it was called.
    """
    # Sizes of the network in sktime's test suite, which fits hundreds of times.
    _smallest: ClassVar[dict[str, Any]] = {}

    _tags = {
        "authors": "skconvattn developers",
        "maintainers": "skconvattn developers",
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:missing_values": True,
        "capability:categorical_in_X": True,
        "capability:update": True,
        "capability:pretrain": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "y_inner_mtype": _MTYPES,
        "X_inner_mtype": _MTYPES,
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": False,
    }
    # Histories are kept in ``panel_``; sktime's own copy would double them.
    _config = {"remember_data": False}

    # What files of forecasters hold beside those of all estimators; sktime's load needs a marker.
    _file_kinds = saving.KINDS
    _file_records = saving.RECORDS
    _file_is_marked = True

    def __post_init__(self) -> None:
        """Run sktime's constructor, which calls back here."""
        if self.__dict__.pop("_in_sktime_constructor", False):
            return
        self._in_sktime_constructor = True
        BaseForecaster.__init__(self)
        self._y = self._X = None
        if isinstance(self.panel, str) and self.panel == "local":
            # sktime then fits one forecaster per series; columns of a series still share weights.
            self.set_tags(y_inner_mtype="pd.DataFrame", X_inner_mtype="pd.DataFrame")

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> BaseNeuralForecaster:
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
        BaseNeuralForecaster
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

    def pretrain(self, y: Any, X: Any = None, fh: Any = None) -> BaseNeuralForecaster:
        """Train on many series; a later ``fit`` to others forecasts them with the same weights.

        Parameters
        ----------
        y : panel or hierarchy of series, in any container of sktime
            Series to learn from.
        X : pandas.DataFrame, optional
            Their covariates.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead that are forecast directly, up to the largest. One season by default.

        Returns
        -------
        BaseNeuralForecaster
            The forecaster itself.

        Raises
        ------
        ValueError, TypeError
            If parameters or data are not valid; the forecaster is then as it was before.
        """
        with restored_on_error(self):
            self._validate_hyperparameters()
            validation.check_given(y, X, fh)
            return super().pretrain(y=y, X=X, fh=fh)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's test suite.

        Window and season are the same for every index, so that few networks are traced.
        """
        small = {**cls._smallest, "seasonal_period": 2, "random_state": 0}
        return [
            {**small, "epochs": 2, "window_length": 4},
            {**small, "epochs": 1, "window_length": 3, "quantiles": (0.1, 0.5, 0.9)},
        ]

    update = guarding.guarded("update", guarding.DATA)
    update_predict = guarding.guarded("update_predict", guarding.DATA)
    update_predict_single = guarding.guarded(
        "update_predict_single", {**guarding.DATA, "fh": validation.check_horizon}
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

    sample = sampling.sample
    save = saving.save
    load_from_path: ClassVar[Any] = classmethod(saving.load_from_path)

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model of scaled windows of shape (batch, window_length, channels)."""
        self.check_is_fitted()
        return self.fitted_model_.to_keras()

    @property
    def fitted_model_(self) -> Any:
        """Trained weights and the description of the network."""
        return self.fitted_forecast_.model

    @property
    def history_(self) -> dict[str, list[float]]:
        """Losses and metrics by epoch."""
        return self.fitted_forecast_.history

    @property
    def best_loss_(self) -> float:
        """Loss of the best epoch."""
        return self.fitted_forecast_.best_loss

    @property
    def seasonal_period_(self) -> int:
        """Time steps of a season."""
        return self.fitted_forecast_.period

    @property
    def window_length_(self) -> int:
        """Time steps of a window."""
        return self.fitted_forecast_.window.length

    @property
    def n_iter_(self) -> int:
        """Epochs of training behind the forecast; 0 where the network has no weight in it."""
        return self.fitted_forecast_.n_epochs

    @property
    def weights_(self) -> pd.DataFrame:
        """Weights of the members of the forecast, one row per series, with a sum of one."""
        self.check_is_fitted()
        if hasattr(self, "fitted_forecast_"):
            return self.fitted_forecast_.weights(self.panel_)
        # One forecaster per series, which sktime keeps in a frame.
        return pd.concat([each.weights_ for each in self.forecasters_.to_numpy().ravel()]).set_axis(
            self.forecasters_.index
        )

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Any:
        fitter, pretrained = ForecastFitter(self), vars(self).get("pretrained_")
        validation.check_panel(split_panel(y), X)
        if pretrained is not None:
            epochs = self.finetune_epochs or 0
            return self._keep(*fitter.fit_from(pretrained, y, X, epochs))
        n_ahead = 0 if fh is None else self._n_ahead(fh, y)
        return self._keep(*fitter.fit(y, X, n_ahead, self._warm_model))

    def _pretrain(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Any:
        validation.check_panel(split_panel(y), X)
        n_ahead = 0 if fh is None else validation.largest_step(fh, y)
        self.pretrained_, _ = ForecastFitter(self).fit(y, X, n_ahead)
        return self

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Any:
        """Resume training on further series, for as many epochs as the first ones took."""
        pretrained = vars(self).get("pretrained_")
        if pretrained is None:
            return self._pretrain(y, X, fh)
        validation.check_panel(split_panel(y), X)
        epochs = len(pretrained.history["loss"])
        self.pretrained_, _ = ForecastFitter(self).fit_from(pretrained, y, X, epochs)
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> BaseNeuralForecaster:
        """Move the cutoff; with ``update_params``, also train as ``update_strategy`` says."""
        y = agreement.checked_update(y, X, self.panel_, self.fitted_forecast_.channels)
        strategy = self.update_strategy if update_params else "none"
        fitter = ForecastFitter(self)
        return self._keep(*fitter.update(self.fitted_forecast_, self.panel_, y, X, strategy))

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

    def _predict_moving_cutoff(
        self,
        y: Any,
        cv: Any,
        X: Any = None,
        update_params: bool = True,
        reset_forecaster: bool = True,
    ) -> Any:
        """Forecast from all cutoffs together where the weights stay as they are."""
        backtest = None
        if not update_params and hasattr(self, "fitted_forecast_"):
            backtest = Backtest.of(self.fitted_forecast_, self.panel_, y, cv, X)
        if backtest is None:
            return super()._predict_moving_cutoff(y, cv, X, update_params, reset_forecaster)
        result = backtest.formatted(self._y_metadata["mtype"], self._converter_store_y)
        if not reset_forecaster:
            self.update(backtest.history.y.loc[y.index[0] :], X, update_params=False)
        return result

    def _update_predict_single(
        self, y: Any, fh: Any, X: Any = None, update_params: bool = True
    ) -> Any:
        """Update and predict; sktime's own method forgets the container that ``y`` came in."""
        self._update(y=y, X=X, update_params=update_params)
        return self._predict(fh=fh, X=X)

    def _set_cutoff_from_y(self, y: Any) -> None:
        """Move the cutoff on, never back, with the frequency of the fit."""
        before: Any = vars(self).get("_cutoff")
        super()._set_cutoff_from_y(y)
        if self.is_fitted and hasattr(self, "fitted_forecast_"):
            # A series that is new to a panel may end before the others.
            is_panel = isinstance(getattr(y, "index", None), pd.MultiIndex)
            later = is_panel and before is not None and before[0] > self.cutoff[0]
            timeline = self.fitted_forecast_.channels.timeline
            self._cutoff = timeline.with_frequency(before if later else self.cutoff)

    def _reset_at(self, state: str) -> BaseNeuralForecaster:
        """Keep the weights when sktime resets before a fit, if a warm start is asked for."""
        fitted = vars(self).get("fitted_forecast_") if self.warm_start else None
        super()._reset_at(state)
        if fitted is not None:
            self.fitted_forecast_ = fitted
        return self

    def _forecast(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> PanelForecast:
        """Return the forecasts of a horizon, which are computed by its methods."""
        fitted, panel = self.fitted_forecast_, self.panel_
        if fh.is_relative:
            steps = fitted.channels.timeline.counts(fh.to_pandas())
            return PanelForecast.relative(fitted, panel, steps, X)
        return PanelForecast.absolute(fitted, panel, fh.to_absolute_index(self.cutoff), X)

    def _keep(self, fitted: FittedForecast, panel: Panel) -> BaseNeuralForecaster:
        """Store the record of a fit and the series seen as the state of the forecaster."""
        self._cutoff = fitted.channels.timeline.with_frequency(self._cutoff)
        self.fitted_forecast_, self.panel_ = fitted, panel
        return self

    def _n_ahead(self, fh: ForecastingHorizon, y: pd.DataFrame) -> int:
        """Return the most steps ahead of the end of the first series."""
        if fh.is_relative:
            return validation.largest_step(fh, y)
        timeline = Timeline.of(next(iter(split_panel(y).values())).index)
        furthest = timeline.steps(fh.to_pandas()).max()
        return max(int(furthest - timeline.steps(self.cutoff)[0]), 0)

    def _validate_hyperparameters(self) -> None:
        values = {name: getattr(self, name) for name in self._parameter_names}
        validate_parameter_constraints(
            self._parameter_constraints, values, caller_name=type(self).__name__
        )
        check_parameters(self)
