"""Networks learn from changed copies of their own training samples, and of no others."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from skconvattn import ConvAttentionClassifier, ConvAttentionRegressor, load
from skconvattn.data import Rows
from skconvattn.estimators import training as training_module
from skconvattn.estimators.augmentation import changed, copies_too, with_copies

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(30, 50, 3)).astype("float32")
SMALL = {"filters": 2, "units": 2, "epochs": 2, "random_state": 0, "members": ("network",)}
X = RNG.normal(size=(30, 12))
Y = np.repeat([0, 1], 15)


def test_copies_without_noise_are_the_series_at_other_times():
    line = np.broadcast_to(np.linspace(0, 1, 50, dtype="float32")[:, None], (30, 50, 1)).copy()
    with (
        mock.patch("skconvattn.estimators.augmentation._NOISE", 0.0),
        mock.patch("skconvattn.estimators.augmentation._AMPLITUDE", 0.0),
    ):
        times = changed(line, None, 1, np.random.default_rng(0))[..., 0]
    # Of a line the values are the times themselves: from 0 to 1, forwards, elsewhere in between.
    np.testing.assert_allclose(times[:, [0, -1]], [[0, 1]] * 30, atol=1e-6)
    steps = np.diff(times, axis=1) * 49
    assert (steps > 0).all()
    # No window begins before a tenth, and the first four of 49 steps are within it.
    np.testing.assert_allclose(steps[:, :4], 1, atol=1e-4)
    assert np.abs(times - line[..., 0]).max(axis=1).mean() > 0.01


def test_noise_and_amplitude_have_the_sizes_that_are_named():
    flat = np.ones((4000, 50, 1), dtype="float32")
    found = changed(flat, None, 1, np.random.default_rng(0))[..., 0]
    assert found.mean(axis=1).std() == pytest.approx(0.1, rel=0.1)
    assert found.std(axis=1).mean() == pytest.approx(0.05, rel=0.05)


def test_indicators_of_missing_values_get_no_noise_and_padding_stays_zero():
    indicator = np.zeros((30, 50, 1), dtype="float32")
    indicator[:, 20:30] = 1
    mask = np.arange(50) < np.arange(21, 51)[:, None]
    series = np.concatenate([SERIES, indicator], axis=2) * mask[..., None]
    found = changed(series, mask, 3, np.random.default_rng(0))
    assert not found[~mask].any()
    assert found[..., 3].min() == 0
    assert found[..., 3].max() == 1
    assert np.abs(found[..., :3] - series[..., :3])[mask].min(axis=1).max() > 0.01


def test_copies_have_the_targets_and_weights_of_their_samples():
    source = Rows(SERIES, RNG.normal(size=(30, 1)), RNG.uniform(size=30))
    rows = with_copies(source, 2, 3, np.random.default_rng(0))
    chosen = copies_too(np.array([4, 7]), 30, 2)
    np.testing.assert_array_equal(chosen, [4, 7, 34, 37, 64, 67])
    np.testing.assert_array_equal(rows.targets[chosen], np.tile(source.targets[[4, 7]], (3, 1)))
    np.testing.assert_array_equal(rows.weights[chosen], np.tile(source.weights[[4, 7]], 3))
    np.testing.assert_array_equal(rows.inputs[:30], SERIES)
    differences = np.abs(rows.inputs[chosen] - np.tile(SERIES[[4, 7]], (3, 1, 1))).max(axis=(1, 2))
    assert (differences[2:] > 0.01).all()


@pytest.mark.parametrize("members", [("network",), ("patterns", "network")])
def test_no_copy_of_a_left_out_sample_is_trained_on(members):
    seen = []
    train = training_module.cross_fitted.__globals__["train"]

    def watched(spec, source, plan, rng, *, training, validation):
        seen.append((len(source), training, validation))
        return train(spec, source, plan, rng, training=training, validation=validation)

    with mock.patch.dict(training_module.cross_fitted.__globals__, {"train": watched}):
        ConvAttentionClassifier(**{**SMALL, "members": members}, augmentation=2).fit(X, Y)

    assert len(seen) == 5
    for n_rows, training, validation in seen:
        assert n_rows == 90
        assert len(training) == 3 * (30 - len(validation))
        assert not set(training % 30) & set(validation.tolist())


def test_a_fit_with_copies_is_the_same_again_and_another_than_without():
    first, again, without = (
        ConvAttentionClassifier(**SMALL, augmentation=n).fit(X, Y).predict_proba(X)
        for n in (1, 1, 0)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - without).max() > 1e-4


def test_held_out_samples_are_compared_as_they_are():
    X_many, y = RNG.normal(size=(200, 8)), RNG.normal(size=200)
    regressor = ConvAttentionRegressor(**SMALL, augmentation=1, validation_fraction=0.3)
    regressor.fit(X_many, y)
    assert len(regressor.history_["val_loss"]) == 2
    more = regressor.partial_fit(X_many, y).predict(X_many)
    assert np.isfinite(more).all()


def test_copies_are_a_parameter_of_files(tmp_path):
    fitted = ConvAttentionClassifier(**SMALL, augmentation=1).fit(X, Y)
    fitted.save(tmp_path / "model.skca")
    loaded = load(tmp_path / "model.skca")
    assert loaded.augmentation == 1
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_values_per_time_step_are_refused():
    regressor = ConvAttentionRegressor(**{**SMALL, "members": "all"}, sequence=True, augmentation=2)
    with pytest.raises(ValueError, match="augmentation=2 changes when things happen"):
        regressor.fit(X, X)
