"""Covariates that carry the signal are used by every architecture; useless ones cost little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skconvattn import (
    ConvAttentionForecaster,
    RNNAttentionForecaster,
    SelfAttentionForecaster,
)

INDEX = pd.period_range("2000-01", periods=300, freq="M")
H = 6


def _signal(lag):
    """A series that repeats a covariate ``lag`` steps later, and the covariate."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    delayed = np.concatenate([rng.normal(size=lag), x[: 300 - lag]])
    y = 3 * delayed + 0.05 * rng.normal(size=300)
    return pd.Series(y, index=INDEX), pd.DataFrame({"x": x}, index=INDEX)


def _error(forecaster, y, X=None):
    forecaster.fit(y[:-H], X=None if X is None else X[:-H], fh=range(1, H + 1))
    forecast = forecaster.predict(X=None if X is None else X[-H:])
    return np.abs(forecast - y[-H:]).mean()


# The other architectures are tested with the other covariates.
@pytest.mark.slow
@pytest.mark.parametrize("cls", [RNNAttentionForecaster, SelfAttentionForecaster])
@pytest.mark.parametrize(("lag", "past"), [(0, ()), (H, ("x",))], ids=["future", "past"])
def test_a_covariate_that_carries_the_signal_lowers_the_error_tenfold(cls, lag, past):
    y, X = _signal(lag)

    alone = _error(cls(random_state=0), y)

    assert _error(cls(past_regressors=list(past), random_state=0), y, X) < alone / 10


@pytest.mark.slow
@pytest.mark.parametrize("past", [(), ("x",)], ids=["future", "past"])
def test_a_useless_covariate_costs_at_most_a_twentieth(past):
    """The mean over sixteen series of season and noise: a single series scatters by more."""
    errors = {"alone": [], "beside noise": []}
    for seed in range(16):
        rng = np.random.default_rng(seed)
        season = 3 * np.sin(2 * np.pi * np.arange(300) / 12)
        y = pd.Series(season + rng.normal(size=300), index=INDEX)
        X = pd.DataFrame({"x": rng.normal(size=300)}, index=INDEX)
        small = {"filters": 8, "units": 8, "random_state": seed}
        errors["alone"].append(_error(ConvAttentionForecaster(**small), y))
        forecaster = ConvAttentionForecaster(past_regressors=list(past), **small)
        errors["beside noise"].append(_error(forecaster, y, X))

    assert np.mean(errors["beside noise"]) < 1.05 * np.mean(errors["alone"])
