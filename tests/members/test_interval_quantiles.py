"""Quantiles of intervals are those that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn.members.interval_quantiles import IntervalQuantiles, _intervals, _views


def test_intervals_are_halves_of_halves_and_the_same_shifted_by_half():
    assert _intervals(8, 1) == [(0, 8)]
    assert _intervals(8, 2) == [(0, 8), (0, 4), (4, 8), (2, 6)]
    assert _intervals(8, 3)[4:] == [(0, 2), (2, 4), (4, 6), (6, 8), (1, 3), (3, 5), (5, 7)]
    # Single values cannot be shifted by half, and none is halved.
    assert _intervals(2, 6) == [(0, 2), (0, 1), (1, 2)]
    assert _intervals(0, 6) == _intervals(-1, 6) == []


def test_an_interval_has_its_quantiles_every_second_less_the_mean():
    x = np.array([[5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 6.0, 8.0, 7.0]], "float32")[..., None]
    features = IntervalQuantiles(9, 1, 1, False).features(x, None)[0]
    # Of nine values 1 to 9: minimum, median less mean, maximum.
    np.testing.assert_allclose(features[:3], [1.0, 0.0, 9.0], atol=1e-6)


def test_an_interval_of_few_values_has_its_median():
    x = np.array([[3.0, 1.0, 8.0]], "float32")[..., None]
    assert IntervalQuantiles(3, 1, 1, False).features(x, None)[0, 0] == 3.0


def test_views_are_series_differences_and_magnitudes_of_the_spectrum():
    x = np.array([[0.0, 1.0, 3.0, 6.0, 10.0, 15.0]], "float32")
    series, first, second, spectrum = _views(x)
    np.testing.assert_array_equal(series, x)
    # Averages of the differences 1 to 5 over five neighbours, as far as there are any.
    np.testing.assert_allclose(first[0], [2.0, 2.5, 3.0, 3.5, 4.0])
    np.testing.assert_allclose(second[0], 1.0)
    expected = [
        abs(sum(v * np.exp(-2j * np.pi * k * t / 6) for t, v in enumerate(x[0]))) for k in range(4)
    ]
    np.testing.assert_allclose(spectrum[0], expected, rtol=1e-6)


def test_the_number_of_features_is_as_announced_whatever_the_length():
    for n_timepoints in (1, 2, 3, 4, 5, 7, 16, 33, 100):
        for n_channels in (1, 3):
            measure = IntervalQuantiles.of(n_timepoints, n_channels, with_lengths=False)
            x = np.random.default_rng(0).normal(size=(2, n_timepoints, n_channels))
            features = measure.features(x.astype("float32"), None)
            assert features.shape == (2, measure.n_features)
            assert np.isfinite(features).all()


def test_channels_have_features_of_their_own():
    x = np.random.default_rng(0).normal(size=(4, 20, 2)).astype("float32")
    both = IntervalQuantiles(20, 2, 3, False).features(x, None)
    single = IntervalQuantiles(20, 1, 3, False)
    alone = [single.features(x[..., [channel]], None) for channel in range(2)]
    np.testing.assert_array_equal(both, np.concatenate(alone, axis=1))


def test_many_channels_are_divided_less_often():
    few, many = (IntervalQuantiles.of(200, n, with_lengths=False) for n in (1, 30))
    assert few.depth == 6
    assert many.depth < 6
    assert many.n_features <= 10_000


def test_series_of_other_lengths_are_stretched_and_their_length_is_known():
    measure = IntervalQuantiles.of(9, 1, with_lengths=True)
    x = np.zeros((2, 9, 1), "float32")
    x[0, :, 0] = np.arange(9)
    x[1, :5, 0] = np.arange(0, 9, 2)  # the same line in five steps
    mask = np.arange(9) < np.array([[9], [5]])
    features = measure.features(x, mask)
    np.testing.assert_allclose(features[1, :-1], features[0, :-1], atol=1e-6)
    assert features[:, -1].tolist() == [9, 5]


@pytest.mark.parametrize("masked", [False, True])
def test_a_series_has_the_same_features_whatever_stands_beside_it(masked):
    x = np.random.default_rng(0).normal(size=(50, 37, 2)).astype("float32")
    mask = np.arange(37) < np.arange(10, 60)[:, None] if masked else None
    measure = IntervalQuantiles.of(37, 2, with_lengths=masked)
    together = measure.features(x, mask)
    for row in (0, 13, 49):
        own = None if mask is None else mask[row : row + 1]
        np.testing.assert_array_equal(measure.features(x[row : row + 1], own)[0], together[row])
