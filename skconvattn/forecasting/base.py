"""The sktime base of all forecasters: pandas in, pandas out, arrays in between."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sktime.forecasting.base import BaseForecaster

from skconvattn._hyperparameters import hyperparameter, hyperparameters, parameter_names
from skconvattn.engine import TrainingParameters
from skconvattn.engine.atomic import restored_on_error
from skconvattn.engine.seeds import generator_from
from skconvattn.forecasting import validation
from skconvattn.forecasting.calibration import noise_scale
from skconvattn.forecasting.fitting import ForecastFitter, noise_floor, quantiles_between
from skconvattn.forecasting.history import History
from skconvattn.forecasting.layout import Cut, checked_window_length, window_length_for
from skconvattn.forecasting.saving import SaveableForecaster
from skconvattn.forecasting.seasonality import seasonal_period
from skconvattn.networks import HorizonHead, ModelSpec, Network

if TYPE_CHECKING:
    import keras
    from sktime.forecasting.base import ForecastingHorizon


@hyperparameters(patience=20)
class BaseNeuralForecaster(TrainingParameters, Network, SaveableForecaster, BaseForecaster):
    """Base of all forecasters."""

    _tags = {
        "authors": "skconvattn developers",
        "maintainers": "skconvattn developers",
        "capability:multivariate": False,
        "capability:exogenous": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:missing_values": False,
        "capability:categorical_in_X": False,
        "capability:update": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "y_inner_mtype": "pd.Series",
        "X_inner_mtype": "pd.DataFrame",
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": True,
    }
    # History is kept here, scaled or not as needed; sktime's own copy would stand beside it.
    _config = {"remember_data": False}

    window_length: int | str = hyperparameter(
        "auto",
        [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        """
        int or "auto"
        Time steps that a forecast looks back. "auto" takes two seasons, or half as much again as
        the horizon if that is longer, as far as the series allows.
        """,
    )
    seasonal_period: int | str = hyperparameter(
        "auto",
        [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        """
        int or "auto"
        Time steps of a season, 1 for none. "auto" reads it from the frequency of the index, or
        from the autocorrelation where the index has none.
        """,
    )
    quantiles: Any = hyperparameter(
        None,
        ["array-like", None],
        """
        sequence of float or None
        Quantile levels to train jointly, strictly between 0 and 1. None trains a point forecast
        and takes intervals from its errors on held-out data.
        """,
    )
    normalization: str | None = hyperparameter(
        "standard",
        [StrOptions({"standard", "last", "robust"}), None],
        """
        {"standard", "last", "robust"} or None
        How each window is normalised, and the forecast brought back: by mean and deviation, by its
        last value, by median and interquartile range, or not at all.
        """,
    )
    linear_skip: bool = hyperparameter(
        True,
        ["boolean"],
        """
        bool
        Whether a linear map from window to horizon, which starts at the seasonal naive forecast,
        stands beside the network.
        """,
    )
    branch_dropout: float = hyperparameter(
        0.0,
        [Interval(Real, 0, 1, closed="left")],
        """
        float
        Share of the network's features dropped in training before they reach the forecast.
        """,
    )
    refit: bool = hyperparameter(
        True,
        ["boolean"],
        """
        bool
        Whether to train again on all data, the held-out end included, for as many epochs as were
        best. The errors on the held-out end calibrate the intervals either way.
        """,
    )

    def __post_init__(self) -> None:
        """Run sktime's constructor, which calls back here."""
        if self.__dict__.pop("_in_sktime_constructor", False):
            return
        self._in_sktime_constructor = True
        BaseForecaster.__init__(self)
        self._y = self._X = None

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> BaseNeuralForecaster:
        """Fit to a series; see :meth:`sktime.forecasting.base.BaseForecaster.fit`.

        A fit that fails leaves the forecaster as it was.

        Parameters
        ----------
        y : pandas.Series, or any container of sktime
            The series, in order of time.
        X : pandas.DataFrame, optional
            Regressors known over the horizon as well, at least at the time stamps of ``y``.
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

    def _fit(self, y: pd.Series, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Any:
        validation.check_length(y)
        validation.check_values(y, "y")
        self._history = History.of(y, X)
        self.seasonal_period_ = self._season(y)
        self._cut = self._choose_cut(len(y), fh)
        self.window_length_ = self._cut.window_length
        seed = np.random.SeedSequence(int(generator_from(self.random_state).integers(2**63)))
        spec = self._spec()
        result = self._fitter(spec).fit(self._history.scaled(), seed, self._warm_model(spec))
        self.fitted_model_ = result.model
        self._calibration = result.calibration
        self.history_ = result.search.history
        self.n_iter_ = len(result.search.history["loss"])
        self.best_loss_ = result.search.best_loss
        return self

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.Series:
        values = self._quantile_values(fh, X, np.array([0.5]))[:, 0]
        index = fh.to_absolute_index(self.cutoff)
        return pd.Series(values, index=index, name=self._history.y.name)

    def _predict_quantiles(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        values = self._quantile_values(fh, X, np.asarray(alpha, dtype=np.float64))
        columns = self._get_columns(method="predict_quantiles", alpha=alpha)
        return pd.DataFrame(values, index=fh.to_absolute_index(self.cutoff), columns=columns)

    def _update(
        self, y: pd.Series, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> BaseNeuralForecaster:
        """Move on in time; with ``update_params``, also train on for a tenth of the epochs."""
        validation.check_values(y, "y")
        self._history = self._history.extended(y, X)
        if update_params:
            epochs = max(1, self.n_iter_ // 10)
            fitter = self._fitter(self.fitted_model_.spec)
            self.fitted_model_ = fitter.train_on(self._history.scaled(), self.fitted_model_, epochs)
        return self

    def _validate_hyperparameters(self) -> None:
        values = {name: getattr(self, name) for name in parameter_names(type(self))}
        validate_parameter_constraints(
            self._parameter_constraints, values, caller_name=type(self).__name__
        )
        validation.check_quantiles(self.quantiles, self.loss)

    def _season(self, y: pd.Series) -> int:
        if self.seasonal_period == "auto":
            return seasonal_period(y)
        return int(self.seasonal_period)

    def _choose_cut(self, n_timepoints: int, fh: ForecastingHorizon | None) -> Cut:
        steps = [] if fh is None else fh.to_relative(self.cutoff).to_numpy()
        ahead = max((int(step) for step in steps), default=0)
        horizon = ahead if ahead > 0 else self.seasonal_period_
        # A horizon beyond what the series can teach is reached by recursion.
        horizon = max(1, min(horizon, n_timepoints // 2))
        if self.window_length == "auto":
            length = window_length_for(n_timepoints, horizon, self.seasonal_period_)
        else:
            length = checked_window_length(int(self.window_length), n_timepoints)
        return Cut(length, horizon)

    def _spec(self) -> ModelSpec:
        head = self._horizon_head()
        return ModelSpec.of(
            self, head, n_timepoints=self._cut.window_length, n_channels=1 + head.n_known
        )

    def _horizon_head(self) -> HorizonHead:
        return HorizonHead(
            horizon=self._cut.horizon,
            n_known=self._history.n_known,
            quantiles=() if self.quantiles is None else tuple(map(float, self.quantiles)),
            normalization=self.normalization,
            linear=self.linear_skip,
            seasonal_period=self.seasonal_period_,
            dropout=self.branch_dropout,
        )

    def _fitter(self, spec: ModelSpec) -> ForecastFitter:
        return ForecastFitter(
            spec=spec,
            cut=self._cut,
            period=self.seasonal_period_,
            plan=lambda n_training: self._training_plan(
                n_training, self._automatic_loss(), stops_early=self.early_stopping
            ),
            fraction=self.validation_fraction,
            refit=self.refit,
        )

    def _automatic_loss(self) -> str:
        if self.quantiles is None:
            return "mean_absolute_error"
        return "pinball:" + ",".join(str(float(level)) for level in self.quantiles)

    def _quantile_values(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, levels: np.ndarray
    ) -> np.ndarray:
        """Return quantiles in the units of ``y``: (n_steps, n_levels), float64."""
        steps = np.asarray(fh.to_relative(self.cutoff).to_numpy(), dtype=int)
        series = self._history.scaled()
        head = cast(HorizonHead, self.fitted_model_.spec.head)
        outputs = np.empty((len(steps), head.n_levels))
        scales = np.empty(len(steps))
        ahead, inside = steps > 0, steps <= 0
        if inside.any():
            outputs[inside], scales[inside] = self._in_sample(series, steps[inside])
        if ahead.any():
            known = self._known_ahead(fh, X, int(steps.max()))
            outputs[ahead] = self._recursive(series, known, int(steps.max()))[steps[ahead] - 1]
            scales[ahead] = self._noise(series, series[None, -self.window_length_ :])
        if head.quantiles:
            values = quantiles_between(np.asarray(head.quantiles), outputs, levels)
        else:
            offsets = self._calibration.offsets(levels, np.maximum(steps, 1))
            values = outputs + scales[:, None] * offsets
        return self._history.scaling.reverse(values)

    def _recursive(self, series: np.ndarray, known: np.ndarray, n_steps: int) -> np.ndarray:
        """Forecast ``n_steps``, the horizon at a time: (n_steps, n_levels) on the scaled axis."""
        horizon, length = self._cut.horizon, self._cut.window_length
        window, blocks = series[-length:], []
        for start in range(0, n_steps, horizon):
            future = np.zeros((horizon, known.shape[1]), dtype=np.float32)
            future[: len(known) - start] = known[start : start + horizon]
            block = self.fitted_model_.predict(self._inputs(window[None], future[None]))[0]
            blocks.append(block)
            middle = block[:, [block.shape[1] // 2]]
            window = np.concatenate([window, np.concatenate([middle, future], axis=1)])[-length:]
        return np.concatenate(blocks)[:n_steps].astype(np.float64)

    def _in_sample(self, series: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forecast past steps, each one step ahead of the window before it.

        Windows that reach back before the series repeat its first value; the first step of all is
        forecast by the mean.
        """
        length, horizon = self._cut.window_length, self._cut.horizon
        first = series[:1].copy()
        before = np.repeat(first, length, axis=0)
        padded = np.concatenate([before, series, np.zeros((horizon, series.shape[1]), "float32")])
        starts = steps + len(series) - 1
        rows = padded[starts[:, None] + np.arange(length + horizon)]
        windows, future = rows[:, :length], rows[:, length:, 1:]
        windows[starts == 0, :, 0] = 0.0
        outputs = self.fitted_model_.predict(self._inputs(windows, future))[:, 0]
        return outputs, self._noise(series, windows)

    def _inputs(self, windows: np.ndarray, future: np.ndarray) -> list[np.ndarray]:
        return [windows, future] if future.shape[-1] else [windows]

    def _noise(self, series: np.ndarray, windows: np.ndarray) -> np.ndarray:
        floor = noise_floor(series, self.seasonal_period_)
        return noise_scale(windows[..., 0], self.seasonal_period_, floor)

    def _known_ahead(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, n_steps: int
    ) -> np.ndarray:
        """Return scaled regressors of the steps ahead: (n_steps, n_known), float32."""
        stamps = validation.stamps_ahead(fh, self.cutoff, n_steps)
        asked = fh.to_relative(self.cutoff).to_numpy()
        # Forecasts after the first horizon build on all steps of the ones before.
        built_on = n_steps - (n_steps - 1) % self._cut.horizon - 1
        needed = stamps[[s in asked or s <= built_on for s in range(1, n_steps + 1)]]
        return self._history.known_at(stamps, needed, X)
