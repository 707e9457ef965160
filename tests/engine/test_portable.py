"""The portable engine trains as a plain Keras loop would, on any backend and with any callback."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from skconvattn import (
    AttentionRegressor,
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    load,
)
from skconvattn.data import Rows, Windows
from skconvattn.engine import TrainingPlan, train
from skconvattn.engine.objectives.losses import make_loss
from skconvattn.engine.programs import model_program
from skconvattn.engine.training import choose_engine
from skconvattn.networks import (
    ClassHead,
    ClassOutput,
    HorizonHead,
    ModelSpec,
    QuantileOutput,
    ValueHead,
)

BACKEND = keras.backend.backend()
RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(50, 8, 2)).astype(np.float32)
VALUES = (SERIES[:, -1, :1] + SERIES[:, 0, 1:] ** 2).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 1.5, size=50).astype(np.float32)
X, Y = SERIES[..., 0], VALUES[:, 0]
# A plain loop on torch leaves dropout to torch's own generator: no two have the same losses.
DROPOUT = 0.0 if BACKEND == "torch" else 0.3
CUT = {"members": ["network"], "epochs": 3, "random_state": 0, "engine": "portable"}


def _spec(estimator: Any, head: Any, n_channels: int, n_timepoints: int = 8) -> ModelSpec:
    return ModelSpec.of(estimator, head, n_timepoints=n_timepoints, n_channels=n_channels)


def _regression() -> tuple[ModelSpec, Rows, Any]:
    estimator = ConvAttentionRegressor(filters=4, units=4, dropout=DROPOUT)
    return _spec(estimator, ValueHead(1), 2), Rows(SERIES, VALUES, WEIGHTS), "mean_squared_error"


def _recurrent() -> tuple[ModelSpec, Rows, Any]:
    estimator = AttentionRegressor(recurrent_units=4, units=4)
    return _spec(estimator, ValueHead(1), 2), Rows(SERIES, VALUES, WEIGHTS), "huber"


def _classification() -> tuple[ModelSpec, Rows, Any]:
    labels = (VALUES[:, 0] > 1).astype(np.int32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    estimator = ConvAttentionClassifier(filters=4, units=4)
    return _spec(estimator, ClassHead(ClassOutput(2)), 2), Rows(SERIES, labels, WEIGHTS), loss


def _forecasting() -> tuple[ModelSpec, Windows, Any]:
    series = np.stack([np.sin(np.arange(60) / 3), np.cos(np.arange(60))], axis=1)
    head = HorizonHead(horizon=3, n_known=1, output=QuantileOutput((0.1, 0.5, 0.9)))
    estimator = ConvAttentionForecaster(filters=4, units=4)
    windows = Windows.over([series.astype(np.float32)], 8, 3)
    return _spec(estimator, head, 2), windows, head.output.loss()


TASKS = [_regression, _recurrent, _classification, _forecasting]


def _plain_loop(
    task: tuple[ModelSpec, Any, Any], training: np.ndarray, validation: np.ndarray, epochs: int
) -> dict[str, list[float]]:
    """Train with ``train_on_batch`` alone, and average the losses by hand."""
    spec, source, loss = task
    rng = np.random.default_rng(5)
    model = spec.build().model
    weights, state = model_program(spec).initialization.draw(rng)
    for variable, value in zip(
        [*model.trainable_variables, *model.non_trainable_variables],
        [*weights, *state],
        strict=True,
    ):
        variable.assign(value)
    # JAX takes its operations one by one without its compiler, which is slow.
    model.compile(keras.optimizers.Adam(0.01), make_loss(loss), jit_compile=BACKEND == "jax")

    def mean(step: Callable[..., Any], indices: np.ndarray, size: int) -> float:
        total = 0.0
        for start in range(0, len(indices), size):
            batch = indices[start : start + size]
            inputs, targets, sample_weight = source.batch(batch)
            inputs = inputs[0] if len(inputs) == 1 else inputs
            model.reset_metrics()
            found = step(inputs, targets, sample_weight=sample_weight, return_dict=True)
            total += float(found["loss"]) * len(batch)
        return total / len(indices)

    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    for _ in range(epochs):
        order = rng.permutation(training)
        history["loss"].append(mean(model.train_on_batch, order, 16))
        history["val_loss"].append(mean(model.test_on_batch, validation, 256))
    return history


@pytest.mark.parametrize("make", TASKS)
def test_losses_are_those_of_a_plain_loop(make: Callable[[], Any]):
    spec, source, loss = task = make()
    validation = np.arange(35, len(source))
    plan = TrainingPlan(
        epochs=4, batch_size=16, optimizer="adam", learning_rate=0.01, loss=loss, engine="portable"
    )
    found = train(
        spec,
        source,
        plan,
        np.random.default_rng(5),
        training=np.arange(35),
        validation=validation,
    ).history
    expected = _plain_loop(task, np.arange(35), validation, 4)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    np.testing.assert_allclose(found["val_loss"], expected["val_loss"], rtol=1e-5)


def test_the_best_epoch_is_kept_and_training_stops_after_the_patience():
    spec, source, loss = _regression()
    validation = np.arange(35, 50)
    plan = TrainingPlan(
        epochs=60,
        batch_size=8,
        optimizer="adam",
        learning_rate=0.1,
        loss=loss,
        patience=3,
        engine="portable",
    )
    result = train(
        spec, source, plan, np.random.default_rng(1), training=np.arange(35), validation=validation
    )
    losses = result.history["val_loss"]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == result.best_epoch + 3
    errors = result.model.predict([SERIES[validation]]) - VALUES[validation]
    by_hand = float((WEIGHTS[validation] * errors[:, 0] ** 2).mean())
    assert by_hand == pytest.approx(min(losses), rel=1e-5)


class Recorder(keras.callbacks.Callback):
    """Writes down what is called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("train {")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(f"epoch {epoch} {{")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(f"batch {batch} {{")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert math.isfinite(logs["loss"])
        self.calls.append("}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append("}")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("}")


def test_a_callback_that_watches_batches_is_called_around_each():
    recorder = Recorder()
    ConvAttentionRegressor(
        epochs=2, batch_size=25, filters=2, units=2, callbacks=recorder, random_state=0
    ).fit(X, Y)
    epoch = "batch 0 {{ }} batch 1 {{ }} }}"
    expected = f"train {{ epoch 0 {{ {epoch} epoch 1 {{ {epoch} }}".replace("{{", "{")
    assert " ".join(recorder.calls) == expected.replace("}}", "}")


class Halver(keras.callbacks.Callback):
    """Halves all weights at the end, as one that averages or prunes weights would change them."""

    before: list[np.ndarray]

    def on_train_end(self, logs: Any = None) -> None:
        self.before = self.model.get_weights()
        self.model.set_weights([w / 2 for w in self.before])


def test_weights_that_a_callback_sets_at_the_end_are_kept():
    halver = Halver()
    regressor = ConvAttentionRegressor(**CUT, filters=2, units=2, callbacks=[halver]).fit(X, Y)
    for found, before in zip(regressor.model_.get_weights(), halver.before, strict=True):
        np.testing.assert_array_equal(found, before / 2)


def test_a_schedule_over_epochs_sets_the_rate():
    still = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    trained = ConvAttentionRegressor(**CUT, filters=2, units=2, callbacks=[still]).fit(X, Y)
    losses = trained.history_["loss"]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)  # batches differ, weights do not


def test_a_callback_may_stop_training():
    stopper = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10.0)
    regressor = ConvAttentionRegressor(
        **{**CUT, "epochs": 9}, filters=2, units=2, callbacks=[stopper]
    ).fit(X, Y)
    assert regressor.n_iter_ == 2


@pytest.fixture(scope="module")
def fitted() -> ConvAttentionRegressor:
    """A regressor without a part held out, so that its weights are those of the last epoch."""
    return ConvAttentionRegressor(**CUT, filters=2, units=2).fit(X, Y)


def _again(fitted: ConvAttentionRegressor, **changes: Any) -> ConvAttentionRegressor:
    return ConvAttentionRegressor(**{**fitted.get_params(), **changes}).fit(X, Y)


def test_the_random_state_determines_the_weights(fitted: ConvAttentionRegressor):
    first, second, other = (
        _again(fitted, dropout=0.3, random_state=seed).fitted_model_.weights for seed in (0, 0, 1)
    )
    assert first.tobytes() == second.tobytes()
    assert not np.allclose(first, other)
    assert not np.allclose(first, fitted.fitted_model_.weights)


def test_a_warm_start_goes_on_from_the_weights_of_the_last_fit(fitted: ConvAttentionRegressor):
    regressor = copy.deepcopy(fitted)
    errors = (regressor.predict(X) - Y) / regressor._target_scaling_.scale
    regressor.set_params(warm_start=True, learning_rate=1e-9, epochs=1).fit(X, Y)
    assert regressor.history_["loss"][0] == pytest.approx((errors**2).mean(), rel=1e-4)


def test_weights_that_are_not_finite_leave_the_estimator_as_it_was(
    fitted: ConvAttentionRegressor,
):
    regressor = copy.copy(fitted)
    regressor.set_params(optimizer="sgd", learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        regressor.fit(X, Y)
    assert regressor.fitted_model_ is fitted.fitted_model_


@pytest.mark.usefixtures("loaded_backend", "unchanged_process")
def test_nothing_global_changes():
    kinds = (keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)
    before = [(kind.__reduce__, getattr(kind, "__deepcopy__", None)) for kind in kinds]
    ConvAttentionRegressor(**CUT, filters=2, units=2).fit(X, Y)
    assert [(kind.__reduce__, getattr(kind, "__deepcopy__", None)) for kind in kinds] == before
    assert not [name for name in sys.modules if name.startswith("scikeras")]


def test_samples_predict_the_same_alone_and_among_others(fitted: ConvAttentionRegressor):
    together = fitted.predict(X)
    alone = np.concatenate([fitted.predict(X[i : i + 1]) for i in range(len(X))])
    assert together.tobytes() == alone.tobytes()


def test_predictions_are_those_of_the_keras_model(fitted: ConvAttentionRegressor):
    inputs = SERIES[:5, :, :1]
    found = fitted.fitted_model_.predict([inputs])
    expected = keras.ops.convert_to_numpy(fitted.model_(inputs))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    attention = fitted.fitted_model_.attention([inputs])
    np.testing.assert_allclose(attention.sum(axis=-1), 1.0, rtol=1e-5)


def test_classifiers_and_forecasters_are_pickled_and_saved_with_the_same_predictions(
    tmp_path: Path,
):
    classifier = ConvAttentionClassifier(**CUT, filters=2, units=2).fit(X, Y > 0)
    months = pd.period_range("2000-01", periods=40, freq="M")
    y = pd.Series(np.sin(np.arange(40.0)), index=months)
    forecaster = ConvAttentionForecaster(**CUT, filters=2, units=2).fit(y, fh=[1, 2, 3])
    for estimator in (classifier, forecaster):
        estimator.save(tmp_path / "model.zip")
        for again in (load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(estimator))):
            if estimator is classifier:
                found, expected = again.predict_proba(X), classifier.predict_proba(X)
            else:
                found, expected = again.predict().to_numpy(), forecaster.predict().to_numpy()
            assert found.tobytes() == expected.tobytes()


def test_auto_takes_the_compiled_engine_on_tensorflow_and_jax_and_the_portable_one_elsewhere():
    compiles = BACKEND in ("tensorflow", "jax")
    assert choose_engine("auto", []) == ("compiled" if compiles else "portable")
    assert choose_engine("portable", []) == "portable"


if BACKEND == "torch":

    def test_the_compiled_engine_is_refused_with_the_way_out():
        with pytest.raises(ValueError, match=f"Keras runs on {BACKEND}; use engine='auto'"):
            ConvAttentionRegressor(engine="compiled", members=["network"]).fit(X, Y)


if BACKEND != "tensorflow":

    def test_tensorflow_is_not_needed():
        # Where it is installed Keras imports it to serialise anything: here that fails.
        script = """if True:
            import sys
            sys.modules["tensorflow"] = None
            import numpy as np
            from skconvattn import ConvAttentionRegressor
            X = np.random.default_rng(0).normal(size=(50, 8))
            regressor = ConvAttentionRegressor(members=["network"], epochs=1)
            print(regressor.fit(X, X[:, 0]).predict(X).shape)
        """
        completed = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert completed.stdout == "(50,)\n"
