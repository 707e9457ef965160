"""Recurrent encoders read long series in patches, and keep their patches for longer series."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import AttentionClassifier, ConvAttentionRegressor
from skconvattn.architectures.attention import AttentionNetwork
from skconvattn.architectures.conv_attention import ConvAttentionNetwork
from skconvattn.inspection import attention_weights
from skconvattn.networks import ClassHead, ClassOutput, ModelSpec

SMALL = {"recurrent_units": 4, "units": 4, "members": ["network"]}


def _spec(network, n_timepoints):
    head = ClassHead(ClassOutput(3))
    return ModelSpec.of(network, head, n_timepoints=n_timepoints, n_channels=2, masked=True)


@pytest.mark.parametrize(
    ("given", "n_timepoints", "n_positions"),
    [("auto", 100, 100), ("auto", 101, 34), ("auto", 1000, 50), (4, 30, 8), (1, 300, 300)],
)
def test_the_encoder_reads_at_most_a_hundred_steps(given, n_timepoints, n_positions):
    built = _spec(AttentionNetwork(patch_size=given), n_timepoints).build()
    assert built.attention_model.output.shape == (None, n_positions)


def test_a_model_keeps_its_patches_for_longer_series():
    spec = _spec(AttentionNetwork(recurrent_units=4, units=4), 150)
    longer = spec.for_length(400)
    built = longer.build()
    assert built.attention_model.output.shape == (None, 134)
    shapes = [[tuple(each.shape) for each in one.model.weights] for one in (spec.build(), built)]
    assert shapes[0] == shapes[1]


def test_padding_behind_a_series_changes_nothing():
    network = AttentionNetwork(recurrent_units=4, units=4, patch_size=3)
    rng = np.random.default_rng(0)
    series = rng.normal(size=(3, 30, 2)).astype("float32")
    model = _spec(network, 21).build().model
    padded = _spec(network, 21).for_length(30).build().model
    padded.set_weights(model.get_weights())
    mask = np.broadcast_to(np.arange(30) < 21, (3, 30))
    behind = np.where(mask[..., None], series, 50.0).astype("float32")
    alone = np.asarray(model([series[:, :21], mask[:, :21]]))
    np.testing.assert_allclose(np.asarray(padded([behind, mask])), alone, atol=1e-5)


def test_a_convolution_without_recurrent_encoder_has_no_patches():
    parameters = dict(_spec(ConvAttentionNetwork(), 300).parameters)
    assert parameters["patch_size"] == 1
    parameters = dict(_spec(ConvAttentionNetwork(recurrent="gru"), 300).parameters)
    assert parameters["patch_size"] == 6


def test_attention_over_patches_is_shown_over_time():
    X = np.random.default_rng(0).normal(size=(8, 130))
    classifier = AttentionClassifier(epochs=1, random_state=0, **SMALL).fit(X, np.arange(8) % 2)
    weights = attention_weights(classifier, X)
    assert weights.shape == (8, 130)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(weights[:, 0], weights[:, 2], atol=1e-12)


def test_patches_and_pooling_together_cover_the_series():
    X = np.random.default_rng(0).normal(size=(8, 130))
    regressor = ConvAttentionRegressor(
        recurrent="gru", patch_size=5, pool_size=2, filters=4, epochs=1, random_state=0, **SMALL
    ).fit(X, X[:, 0])
    weights = attention_weights(regressor, X)
    assert weights.shape == (8, 130)
    np.testing.assert_allclose(weights[:, 0], weights[:, 9], atol=1e-12)


@pytest.mark.parametrize("patch_size", [0, "large", 2.5])
def test_a_patch_size_that_is_none_is_refused(patch_size):
    X = np.random.default_rng(0).normal(size=(8, 20))
    with pytest.raises(ValueError, match="patch_size"):
        AttentionClassifier(patch_size=patch_size).fit(X, np.arange(8) % 2)
