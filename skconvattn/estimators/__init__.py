"""scikit-learn base classes: regressors and classifiers of series on any architecture."""

from __future__ import annotations

from skconvattn.estimators.classifier import BaseNeuralClassifier
from skconvattn.estimators.regressor import BaseNeuralRegressor

__all__ = ["BaseNeuralClassifier", "BaseNeuralRegressor"]
