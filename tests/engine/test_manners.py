"""Fits keep quiet and leave the process as they found it; progress is shown where asked for."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from sktime.datasets import load_airline

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, ConvAttentionRegressor

X = np.random.default_rng(0).normal(size=(120, 6))
SMALL = {"members": ["network"], "filters": 2, "units": 2, "epochs": 3, "random_state": 0}
SMALL_FORECASTER = {**SMALL, "members": "all"}


def _fit_all(**parameters):
    settings = {**SMALL, **parameters}
    ConvAttentionRegressor(**settings).fit(X, X[:, 0]).predict(X)
    ConvAttentionClassifier(**settings).fit(X, X[:, 0] > 0).predict(X)
    ConvAttentionForecaster(**settings).fit(load_airline(), fh=[1, 2]).predict()


@pytest.mark.usefixtures("loaded_backend", "unchanged_process")
@pytest.mark.parametrize("random_state", [0, None])
def test_fits_leave_seeds_environment_and_directory_alone(random_state, tmp_path, monkeypatch):
    before = sorted(os.listdir())
    _fit_all(random_state=random_state, dropout=0.3)
    assert sorted(os.listdir()) == before


def test_fits_leave_tensorflow_s_random_numbers_alone():
    def draws():
        tf.random.set_seed(4)
        yield tf.random.uniform(()).numpy()
        _fit_all(dropout=0.3)
        yield tf.random.uniform(()).numpy()

    tf.random.set_seed(4)
    undisturbed = [tf.random.uniform(()).numpy() for _ in range(2)]
    assert list(draws()) == undisturbed


def test_fits_leave_keras_s_settings_alone():
    import keras

    def settings():
        return (
            keras.config.floatx(),
            keras.config.dtype_policy().name,
            keras.config.image_data_format(),
            keras.config.is_interactive_logging_enabled(),
            keras.config.is_traceback_filtering_enabled(),
            tf.config.functions_run_eagerly(),
        )

    before = settings()
    _fit_all()
    assert settings() == before


def test_a_fresh_process_imports_fits_and_predicts_in_silence():
    script = """
import os
directory = sorted(os.listdir())
import numpy as np
from skconvattn import AttentionRegressor, ConvAttentionForecaster
from sktime.datasets import load_airline
X = np.random.default_rng(0).normal(size=(60, 6))
for n_timepoints in (2, 3, 4, 5, 6):
    series = X[:, :n_timepoints]
    regressor = AttentionRegressor(members=["network"], recurrent_units=2, units=2, epochs=2)
    regressor.fit(series, X[:, 0]).predict(series)
ConvAttentionForecaster(epochs=2).fit(load_airline(), fh=[1, 2]).predict_interval()
assert sorted(os.listdir()) == directory
# It was set while TensorFlow loaded, so that its start-up is silent.
assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ
"""
    assert _printed_by(script) == ("", "")


@pytest.mark.parametrize(
    "first",
    [
        "from skconvattn.layers import Attention",
        "skconvattn.ConvAttentionClassifier(epochs=1).fit(X, X[:, 0] > 0)",
        "skconvattn.ConvAttentionRegressor(epochs=1, loss='mae', metrics='mse').fit(X, X[:, 0])",
        "skconvattn.NeuralRegressor(epochs=1, engine='portable').fit(X, X[:, 0])",
    ],
)
def test_whatever_loads_keras_first_does_so_in_silence(first):
    script = f"""
import warnings
warnings.simplefilter("error", FutureWarning)
import numpy as np
import skconvattn
X = np.random.default_rng(0).normal(size=(60, 6))
{first}
"""
    assert _printed_by(script) == ("", "")


def _printed_by(script):
    """Output and errors of a script, run as a user starts Python: without settings of the tests."""
    unset = {"TF_CPP_MIN_LOG_LEVEL", "PYTHONWARNINGS"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    completed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    return completed.stdout, completed.stderr


@pytest.mark.parametrize("verbose", [0, False])
def test_a_silent_fit_prints_nothing(capsys, verbose):
    _fit_all(verbose=verbose)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, True])
def test_one_bar_shows_epochs_losses_and_the_class(capsys, verbose):
    ConvAttentionRegressor(**SMALL, verbose=verbose).fit(X, X[:, 0])
    out, err = capsys.readouterr()
    assert out == ""
    last = err.strip().split("\r")[-1]
    assert last.startswith("ConvAttentionRegressor")
    assert "3/3" in last
    assert re.search(r"loss=\d.*val_loss=\d", last)
    assert err.count("\n") == 1


def test_a_bar_of_a_fit_that_stops_early_ends_where_it_stopped(capsys):
    settings = {**SMALL, "epochs": 200, "patience": 2, "learning_rate": 0.5}
    regressor = ConvAttentionRegressor(**settings, verbose=1).fit(X, X[:, 0])
    n = regressor.n_iter_
    assert n < 200
    assert f"{n}/{n}" in capsys.readouterr().err.split("\r")[-1]


def test_a_line_an_epoch_shows_the_losses_of_the_history(capsys):
    regressor = ConvAttentionRegressor(**SMALL, verbose=2).fit(X, X[:, 0])
    out, err = capsys.readouterr()
    history = regressor.history_
    assert out.splitlines() == [
        f"ConvAttentionRegressor  epoch {i + 1}/3  loss {history['loss'][i]:.4g}  "
        f"val_loss {history['val_loss'][i]:.4g}"
        for i in range(3)
    ]
    assert err == ""


def test_a_forecaster_shows_one_bar_where_the_network_has_no_share(capsys):
    forecaster = ConvAttentionForecaster(**SMALL_FORECASTER, verbose=1)
    forecaster.fit(load_airline(), fh=[1, 2])
    err = capsys.readouterr().err
    assert forecaster.n_iter_ == 0
    assert err.count("\n") == 1
    assert "3/3" in err


def test_a_forecaster_shows_the_second_training_too(capsys):
    forecaster = ConvAttentionForecaster(**SMALL, verbose=1, linear_skip=False)
    forecaster.fit(load_airline(), fh=[1, 2])
    first, second = capsys.readouterr().err.strip().split("\n")
    n_best = forecaster.n_iter_
    assert n_best > 0
    assert first.split("\r")[-1].startswith("ConvAttentionForecaster: ")
    assert "3/3" in first
    assert second.split("\r")[-1].startswith("ConvAttentionForecaster on all data: ")
    assert f"{n_best}/{n_best}" in second


def test_a_forecaster_logs_what_it_chose(caplog):
    with caplog.at_level(logging.INFO, logger="skconvattn"):
        forecaster = ConvAttentionForecaster(**SMALL_FORECASTER).fit(load_airline(), fh=[1, 2])
    [record] = caplog.records
    weights = forecaster.weights_.iloc[0]
    members = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items() if weight > 0)
    assert record.getMessage() == (
        f"ConvAttentionForecaster: a window of {forecaster.window_length_} time steps, a season of "
        "12, 2 steps forecast directly, 0 of at most 3 epochs; weights of the members: "
        f"{members}."
    )


@pytest.mark.parametrize(
    ("members", "trained"),
    [
        (["network"], "a network for 2 of at most 2 epochs"),
        ("all", "no network"),  # fewer than 100 samples are held out
    ],
)
def test_a_regressor_logs_what_it_chose(members, trained, caplog):
    X = np.random.default_rng(0).normal(size=(40, 9))
    regressor = ConvAttentionRegressor(members=members, epochs=2, units=2, early_stopping=False)
    with caplog.at_level(logging.INFO, logger="skconvattn"):
        regressor.fit(X, X[:, 0])
    weights = regressor.weights_.iloc[0]
    shown = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items() if weight > 0)
    [record] = caplog.records
    assert record.getMessage() == (
        f"ConvAttentionRegressor: series of up to 9 time steps, {trained}; weights of the members: "
        f"{shown}."
    )


def test_a_classifier_logs_what_it_chose(caplog):
    X = np.random.default_rng(0).normal(size=(40, 9))
    with caplog.at_level(logging.INFO, logger="skconvattn"):
        ConvAttentionClassifier(members=["network"], epochs=1, units=2).fit(X, X[:, 0] > 0)
    [record] = caplog.records
    assert record.getMessage() == (
        "ConvAttentionClassifier: series of up to 9 time steps, a network for 1 of at most 1 "
        "epochs; weights of the members: network 1.00."
    )
