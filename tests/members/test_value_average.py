"""Averages follow errors on left-out samples, and owe to the mean what chance explains."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.members.value_average import ValueAverage, _shares, _simplex_regression

RNG = np.random.default_rng(0)
EVERY = ("mean", "linear", "patterns", "intervals")


def _fit(series, targets, members=EVERY, weights=None):
    weights = np.ones(len(series)) if weights is None else weights
    return ValueAverage.fit(
        series.astype("float32"),
        None,
        targets,
        weights,
        members=members,
        n_dilations=2,
        rng=np.random.default_rng(0),
    )


def test_shares_minimise_the_squared_error_among_averages():
    targets = RNG.normal(size=2000)
    noise = RNG.normal(size=(2000, 3)) * [0.5, 1.0, 5.0]
    shares = _simplex_regression(targets[:, None] + noise, targets, np.ones(2000))
    # Independent errors are weighed by one over their variance.
    expected = np.array([4, 1, 0.04]) / 5.04
    np.testing.assert_allclose(shares, expected, atol=0.05)
    assert shares.sum() == pytest.approx(1)


def test_no_share_is_negative_however_errors_depend_on_each_other():
    targets = RNG.normal(size=500)
    error = RNG.normal(size=500)
    left_out = targets[:, None] + np.column_stack([error, 2 * error])
    np.testing.assert_allclose(
        _simplex_regression(left_out, targets, np.ones(500)), [1, 0], atol=1e-9
    )


def test_noise_is_predicted_by_its_mean():
    targets = RNG.normal(size=60)
    left_out = np.column_stack([np.zeros(60), RNG.normal(size=(60, 2))])
    assert _shares(left_out, targets, np.ones(60), floored=True)[0] > 0.95


def test_the_mean_alone_is_the_weighted_mean():
    series, targets = RNG.normal(size=(4, 6, 1)), np.array([[1.0], [2.0], [3.0], [10.0]])
    weights = np.array([1.0, 1.0, 1.0, 5.0])
    average, left_out = _fit(series, targets, ["mean"], weights)
    np.testing.assert_allclose(average.predict(series, None), 7.0)
    # Without the last sample the mean is 2.
    assert left_out[3, 0] == pytest.approx(2.0)


def test_each_output_has_shares_of_its_own():
    series = RNG.normal(size=(80, 10, 1))
    targets = np.column_stack([series[:, 3, 0] - series[:, 7, 0], RNG.normal(size=80)])
    average, _ = _fit(series, targets)
    assert average.shares.shape == (2, 4)
    assert average.shares[0, 1] > 0.8  # linear
    assert average.shares[1, 0] > 0.8  # noise is its mean
    np.testing.assert_allclose(average.shares.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("member", "target"),
    [
        ("linear", lambda x: x[:, 2] - x[:, 5]),
        ("linear", lambda x: x.max(axis=1)),
        ("intervals", lambda x: np.sort(x[:, :12], axis=1)[:, 6]),
        ("patterns", lambda x: (np.abs(np.diff(x, 2)) > 2).mean(axis=1)),
    ],
)
def test_each_member_finds_what_it_is_for(member, target):
    series = np.random.default_rng(1).normal(size=(200, 24, 1))
    values = target(series[..., 0])[:, None]
    average, left_out = _fit(series[:120], values[:120], ["mean", member])
    error = np.square(average.predict(series[120:].astype("float32"), None) - values[120:]).mean()
    assert error < 0.85 * values.var()
    # Left-out samples are predicted by fewer trees.
    assert 0.6 * error < np.square(left_out - values[:120]).mean() < 2 * error
