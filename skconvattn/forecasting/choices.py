"""What a fit of a forecaster chose by itself, as one line of the log."""

from __future__ import annotations

import logging
from typing import Any

from skconvattn.forecasting.fitted import FittedForecast
from skconvattn.forecasting.series.history import Panel

_LOGGER = logging.getLogger("skconvattn")


def log_choices(parameters: Any, fitted: FittedForecast, panel: Panel) -> None:
    """Say at level INFO of the logger ``skconvattn`` what a fit chose.

    Parameters
    ----------
    parameters : ForecastingParameters
        The forecaster.
    fitted : FittedForecast
        Record of the fit.
    panel : Panel
        Series; of several, the weights of the members are means.
    """
    if not _LOGGER.isEnabledFor(logging.INFO):
        return
    weights = fitted.weights(panel).mean()
    members = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items() if weight > 0)
    _LOGGER.info(
        "%s: a window of %d time steps, a season of %d, %d steps forecast directly, %d of at most "
        "%d epochs; weights of the members: %s.",
        type(parameters).__name__,
        fitted.window.length,
        fitted.period,
        fitted.window.horizon,
        fitted.n_epochs,
        parameters.epochs,
        members,
    )
