"""Reversible normalisation: statistics, masks and the inverse."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn._normalization import NORMALIZATIONS
from skconvattn.layers import InstanceNormalization
from skconvattn.layers.instance_normalization import denormalize, instance_statistics
from tests.layers.backends import to_numpy

every_method = pytest.mark.parametrize("method", NORMALIZATIONS)
X = np.random.default_rng(0).normal(loc=50, scale=7, size=(3, 30, 2)).astype("float32")


@every_method
def test_statistics_equal_those_of_numpy_over_the_valid_steps(method):
    mask = np.arange(30) < np.array([[30], [11], [1]])
    center, scale = (to_numpy(x) for x in instance_statistics(X, mask, method))
    for i, valid in enumerate(mask):
        x = X[i, valid].astype("float64")
        low, median, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
        expected = {"standard": x.mean(axis=0), "last": x[-1], "robust": median}[method]
        spread = (high - low) / 1.349 if method == "robust" else x.std(axis=0)
        np.testing.assert_allclose(center[i, 0], expected, rtol=1e-6)
        np.testing.assert_allclose(scale[i, 0], np.sqrt(spread**2 + 1e-5), rtol=1e-5)


@every_method
@pytest.mark.parametrize("affine", [False, True])
def test_denormalising_reverses_normalising(method, affine):
    layer = InstanceNormalization(method, affine=affine, return_statistics=True)
    layer.build(X.shape)
    layer.set_weights([np.array([0.5, -2.0]), np.array([1.0, 3.0])] if affine else [])
    normalised, center, scale = layer(X)
    np.testing.assert_allclose(
        to_numpy(layer.denormalize(normalised, (center, scale))), X, rtol=1e-5
    )


def test_several_values_per_channel_are_denormalised_alike():
    layer = InstanceNormalization(affine=True, return_statistics=True)
    layer.build(X.shape)
    layer.set_weights([np.array([0.5, -2.0]), np.array([1.0, 3.0])])
    normalised, *statistics = layer(X)
    values = np.stack([to_numpy(normalised)] * 3, axis=-1).astype("float32")
    found = to_numpy(layer.denormalize(values, statistics))
    np.testing.assert_allclose(found, np.stack([X] * 3, axis=-1), rtol=1e-5)


@every_method
def test_forecasts_follow_level_and_scale_of_the_window(method):
    # A network between the two sees the same numbers, whatever the units of the series.
    layer = InstanceNormalization(method, epsilon=1e-12, return_statistics=True)
    normalised, *statistics = layer(X)
    rescaled, *other = layer(1000 * X - 7)
    np.testing.assert_allclose(to_numpy(rescaled), to_numpy(normalised), atol=2e-3)
    forecast = to_numpy(normalised)[:, :4].astype("float32")
    expected = 1000 * to_numpy(denormalize(forecast, statistics)) - 7
    np.testing.assert_allclose(to_numpy(denormalize(forecast, other)), expected, rtol=1e-4)


@every_method
def test_constant_windows_stay_finite(method):
    layer = InstanceNormalization(method, return_statistics=True)
    normalised, center, scale = layer(np.full((2, 9, 1), 3.0, "float32"))
    assert (to_numpy(normalised) == 0).all()
    assert (to_numpy(center) == 3).all()
    assert (to_numpy(scale) > 0).all()


def test_robust_statistics_ignore_an_outlier():
    spoilt = X.copy()
    spoilt[:, 4] = 1e6
    for method, limit in (("standard", 1e3), ("robust", 3.0)):
        moved = to_numpy(instance_statistics(spoilt, None, method)[0]) - X.mean(1, keepdims=True)
        assert (np.abs(moved).max() < limit) == (method == "robust")


def test_a_model_denormalises_with_the_statistics_of_its_window(tmp_path):
    inputs = keras.Input((None, 2))
    layer = InstanceNormalization(return_statistics=True, affine=True)
    normalised, center, scale = layer(inputs)
    model = keras.Model(inputs, layer.denormalize(normalised, (center, scale)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(X), X, rtol=1e-5)


def test_statistics_keep_single_precision_in_half_precision_networks():
    layer = InstanceNormalization(dtype="mixed_float16", return_statistics=True)
    x = X + 5000
    normalised, center, _scale = layer(x)
    assert keras.backend.standardize_dtype(center.dtype) == "float32"
    expected = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    np.testing.assert_allclose(to_numpy(normalised), expected, atol=2.0**-8)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="method='mean'"):
        InstanceNormalization(method="mean")
