"""One trace serves every fit and every prediction of a shape."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sktime.datasets import load_airline

from skconvattn import ConvAttentionClassifier, ConvAttentionForecaster, ConvAttentionRegressor
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
from skconvattn.engine.programs import ProgramCache

SMALL = {"members": ["network"], "filters": 2, "units": 2, "epochs": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(60, 9))
Y = X[:, 0] + X[:, 5]


class Traces:
    """Counts what was traced since the test began."""

    @property
    def training(self) -> int:
        return sum(program.traces for program in training_program._PROGRAMS._programs.values())

    @property
    def prediction(self) -> int:
        return sum(program.traces for program in programs._MODELS._programs.values())


@pytest.fixture
def traces(monkeypatch) -> Traces:
    monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=50))
    monkeypatch.setattr(programs, "_MODELS", ProgramCache(max_size=50))
    return Traces()


def test_fits_that_differ_in_data_and_rates_share_one_trace(traces):
    ConvAttentionRegressor(**SMALL).fit(X, Y)
    assert traces.training == 1
    for change in (
        {"random_state": 1},
        {"learning_rate": 0.1},
        {"epochs": 3},
        {"batch_size": 7},  # with a last batch of four
        {"early_stopping": False},
        {"validation_fraction": 0.5},
        {"patience": 1},
    ):
        ConvAttentionRegressor(**{**SMALL, **change}).fit(X, Y)
    ConvAttentionRegressor(**SMALL).fit(X[:23], Y[:23])
    ConvAttentionRegressor(**SMALL).fit(X, Y, sample_weight=np.arange(60))
    ConvAttentionRegressor(**SMALL).fit(X.astype("float32"), Y)
    ConvAttentionRegressor(**SMALL, warm_start=True).fit(X, Y).fit(X, Y)
    assert traces.training == 1
    assert traces.prediction == 0


def test_predictions_of_all_sizes_and_estimators_share_one_trace(traces):
    one = ConvAttentionRegressor(**SMALL).fit(X, Y)
    other = ConvAttentionRegressor(**{**SMALL, "random_state": 1}).fit(X, -Y)
    for estimator in (one, other):
        for n_samples in (1, 2, 31, 60):
            estimator.predict(X[:n_samples])
    one.predict(np.repeat(X, 20, axis=0))
    assert traces.prediction == 1


def test_a_classifier_shares_one_trace_over_labels_of_all_kinds(traces):
    for labels in (Y > 0, np.where(Y > 0, "up", "down"), (Y > 0).astype(int) * 7):
        ConvAttentionClassifier(**SMALL).fit(X, labels).predict(X)
    assert (traces.training, traces.prediction) == (1, 1)


def test_a_forecaster_refits_updates_and_fits_longer_series_on_one_trace(traces):
    y = load_airline()
    small = {**SMALL, "window_length": 12, "seasonal_period": 12}
    forecaster = ConvAttentionForecaster(**small).fit(y[:100], fh=[1, 2, 3])
    for end in (110, 144):
        ConvAttentionForecaster(**{**small, "random_state": end}).fit(y[:end], fh=[1, 2, 3])
    forecaster.update(y[100:120]).predict()
    assert traces.training == 1
    # Held-out windows for calibration, and the forecast.
    assert traces.prediction == 1


def test_a_grid_search_traces_once_a_network_and_optimiser(traces):
    grid = {"learning_rate": [0.01, 0.003, 0.001], "batch_size": [8, 16]}
    search = GridSearchCV(ConvAttentionRegressor(**SMALL), grid, cv=3)
    search.fit(X, Y)
    assert search.cv_results_["split2_test_score"].shape == (6,)
    assert (traces.training, traces.prediction) == (1, 1)
    GridSearchCV(ConvAttentionRegressor(**SMALL), {"filters": [2, 3], "epochs": [1, 2]}, cv=2).fit(
        X, Y
    )
    # The three filters are new.
    assert (traces.training, traces.prediction) == (2, 2)


@pytest.mark.parametrize(
    "change", [{"loss": "huber"}, {"optimizer": "sgd"}, {"kernel_size": 2}, {"linear_skip": False}]
)
def test_what_changes_the_computation_is_traced_anew(traces, change):
    ConvAttentionRegressor(**SMALL).fit(X, Y)
    ConvAttentionRegressor(**SMALL, **change).fit(X, Y)
    assert traces.training == 2
    ConvAttentionRegressor(**SMALL, **change).fit(X, Y)
    assert traces.training == 2


def test_other_shapes_are_traced_anew(traces):
    ConvAttentionRegressor(**SMALL).fit(X, Y)
    ConvAttentionRegressor(**SMALL).fit(X[:, :8], Y)
    ConvAttentionRegressor(**SMALL).fit(X, np.c_[Y, Y])
    ConvAttentionRegressor(**SMALL).fit(np.stack([X, X], axis=1), Y)
    assert traces.training == 4


def test_equal_optimisers_and_losses_given_as_objects_share_one_trace(traces):
    import keras

    for rate in (0.1, 0.01):
        ConvAttentionRegressor(
            **SMALL, optimizer=keras.optimizers.Adam(rate), loss=keras.losses.Huber(0.5)
        ).fit(X, Y)
    assert traces.training == 1
    ConvAttentionRegressor(
        **SMALL, optimizer=keras.optimizers.Adam(0.1, beta_1=0.5), loss=keras.losses.Huber(0.5)
    ).fit(X, Y)
    assert traces.training == 2
