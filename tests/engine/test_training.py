"""Compiled training is Keras's own, step by step, and keeps the weights it says."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import AttentionRegressor, ConvAttentionClassifier, ConvAttentionRegressor
from skconvattn.data import Rows, Windows
from skconvattn.engine import TrainingPlan, train
from skconvattn.engine.programs import FittedModel
from skconvattn.engine.weights import Initialization, Layout
from skconvattn.networks import ClassHead, ClassOutput, HorizonHead, ModelSpec, ValueHead

N_SAMPLES, BATCH_SIZE, EPOCHS = 22, 9, 2


def _plan(**changes) -> TrainingPlan:
    settings = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "optimizer": "adam",
                "learning_rate": 0.01, "loss": "mean_squared_error"}  # fmt: skip
    return TrainingPlan(**{**settings, **changes})


def _rows(targets=None) -> Rows:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(N_SAMPLES, 6, 2)).astype("float32")
    if targets is None:
        targets = inputs[:, :2, 0] - inputs[:, 3:5, 1]
    weights = rng.uniform(0.5, 1.5, size=N_SAMPLES).astype("float32")
    return Rows(inputs=inputs, targets=targets, weights=weights)


def _spec(network=None, head=ValueHead(2, linear=True), n_timepoints=6, n_channels=2) -> ModelSpec:  # noqa: B008, heads are frozen
    network = network or ConvAttentionRegressor(filters=3, units=4)
    return ModelSpec.of(network, head, n_timepoints=n_timepoints, n_channels=n_channels)


def _by_keras(spec, source, plan, seed, optimizer, loss) -> tuple[list[float], keras.Model]:
    """Train with ``train_on_batch`` from the same weights in the same order."""
    rng = np.random.default_rng(seed)
    weights, state = Initialization.of(spec.build().model).draw(rng)
    vector = Layout.of(weights).flatten(weights)
    model = FittedModel(spec, vector, tuple(state)).to_keras()
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=True)
    losses = []
    for _ in range(plan.epochs):
        order, total = rng.permutation(len(source)), 0.0
        for batch in np.split(order, range(plan.batch_size, len(source), plan.batch_size)):
            inputs, targets, sample_weight = source.batch(batch)
            inputs = inputs if len(inputs) > 1 else inputs[0]
            model.reset_metrics()
            batch_loss = model.train_on_batch(inputs, targets, sample_weight=sample_weight)
            total += float(np.ravel(batch_loss)[0]) * len(batch)
        losses.append(total / len(source))
    return losses, model


def _assert_same_training(spec, source, plan, optimizer, loss, rtol=1e-5):
    result = train(spec, source, plan, np.random.default_rng(3))
    losses, model = _by_keras(spec, source, plan, 3, optimizer, loss)
    np.testing.assert_allclose(result.history["loss"], losses, rtol=rtol)
    trained = Layout.of(model.trainable_variables).flatten(
        [v.numpy() for v in model.trainable_variables]
    )
    # Relative to the largest weight: small gradients carry the rounding of large ones.
    np.testing.assert_allclose(
        result.model.weights, trained, atol=100 * rtol * np.abs(trained).max()
    )
    assert losses[-1] < losses[0]


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "sgd with momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "clipped by value": lambda: keras.optimizers.Adam(0.01, clipvalue=0.05),
    "clipped over all": lambda: keras.optimizers.SGD(0.05, global_clipnorm=0.1),
    "clipped by variable": lambda: keras.optimizers.SGD(0.05, clipnorm=0.1),
    "accumulating": lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=2),
    "lamb": lambda: keras.optimizers.Lamb(0.01),
    "adafactor": lambda: keras.optimizers.Adafactor(0.05),
    "scheduled": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.02, 2, 0.8)
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_kind_of_optimiser_takes_the_steps_it_takes_in_keras(name):
    make = OPTIMIZERS[name]
    plan = _plan(optimizer=make(), learning_rate=None)
    _assert_same_training(_spec(), _rows(), plan, make(), "mean_squared_error")


@pytest.mark.parametrize(
    "network",
    [
        AttentionRegressor(recurrent_units=3, units=4),
        AttentionRegressor(recurrent="gru", recurrent_units=3, units=4, bidirectional=True),
        ConvAttentionRegressor(filters=3, units=4, residual=True, attention_score="luong"),
    ],
    ids=["lstm", "gru", "residual"],
)
def test_every_encoder_is_trained_as_in_keras(network):
    optimizer = keras.optimizers.Adam(0.01)
    _assert_same_training(_spec(network), _rows(), _plan(), optimizer, "mean_squared_error")


def test_dropout_draws_what_it_draws_in_keras():
    network = ConvAttentionRegressor(filters=3, units=4, dropout=0.4)
    optimizer = keras.optimizers.Adam(0.01)
    plan = _plan(epochs=5)
    _assert_same_training(_spec(network), _rows(), plan, optimizer, "mean_squared_error")


def test_classes_are_trained_as_in_keras():
    labels = (np.arange(N_SAMPLES) % 3).astype("int32")
    spec = _spec(ConvAttentionClassifier(filters=3, units=4), ClassHead(ClassOutput(3)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    plan = _plan(loss=loss)
    _assert_same_training(spec, _rows(labels), plan, keras.optimizers.Adam(0.01), loss)


@pytest.mark.parametrize("n_known", [0, 2])
def test_windows_with_missing_targets_are_trained_as_in_keras(n_known):
    series = np.cumsum(np.random.default_rng(0).normal(size=(40, 1 + n_known)), axis=0)
    windows = Windows.over([series[:25], series[25:]], window_length=6, horizon=4)
    head = HorizonHead(4, n_known=n_known, seasonal_period=2)
    spec = _spec(head=head, n_channels=1 + n_known)
    plan = _plan(loss="mean_absolute_error")
    _assert_same_training(spec, windows, plan, keras.optimizers.Adam(0.01), "mean_absolute_error")


def test_the_loss_of_an_epoch_is_the_mean_over_samples_not_over_batches():
    rows = _rows()
    still = train(_spec(), rows, _plan(learning_rate=1e-30, epochs=1), np.random.default_rng(0))
    outputs = still.model.predict([rows.inputs])
    squares = ((rows.targets - outputs) ** 2).mean(axis=1)
    assert still.history["loss"][0] == pytest.approx(np.mean(rows.weights * squares), rel=1e-5)


def test_the_validation_loss_is_that_of_the_samples_held_out():
    rows = _rows()
    held_out = np.array([1, 5, 6, 20])
    training = np.setdiff1d(np.arange(N_SAMPLES), held_out)
    plan = _plan(patience=None, epochs=2)
    result = train(
        _spec(), rows, plan, np.random.default_rng(0), training=training, validation=held_out
    )
    outputs = result.model.predict([rows.inputs[held_out]])
    squares = ((rows.targets[held_out] - outputs) ** 2).mean(axis=1)
    expected = np.mean(rows.weights[held_out] * squares)
    assert result.history["val_loss"][-1] == pytest.approx(expected, rel=1e-5)


def test_samples_held_out_have_no_influence_on_the_weights():
    rows, other = _rows(), _rows()
    held_out = np.arange(5)
    other.inputs[held_out] = 100.0
    plan = _plan()
    training = np.arange(5, N_SAMPLES)
    one, two = (
        train(_spec(), source, plan, np.random.default_rng(0), training=training).model.weights
        for source in (rows, other)
    )
    np.testing.assert_array_equal(one, two)


def test_early_stopping_keeps_the_best_epoch_and_stops_after_the_patience():
    rows = _rows()
    # Far too large a rate: the loss rises again after a while.
    plan = _plan(epochs=60, patience=4, learning_rate=0.3)
    validation = np.arange(6)
    result = train(
        _spec(), rows, plan, np.random.default_rng(0),
        training=np.arange(6, N_SAMPLES), validation=validation,
    )  # fmt: skip
    losses = result.history["val_loss"]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == result.best_epoch + 4 < 60
    assert result.best_loss == min(losses)
    outputs = result.model.predict([rows.inputs[validation]])
    squares = ((rows.targets[validation] - outputs) ** 2).mean(axis=1)
    assert result.best_loss == pytest.approx(np.mean(rows.weights[validation] * squares), rel=1e-5)


def test_weights_that_training_does_not_improve_stay_as_they_began():
    rows = _rows(np.zeros((N_SAMPLES, 2), "float32"))
    spec = _spec(ConvAttentionRegressor(filters=3, units=4))
    start = train(spec, rows, _plan(epochs=300), np.random.default_rng(0)).model
    away = _rows(np.full((N_SAMPLES, 2), 9, "float32"))
    mixed = Rows(rows.inputs, np.r_[rows.targets[:6], away.targets[6:]], rows.weights)
    result = train(
        spec, mixed, _plan(patience=3, epochs=9), np.random.default_rng(0), start=start,
        training=np.arange(6, N_SAMPLES), validation=np.arange(6),
    )  # fmt: skip
    assert (result.best_epoch, len(result.history["loss"])) == (0, 3)
    np.testing.assert_array_equal(result.model.weights, start.weights)
    assert result.best_loss == result.first_loss


def test_a_warm_start_goes_on_from_the_last_weights():
    X = np.random.default_rng(0).normal(size=(60, 6))
    y = X[:, 0]
    settings = {"filters": 2, "units": 2, "epochs": 4, "random_state": 0, "early_stopping": False}
    settings["members"] = ["network"]
    warm = ConvAttentionRegressor(**settings, warm_start=True).fit(X, y)
    first = list(warm.history_["loss"])
    second = warm.fit(X, y).history_["loss"]
    assert second[0] < first[-1]
    cold = ConvAttentionRegressor(**settings).fit(X, y)
    assert cold.history_["loss"] == first
    assert cold.fit(X, y).history_["loss"] == first


def test_a_warm_start_on_another_shape_begins_anew():
    X = np.random.default_rng(0).normal(size=(60, 6))
    settings = {"filters": 2, "units": 2, "epochs": 2, "random_state": 0, "early_stopping": False}
    settings["members"] = ["network"]
    warm = ConvAttentionRegressor(**settings, warm_start=True).fit(X, X[:, 0])
    cold = ConvAttentionRegressor(**settings).fit(X[:, :5], X[:, 0])
    assert warm.fit(X[:, :5], X[:, 0]).history_ == cold.history_


def test_fitted_attributes_describe_the_training():
    X = np.random.default_rng(0).normal(size=(120, 6))
    regressor = ConvAttentionRegressor(
        members=["network"], filters=2, units=2, epochs=5, random_state=0
    )
    regressor.fit(X, X[:, 0])
    assert regressor.n_iter_ == len(regressor.history_["loss"]) == 5
    assert regressor.best_loss_ == min(regressor.history_["val_loss"])
    regressor.set_params(early_stopping=False).fit(X, X[:, 0])
    assert set(regressor.history_) == {"loss"}
    assert regressor.best_loss_ == regressor.history_["loss"][-1]


def test_the_keras_model_of_a_fit_predicts_what_the_estimator_predicts():
    X = np.random.default_rng(0).normal(size=(40, 6))
    regressor = ConvAttentionRegressor(
        members=["network"], filters=2, units=2, epochs=2, random_state=0
    ).fit(X, X[:, 0])
    scaled = regressor._preparation_.scaling.apply(X[..., None])
    by_keras = regressor._target_scaling_.reverse(regressor.model_(scaled).numpy())[:, 0]
    np.testing.assert_allclose(by_keras, regressor.predict(X), rtol=1e-4, atol=1e-5)
    assert regressor.model_ is not regressor.model_
