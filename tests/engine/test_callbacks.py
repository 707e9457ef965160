"""Keras's epoch-level callbacks work unchanged around compiled epochs."""

from __future__ import annotations

import copy
import csv
import pickle
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor

X = np.random.default_rng(0).normal(size=(120, 6))
Y = X[:, 0] - X[:, 4]
SMALL = {
    "members": ["network"],
    "filters": 2,
    "units": 2,
    "epochs": 4,
    "random_state": 0,
    "patience": 50,
}


def _fit(callbacks, **parameters) -> ConvAttentionRegressor:
    return ConvAttentionRegressor(**{**SMALL, "callbacks": callbacks, **parameters}).fit(X, Y)


class Journal(keras.callbacks.Callback):
    """Notes what it is called with."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("train begins", None))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch begins", epoch))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch ends", epoch, dict(logs)))

    def on_train_end(self, logs=None):
        self.calls.append(("train ends", None))


class Kept(keras.callbacks.Callback):
    """Keeps the weights of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append([np.array(w) for w in self.model.get_weights()])


def test_callbacks_are_called_around_training_and_each_epoch():
    journal = Journal()
    history = _fit(journal, epochs=2).history_
    logs = [{name: values[i] for name, values in history.items()} for i in range(2)]
    assert set(logs[0]) == {"loss", "val_loss"}
    assert journal.calls == [
        ("train begins", None),
        ("epoch begins", 0),
        ("epoch ends", 0, logs[0]),
        ("epoch begins", 1),
        ("epoch ends", 1, logs[1]),
        ("train ends", None),
    ]


def test_callbacks_that_only_look_change_nothing():
    watched = _fit([Journal(), Kept()])
    assert watched.history_ == _fit(None).history_
    np.testing.assert_array_equal(watched.predict(X), _fit(None).predict(X))


def test_the_model_that_callbacks_see_holds_the_weights_of_the_epoch():
    kept = Kept()
    regressor = _fit(kept, early_stopping=False)
    assert len(kept.weights) == 4
    for one, other in zip(kept.weights[-1], regressor.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    moved = [not np.array_equal(a, b) for a, b in zip(*kept.weights[:2], strict=True)]
    assert any(moved)


def test_early_stopping_of_keras_stops_and_restores():
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    kept = Kept()
    regressor = _fit([stop, kept], epochs=60, learning_rate=0.3)
    losses = regressor.history_["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 60
    for one, other in zip(kept.weights[best], regressor.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_learning_rate_scheduler_sets_the_rate_of_each_epoch():
    journal = Journal()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch < 2 else 0.0)
    regressor = _fit([schedule, journal], early_stopping=False, optimizer="sgd")
    losses = regressor.history_["loss"]
    rates = [call[2]["learning_rate"] for call in journal.calls if call[0] == "epoch ends"]
    assert rates == pytest.approx([0.01, 0.01, 0, 0])
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] == pytest.approx(losses[3], rel=1e-6)


def test_the_rate_is_reduced_on_a_plateau():
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    # Nothing is an improvement of a thousand: each epoch is on the plateau.
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e3)
    _fit([plateau, Rates()], learning_rate=0.08)
    assert rates == pytest.approx([0.08, 0.04, 0.02, 0.01])


def test_a_csv_logger_writes_a_row_an_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = _fit(keras.callbacks.CSVLogger(path)).history_
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    assert [float(row["loss"]) for row in rows] == pytest.approx(history["loss"])
    assert [float(row["val_loss"]) for row in rows] == pytest.approx(history["val_loss"])


@pytest.mark.parametrize("whole", [False, True], ids=["weights", "model"])
def test_a_checkpoint_can_be_loaded_and_predicts(tmp_path, whole):
    path = tmp_path / ("best.keras" if whole else "best.weights.h5")
    checkpoint = keras.callbacks.ModelCheckpoint(
        path, monitor="val_loss", save_best_only=True, save_weights_only=not whole
    )
    regressor = _fit(checkpoint, optimizer="sgd")
    if whole:
        model = keras.models.load_model(path, compile=False)
    else:
        model = regressor.model_
        model.set_weights([0 * w for w in model.get_weights()])
        model.load_weights(path)
    for one, other in zip(model.get_weights(), regressor.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_termination_on_nan_does_not_disturb_a_sound_fit():
    regressor = _fit([keras.callbacks.TerminateOnNaN()])
    assert len(regressor.history_["loss"]) == 4


def test_a_callback_can_stop_the_fit():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    assert _fit(Stop()).n_iter_ == 2


def test_weights_that_a_callback_sets_are_trained_on():
    class Reset(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([0 * w for w in self.model.get_weights()])

    regressor = _fit(Reset(), early_stopping=False)
    assert all((w == 0).all() for w in regressor.model_.get_weights())
    # With all weights zero, the forecast is the mean.
    np.testing.assert_allclose(regressor.predict(X), Y.mean(), rtol=1e-6)


def test_callbacks_serve_one_fit_after_another():
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e3)
    assert _fit(stop).n_iter_ == 2
    assert _fit(stop).n_iter_ == 2


def test_a_forecaster_calls_them_while_it_looks_for_the_best_epoch_only():
    from sktime.datasets import load_airline

    journal = Journal()
    forecaster = ConvAttentionForecaster(**{**SMALL, "epochs": 2, "callbacks": [journal]})
    forecaster.fit(load_airline(), fh=[1, 2])
    assert [call[0] for call in journal.calls].count("train begins") == 1
    assert [call[0] for call in journal.calls].count("epoch ends") == 2


def test_a_fitted_estimator_with_callbacks_is_cloned_and_pickled():
    regressor = _fit([keras.callbacks.EarlyStopping("loss")])
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(X), regressor.predict(X))
    np.testing.assert_array_equal(clone(regressor).fit(X, Y).predict(X), regressor.predict(X))


def test_what_is_no_callback_is_refused_by_name():
    with pytest.raises(ValueError, match="'callbacks' parameter"):
        _fit(3)


class Summaries(keras.callbacks.Callback):
    """Holds a module and a lock while it is used, as TensorBoard does."""

    def on_train_begin(self, logs=None):
        self.module, self.lock = csv, threading.Lock()


def _writing(folder):
    """Return callbacks that hold modules, files, models or weights while they are used."""
    known = keras.callbacks
    return {
        "Summaries": Summaries(),
        "CSVLogger": known.CSVLogger(folder / "log.csv"),
        "EarlyStopping": known.EarlyStopping("loss", restore_best_weights=True, patience=50),
        "ModelCheckpoint": known.ModelCheckpoint(folder / "a.weights.h5", save_weights_only=True),
        "ReduceLROnPlateau": known.ReduceLROnPlateau("loss"),
        "History": known.History(),
        "CallbackList": known.CallbackList([known.EarlyStopping("loss"), Journal()]),
        "all": [known.CSVLogger(folder / "b.csv"), Summaries()],
    }


writing = pytest.mark.parametrize("what", _writing(Path()))


@writing
def test_a_fit_leaves_the_callbacks_that_it_was_given_as_they_were(what, tmp_path):
    given = _writing(tmp_path)[what]
    each = given if isinstance(given, list) else [given]
    before = [dict(vars(callback)) for callback in each]
    regressor = _fit(given, epochs=2)
    assert regressor.callbacks is given
    assert [dict(vars(callback)) for callback in each] == before
    assert all(vars(callback).get("_model") is None for callback in each)


@writing
def test_an_estimator_with_callbacks_is_cloned_copied_pickled_and_cross_validated(what, tmp_path):
    given = _writing(tmp_path)[what]
    regressor = ConvAttentionRegressor(**{**SMALL, "epochs": 2}, callbacks=given)
    plain = len(pickle.dumps(regressor.fit(X, Y).set_params(callbacks=None)))
    expected = regressor.predict(X)
    regressor.set_params(callbacks=given)
    for again in (pickle.loads(pickle.dumps(regressor)), copy.deepcopy(regressor)):
        np.testing.assert_array_equal(again.predict(X), expected)
    np.testing.assert_array_equal(clone(regressor).fit(X, Y).predict(X), expected)
    assert np.isfinite(cross_val_score(regressor, X, Y, cv=2)).all()
    if what != "CallbackList":  # whose journal is the user's own data
        assert len(pickle.dumps(regressor)) < plain + 2000


def test_a_fitted_grid_search_over_callbacks_is_pickled(tmp_path):
    grid = {"callbacks": [[keras.callbacks.CSVLogger(tmp_path / "log.csv")], None]}
    search = GridSearchCV(ConvAttentionRegressor(**{**SMALL, "epochs": 1}), grid, cv=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))


class Notes(keras.callbacks.Callback):
    """Notes numbers, arrays and lists, and holds what is none of these."""

    def __init__(self):
        super().__init__()
        self.n_epochs = 0
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.n_epochs += 1
        self.seen.append(logs["loss"])
        self.last = {"weights": [np.array(w) for w in self.model.get_weights()]}
        self.variables = list(self.model.variables)
        self.lock = threading.Lock()


@pytest.mark.parametrize("engine", ["compiled", "portable"])
def test_what_a_callback_of_the_users_notes_is_seen_after_the_fit(engine):
    notes = Notes()
    regressor = _fit(notes, engine=engine, early_stopping=False)
    assert notes.n_epochs == regressor.n_iter_ == 4
    np.testing.assert_allclose(notes.seen, regressor.history_["loss"], rtol=1e-6)
    for one, other in zip(notes.last["weights"], regressor.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_but_data_stays_in_a_callback_of_the_users():
    notes = Notes()
    regressor = _fit(notes)
    assert set(vars(notes)) - set(vars(Notes())) == {"last"}
    assert notes.model is None
    again = pickle.loads(pickle.dumps(regressor.callbacks))
    assert again.seen == notes.seen
    clone(regressor).fit(X, Y)


def test_what_a_callback_noted_before_a_fit_failed_is_seen():
    class Failing(Notes):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if epoch == 1:
                raise RuntimeError("enough")

    notes = Failing()
    with pytest.raises(RuntimeError, match="enough"):
        _fit(notes)
    assert notes.n_epochs == len(notes.seen) == 2


def test_the_history_of_keras_is_read_after_the_fit():
    history = keras.callbacks.History()
    regressor = _fit(history)
    assert history.history == regressor.history_


def test_one_callback_of_two_estimators_is_not_shared_between_their_fits(tmp_path):
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    one, other = (ConvAttentionRegressor(**SMALL, callbacks=[logger]) for _ in range(2))
    one.fit(X, Y)
    np.testing.assert_array_equal(clone(other).fit(X, Y).predict(X), one.predict(X))


def test_a_forecaster_with_callbacks_is_cloned_and_pickled_after_its_fit(tmp_path):
    from sktime.datasets import load_airline

    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    forecaster = ConvAttentionForecaster(**{**SMALL, "epochs": 2, "callbacks": [logger]})
    forecaster.fit(load_airline(), fh=[1, 2])
    again = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(again.predict(), forecaster.predict())
    assert forecaster.clone().callbacks[0].model is None


@pytest.mark.parametrize("given", [keras.callbacks.EarlyStopping, [keras.callbacks.EarlyStopping]])
def test_the_class_of_a_callback_is_refused_with_what_to_give(given):
    with pytest.raises(TypeError, match=r"callbacks .* class EarlyStopping, .* EarlyStopping\("):
        _fit(given)


def test_an_entry_that_is_no_callback_is_refused_before_training():
    with pytest.raises(TypeError, match=r"callbacks has 'loss', which is not a callback; give"):
        _fit(["loss"])
