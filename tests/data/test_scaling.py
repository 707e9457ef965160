"""Scaling equals NumPy's weighted mean and standard deviation, for data of any size and offset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skconvattn.data.scaling import Scaling, compressed


def _weighted(values, weights):
    """Weighted mean and standard deviation of each channel, over samples and all inner axes."""
    flat = values.astype(np.float64).reshape(len(values), -1, values.shape[-1])
    spread = np.broadcast_to(weights[:, None], flat.shape[:2])
    center = [np.average(flat[..., c], weights=spread) for c in range(flat.shape[-1])]
    variance = [np.average((flat[..., c] - m) ** 2, weights=spread) for c, m in enumerate(center)]
    return np.array(center), np.sqrt(variance)


@pytest.mark.parametrize("shape", [(30, 2), (30, 7, 2), (30, 4, 3, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_center_and_scale_are_the_weighted_mean_and_standard_deviation(shape, dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(loc=3, scale=[1, 5], size=shape).astype(dtype)
    weights = rng.uniform(size=30)
    scaling = Scaling.of(values, weights)
    center, scale = _weighted(values, weights)
    np.testing.assert_allclose(scaling.center, center, rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, scale, rtol=1e-12)


def test_a_weight_counts_like_repetition():
    values = np.array([[1.0], [2.0], [6.0]])
    weighted = Scaling.of(values, np.array([1.0, 2.0, 1.0]))
    repeated = Scaling.of(values[[0, 1, 1, 2]], np.ones(4))
    assert weighted.center == repeated.center == 2.75
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-15)


@pytest.mark.parametrize("offset", [1e6, -1e9, 1e12])
def test_a_large_offset_does_not_hide_the_standard_deviation(offset):
    values = np.random.default_rng(0).normal(size=(200, 5, 1)) + offset
    scaling = Scaling.of(values, np.ones(200))
    scaled = scaling.apply(values)
    assert scaled.mean(dtype=float) == pytest.approx(0, abs=1e-3)
    assert scaled.std(dtype=float) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8, -1 / 3e5])
def test_a_constant_channel_becomes_zero(dtype, value):
    values = np.full((37, 11, 2), value, dtype=dtype)
    values[..., 1] = np.random.default_rng(0).normal(size=(37, 11))
    scaling = Scaling.of(values, np.random.default_rng(1).uniform(0.5, 2, size=37))
    assert scaling.scale[0] == 1.0
    scaled = scaling.apply(values)
    np.testing.assert_allclose(scaled[..., 0], 0, atol=1e-6 * max(1, abs(value)))
    assert scaled[..., 1].std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_values_whose_squares_leave_the_range_are_scaled(size):
    values = size * np.random.default_rng(0).normal(size=(50, 4, 1))
    scaling = Scaling.of(values, np.ones(50))
    np.testing.assert_allclose(scaling.scale / size, (values / size).std(), rtol=1e-12)
    assert scaling.apply(values).std(dtype=float) == pytest.approx(1, rel=1e-6)


def test_scaled_values_are_float32_of_the_same_shape():
    values = np.random.default_rng(0).normal(size=(5, 3, 2))
    scaled = Scaling.of(values, np.ones(5)).apply(values)
    assert (scaled.dtype, scaled.shape) == (np.float32, (5, 3, 2))


def test_the_data_is_left_as_it_was():
    values = np.random.default_rng(0).normal(size=(5, 3, 2))
    before = values.copy()
    Scaling.of(values, np.ones(5)).apply(values)
    np.testing.assert_array_equal(values, before)


@settings(max_examples=50, deadline=None)
@given(offset=st.floats(-1e6, 1e6), size=st.floats(1e-6, 1e6))
def test_reversing_gives_the_values_back(offset, size):
    values = offset + size * np.random.default_rng(0).normal(size=(20, 1))
    scaling = Scaling.of(values, np.ones(20))
    back = scaling.reverse(scaling.apply(values))
    # Float32 carries 24 bits of the scaled value.
    np.testing.assert_allclose(
        back, values, atol=4 * 2.0**-24 * scaling.scale[0] + 1e-15 * abs(offset)
    )


@pytest.mark.parametrize("share", [1 / 3000, 0.01, 0.02])
@pytest.mark.parametrize("size", [1e3, 1e6, -1e12])
def test_gross_outliers_enter_neither_center_nor_scale(share, size):
    rng = np.random.default_rng(0)
    values = rng.normal(loc=3, scale=[1, 5], size=(100, 30, 2))
    outlying = rng.permutation(3000)[: round(share * 3000)]
    spoilt = values.copy()
    spoilt.reshape(-1, 2)[outlying, 0] = size
    weights = rng.uniform(0.5, 1.5, size=100)
    scaling = Scaling.without_outliers(spoilt, weights)
    others = np.delete(values.reshape(-1, 2), outlying, axis=0)[:, 0]
    share_of = np.delete(np.repeat(weights, 30), outlying)
    mean = np.average(others, weights=share_of)
    deviation = np.sqrt(np.average((others - mean) ** 2, weights=share_of))
    np.testing.assert_allclose(scaling.center[0], mean, rtol=1e-12)
    np.testing.assert_allclose(scaling.scale[0], deviation, rtol=1e-12)
    plain = Scaling.of(values, weights)
    assert (scaling.center[1], scaling.scale[1]) == (plain.center[1], plain.scale[1])


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=(50, 20, 1)),
        np.random.default_rng(0).laplace(size=(50, 20, 1)),
        # One pulse in a series of a thousand steps is what such series are about.
        np.eye(1000)[:20][..., None] * 5.0,
        np.full((50, 20, 1), 7.0),
        np.full((50, 20, 1), np.nan),
    ],
    ids=["normal", "Laplace", "pulses", "constant", "missing"],
)
def test_without_outliers_center_and_scale_are_the_plain_ones(values):
    weights = np.ones(len(values))
    robust, plain = Scaling.without_outliers(values, weights), Scaling.of(values, weights)
    np.testing.assert_array_equal(robust.center, plain.center)
    np.testing.assert_array_equal(robust.scale, plain.scale)


def test_missing_values_and_rows_left_out_are_no_outliers():
    values = np.random.default_rng(0).normal(size=(40, 25, 1))
    values[3, :5], values[7, 2], values[39] = np.nan, 1e6, 1e9
    robust = Scaling.without_outliers(values, np.ones(39), np.arange(39))
    rest = values[:39][np.isfinite(values[:39]) & (values[:39] < 1e3)]
    np.testing.assert_allclose(robust.center, rest.mean(), rtol=1e-12)
    np.testing.assert_allclose(robust.scale, rest.std(), rtol=1e-12)


def test_large_scaled_values_are_compressed_in_their_order_and_others_are_the_same_bits():
    small = np.random.default_rng(0).normal(size=50)
    assert compressed(small) is small
    values = np.array([-1e6, -11.0, -10.0, -3.3, np.nan, 0.0, 9.99, 10.0, 12.0, 1e30])
    expected = [-10 - np.log1p(1e6 - 10), -10 - np.log(2), -10, -3.3, np.nan, 0, 9.99, 10]
    expected += [10 + np.log(3), 10 + np.log1p(1e30)]
    np.testing.assert_allclose(compressed(values), expected, rtol=1e-14)
