"""Files hold the model without its callbacks, and say so once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor, load

X = np.random.default_rng(0).normal(size=(40, 6))
SMALL: dict[str, Any] = {"filters": 2, "units": 2, "epochs": 2, "random_state": 0}


class Own(keras.callbacks.Callback):
    """A callback of the user's, which no file could hold."""


every_kind = pytest.mark.parametrize(
    "callbacks",
    [
        keras.callbacks.TerminateOnNaN(),
        [keras.callbacks.ReduceLROnPlateau("loss")],
        (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), Own()),
    ],
    ids=["one of Keras", "list", "own and lambda"],
)


def _saved(estimator: Any, path: Path) -> tuple[Any, list[str]]:
    """Save and load; return what was loaded and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.save(path)
    return load(path), [str(warning.message) for warning in caught]


@every_kind
def test_a_model_is_saved_without_its_callbacks_and_one_warning_says_so(callbacks, tmp_path):
    regressor = ConvAttentionRegressor(**SMALL, callbacks=callbacks).fit(X, X[:, 0])
    loaded, messages = _saved(regressor, tmp_path / "model.zip")
    assert [message.partition(",")[0] for message in messages] == [
        "callbacks are left out of the file"
    ]
    assert loaded.get_params() == {**regressor.get_params(), "callbacks": None}
    assert regressor.callbacks is callbacks
    np.testing.assert_array_equal(loaded.predict(X), regressor.predict(X))


@every_kind
def test_an_estimator_that_is_not_fitted_is_saved_without_its_callbacks(callbacks, tmp_path):
    loaded, messages = _saved(ConvAttentionRegressor(callbacks=callbacks), tmp_path / "model.zip")
    assert len(messages) == 1
    assert loaded.callbacks is None


@pytest.mark.parametrize("callbacks", [None, [], ()])
def test_nothing_is_said_where_there_is_no_callback(callbacks, tmp_path):
    loaded, messages = _saved(ConvAttentionRegressor(callbacks=callbacks), tmp_path / "model.zip")
    assert messages == []
    assert loaded.callbacks == callbacks


def test_a_forecaster_of_several_series_warns_once(tmp_path):
    y = load_airline().iloc[:60]
    forecaster = ConvAttentionForecaster(**SMALL, callbacks=[Own()])
    forecaster.fit(y.to_frame("a").assign(b=y[::-1].to_numpy()), fh=[1])
    loaded, messages = _saved(forecaster, tmp_path / "model.zip")
    assert len(messages) == 1
    assert loaded.callbacks is None
    np.testing.assert_array_equal(loaded.predict(), forecaster.predict())


def test_the_warning_names_the_line_that_saves(tmp_path):
    with pytest.warns(UserWarning, match="callbacks are left out") as caught:
        ConvAttentionRegressor(callbacks=[Own()]).save(tmp_path / "model.zip")
    assert caught[0].filename == __file__


def test_nothing_is_written_where_the_warning_is_an_error(tmp_path):
    with pytest.raises(UserWarning, match="callbacks are left out"):
        ConvAttentionRegressor(callbacks=[Own()]).save(tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []
