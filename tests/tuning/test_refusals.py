"""A search refuses a series that no forecaster could take, in one sentence and before any trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.tuning import OptunaForecastingSearch


def _with_infinity(y: pd.Series) -> pd.Series:
    y = y.copy()
    y.iloc[3] = np.inf
    return y


@pytest.mark.parametrize(
    ("mistaken", "error"),
    [
        (lambda y: None, TypeError),
        (lambda y: "airline.csv", TypeError),
        (lambda y: 3.0, TypeError),
        (lambda y: {}, TypeError),
        (lambda y: y[::-1], ValueError),
        (lambda y: y[:0], ValueError),
        (_with_infinity, ValueError),
        (lambda y: np.ma.masked_array(y.to_numpy(), mask=np.arange(len(y)) < 3), ValueError),
    ],
    ids=["none", "text", "number", "dict", "reversed", "empty", "infinite", "masked"],
)
def test_a_series_that_is_none_is_refused_before_the_first_trial(
    mistaken: Callable[[pd.Series], Any], error: type[Exception]
):
    search = OptunaForecastingSearch(
        ConvAttentionForecaster(epochs=0), n_trials=1, progress_bar=False, random_state=0
    )
    with pytest.raises(error, match=r"^y (is|has) [^\n]{1,200}\.$"):
        search.fit(mistaken(load_airline()), fh=[1, 2, 3])
    assert not hasattr(search, "study_")
