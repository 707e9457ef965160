"""A few cells of gross size cost an estimator no more than the series that they stand in."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estimator_params import every

STEPS = np.arange(30)
SPIKES = {"one": [1e6], "several": [1e6, -1e6, 1e5, 1e7, 1e6], "huge": [1e12]}

every_classifier = every("classifier", quick="ConvAttention")


def _series(seed, n_samples):
    labels = np.arange(n_samples) % 2
    phases = STEPS * 2 * np.pi / 15
    waves = np.where(labels[:, None] == 1, np.sin(phases), np.cos(phases))
    return waves + 0.3 * np.random.default_rng(seed).normal(size=waves.shape), labels


X, Y = _series(0, 100)
NEW, NEW_Y = _series(1, 100)


def _spoilt(series, sizes):
    spoilt = series.copy()
    for i, size in enumerate(sizes):
        spoilt[3 + 7 * i, 11 + i] = size
    return spoilt


@every_classifier
@pytest.mark.parametrize("kind", SPIKES)
def test_spikes_in_training_series_cost_a_classifier_nothing(cls, kind):
    classifier = cls(random_state=0, epochs=60).fit(_spoilt(X, SPIKES[kind]), Y)
    assert classifier.score(NEW, NEW_Y) > 0.95


@every_classifier
def test_a_spike_in_a_new_series_changes_no_other_prediction(cls):
    classifier = cls(random_state=0, epochs=2).fit(X, Y)
    spoilt = _spoilt(NEW, [1e6])
    before, after = classifier.predict_proba(NEW), classifier.predict_proba(spoilt)
    assert np.isfinite(after).all()
    np.testing.assert_array_equal(np.delete(after, 3, axis=0), np.delete(before, 3, axis=0))


@every("regressor", quick="ConvAttention")
def test_a_spike_costs_a_regressor_little(cls):
    target, new = X[:, :5].sum(axis=1), NEW[:, :5].sum(axis=1)
    clean, spoilt = (
        cls(random_state=0, epochs=60).fit(series, target).score(NEW, new)
        for series in (X, _spoilt(X, [1e6]))
    )
    assert spoilt > clean - 0.25


@every_classifier
def test_spikes_in_one_channel_leave_the_others_alone(cls):
    deep = np.stack([_spoilt(0 * X, SPIKES["several"]), X], axis=1)
    classifier = cls(random_state=0, epochs=60).fit(deep, Y)
    assert classifier.score(np.stack([0 * NEW, NEW], axis=1), NEW_Y) > 0.95


@every("regressor", "classifier", quick="ConvAttention")
def test_spoilt_series_that_are_given_twice_count_as_one_of_weight_two(cls):
    spoilt = _spoilt(X, SPIKES["several"])
    weights = np.where(np.arange(100) < 30, 2.0, 1.0)
    settings = {"random_state": 0, "epochs": 2, "batch_size": 16}
    one = cls(**settings).fit(spoilt, Y, sample_weight=weights)
    twice = np.repeat(np.arange(100), weights.astype(int))
    other = cls(**settings).fit(spoilt[twice], Y[twice])
    np.testing.assert_array_equal(one.predict(NEW), other.predict(NEW))
