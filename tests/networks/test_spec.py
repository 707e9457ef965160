"""A specification is a value: equal for equal models, hashable, and built without side effects."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import keras
import numpy as np
import pytest

from skconvattn import AttentionRegressor, ConvAttentionForecaster, ConvAttentionRegressor
from skconvattn.networks import (
    ClassHead,
    ClassOutput,
    Encoding,
    HorizonHead,
    ModelSpec,
    Network,
    QuantileOutput,
    ValueHead,
)

SHAPE = {"n_timepoints": 8, "n_channels": 2}


def _spec(head=ValueHead(1), shape=SHAPE, **parameters):  # noqa: B008, heads are frozen
    return ModelSpec.of(ConvAttentionRegressor(**parameters), head, **shape)


def test_equal_parameters_give_equal_specifications_of_equal_hash():
    assert _spec(filters=4) == _spec(filters=4)
    assert hash(_spec(filters=4)) == hash(_spec(filters=4))
    assert _spec(filters=4) is not _spec(filters=4)


@pytest.mark.parametrize(
    "other",
    [
        _spec(filters=5),
        _spec(activation="tanh"),
        _spec(head=ValueHead(2)),
        _spec(head=ValueHead(1, linear=True)),
        _spec(head=ClassHead(ClassOutput(2))),
        _spec(head=HorizonHead(1)),
        _spec(shape={**SHAPE, "n_timepoints": 9}),
        _spec(shape={**SHAPE, "n_channels": 1}),
        _spec(shape={**SHAPE, "masked": True}),
        ModelSpec.of(AttentionRegressor(), ValueHead(1), **SHAPE),
    ],
    ids=repr,
)
def test_whatever_changes_the_model_changes_the_specification(other):
    assert _spec() != other


def test_parameters_of_training_and_task_are_not_part_of_it():
    trained = _spec(epochs=3, learning_rate=1.0, optimizer="sgd", random_state=1, batch_size=4)
    assert trained == _spec()
    forecaster = ConvAttentionForecaster(window_length=8, refit=False)
    assert ModelSpec.of(forecaster, ValueHead(1), **SHAPE) == _spec()


def test_a_specification_survives_pickling_as_an_equal_value():
    spec = _spec(head=HorizonHead(3, output=QuantileOutput((0.1, 0.9))))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_lists_become_hashable():
    spec = _spec(kernel_size=[3, [5]])
    assert dict(spec.parameters)["kernel_size"] == (3, (5,))
    hash(spec)


def test_a_specification_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        _spec().n_channels = 3


@pytest.mark.usefixtures("loaded_backend", "unchanged_process")
def test_building_leaves_the_process_as_it_was():
    _spec().build()


def test_models_do_not_depend_on_python_s_random_state():
    state = random.getstate()
    try:
        random.seed(1)
        one = _spec().build().model.get_weights()
        random.seed(2)
        other = _spec().build().model.get_weights()
    finally:
        random.setstate(state)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def test_building_in_threads_leaves_python_s_random_state_alone():
    state = random.getstate()
    try:
        random.seed(3)
        before = random.getstate()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: _spec().build(), range(16)))
        assert random.getstate() == before
    finally:
        random.setstate(state)


def test_the_attention_model_shares_the_weights():
    built = _spec().build()
    weights = {id(v) for v in built.model.trainable_variables}
    assert {id(v) for v in built.attention_model.trainable_variables} < weights


class AverageNetwork(Network):
    """The mean over time, without attention."""

    def encode(self, inputs, mask=None):
        return Encoding(keras.layers.GlobalAveragePooling1D()(inputs, mask=mask))


def test_an_architecture_without_attention_has_no_attention_model():
    built = ModelSpec.of(AverageNetwork(), ValueHead(1), **SHAPE).build()
    assert built.attention_model is None
    assert built.model.output.shape == (None, 1)


def test_a_mask_is_a_further_input_that_the_architecture_gets():
    built = ModelSpec.of(AverageNetwork(), ValueHead(1), **SHAPE, masked=True).build()
    kernel, bias = np.array([[1.0], [10.0]]), np.zeros(1)
    built.model.set_weights([kernel, bias])
    series = np.arange(16, dtype=np.float32).reshape(1, 8, 2)
    mask = np.arange(8)[None] < 3
    # Means over the first three steps: 2 and 3.
    assert built.model([series, mask]).numpy() == 32.0


def test_a_network_without_encode_says_what_to_write():
    with pytest.raises(NotImplementedError, match=r"Network does not implement encode"):
        ModelSpec.of(Network(), ValueHead(1), **SHAPE).build()
