"""Metrics are measured as by hand, with the weights of the samples, in both engines."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor
from skconvattn import load as load_estimator
from skconvattn.data import Rows
from skconvattn.engine import TrainingPlan, train
from skconvattn.engine.objectives.metrics import metric_keys
from skconvattn.networks import ClassHead, ClassOutput, ModelSpec, ValueHead

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(40, 6, 1)).astype("float32")
VALUES = (SERIES[:, :2, 0] - SERIES[:, 3:5, 0]).astype("float32")
WEIGHTS = RNG.uniform(0.5, 1.5, size=40).astype("float32")
TRAINING, HELD_OUT = np.arange(28), np.arange(28, 40)
X, Y = SERIES[..., 0], VALUES[:, 0]
SMALL = {"members": ["network"], "filters": 2, "units": 2, "epochs": 3, "random_state": 0}

every_engine = pytest.mark.parametrize("engine", ["compiled", "portable"])


class Largest(keras.metrics.Metric):
    """The largest error seen, by a class that is not registered with Keras."""

    def __init__(self, name: str = "largest", power: float = 1.0, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.power = power
        self.value = self.add_weight(name="value", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        error = keras.ops.max(keras.ops.abs(y_true - y_pred)) ** self.power
        self.value.assign(keras.ops.maximum(self.value, error))

    def result(self) -> Any:
        return self.value + 0.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}


def last_step_error(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.abs(y_true - y_pred)[..., -1]


def _trained(engine: str, metrics: list[Any], source: Rows, head: Any, **changes: Any) -> Any:
    spec = ModelSpec.of(
        ConvAttentionRegressor(filters=3, units=4), head, n_timepoints=6, n_channels=1
    )
    settings = {"epochs": 2, "batch_size": 9, "optimizer": "adam", "learning_rate": 0.01,
                "loss": "mean_squared_error", "engine": engine, **changes}  # fmt: skip
    plan = TrainingPlan(metrics=metrics, **settings)
    return train(
        spec, source, plan, np.random.default_rng(3), training=TRAINING, validation=HELD_OUT
    )


@every_engine
def test_values_are_those_by_hand_with_the_weights_of_the_samples(engine):
    source = Rows(SERIES, VALUES, WEIGHTS)
    metrics = ["mae", Largest(power=2.0), last_step_error]
    # A rate of nearly zero: the weights of every step are those of the end.
    result = _trained(engine, metrics, source, ValueHead(2), learning_rate=1e-30, epochs=1)
    errors = np.abs(result.model.predict([SERIES]) - VALUES)
    for prefix, rows in (("", TRAINING), ("val_", HELD_OUT)):
        expected = {
            "mae": np.average(errors[rows].mean(axis=1), weights=WEIGHTS[rows]),
            "largest": errors[rows].max() ** 2,
            "last_step_error": np.average(errors[rows, -1], weights=WEIGHTS[rows]),
        }
        for name, value in expected.items():
            assert result.history[prefix + name] == [pytest.approx(value, rel=1e-5)]
    assert list(result.history) == [
        "loss", "mae", "largest", "last_step_error",
        "val_loss", "val_mae", "val_largest", "val_last_step_error",
    ]  # fmt: skip


@every_engine
def test_accuracy_is_the_share_of_samples_whose_largest_logit_is_their_class(engine):
    labels = (np.arange(40) % 3).astype("int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    result = _trained(
        engine,
        ["accuracy", "ce"],
        Rows(SERIES, labels, WEIGHTS),
        ClassHead(ClassOutput(3)),
        loss=loss,
    )
    logits = result.model.predict([SERIES[HELD_OUT]])
    right = logits.argmax(axis=1) == labels[HELD_OUT]
    accuracy = np.average(right, weights=WEIGHTS[HELD_OUT])
    assert result.history["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-6)
    # Keras divides the loss by the number of samples, and a metric by the sum of their weights.
    scale = len(HELD_OUT) / WEIGHTS[HELD_OUT].sum()
    assert result.history["val_ce"][-1] == pytest.approx(
        result.history["val_loss"][-1] * scale, rel=1e-5
    )


def test_both_engines_measure_the_same_over_epochs_that_train():
    metrics = ["mae", "mse", keras.metrics.RootMeanSquaredError(), keras.metrics.R2Score()]
    source = Rows(SERIES, VALUES, WEIGHTS)
    one, other = (
        _trained(engine, metrics, source, ValueHead(2), epochs=4).history
        for engine in ("compiled", "portable")
    )
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=2e-5, err_msg=name)
    assert one["mae"][-1] < one["mae"][0]


def test_metrics_change_neither_losses_nor_weights():
    plain = ConvAttentionRegressor(**SMALL).fit(X, Y)
    measured = ConvAttentionRegressor(**SMALL, metrics="mae").fit(X, Y)
    assert measured.history_["loss"] == plain.history_["loss"]
    np.testing.assert_array_equal(measured.fitted_model_.weights, plain.fitted_model_.weights)
    assert set(plain.history_) == {"loss"}
    assert set(measured.history_) == {"loss", "mae"}


def test_every_epoch_counts_its_own_batches_and_every_fit_begins_anew():
    regressor = ConvAttentionRegressor(**SMALL, metrics=["mse"], early_stopping=False)
    first = regressor.fit(X, Y).history_
    np.testing.assert_allclose(first["mse"], first["loss"], rtol=1e-6)
    assert regressor.fit(X, Y).history_ == first

    class Interrupting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clone(regressor).set_params(callbacks=[Interrupting()]).fit(X, Y)
    assert regressor.fit(X, Y).history_ == first


def test_a_callback_may_monitor_a_metric():
    stopping = keras.callbacks.EarlyStopping("mae", patience=0, min_delta=1e9, mode="min")
    regressor = ConvAttentionRegressor(**SMALL, metrics="mae", callbacks=stopping).fit(X, Y)
    assert regressor.n_iter_ == 2


def test_a_forecaster_measures_the_steps_that_are_there():
    forecaster = ConvAttentionForecaster(**SMALL, metrics=["mae"])
    history = forecaster.fit(load_airline(), fh=range(1, 13)).history_
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}
    # The loss is the mean over all steps, the metric over those that the series still has.
    pairs = zip(history["mae"], history["loss"], strict=True)
    assert all(mae >= loss * (1 - 1e-6) for mae, loss in pairs)


def test_names_configurations_and_objects_are_one_metric_and_objects_are_left_alone():
    given = keras.metrics.MeanAbsoluteError(name="mae")
    keys = metric_keys(["mae"])
    assert keys == metric_keys([given])
    assert keys == metric_keys([keras.metrics.serialize(given)])
    assert hash(keys) == hash(metric_keys([given]))
    regressor = ConvAttentionRegressor(**SMALL, metrics=[given]).fit(X, Y)
    assert float(given.result()) == 0.0
    assert regressor.history_["mae"][0] > 0
    # Keras counts the objects of a class in their names.
    names = {metric_keys([keras.metrics.AUC()])[0].name for _ in range(2)}
    assert names == {"auc"}


def test_metrics_survive_clone_and_files(tmp_path):
    metrics = ["mae", keras.metrics.RootMeanSquaredError(name="error")]
    regressor = clone(ConvAttentionRegressor(**SMALL, metrics=metrics)).fit(X, Y)
    regressor.save(tmp_path / "model.zip")
    again = load_estimator(tmp_path / "model.zip")
    assert again.history_ == regressor.history_
    assert again.fit(X, Y).history_ == regressor.history_


@every_engine
@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("maee", r"metrics='maee' is not a metric that Keras knows; use a name"),
        (["mae", "mae"], r"metrics has the name 'mae' 2 times"),
        (keras.metrics.MeanSquaredError(name="loss"), r"metrics has the name 'loss' 1 times"),
        (keras.metrics.R2Score(class_aggregation=None), r"metrics='r2_score' gives .* one number"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_training(engine, metrics, message):
    with pytest.raises(ValueError, match=message):
        ConvAttentionRegressor(**SMALL, engine=engine, metrics=metrics).fit(X, VALUES)
