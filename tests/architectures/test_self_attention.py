"""Self-attention architectures see what they should."""

from __future__ import annotations

import numpy as np
import pytest

from skconvattn import SelfAttentionRegressor
from skconvattn.architectures.self_attention import SelfAttentionNetwork
from skconvattn.networks import ClassHead, ClassOutput, ModelSpec

KINDS = ["multi_head", "additive", "multiplicative", "linear"]


def _model(*, sequence: bool = False, **parameters):
    network = SelfAttentionNetwork(filters=4, units=4, num_heads=2, kernel_size=3, **parameters)
    spec = ModelSpec.of(
        network, ClassHead(ClassOutput(3)), n_timepoints=None, n_channels=2, masked=True
    )
    if not sequence:
        return spec.build().model
    import keras

    series, mask = keras.Input((None, 2)), keras.Input((None,), dtype="bool")
    return keras.Model([series, mask], network.encode(series, mask).sequence)


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 20, 2)).astype("float32")


@pytest.mark.parametrize("pooling", ["statistics", "attention"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_tail_is_as_good_as_none(kind, pooling, series):
    model = _model(attention_type=kind, pooling=pooling, strides=2)
    mask = np.broadcast_to(np.arange(20) < 13, (3, 20))
    behind = np.where(mask[..., None], series, 50.0).astype("float32")
    alone = np.asarray(model([series[:, :13], mask[:, :13]]))
    np.testing.assert_allclose(np.asarray(model([behind, mask])), alone, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_sees_a_later_one_with_history_only(kind, series):
    model = _model(sequence=True, attention_type=kind, history_only=True, dilation_base=2)
    mask = np.ones((3, 20), bool)
    changed = series.copy()
    changed[:, 12:] += 1.0
    before, after = np.asarray(model([series, mask])), np.asarray(model([changed, mask]))
    np.testing.assert_allclose(after[:, :12], before[:, :12], atol=1e-6)
    assert (np.abs(after[:, 12:] - before[:, 12:]).max(axis=2) > 1e-3).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"attention_type": "linear", "attention_width": 3}, "attention_width=3 does not go with"),
        ({"attention_type": "additive", "positions": "rotary"}, "positions='rotary' does not go"),
        ({"filters": 1}, "filters=1 does not go with hidden_normalization='layer'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(parameters, message):
    X = np.random.default_rng(0).normal(size=(12, 8))
    with pytest.raises(ValueError, match=message):
        SelfAttentionRegressor(epochs=1, members=["network"], **parameters).fit(X, X[:, 0])


def test_without_residual_connections_a_convolution_of_zeros_leaves_nothing(series):
    mask = np.ones((3, 20), bool)
    for residual in (True, False):
        model = _model(
            sequence=True, residual=residual, n_convolutions=2, hidden_normalization=None
        )
        # The first convolution as it is, the second one of zeros; attention adds no more than a
        # map of what it is given.
        second = [layer for layer in model.layers if "conv1d" in layer.name][1]
        second.set_weights([np.zeros(w.shape) for w in second.get_weights()])
        for variable in model.layers[-2].trainable_variables:
            variable.assign(np.zeros(variable.shape))
        assert (np.abs(np.asarray(model([series, mask]))).max() > 1e-3) == residual


@pytest.mark.parametrize("kind", KINDS)
def test_plain_convolutions_leave_masked_steps_out(kind, series):
    model = _model(attention_type=kind, residual=False, strides=2)
    mask = np.broadcast_to(np.arange(20) < 13, (3, 20))
    behind = np.where(mask[..., None], series, 50.0).astype("float32")
    alone = np.asarray(model([series[:, :13], mask[:, :13]]))
    np.testing.assert_allclose(np.asarray(model([behind, mask])), alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["multi_head", "additive"])
def test_attention_of_a_window_is_shown_as_a_square(kind):
    X = np.random.default_rng(0).normal(size=(12, 10))
    regressor = SelfAttentionRegressor(
        epochs=1,
        attention_type=kind,
        attention_width=3,
        num_heads=1,
        random_state=0,
        members=["network"],
    )
    regressor.fit(X, X[:, 0])
    attention = regressor.fitted_model_.attention([X[..., None].astype("float32")])
    assert attention.shape == (12, 1, 10, 10)
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)
    far = np.abs(np.subtract.outer(np.arange(10), np.arange(10))) > 1
    assert (attention[:, :, far] == 0).all()
