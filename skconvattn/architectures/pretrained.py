"""Attention that was trained on simulated series: forecasts without any training."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import pandas as pd
from sklearn.utils._param_validation import Interval
from sktime.forecasting.base import ForecastingHorizon

from skconvattn._hyperparameters import hyperparameter
from skconvattn.forecasting import agreement, validation
from skconvattn.forecasting.contract import PanelForecaster
from skconvattn.forecasting.parameter_checks import check_series_parameters
from skconvattn.forecasting.parameters import SeriesParameters
from skconvattn.forecasting.preparing import first_season
from skconvattn.forecasting.series.history import Panel, split_panel
from skconvattn.forecasting.zero_shot import ZeroShotFit, ZeroShotForecast


class PretrainedForecaster(SeriesParameters, PanelForecaster):
    """Zero-shot forecaster: self-attention over the last seasons, learned from simulated series.

    ``fit`` trains nothing by default: the weights come with the package. They were learned from
    millions of simulated series (:func:`skconvattn.datasets.simulate_series`), as Oreshkin et al.
    (2026), "Zero-shot Forecasting by Simulation Alone" (arXiv 2601.00970), propose. Tokens are
    patches of 12 steps at the phases of the forecast in the last eight seasons, or in the last
    eight cycles of whole seasons where a season is shorter, and the last two patches. Forecasts are
    quantiles, and ``predict`` gives the median. Missing values, outliers and level shifts are
    handled as in the other forecasters; covariates are not read.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import PretrainedForecaster
    >>> y = load_airline()
    >>> forecaster = PretrainedForecaster().fit(y[:-12], fh=range(1, 13))
    >>> forecaster.predict().shape
    (12,)
    """

    finetune_epochs: int = hyperparameter(
        default=0,
        constraints=[Interval(Integral, 0, None, closed="left")],
        doc="""
        int
        Epochs of further training on the series of the fit, all of them together; 0 trains
        nothing and loads no backend. The weights are kept only where training on all but the last
        30 % of each series lowers the pinball loss there by more than chance explains, and are then
        trained on all of the series; ``is_finetuned_`` says so.
        """,
    )

    _fitted_attributes: ClassVar[str] = """
    fitted_forecast_ : ZeroShotFit
        Season, time stamps and bounds.
    panel_ : Panel
        Targets of each series up to its end.
    seasonal_period_ : int
        Time steps of a season, 1 for none.
    is_finetuned_ : bool
        Whether the weights were trained further on the series.
    """
    _forecast_type = ZeroShotForecast

    _tags = {
        "capability:exogenous": False,
        "capability:random_state": False,
        "property:randomness": "deterministic",
    }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return settings for sktime's test suite."""
        return [{}, {"seasonal_period": 4, "lower_bound": -1e6}]

    @property
    def seasonal_period_(self) -> int:
        """Time steps of a season."""
        return self.fitted_forecast_.period

    @property
    def is_finetuned_(self) -> bool:
        """Whether the weights were trained further on the series."""
        return self.fitted_forecast_.pretrained.network is not None

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Any:
        parts = split_panel(y)
        validation.check_panel(parts, None)
        longest = max(parts.values(), key=len)
        period = first_season(self.seasonal_period, longest.iloc[:, 0])
        panel = Panel.of(y, None, period, scaled=False)
        fitted = ZeroShotFit.of(panel, self.seasonal_period, self.lower_bound, self.upper_bound)
        if self.finetune_epochs:
            # Time stamps may be at other steps of each series.
            relative = fh is not None and fh.is_relative
            n_ahead = validation.largest_step(fh, y) if relative else period
            fitted = fitted.finetuned(panel, max(1, n_ahead), self.finetune_epochs)
        return self._keep(fitted, panel)

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> Self:
        fitted = self.fitted_forecast_
        y = agreement.checked_update(y, None, self.panel_, fitted.channels)
        panel = self.panel_.extended(y, None, fitted.channels.timeline, scaled=False)
        return self._keep(fitted, panel)

    def _validate_hyperparameters(self) -> None:
        super()._validate_hyperparameters()
        check_series_parameters(self)
