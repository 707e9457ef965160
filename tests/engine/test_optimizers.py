"""Optimisers and losses of any kind train, are copied, and do what they do in Keras."""

from __future__ import annotations

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from skconvattn import ConvAttentionRegressor
from skconvattn.engine.objectives.losses import loss_key, make_loss
from skconvattn.engine.objectives.optimizers import OptimizerSpec
from skconvattn.networks import QuantileOutput

X = np.random.default_rng(0).normal(size=(48, 8))
Y = X[:, 0] + X[:, 3]
SMALL = {
    "members": ["network"],
    "filters": 2,
    "units": 2,
    "epochs": 3,
    "early_stopping": False,
    "random_state": 0,
}


def _losses(**parameters) -> list[float]:
    return ConvAttentionRegressor(**{**SMALL, **parameters}).fit(X, Y).history_["loss"]


def _predictions(**parameters) -> np.ndarray:
    return ConvAttentionRegressor(**{**SMALL, **parameters}).fit(X, Y).predict(X)


class Halved(keras.optimizers.SGD):
    """Takes half a step, without any registration with Keras."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate / 2)


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """Halves the rate each step."""

    def __call__(self, step):
        return 0.1 * 0.5 ** ops.cast(step, "float32")

    def get_config(self):
        return {}


class Times(keras.losses.Loss):
    """Squared error times a factor that no configuration tells."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)


NAMES = ["sgd", "adam", "adamw", "adamax", "nadam", "rmsprop", "adagrad", "adadelta", "ftrl"]
NAMES += ["lion", "adafactor"]
# Keras knows it by name since 3.12.
with contextlib.suppress(ValueError):
    keras.optimizers.get("muon")
    NAMES.append("muon")


@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_that_keras_knows_by_name_lowers_the_loss(name):
    losses = _losses(optimizer=name, learning_rate=0.01, epochs=6)
    assert losses[-1] < losses[0]


def test_name_configuration_and_object_are_the_same_optimiser():
    adam = keras.optimizers.Adam(0.01)
    by_object = _losses(optimizer=adam)
    assert _losses(optimizer="adam", learning_rate=0.01) == by_object
    assert _losses(optimizer=keras.optimizers.serialize(adam)) == by_object
    assert _losses(optimizer=keras.optimizers.Adam(5.0), learning_rate=0.01) == by_object


def test_an_optimiser_given_as_an_object_is_left_as_it_was():
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    first = _losses(optimizer=optimizer)
    assert _losses(optimizer=optimizer) == first
    assert not optimizer.built
    assert int(optimizer.iterations) == 0
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


def test_an_optimiser_of_the_user_s_needs_no_registration():
    assert _losses(optimizer=Halved(0.1)) == pytest.approx(
        _losses(optimizer=keras.optimizers.SGD(0.05)), rel=1e-6
    )


def test_a_schedule_over_steps_is_followed():
    constant = keras.optimizers.schedules.PiecewiseConstantDecay([6], [0.1, 0.0])
    losses = _losses(optimizer="sgd", learning_rate=constant, batch_size=12, epochs=4)
    # Steps 0 to 6 train, four of them per epoch: from the third epoch on nothing moves.
    assert losses[0] > losses[1] > losses[2]
    assert losses[3] == pytest.approx(losses[2], rel=1e-6)


def test_a_schedule_of_the_user_s_needs_no_registration():
    by_user = _losses(optimizer="sgd", learning_rate=Falling())
    keras_s = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5)
    assert by_user == pytest.approx(_losses(optimizer="sgd", learning_rate=keras_s), rel=1e-6)


@pytest.mark.parametrize(
    "scaled",
    [
        keras.optimizers.SGD(0.05, loss_scale_factor=128.0),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=64.0),
    ],
    ids=["factor", "wrapper"],
)
def test_the_scale_of_the_loss_changes_nothing_but_the_range_of_gradients(scaled):
    plain = keras.optimizers.SGD(0.05)
    expected = _predictions(optimizer=plain)
    np.testing.assert_allclose(_predictions(optimizer=scaled), expected, rtol=1e-4)


def test_moving_averages_of_weights_are_kept_where_the_optimiser_has_them():
    raw = _predictions(optimizer=keras.optimizers.SGD(0.05))
    nearly_raw = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.0)
    slow = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)
    np.testing.assert_allclose(_predictions(optimizer=nearly_raw), raw, rtol=1e-5)
    assert np.abs(_predictions(optimizer=slow) - raw).max() > 0.1
    assert _losses(optimizer=slow) == _losses(optimizer=keras.optimizers.SGD(0.05))


def test_loss_by_name_object_and_function_is_the_same():
    by_name = _losses(loss="mean_squared_error")
    assert _losses(loss="auto") == by_name
    assert _losses(loss=keras.losses.MeanSquaredError()) == by_name
    assert _losses(loss=keras.losses.mean_squared_error) == pytest.approx(by_name, rel=1e-6)
    by_lambda = _losses(loss=lambda y_true, y_pred: ops.mean((y_true - y_pred) ** 2, axis=-1))
    assert by_lambda == pytest.approx(by_name, rel=1e-6)


def test_losses_of_the_user_s_need_no_registration():
    plain = _losses(epochs=1)
    assert _losses(loss=Times(1.0), epochs=1) == pytest.approx(plain, rel=1e-6)
    # Adam's steps do not depend on the scale, nearly.
    assert _losses(loss=Times(100.0), epochs=1) == pytest.approx([100 * plain[0]], rel=1e-3)


def test_arguments_of_keras_s_losses_are_kept():
    narrow = _losses(loss=keras.losses.Huber(1e-3), epochs=1)
    wide = _losses(loss=keras.losses.Huber(1e3), epochs=1)
    # Beyond delta the loss is delta times the distance, below it half the squared distance.
    assert narrow[0] < 3e-3
    assert wide == pytest.approx([loss / 2 for loss in _losses(epochs=1)], rel=1e-3)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (lambda: Times(2.0), Times(3.0)),
        (lambda: Times(np.arange(3.0)), Times(np.arange(3))),
        (lambda: Times([1, {"a": 2}]), Times([1, {"a": 3}])),
        (lambda: keras.losses.Huber(0.5), keras.losses.Huber(0.7)),
        (lambda: keras.losses.CosineSimilarity(axis=1), keras.losses.CosineSimilarity(axis=2)),
        (keras.losses.MeanSquaredError, keras.losses.MeanSquaredError(reduction="sum")),
    ],
)
def test_losses_of_equal_class_and_attributes_have_one_key(make, other):
    assert make() != make()
    assert loss_key(make()) == loss_key(make())
    assert hash(loss_key(make())) == hash(loss_key(make()))
    assert loss_key(make()) != loss_key(other)


def test_a_loss_changed_after_a_fit_is_another_loss():
    loss = Times(1.0)
    before = _losses(loss=loss, epochs=1)
    loss.factor = 100.0
    assert _losses(loss=loss, epochs=1) == pytest.approx([100 * before[0]], rel=1e-3)


def test_the_learning_rate_is_not_part_of_an_optimiser_s_key():
    one, rate = OptimizerSpec.of(keras.optimizers.Adam(0.1), None)
    other, other_rate = OptimizerSpec.of("adam", 0.2)
    assert one == other
    assert (rate, other_rate) == (pytest.approx(0.1), 0.2)
    assert one != OptimizerSpec.of(keras.optimizers.Adam(0.1, beta_1=0.5), None)[0]


@pytest.mark.parametrize(
    ("optimizer", "flat"),
    [
        ("adam", True),
        (keras.optimizers.Adam(clipvalue=1.0), True),
        (keras.optimizers.Adam(global_clipnorm=1.0), True),
        (keras.optimizers.Adam(clipnorm=1.0), False),
        (keras.optimizers.Lamb(), False),
        ("adafactor", False),
        (Halved(0.1), False),
    ],
)
def test_only_optimisers_known_to_treat_weights_one_by_one_see_them_as_one_vector(optimizer, flat):
    assert OptimizerSpec.of(optimizer, None)[0].elementwise is flat


def test_the_pinball_loss_is_koenker_s_with_weights_and_broadcasting():
    levels = (0.1, 0.5, 0.9)
    rng = np.random.default_rng(0)
    actual, weights = rng.normal(size=(4, 6, 1)), rng.uniform(size=(4, 6))
    forecast = rng.normal(size=(4, 6, 3))
    error = actual - forecast
    tau = np.array(levels)
    expected = np.mean(weights[..., None] * np.maximum(tau * error, (tau - 1) * error))
    loss = make_loss(loss_key(QuantileOutput((0.1, 0.5, 0.9)).loss()))
    computed = loss(actual.astype("float32"), forecast.astype("float32"), weights.astype("float32"))
    assert float(computed) == pytest.approx(expected, rel=1e-6)


def test_unknown_names_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"optimizer='adamm' is not an optimiser .* use a name"):
        _losses(optimizer="adamm")
    with pytest.raises(ValueError, match=r"loss='msee' is not a loss .* use a name"):
        _losses(loss="msee")
