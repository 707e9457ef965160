"""Compiled training and prediction, shared by all networks of the same shape."""

from __future__ import annotations

from skconvattn.engine.parameters import TrainingParameters
from skconvattn.engine.plan import TrainingPlan, TrainingResult
from skconvattn.engine.programs import FittedModel
from skconvattn.engine.training import train

__all__ = [
    "FittedModel",
    "TrainingParameters",
    "TrainingPlan",
    "TrainingResult",
    "train",
]
