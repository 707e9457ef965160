"""The base class of forecasters that train a network, over collaborators that do the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd
from sktime.forecasting.base import ForecastingHorizon

from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting import agreement, horizons, sampling, validation
from skconvattn.forecasting.backtest import Backtest
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.fitting import ForecastFitter
from skconvattn.forecasting.parameter_checks import check_parameters
from skconvattn.forecasting.parameters import ForecastingParameters
from skconvattn.forecasting.series.history import split_panel
from skconvattn.forecasting.series.timeline import Timeline

if TYPE_CHECKING:
    import keras


class BaseNeuralForecaster(ForecastingParameters, PanelForecaster):
    """Base of all forecasters that train a network.

    The methods pass the record of the fit and the series to collaborators: :class:`ForecastFitter`
    fits, ``sampling`` draws, and :class:`Backtest` moves the cutoff.
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
    weights_ : pandas.DataFrame of shape (n_series * n_targets, 5)
        What the forecast of each series is made of.
    effects_ : pandas.DataFrame of shape (n_series * n_targets, n_channels + 1)
        What one unit more of each future covariate, or a category, adds to a series; as a share of
        the series where the last column, "proportional", is true. Zeros where nothing was
        supported by left-out time steps.
    best_loss_ : float
        Loss of the best epoch: on the held-out part where there is one.
    pretrained_ : FittedForecast
        Record of ``pretrain``, if it was called.
    """
    # Sizes of the network in sktime's test suite, which fits hundreds of times.
    _smallest: ClassVar[dict[str, Any]] = {}

    _tags = {
        "capability:exogenous": True,
        "capability:categorical_in_X": True,
        "capability:pretrain": True,
        "capability:random_state": True,
    }

    def __post_init__(self) -> None:
        """Run sktime's constructor, and let it fit one forecaster per series if that is asked."""
        super().__post_init__()
        if isinstance(self.panel, str) and self.panel == "local":
            # Columns of a series still share weights.
            self.set_tags(y_inner_mtype="pd.DataFrame", X_inner_mtype="pd.DataFrame")

    def pretrain(self, y: Any, X: Any = None, fh: Any = None) -> Self:
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

    sample = sampling.sample

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
        return self._by_target(FittedForecast.weights, "weights_")

    @property
    def effects_(self) -> pd.DataFrame:
        """Effects of future covariates that were measured, one row per series."""
        return self._by_target(FittedForecast.effects, "effects_")

    def _by_target(self, table: Callable[..., pd.DataFrame], name: str) -> pd.DataFrame:
        """Return a table of one row per target, which forecasters of one series have by a name."""
        self.check_is_fitted()
        if hasattr(self, "fitted_forecast_"):
            return table(self.fitted_forecast_, self.panel_)
        # One forecaster per series, which sktime keeps in a frame.
        index = self.forecasters_.index
        tables = [getattr(each, name) for each in self.forecasters_.to_numpy().ravel()]
        if all(len(table) == 1 for table in tables):
            return pd.concat(tables).set_axis(index)
        keys = [key if isinstance(key, tuple) else (key,) for key in index]
        rows = [
            (*key, name) for key, table in zip(keys, tables, strict=True) for name in table.index
        ]
        names = pd.MultiIndex.from_tuples(rows, names=[*index.names, None])
        return pd.concat(tables).set_axis(names)

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Any:
        fitter, pretrained = ForecastFitter(self), vars(self).get("pretrained_")
        validation.check_panel(split_panel(y), X)
        if pretrained is not None:
            epochs = self.finetune_epochs or 0
            return self._keep(*fitter.fit_from(pretrained, y, X, epochs))
        n_ahead = 0 if fh is None else self._n_ahead(fh, y)
        horizons.check_reach(n_ahead, max(map(len, split_panel(y).values())))
        return self._keep(*fitter.fit(y, X, n_ahead, self._warm_model))

    def _pretrain(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Any:
        validation.check_panel(split_panel(y), X)
        n_ahead = 0 if fh is None else validation.largest_step(fh, y)
        horizons.check_reach(n_ahead, max(map(len, split_panel(y).values())))
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

    def _reset_at(self, state: str) -> BaseNeuralForecaster:
        """Keep the weights when sktime resets before a fit, if a warm start is asked for."""
        fitted = vars(self).get("fitted_forecast_") if self.warm_start else None
        super()._reset_at(state)
        if fitted is not None:
            self.fitted_forecast_ = fitted
        return self

    def _n_ahead(self, fh: ForecastingHorizon, y: pd.DataFrame) -> int:
        """Return the most steps ahead of the end of the first series."""
        if fh.is_relative:
            return validation.largest_step(fh, y)
        timeline = Timeline.of(next(iter(split_panel(y).values())).index)
        furthest = timeline.steps(fh.to_pandas()).max()
        return max(int(furthest - timeline.steps(self.cutoff)[0]), 0)

    def _validate_hyperparameters(self) -> None:
        super()._validate_hyperparameters()
        check_parameters(self)
