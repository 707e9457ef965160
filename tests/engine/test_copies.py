"""An average of networks is the mean of what each of them predicts, everywhere it is used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sktime.datasets import load_airline

import skconvattn
from skconvattn import (
    ConvAttentionClassifier,
    ConvAttentionForecaster,
    ConvAttentionRegressor,
    RNNAttentionForecaster,
    SelfAttentionRegressor,
)
from skconvattn.data import Rows
from skconvattn.engine import TrainingPlan, programs, train
from skconvattn.engine.compiled import training_program
from skconvattn.engine.copies import train_copies
from skconvattn.engine.programs import FittedModel, ProgramCache, drawn_model
from skconvattn.engine.sampling import sampled_outputs
from skconvattn.inspection import attention_weights
from skconvattn.networks import ModelSpec, ValueHead
from skconvattn.persistence import SaveFileError
from skconvattn.persistence.archive import read_archive, write_archive

AIRLINE = load_airline()
SMALL = {"filters": 3, "units": 4, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 9))
Y = X[:, 0] + X[:, 5]
ROWS = Rows(X[:, :, None].astype("float32"), Y[:, None].astype("float32"), np.ones(40, "float32"))
PLAN = TrainingPlan(
    epochs=4, batch_size=8, optimizer="adam", learning_rate=0.01, loss="mean_squared_error"
)


def _spec(**parameters: Any) -> ModelSpec:
    network = SelfAttentionRegressor(
        filters=3, n_convolutions=1, units=2, num_heads=1, pooling="attention", **parameters
    )
    return ModelSpec.of(network, ValueHead(1), n_timepoints=9, n_channels=1)


@pytest.fixture(scope="module")
def average() -> FittedModel:
    spec = _spec(dropout=0.3, hidden_normalization="batch")
    return FittedModel.average_of([drawn_model(spec, np.random.default_rng(i)) for i in range(3)])


@pytest.fixture(scope="module")
def forecaster() -> ConvAttentionForecaster:
    forecaster = ConvAttentionForecaster(
        members=("linear", "network"),
        early_stopping=False,
        epochs=3,
        n_networks=3,
        finetune_epochs=1,
        **SMALL,
    )
    return forecaster.fit(AIRLINE, fh=range(1, 7))


def test_an_average_predicts_and_attends_as_its_networks_do_in_the_mean(average):
    inputs = [ROWS.inputs[:5]]
    alone = [network.predict(inputs) for network in average.networks]
    np.testing.assert_allclose(average.predict(inputs), np.mean(alone, axis=0), rtol=1e-6)
    attention = [network.attention(inputs) for network in average.networks]
    np.testing.assert_allclose(average.attention(inputs), np.mean(attention, axis=0), rtol=1e-6)
    assert np.ptp(attention, axis=0).max() > 1e-3


def test_networks_are_those_that_were_averaged():
    drawn = [drawn_model(_spec(dropout=0.3), np.random.default_rng(i)) for i in range(3)]
    for network, one in zip(FittedModel.average_of(drawn).networks, drawn, strict=True):
        assert network.spec == one.spec
        np.testing.assert_array_equal(network.weights, one.weights)
        np.testing.assert_equal(network.state, one.state)
    assert FittedModel.average_of(drawn[:1]) is drawn[0]


def test_a_keras_model_of_an_average_predicts_the_same(average):
    inputs = ROWS.inputs[:5]
    expected = average.predict([inputs])
    np.testing.assert_allclose(
        average.to_keras().predict(inputs, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


def test_samples_of_an_average_are_of_one_network_each():
    drawn = [drawn_model(_spec(dropout=0.0), np.random.default_rng(i)) for i in range(3)]
    model = FittedModel.average_of(drawn)
    rows = np.repeat(ROWS.inputs[:1], 30, axis=0)
    alone = [float(network.predict([rows[:1]])[0, 0]) for network in drawn]
    samples = sampled_outputs(model, [rows], np.random.default_rng(0)).ravel()
    nearest = np.abs(samples[:, None] - alone)
    assert nearest.min(axis=1).max() < 1e-5
    assert set(nearest.argmin(axis=1)) == {0, 1, 2}


def test_the_first_network_is_the_only_one_of_another_fit_and_decides_the_epochs():
    parts = {"training": np.arange(30), "validation": np.arange(10)}
    plan = replace(PLAN, patience=2)
    single = train(_spec(), ROWS, plan, np.random.default_rng(3), **parts)
    rng = np.random.default_rng(3)
    several = train_copies(_spec(), ROWS, replace(plan, n_networks=3), rng, **parts)

    assert several.history == single.history
    assert several.best_epoch == single.best_epoch > 0
    first, second, third = several.model.networks
    np.testing.assert_array_equal(first.weights, single.model.weights)
    shorter = replace(PLAN, epochs=single.best_epoch)
    own = np.random.default_rng(3).spawn(2)
    for network, stream in zip((second, third), own, strict=True):
        alone = train(_spec(), ROWS, shorter, stream, training=parts["training"])
        np.testing.assert_array_equal(network.weights, alone.model.weights)


def test_further_networks_are_trained_and_predict_without_a_further_trace(monkeypatch):
    monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=50))
    monkeypatch.setattr(programs, "_MODELS", ProgramCache(max_size=50))

    def traces() -> list[int]:
        caches = training_program._PROGRAMS, programs._MODELS
        return [sum(p.traces for p in cache._programs.values()) for cache in caches]

    settings = {"members": ["network"], "epochs": 2, **SMALL}
    one = ConvAttentionRegressor(**settings).fit(X, Y).predict(X)
    before = traces()
    several = ConvAttentionRegressor(n_networks=3, **settings).fit(X, Y).predict(X)
    assert traces() == before
    assert not np.array_equal(one, several)


def test_classes_are_those_of_the_mean_of_logits():
    classifier = ConvAttentionClassifier(members=["network"], epochs=2, n_networks=2, **SMALL)
    classifier.fit(X, Y > 0)
    inputs = classifier._inputs(X)
    logits = np.mean([n.predict(inputs) for n in classifier.fitted_model_.networks], axis=0)
    np.testing.assert_allclose(classifier.predict_proba(X), softmax(logits, axis=1), rtol=1e-5)


def test_a_forecast_is_the_mean_of_its_networks(forecaster):
    fitted = forecaster.fitted_forecast_
    assert fitted.model.spec.n_networks == 3
    alone = []
    for network in fitted.model.networks:
        forecaster.fitted_forecast_ = replace(fitted, model=network)
        alone.append(forecaster.predict())
    forecaster.fitted_forecast_ = fitted
    np.testing.assert_allclose(forecaster.predict(), np.mean(alone, axis=0), rtol=1e-6)
    assert np.ptp(alone, axis=0).max() > 0.1


def test_networks_differ_less_from_other_seeds_than_one_does():
    def spread(n_networks: int) -> tuple[float, float]:
        fits = [
            ConvAttentionForecaster(
                members=("linear", "network"),
                early_stopping=False,
                epochs=8,
                n_networks=n_networks,
                **{**SMALL, "random_state": seed},
            ).fit(AIRLINE, fh=range(1, 7))
            for seed in range(4)
        ]
        forecasts = np.std([fit.predict() for fit in fits], axis=0)
        attention = np.std([attention_weights(fit, member="network") for fit in fits], axis=0)
        return float(forecasts.mean()), float(attention.mean())

    # Means of four independent networks have half the standard deviation.
    (one, one_attention), (four, four_attention) = spread(1), spread(4)
    assert four < 0.75 * one
    assert four_attention < 0.75 * one_attention


def test_saved_networks_forecast_as_before_and_train_further(forecaster, tmp_path: Path):
    forecaster.save(tmp_path / "model.zip")
    loaded = skconvattn.load(tmp_path / "model.zip")
    np.testing.assert_array_equal(loaded.predict(), forecaster.predict())
    further = AIRLINE[-12:].set_axis(AIRLINE.index[-12:] + 12)
    before = loaded.fitted_model_.networks
    loaded.update(further)
    after = loaded.fitted_model_.networks
    assert len(after) == 3
    assert all(not np.array_equal(a.weights, b.weights) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize(("n_networks", "reason"), [(65, "65 networks"), (2, "weights")])
def test_a_file_of_other_numbers_of_networks_is_refused(
    n_networks: int, reason: str, forecaster, tmp_path: Path
):
    path = tmp_path / "model.zip"
    forecaster.save(path)
    members = read_archive(path)
    manifest = json.loads(members["manifest.json"])
    model = manifest["state"]["fitted_forecast_"]["record"][1]["model"]
    model["record"][1]["spec"]["record"][1]["n_networks"] = n_networks
    write_archive(path, {**members, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(SaveFileError, match=reason):
        skconvattn.load(path)


def test_a_stream_of_several_networks_forecasts_as_predict():
    forecaster = RNNAttentionForecaster(
        units=2,
        window_length=4,
        seasonal_period=2,
        normalization="series",
        members=("linear", "network"),
        early_stopping=False,
        epochs=2,
        n_networks=2,
        random_state=0,
    ).fit(AIRLINE, fh=range(1, 4))
    stream = forecaster.stream()
    np.testing.assert_allclose(stream.predict(), forecaster.predict(), rtol=1e-5)
    assert len(stream._models) == 2


def test_partial_fit_and_a_warm_start_go_on_with_every_network():
    settings = {"members": ["network"], "epochs": 1, "early_stopping": False, **SMALL}
    regressor = ConvAttentionRegressor(n_networks=2, warm_start=True, **settings).fit(X, Y)
    first = regressor.fitted_model_.networks
    regressor.fit(X, Y)
    again = regressor.fitted_model_.networks
    regressor.partial_fit(X, Y)
    last = regressor.fitted_model_.networks
    assert len(first) == len(again) == len(last) == 2
    for one, two, three in zip(first, again, last, strict=True):
        assert 0 < np.abs(two.weights - one.weights).max() < 0.1
        assert 0 < np.abs(three.weights - two.weights).max() < 0.1


def test_auto_is_several_networks_for_few_samples_and_one_for_many():
    regressor = ConvAttentionRegressor(n_networks="auto")
    plans = [regressor._training_plan(n, "mse", stops_early=False) for n in (1000, 1001)]
    assert [plan.n_networks for plan in plans] == [5, 1]
    assert ConvAttentionRegressor()._training_plan(10, "mse", stops_early=False).n_networks == 1
    with pytest.raises(ValueError, match="n_networks"):
        ConvAttentionRegressor(n_networks=0).fit(X, Y)
