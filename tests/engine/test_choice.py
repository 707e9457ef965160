"""Which engine trains, on TensorFlow and JAX: equal losses, the portable one where it is needed."""

from __future__ import annotations

import logging
import subprocess
import sys
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
)
from skconvattn.engine.portable import training as portable
from skconvattn.engine.training import choose_engine, watches_batches

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 12))
VALUES = X[:, 0] + X[:, -1] ** 2
LABELS = np.where(VALUES > 1, "much", "little")
WEIGHTS = RNG.integers(1, 4, size=120)
MONTHS = pd.period_range("2000-01", periods=80, freq="M")
Y = pd.Series(np.sin(np.arange(80.0) / 2) + RNG.normal(size=80) / 10, index=MONTHS)
KNOWN = pd.DataFrame({"price": np.cos(np.arange(80.0))}, index=MONTHS)
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.02, 5, 0.8)
SMALL = {"members": ["network"], "units": 4, "random_state": 3, "epochs": 6}

FITS = {
    "dropout and weights": (ConvAttentionRegressor(**SMALL, dropout=0.4), (X, VALUES, WEIGHTS)),
    "the fused LSTM": (AttentionRegressor(**SMALL, recurrent_units=4), (X, VALUES)),
    "classes": (ConvAttentionClassifier(**SMALL), (X, LABELS)),
    "a schedule and clipped gradients": (
        ConvAttentionRegressor(**SMALL, optimizer=keras.optimizers.SGD(SCHEDULE, clipnorm=0.1)),
        (X, VALUES),
    ),
    "a part of the windows, weight decay, quantiles and regressors": (
        ConvAttentionForecaster(
            **SMALL,
            window_length=6,
            quantiles=(0.1, 0.5, 0.9),
            steps_per_epoch=3,
            batch_size=8,
            refit=False,
            optimizer=keras.optimizers.AdamW(0.01, weight_decay=0.1),
        ),
        (Y, KNOWN, [1, 2, 3]),
    ),
}


@pytest.mark.parametrize("what", FITS)
def test_both_engines_give_the_same_losses_and_predictions(
    what: str, monkeypatch: pytest.MonkeyPatch
):
    estimator, data = FITS[what]
    fits = []
    original = portable.train_portable

    def counted(*args: Any) -> Any:
        fits.append(args)
        return original(*args)

    monkeypatch.setattr(portable, "train_portable", counted)
    compiled = type(estimator)(**{**estimator.get_params(), "engine": "compiled"}).fit(*data)
    assert not fits
    carried = type(estimator)(**{**estimator.get_params(), "engine": "portable"}).fit(*data)
    assert fits
    assert carried.history_.keys() == compiled.history_.keys()
    for name, losses in compiled.history_.items():
        assert len(losses) > 1
        np.testing.assert_allclose(carried.history_[name], losses, rtol=1e-5)
    assert carried.best_loss_ == pytest.approx(compiled.best_loss_, rel=1e-5)
    np.testing.assert_allclose(
        carried.fitted_model_.weights, compiled.fitted_model_.weights, rtol=1e-4, atol=1e-5
    )


class Watcher(keras.callbacks.Callback):
    """Counts batches."""

    n_batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.n_batches += 1


class OldWatcher(keras.callbacks.Callback):
    """Uses the short name of the hook."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class Epochs(keras.callbacks.Callback):
    """Watches epochs alone."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass


def _callbacks(folder: Path) -> dict[str, tuple[Any, bool]]:
    known = keras.callbacks
    return {
        "a hook": (Watcher(), True),
        "an old hook": (OldWatcher(), True),
        "a lambda": (known.LambdaCallback(on_train_batch_end=lambda b, logs: None), True),
        "checkpoints by batch": (known.ModelCheckpoint(folder / "m.keras", save_freq=2), True),
        "board by batch": (known.TensorBoard(folder, update_freq="batch"), True),
        "no hook": (Epochs(), False),
        "a lambda an epoch": (known.LambdaCallback(on_epoch_end=lambda e, logs: None), False),
        "checkpoints": (known.ModelCheckpoint(folder / "m.keras"), False),
        "board": (known.TensorBoard(folder), False),
        "stopping": (known.EarlyStopping(), False),
        "plateaus": (known.ReduceLROnPlateau(), False),
        "rates": (known.LearningRateScheduler(lambda epoch: 0.1), False),
        "a log": (known.CSVLogger(folder / "log.csv"), False),
        "NaN": (known.TerminateOnNaN(), False),
    }


@pytest.mark.parametrize("what", _callbacks(Path()))
def test_callbacks_that_watch_batches_are_known(what: str, tmp_path: Path):
    callback, watches = _callbacks(tmp_path)[what]
    assert watches_batches(callback) is watches
    assert choose_engine("auto", [callback]) == ("portable" if watches else "compiled")


def test_a_batch_hook_moves_the_fit_to_the_portable_engine_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
):
    watcher = Watcher()
    with caplog.at_level(logging.INFO, logger="skconvattn"):
        ConvAttentionRegressor(
            members=["network"], epochs=2, batch_size=40, units=2, callbacks=[watcher]
        ).fit(X, VALUES)
    assert watcher.n_batches == 2 * 3
    [record] = [r for r in caplog.records if "engine" in r.getMessage()]
    assert record.name == "skconvattn"
    assert record.levelname == "INFO"
    assert "Watcher" in record.getMessage()


def test_a_fit_of_epochs_alone_says_nothing(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="skconvattn"):
        ConvAttentionRegressor(members=["network"], epochs=1, units=2, callbacks=[Epochs()]).fit(
            X, VALUES
        )
    assert [r for r in caplog.records if "engine" in r.getMessage()] == []


def test_the_compiled_engine_refuses_batch_hooks_with_the_way_out():
    with pytest.raises(ValueError, match=r"Watcher watches batches; use engine='auto'"):
        ConvAttentionRegressor(engine="compiled", callbacks=[Watcher()]).fit(X, VALUES)


SCOPE = """
import logging
import numpy as np
import tensorflow as tf
from skconvattn import ConvAttentionRegressor
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
said = []
handler = logging.Handler()
handler.addFilter(lambda record: "engine" in record.getMessage())
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("skconvattn").addHandler(handler)
logging.getLogger("skconvattn").setLevel(logging.INFO)
X = np.random.default_rng(0).normal(size=(64, 12))
settings = dict(members=["network"], epochs=3, units=2, random_state=0, batch_size=16)
settings["early_stopping"] = False
make = lambda: ConvAttentionRegressor(**settings)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    inside = make().fit(X, X[:, 0])
    there = inside.predict(X)
assert len(said) == 1 and "tf.distribute" in said[0], said
outside = make().fit(X, X[:, 0])
assert len(said) == 1
np.testing.assert_array_equal(inside.predict(X), there)
np.testing.assert_allclose(inside.history_["loss"], outside.history_["loss"], rtol=1e-5)
np.testing.assert_allclose(outside.predict(X), there, rtol=1e-3, atol=1e-4)
print("same")
"""

if keras.backend.backend() == "tensorflow":

    def test_a_distribution_scope_takes_the_portable_engine_and_gives_the_same_losses():
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCOPE], capture_output=True, text=True
        )
        assert run.stdout.endswith("same\n"), run.stderr[-2000:]
