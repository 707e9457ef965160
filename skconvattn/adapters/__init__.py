"""Regressors and classifiers of skconvattn behind the interfaces of other libraries."""

from __future__ import annotations

from skconvattn._sktime import import_sktime

import_sktime("sktime.classification.base", "sktime.regression.base")

from skconvattn.adapters.sktime import (  # noqa: E402 (after sktime)
    SktimeClassifier,
    SktimeRegressor,
    as_sktime,
)

__all__ = ["SktimeClassifier", "SktimeRegressor", "as_sktime"]
