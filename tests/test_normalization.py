"""Normalisations: arrays and tensors agree, the inverse undoes the forward, names are checked."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from skconvattn._normalization import (
    NORMALIZATIONS,
    Normalization,
    StandardNormalization,
    normalization_of,
)

every_name = pytest.mark.parametrize("name", [*NORMALIZATIONS, None])
WINDOWS = np.random.default_rng(0).normal(loc=5, scale=2, size=(7, 24)).astype("float32")


@every_name
@pytest.mark.parametrize("length", [1, 2, 23, 24])
def test_arrays_and_tensors_have_the_same_statistics(name, length):
    from skconvattn.layers.instance_normalization import instance_statistics
    from tests.layers.backends import to_numpy

    windows, normalization = WINDOWS[:, :length], normalization_of(name)
    tensor = windows[..., None].astype("float32")  # (n, window_length, 1)
    center, scale = (to_numpy(x)[:, 0] for x in instance_statistics(tensor, None, name))
    found = normalization.numpy_center(windows)
    assert found.shape == (7, 1)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, center, rtol=1e-6, atol=1e-6)
    found = normalization.numpy_scale(windows)
    np.testing.assert_allclose(found, scale, rtol=1e-6, atol=1e-6)


@every_name
def test_the_inverse_undoes_the_normalisation(name):
    normalization = normalization_of(name)
    statistics = normalization.numpy_center(WINDOWS), normalization.numpy_scale(WINDOWS)
    normalized = normalization.normalize(WINDOWS, statistics)
    np.testing.assert_allclose(normalization.denormalize(normalized, statistics), WINDOWS)


def test_statistics_are_those_of_their_names():
    windows = np.array([[1.0, 2.0, 9.0], [4.0, 4.0, 4.0]])
    expected = {"standard": [4, 4], "last": [9, 4], "robust": [2, 4], None: [0, 0]}
    for name, center in expected.items():
        assert normalization_of(name).numpy_center(windows).ravel().tolist() == center
    variance = (9 + 4 + 25) / 3
    scale = normalization_of("last").numpy_scale(windows)
    np.testing.assert_allclose(scale.ravel(), np.sqrt([variance + 1e-5, 1e-5]))
    scale = normalization_of("robust").numpy_scale(windows, epsilon=0.0)
    np.testing.assert_allclose(scale.ravel(), [(5.5 - 1.5) / 1.349, 0])


def test_without_a_name_nothing_changes():
    identity = normalization_of(None)
    statistics = identity.numpy_center(WINDOWS), identity.numpy_scale(WINDOWS)
    assert (identity.normalize(WINDOWS, statistics) == WINDOWS).all()


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="normalization='mean' is not known; use one of 'stand"):
        normalization_of("mean")


def test_a_new_normalisation_is_one_class(monkeypatch):
    from skconvattn.layers import InstanceNormalization
    from tests.layers.backends import to_numpy

    class FromZero(StandardNormalization):
        name = "from-zero"

        def center(self, series):
            return series.constant(0.0)

    monkeypatch.setitem(NORMALIZATIONS, FromZero.name, FromZero())
    normalization = normalization_of("from-zero")
    assert (normalization.numpy_center(WINDOWS) == 0).all()
    layer = InstanceNormalization("from-zero", return_statistics=True)
    normalized, *statistics = layer(WINDOWS[..., None].astype("float32"))
    expected = WINDOWS / normalization.numpy_scale(WINDOWS)
    np.testing.assert_allclose(to_numpy(normalized)[..., 0], expected, rtol=1e-5)
    restored = to_numpy(layer.denormalize(normalized, statistics))[..., 0]
    np.testing.assert_allclose(restored, WINDOWS, rtol=1e-5)


def test_a_class_without_statistics_says_what_is_missing():
    with pytest.raises(NotImplementedError, match=r"Normalization does not implement center"):
        Normalization().numpy_center(WINDOWS)
    with pytest.raises(NotImplementedError, match=r"does not implement squared_dispersion"):
        Normalization().squared_dispersion(None)


def test_normalisations_load_no_backend():
    script = (
        "import sys, skconvattn._normalization as n; n.normalization_of('robust');"
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
