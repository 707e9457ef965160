"""Quantiles, intervals, variances, distributions and samples agree with each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster
from skconvattn.intervals.residuals import ConformalQuantiles, ResidualQuantiles
from tests.estimator_params import of_architectures, thinned

AIRLINE = load_airline()
FORECASTERS = dict(of_architectures("forecaster"))
SMALL = {"units": 2, "epochs": 2, "window_length": 12, "seasonal_period": 12, "random_state": 0}
QUANTILES = {
    "quantiles": (0.1, 0.5, 0.9),
    "branch_dropout": 0.4,
    "early_stopping": False,
    "members": ("linear", "network"),
    "epochs": 5,
}
# Quantiles from errors do not depend on the architecture, so one stands for all.
CASES = {
    "from errors": ("ConvAttentionForecaster", {}),
    "corrected": (
        "ConvAttentionForecaster",
        {"quantiles": (0.05, 0.3, 0.5, 0.8), "conformal": True},
    ),
    **{name: (name, QUANTILES) for name in FORECASTERS},
}
# Inside of the series, over the horizon of the fit, and beyond it.
STEPS = [-131, -40, -1, 0, 1, 3, 6, 7, 20]


@pytest.fixture(
    scope="module",
    params=thinned(CASES, "from errors", "corrected", "ConvAttentionForecaster"),
)
def fitted(request):
    name, parameters = CASES[request.param]
    return FORECASTERS[name](**{**SMALL, **parameters}).fit(AIRLINE[:132], fh=range(1, 7))


LEVELS = st.lists(
    st.floats(1e-6, 1 - 1e-6, allow_subnormal=False), min_size=2, max_size=9, unique=True
).map(sorted)


# The forecaster is only asked, and asked the same by every example.
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(levels=LEVELS)
def test_quantiles_never_fall_with_their_level(fitted, levels):
    quantiles = fitted.predict_quantiles(fh=STEPS, alpha=levels).to_numpy()

    assert np.isfinite(quantiles).all()
    # Levels closer than rounding may share a quantile, at the precision of the arithmetic.
    assert (np.diff(quantiles, axis=1) >= -1e-9 * np.abs(quantiles[:, 1:])).all()


@pytest.mark.parametrize("coverage", [0.01, 0.5, 0.9, 0.999])
def test_an_interval_is_a_pair_of_quantiles(fitted, coverage):
    interval = fitted.predict_interval(fh=STEPS, coverage=coverage)
    ends = [0.5 - coverage / 2, 0.5 + coverage / 2]

    quantiles = fitted.predict_quantiles(fh=STEPS, alpha=ends)

    np.testing.assert_array_equal(interval, quantiles)
    assert list(interval.columns.get_level_values(-1)) == ["lower", "upper"]


def test_a_wider_coverage_contains_a_narrower_one(fitted):
    wide, narrow = (fitted.predict_interval(fh=STEPS, coverage=c).to_numpy() for c in (0.95, 0.5))

    assert (wide[:, 0] <= narrow[:, 0]).all()
    assert (narrow[:, 1] <= wide[:, 1]).all()


def test_the_median_is_the_forecast(fitted):
    np.testing.assert_array_equal(
        fitted.predict_quantiles(fh=STEPS, alpha=[0.5]).to_numpy()[:, 0], fitted.predict(fh=STEPS)
    )


def test_a_distribution_has_the_quantiles_of_the_forecast(fitted):
    distribution = fitted.predict_proba(fh=STEPS)

    for level in (0.01, 0.25, 0.5, 0.9, 0.99):
        np.testing.assert_allclose(
            distribution.ppf(level).to_numpy()[:, 0],
            fitted.predict_quantiles(fh=STEPS, alpha=level).to_numpy()[:, 0],
            rtol=1e-9,
        )


def test_the_variance_is_that_of_the_quantiles(fitted):
    variance = fitted.predict_var(fh=STEPS).to_numpy()[:, 0]

    # An independent sum: levels at equal distances, instead of deviates.
    levels = np.linspace(0.005, 0.995, 2001)
    levels = (levels[1:] + levels[:-1]) / 2
    quantiles = fitted.predict_quantiles(fh=STEPS, alpha=list(levels)).to_numpy()
    expected = quantiles.var(axis=1) / norm.ppf(levels).var()
    # The very first step has a window without spread.
    np.testing.assert_allclose(variance, expected, rtol=0.02, atol=1e-12)


def test_the_variance_of_normal_quantiles_is_exact():
    """Two trained levels are continued as a normal distribution, whose variance is known."""
    # Without exponential smoothing, no target is forecast by its logarithm.
    members = ("linear", "network")
    forecaster = ConvAttentionForecaster(filters=2, quantiles=(0.1, 0.9), members=members, **SMALL)
    panel = pd.DataFrame({"a": AIRLINE[:132], "b": -3 * AIRLINE[:132]})
    forecaster.fit(panel, fh=range(1, 7))

    quantiles = forecaster.predict_quantiles(fh=STEPS, alpha=[0.1, 0.9])
    for target in ("a", "b"):
        low, high = quantiles[target].to_numpy().T
        sigma = (high - low) / (2 * norm.ppf(0.9))
        np.testing.assert_allclose(forecaster.predict_var(fh=STEPS)[target], sigma**2, rtol=1e-9)


def test_samples_are_reproducible_and_centred_on_the_forecast(fitted):
    if not fitted.branch_dropout:
        # Exponential smoothing has none either.
        with pytest.raises(ValueError, match="Without dropout all samples are the same"):
            fitted.sample(2)
        return
    ahead = range(1, 7)

    samples = fitted.sample(400, fh=ahead, random_state=1)

    pd.testing.assert_frame_equal(samples, fitted.sample(400, fh=ahead, random_state=1))
    # The forecaster's own random state, twice.
    pd.testing.assert_frame_equal(fitted.sample(5, fh=ahead), fitted.sample(5, fh=ahead))
    assert not samples.equals(fitted.sample(400, fh=ahead, random_state=2))
    spread = samples.std(axis=1)
    assert (spread > 0).all()
    # Five standard errors of the median of 400.
    distance = np.abs(samples.median(axis=1) - fitted.predict(fh=ahead))
    assert (distance < 5 * np.sqrt(np.pi / 2) * spread / np.sqrt(400)).all()


@pytest.mark.parametrize("n_windows", [9, 19, 39])
@pytest.mark.parametrize("coverage", [0.5, 0.8])
def test_symmetric_intervals_cover_at_least_their_share_of_exchangeable_errors(n_windows, coverage):
    """The guarantee of split conformal prediction, over the draw of the held-out errors."""
    rng = np.random.default_rng(n_windows)
    levels = np.array([0.5 - coverage / 2, 0.5 + coverage / 2])
    held = []
    for _ in range(800):
        errors = rng.standard_t(3, size=(n_windows + 1, 1))
        calibration = ResidualQuantiles.of(errors[:-1], np.ones(n_windows))
        low, high = calibration.offsets(levels, np.array([1]))[0]
        held.append(low <= errors[-1, 0] <= high)

    # Four standard errors of a mean of 800.
    assert np.mean(held) > coverage - 4 * np.sqrt(coverage * (1 - coverage) / 800)
    assert np.mean(held) < coverage + 0.13


@pytest.mark.parametrize("bias", [0.0, 2.0])
def test_corrected_quantiles_hold_their_share_of_exchangeable_errors(bias):
    """However wrong the trained quantiles are: here all equal, and off by a bias."""
    rng = np.random.default_rng(0)
    levels, n_windows = (0.1, 0.5, 0.9), 39
    below = []
    for _ in range(800):
        actual = rng.standard_t(3, size=n_windows + 1)
        trained = np.full((1, 3), bias)
        errors = actual[:-1, None, None] - trained
        calibration = ConformalQuantiles.of(errors, np.ones(n_windows), levels)
        below.append(actual[-1] <= calibration.applied(trained, np.ones(1))[0])

    below = np.mean(below, axis=0)
    error = 4 * np.sqrt(0.09 / 800)
    # Outwards by what a finite sample leaves open, which for half of 39 windows is 0.02.
    assert 0.1 - 0.03 - error < below[0] < 0.1 + error
    assert below[1] == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 800) + 0.01)
    assert 0.9 - error < below[2] < 0.9 + 0.03 + error


def test_in_sample_intervals_are_those_of_one_step_ahead():
    """Twice the noise makes intervals twice as wide at every step."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=160)
    widths = []
    for scale in (1.0, 2.0):
        y = pd.Series(scale * noise)
        forecaster = ConvAttentionForecaster(filters=2, **{**SMALL, "seasonal_period": 1})
        interval = forecaster.fit(y, fh=[1, 2, 3]).predict_interval(fh=np.arange(-100, 1))
        widths.append(interval.iloc[:, 1] - interval.iloc[:, 0])
        assert y.iloc[-101:].between(interval.iloc[:, 0], interval.iloc[:, 1]).mean() > 0.8

    np.testing.assert_allclose(widths[1], 2 * widths[0], rtol=1e-3)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.1, 0.5, 0.9), (0.05, 0.2)])
def test_recursive_forecasts_continue_from_the_median_whatever_the_levels(levels):
    noise = np.random.default_rng(0).normal(size=120)
    y = pd.Series(98 + 2 * noise, index=pd.period_range("2010-01", periods=120, freq="M"))
    forecaster = ConvAttentionForecaster(
        quantiles=levels,
        branch_dropout=0.2,
        epochs=5,
        early_stopping=False,
        members=("linear", "network"),
        random_state=0,
    ).fit(y, fh=range(1, 13))
    assert np.abs(forecaster.predict(fh=range(1, 61)) - 98).max() < 2
    assert abs(forecaster.sample(50, random_state=0).to_numpy().mean() - 98) < 1


@pytest.mark.parametrize("late", [{-12: 20.0, -7: 18.0, -2: 25.0}, {-3: 5.0}, {-10: 500.0}])
@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_series_that_was_constant_until_late_has_finite_intervals(late, level):
    y = pd.Series(level, index=pd.period_range("2000-01", periods=96, freq="M"))
    for position, value in late.items():
        y.iloc[position] = level + value
    forecaster = ConvAttentionForecaster(**{**SMALL, "epochs": 5}).fit(y, fh=range(1, 4))
    assert np.isfinite(forecaster.predict()).all()
    interval = forecaster.predict_interval(coverage=0.9)
    assert np.isfinite(interval).all(axis=None)
    assert (interval.iloc[:, 0] <= interval.iloc[:, 1]).all()
