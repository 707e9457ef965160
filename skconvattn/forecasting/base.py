"""The sktime base of all forecasters: pandas in, pandas out, arrays in between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_parameter_constraints
from sktime.forecasting.base import BaseForecaster

from skconvattn._validation import check_quantiles
from skconvattn.engine.isolation import generator_from, restored_on_error
from skconvattn.forecasting import agreement, validation
from skconvattn.forecasting.backtest import BacktestingForecaster
from skconvattn.forecasting.calibration import overall_change
from skconvattn.forecasting.forecasts import Learned
from skconvattn.forecasting.guarding import GuardedForecaster
from skconvattn.forecasting.learning import LearningForecaster
from skconvattn.forecasting.sampling import SamplingForecaster
from skconvattn.forecasting.saving import SaveableForecaster
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.series.timeline import Timeline

if TYPE_CHECKING:
    import keras
    from sktime.forecasting.base import ForecastingHorizon

_MTYPES = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


class BaseNeuralForecaster(
    LearningForecaster,
    SamplingForecaster,
    SaveableForecaster,
    BacktestingForecaster,
    GuardedForecaster,
    BaseForecaster,
):
    """Base of all forecasters."""

    _fitted_attributes: ClassVar[str] = """
    fitted_model_ : FittedModel
        Trained weights and the description of the network, as plain data.
    model_ : keras.Model
        The same as a Keras model of its own.
    window_length_ : int
        Time steps of a window.
    seasonal_period_ : int
        Time steps of a season, 1 for none.
    history_ : dict of str to list of float
        Losses and metrics by epoch.
    n_iter_ : int
        Epochs trained before the refit on all data.
    best_loss_ : float
        Loss of the best epoch: on the held-out part where there is one.
    pretrained_ : Learned
        What ``pretrain`` learned, if it was called.
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
    # History is kept here, scaled or not as needed; sktime's own copy would stand beside it.
    _config = {"remember_data": False}

    def __post_init__(self) -> None:
        """Run sktime's constructor, which calls back here."""
        if self.__dict__.pop("_in_sktime_constructor", False):
            return
        self._in_sktime_constructor = True
        BaseForecaster.__init__(self)
        self._y = self._X = None
        if isinstance(self.panel, str) and self.panel == "local":
            # sktime then makes a forecaster of each series; weights are shared over columns still.
            self.set_tags(y_inner_mtype="pd.DataFrame", X_inner_mtype="pd.DataFrame")

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> BaseNeuralForecaster:
        """Fit to one series or many; see :meth:`sktime.forecasting.base.BaseForecaster.fit`.

        A fit that fails leaves the forecaster as it was.

        Parameters
        ----------
        y : pandas.Series, or any container of sktime
            Series in order of time, each with a row for every time stamp; values may be missing.
        X : pandas.DataFrame, optional
            Regressors, at least at the time stamps of ``y``.
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
            Their regressors.
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

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model; scaled windows of shape (batch, window_length, channels) in."""
        self.check_is_fitted()
        return self.fitted_model_.to_keras()

    def _reset_at(self, state: str) -> BaseNeuralForecaster:
        """Keep the weights when sktime resets before a fit, if a warm start is asked for."""
        fitted = vars(self).get("fitted_model_") if self.warm_start else None
        super()._reset_at(state)
        if fitted is not None:
            self.fitted_model_ = fitted
        return self

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Any:
        pretrained = vars(self).get("pretrained_")
        self._index_names = tuple(y.index.names)
        validation.check_panel(split_panel(y), X)
        panel = self._panel(y, X)
        if pretrained is None:
            panel, factor = self._evened(panel)
            self._panel_seen = panel
            learned = self._learn(panel, X, self._n_ahead(fh), self._seed(), self._warm_start)
            return self._keep(replace(learned, noise_factor=factor))
        agreement.check_columns(X, pretrained.channels.encoder)
        learned = self._adopt(pretrained, panel)
        self._panel_seen = _scaled_as(learned, panel)
        return self._keep(self._train_on(learned, self._panel_seen, self.finetune_epochs or 0))

    def _pretrain(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Any:
        validation.check_panel(split_panel(y), X)
        panel, factor = self._evened(self._panel(y, X))
        learned = self._learn(panel, X, 0 if fh is None else _largest(fh), self._seed())
        self.pretrained_ = replace(learned, noise_factor=factor)
        return self

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Any:
        """Go on training on further series, for as many epochs as the first ones took."""
        if vars(self).get("pretrained_") is None:
            return self._pretrain(y, X, fh)
        validation.check_panel(split_panel(y), X)
        panel = self._panel(y, X)
        learned = self._adopt(self.pretrained_, panel)
        agreement.check_columns(X, learned.channels.encoder)
        panel = _scaled_as(learned, panel)
        self.pretrained_ = self._train_on(learned, panel, len(learned.history["loss"]))
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> BaseNeuralForecaster:
        """Move on in time; with ``update_params``, also do as ``update_strategy`` says."""
        learned = self._learned
        y = agreement.checked_update(y, X, self._panel_seen, learned.channels)
        scaled = self.normalization is not None
        known = set(self._panel_seen.keys)
        panel = self._panel_seen.extended(y, X, learned.channels.timeline, scaled=scaled)
        self._panel_seen = _scaled_as(learned, panel, set(panel.keys) - known)
        if update_params and self.update_strategy == "refit":
            self._panel_seen, factor = self._evened(panel.rescaled(scaled=scaled))
            learned = self._learn(
                self._panel_seen,
                None,
                learned.cut.horizon,
                self._seed(),
                before=learned.channels.encoder,
            )
            learned = replace(learned, noise_factor=factor)
        elif update_params and self.update_strategy == "finetune":
            epochs = self.finetune_epochs
            epochs = max(1, self.n_iter_ // 10) if epochs is None else epochs
            if epochs:
                learned = self._train_on(learned, self._panel_seen, epochs)
        return self._keep(learned)

    def _keep(self, learned: Learned) -> BaseNeuralForecaster:
        """Make what was learned the state of the forecaster."""
        self._learned = learned
        self._cutoff = learned.channels.timeline.with_frequency(self._cutoff)
        self.fitted_model_ = learned.model
        self.history_ = learned.history
        self.n_iter_ = len(learned.history["loss"])
        self.best_loss_ = learned.best_loss
        self.seasonal_period_ = learned.period
        self.window_length_ = learned.cut.window_length
        self._changes = np.array(
            [
                overall_change(target, learned.period)
                for history in self._panel_seen.histories
                for target in history.scaled_targets()[0].T
            ]
        )
        self._spreads = learned.spreads_in(self._panel_seen)
        return self

    def _seed(self) -> np.random.SeedSequence:
        return np.random.SeedSequence(int(generator_from(self.random_state).integers(2**63)))

    def _n_ahead(self, fh: ForecastingHorizon | None) -> int:
        if fh is None:
            return 0
        if fh.is_relative:
            return max(int(fh.to_numpy().max()), 0)
        timeline = Timeline.of(self._panel_seen.first.y.index)
        furthest = timeline.steps(fh.to_pandas()).max()
        return max(int(furthest - timeline.steps(self.cutoff)[0]), 0)

    def _validate_hyperparameters(self) -> None:
        values = {name: getattr(self, name) for name in self._parameter_names}
        validate_parameter_constraints(
            self._parameter_constraints, values, caller_name=type(self).__name__
        )
        check_quantiles(self.quantiles, self.loss)
        validation.check_window_lengths(self.window_length)
        if self.conformal and self.quantiles is None:
            raise ValueError(
                "conformal=True corrects trained quantiles, but quantiles=None; give quantiles, "
                "such as (0.05, 0.5, 0.95), or leave conformal out: intervals of point forecasts "
                "come from held-out errors anyway."
            )


def _scaled_as(learned: Learned, panel: Panel, only: Collection[Any] | None = None) -> Panel:
    """Return a panel, or some of its series, scaled as the model was trained."""
    if not learned.noise_factor:
        return panel
    return panel.evened(learned.period, learned.noise_factor, only)


def _largest(fh: ForecastingHorizon) -> int:
    """Return the most steps ahead of a horizon that is not tied to one series."""
    if not fh.is_relative:
        raise ValueError(
            f"fh={fh.to_pandas().tolist()!r} gives time stamps, but series that are pretrained on "
            "may end at different ones; give steps ahead, such as fh=range(1, 13)."
        )
    return max(int(fh.to_numpy().max()), 0)
