"""The base class of sktime forecasters: windows, covariates and intervals, any architecture."""

from __future__ import annotations

from skconvattn._sktime import import_sktime

import_sktime("sktime.forecasting.base")

from skconvattn.forecasting.base import BaseNeuralForecaster  # noqa: E402 (after sktime)

__all__ = ["BaseNeuralForecaster"]
