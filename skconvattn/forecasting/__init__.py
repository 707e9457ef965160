"""sktime base: horizons, windows, known regressors and intervals on any architecture."""

from __future__ import annotations

from skconvattn.forecasting.base import BaseNeuralForecaster

__all__ = ["BaseNeuralForecaster"]
