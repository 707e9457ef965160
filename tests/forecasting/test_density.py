"""The density of a forecast's distribution is finite, integrates to one, and fits its quantiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.forecasting.density import distribution_of

LEVELS = np.arange(1, 100) / 100


def _normal(centers, scales):
    frames = [
        pd.DataFrame({"a": np.add(centers, np.multiply(scales, norm.ppf(level)))})
        for level in LEVELS
    ]
    return distribution_of(frames, LEVELS)


def test_the_density_of_normal_quantiles_is_nearly_the_normal_one():
    distribution = _normal([0.0, 10.0], [1.0, 3.0])
    x = pd.DataFrame({"a": [0.4, 8.0]})
    expected = [norm.pdf(0.4), norm.pdf(8.0, 10, 3)]
    np.testing.assert_allclose(distribution.pdf(x)["a"], expected, rtol=0.02)
    np.testing.assert_allclose(distribution.log_pdf(x)["a"], np.log(expected), atol=0.02)


def test_the_density_integrates_to_one_and_to_the_levels():
    distribution = _normal([3.0], [2.0])
    grid = np.linspace(-40, 46, 8001)
    density = np.array([distribution.pdf(pd.DataFrame({"a": [x]})).iloc[0, 0] for x in grid[::8]])
    steps = np.diff(grid[::8])[0]
    assert density.sum() * steps == pytest.approx(1, abs=5e-3)
    median = density[grid[::8] < 3.0].sum() * steps
    assert median == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("x", [-1e6, -1.0, 0.0, 5.0, 1e6])
@pytest.mark.parametrize("scale", [0.0, 1e-12, 1.0, 1e9])
def test_the_density_is_finite_everywhere_also_where_quantiles_are_equal(x, scale):
    distribution = _normal([5.0], [scale])
    given = pd.DataFrame({"a": [x]})
    assert np.isfinite(distribution.pdf(given).iloc[0, 0])
    assert np.isfinite(distribution.log_pdf(given).iloc[0, 0])


def test_a_forecast_has_a_density_at_what_happened():
    y = load_airline()
    forecaster = ConvAttentionForecaster(epochs=2, random_state=0)
    distribution = forecaster.fit(y[:-12], fh=range(1, 13)).predict_proba()
    happened = y[-12:].to_frame(distribution.columns[0])
    happened.index = distribution.index
    log_density = distribution.log_pdf(happened)
    assert log_density.shape == (12, 1)
    assert np.isfinite(log_density.to_numpy()).all()
    np.testing.assert_allclose(distribution.pdf(happened), np.exp(log_density), rtol=1e-9)
    one = distribution.iloc[[3]]
    np.testing.assert_allclose(one.log_pdf(happened.iloc[[3]]), log_density.iloc[[3]], rtol=1e-9)
    assert np.isfinite(distribution.mean().to_numpy()).all()
