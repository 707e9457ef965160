"""The base class of sktime forecasters: windows, covariates and intervals, any architecture."""

from __future__ import annotations

from skconvattn.forecasting.base import BaseNeuralForecaster

__all__ = ["BaseNeuralForecaster"]
