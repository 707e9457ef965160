"""Regressors and classifiers of skconvattn behind the interfaces of other libraries."""

from __future__ import annotations

from skconvattn.adapters.sktime import SktimeClassifier, SktimeRegressor, as_sktime

__all__ = ["SktimeClassifier", "SktimeRegressor", "as_sktime"]
