"""The weights that are shipped belong to the Keras network, and are small."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from skconvattn.data.patches import read_patches, window_steps
from skconvattn.members import pretrained_network as shipped
from skconvattn.networks.pretrained import LEVELS, pretrained_network


@pytest.fixture(scope="module")
def keras_model():
    weights = shipped.pretrained_network().weights
    width = weights["final_norm/gamma"].shape[0]
    n_layers = sum(name.endswith("_outer/bias") for name in weights)
    model = pretrained_network(width, n_layers, shipped.pretrained_network().n_heads)
    assert [v.path for v in model.trainable_variables] == list(weights)
    model.set_weights(list(weights.values()))
    return model


@pytest.mark.parametrize(("period", "number"), [(12, 0), (4, 1), (1, 0), (168, 5)])
def test_numpy_gives_what_keras_gives(keras_model, period, number):
    rng = np.random.default_rng(0)
    windows = np.cumsum(rng.normal(size=(40, window_steps(period))), axis=1)
    windows[:10, : window_steps(period) - 9] = np.nan
    patches = read_patches(windows, period, number)
    added = keras_model([np.asarray(x, "float32") for x in patches.inputs()[:3]] + [patches.valid])
    expected = patches.base[..., None] + patches.scale[..., None] * np.asarray(added)

    found, attention = shipped.pretrained_network()(patches)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.ptp(windows[20:]))
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)
    assert (attention[~patches.valid] == 0).all()


def test_levels_are_those_that_the_weights_were_trained_for():
    assert shipped.pretrained_network().levels == LEVELS


def test_quantiles_are_in_order(keras_model):
    windows = np.random.default_rng(1).normal(size=(100, window_steps(12))) ** 3
    quantiles, _ = shipped.pretrained_network()(read_patches(windows, 12, 0))

    assert (np.diff(quantiles, axis=2) > 0).all()


def test_the_file_of_weights_is_small_and_says_how_it_was_made():
    folder = resources.files("skconvattn") / "pretrained"

    assert len((folder / "attention.zip").read_bytes()) <= 8_000_000
    text = (folder / "README.md").read_text()
    assert all(word in text for word in ("train.py", "seed", "commit"))
