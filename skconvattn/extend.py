"""What a new architecture is made of, for packages and scripts beside this one.

A network declares its parameters with :func:`hyperparameter` and returns an :class:`Encoding`; with
the base of a task after it among the bases it is a forecaster, a regressor or a classifier. The
guide for contributors (``CONTRIBUTING.md``, "A new architecture") goes through an example.
"""

from __future__ import annotations

from skconvattn._hyperparameters import Choices, IntegerRange, RealRange, hyperparameter
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network

__all__ = [
    "BaseNeuralClassifier",
    "BaseNeuralForecaster",
    "BaseNeuralRegressor",
    "Choices",
    "Encoding",
    "IntegerRange",
    "Network",
    "RealRange",
    "hyperparameter",
]
