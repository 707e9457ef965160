"""Prediction intervals, from the errors of a model on data that it was not fitted on."""

from __future__ import annotations

from skconvattn.intervals.conformal import conformal_level, conformal_quantile, quantile_shifts
from skconvattn.intervals.model import HeldOutErrors, IntervalModel

__all__ = [
    "HeldOutErrors",
    "IntervalModel",
    "conformal_level",
    "conformal_quantile",
    "quantile_shifts",
]
