"""The compiled engine on JAX: losses of the other engines, few traces, whole batches kept whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skconvattn import ConvAttentionRegressor, NeuralRegressor
from skconvattn.data import Rows, Windows
from skconvattn.engine import programs
from skconvattn.engine.compiled import training_program
from skconvattn.engine.compiled_jax.gathering import gatherer, on_device, padded_size
from skconvattn.engine.compiled_jax.padding import share_of_padding
from skconvattn.engine.compiled_jax.sizes import Batches, cut, in_whole_batches, validation_cut
from skconvattn.engine.programs import ProgramCache
from skconvattn.engine.training import choose_engine
from tests.engine.engine_cases import NAMES, trained

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"members": ["network"], "filters": 2, "units": 2, "epochs": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(60, 9))
Y = X[:, 0] + X[:, 5]


def test_arrays_are_padded_to_four_sizes_per_doubling():
    assert [padded_size(n) for n in (1, 64, 65, 80, 81, 128, 129, 1000)] == [
        64, 64, 80, 80, 96, 128, 160, 1024,
    ]  # fmt: skip
    sizes = {padded_size(n) for n in range(65, 4097)}
    assert len(sizes) == 4 * 6
    assert all(n <= padded_size(n) <= 1.25 * n + 1 for n in range(65, 4097))


def test_batches_are_padded_with_samples_that_exist():
    order = np.array([7, 3, 9], np.int32)
    padded = in_whole_batches(order, 10)
    assert len(padded) == 70  # 64 are the fewest, in whole batches of ten
    np.testing.assert_array_equal(padded[:3], order)
    assert set(padded[3:]) == {7}
    assert cut(70, 32, padded=True) == Batches(32, 0)
    assert cut(70, 32, padded=False) == Batches(32, 6)


def test_validation_samples_are_one_batch_up_to_256():
    sizes = {n: validation_cut(n, padded=True).size for n in (1, 16, 17, 200, 257, 9999)}
    assert sizes == {1: 16, 16: 16, 17: 32, 200: 256, 257: 256, 9999: 256}


if keras.backend.backend() == "jax":

    @pytest.fixture(scope="module")
    def on_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
        """Histories and weights of all cases, trained by the compiled engine on TensorFlow."""
        folder = tmp_path_factory.mktemp("tensorflow")
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.engine.engine_cases", str(folder)],
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
            check=True,
            cwd=ROOT,
        )
        return {name: dict(np.load(folder / f"{name}.npz")) for name in NAMES}

    @pytest.mark.parametrize("name", NAMES)
    def test_losses_and_weights_are_those_of_tensorflow_and_of_the_portable_engine(
        name: str, on_tensorflow: dict[str, Any]
    ):
        here = trained(name, "compiled")
        there = on_tensorflow[name]
        weights = there.pop("weights")
        portable = trained(name, "portable")
        assert here.history.keys() == there.keys() == portable.history.keys()
        for figure, values in here.history.items():
            # TensorFlow divides moving variances, with which Keras validates, by n - 1.
            rtol = 1e-3 if (name, figure) == ("batch normalization", "val_loss") else 1e-5
            np.testing.assert_allclose(values, there[figure], rtol=rtol, atol=1e-7)
            np.testing.assert_allclose(values, portable.history[figure], rtol=1e-5, atol=1e-7)
        assert len(here.history["loss"]) == 3
        assert here.history["loss"][-1] < here.history["loss"][0]
        np.testing.assert_allclose(here.model.weights, weights, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(here.model.weights, portable.model.weights, rtol=1e-3, atol=1e-4)

    @pytest.fixture
    def traces(monkeypatch: pytest.MonkeyPatch) -> Any:
        """How often training and prediction were traced since the test began."""
        monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=50))
        monkeypatch.setattr(programs, "_MODELS", ProgramCache(max_size=50))

        def count() -> tuple[int, int]:
            caches = training_program._PROGRAMS, programs._MODELS
            training, prediction = (
                sum(program.traces for program in cache._programs.values()) for cache in caches
            )
            return training, prediction

        return count

    def test_a_grid_of_learning_rates_is_traced_once(traces: Any):
        grid = {"learning_rate": [0.01, 0.003, 0.001], "epochs": [1, 2], "patience": [1, 9]}
        search = GridSearchCV(ConvAttentionRegressor(**SMALL, batch_size=8), grid, cv=3)
        search.fit(X, Y)
        assert len({*search.cv_results_["mean_test_score"]}) > 3
        assert traces() == (1, 1)

    def test_fits_that_differ_in_data_share_one_trace_and_other_batches_do_not(traces: Any):
        fixed = {**SMALL, "batch_size": 8}
        for change in ({}, {"random_state": 1}, {"early_stopping": False}, {"patience": 1}):
            ConvAttentionRegressor(**{**fixed, **change}).fit(X, Y)
        ConvAttentionRegressor(**fixed).fit(X[:23], Y[:23])
        ConvAttentionRegressor(**fixed).fit(X, Y, sample_weight=np.arange(60))
        ConvAttentionRegressor(**fixed, warm_start=True).fit(X, Y).fit(X, Y)
        assert traces()[0] == 1
        ConvAttentionRegressor(**{**fixed, "batch_size": 16}).fit(X, Y)
        assert traces()[0] == 2

    def test_a_padded_batch_trains_as_the_samples_in_it(monkeypatch: pytest.MonkeyPatch):
        """23 samples in batches of 16, padded by nine and in a shape of their own."""
        fits = []
        for share in (1.0, None):
            monkeypatch.setattr(training_program, "_PROGRAMS", ProgramCache(max_size=50))
            monkeypatch.setattr(
                "skconvattn.engine.compiled_jax.training_program.share_of_padding",
                lambda *_, share=share: share,
            )
            fits.append(
                ConvAttentionRegressor(**{**SMALL, "epochs": 5}, batch_size=16).fit(X[:23], Y[:23])
            )
        padded, whole = fits
        np.testing.assert_allclose(padded.history_["loss"], whole.history_["loss"], rtol=1e-6)
        np.testing.assert_allclose(
            padded.fitted_model_.weights, whole.fitted_model_.weights, rtol=1e-4, atol=1e-6
        )

    def test_losses_that_count_weights_or_look_at_whole_batches_are_told_apart():
        numbers, weights = np.zeros((1, 1), np.float32), np.ones(1, np.float32)
        losses = keras.losses
        told = {
            losses.MeanSquaredError(): 1.0,
            losses.Huber(): 1.0,
            losses.MeanSquaredError(reduction="sum"): 0.0,
            losses.MeanSquaredError(reduction="mean_with_sample_weight"): 0.0,
            losses.Dice(): None,
        }
        for loss, share in told.items():
            assert share_of_padding(loss, numbers, weights, (1,)) == share, loss
        labels = np.zeros(1, np.int32)
        classes = losses.SparseCategoricalCrossentropy(from_logits=True)
        assert share_of_padding(classes, labels, weights, (3,)) == 1.0

    def test_a_network_of_the_user_s_own_is_never_given_padding(traces: Any):
        def network(inputs: Any) -> Any:
            x = keras.layers.Flatten()(inputs)
            return keras.layers.Dense(2)(x - keras.ops.mean(x, axis=0, keepdims=True))

        settings = {**SMALL, "network": network, "batch_size": 16, "early_stopping": False}
        del settings["filters"], settings["units"]
        fits = [NeuralRegressor(**settings, engine=e).fit(X, Y) for e in ("compiled", "portable")]
        losses = [fit.history_["loss"] for fit in fits]
        np.testing.assert_allclose(*losses, rtol=1e-5)
        [program] = training_program._PROGRAMS._programs.values()
        assert program._share is None

    @pytest.mark.parametrize("n_known", [0, 2])
    @pytest.mark.parametrize("separate_targets", [False, True])
    def test_windows_are_gathered_as_numpy_gathers_them(n_known: int, separate_targets: bool):
        rng = np.random.default_rng(0)
        n_channels = 2 + n_known + separate_targets
        series = [rng.normal(size=(n, n_channels)).astype(np.float32) for n in (12, 15)]
        series[0][-1, -1 if separate_targets else 0] = np.nan
        windows = Windows.over(series, 4, 3, n_past=1, separate_targets=separate_targets)
        indices = np.array([0, 7, 8, 18, 3], np.int32)
        _assert_gathers(windows, indices)

    def test_rows_are_gathered_with_their_mask():
        rng = np.random.default_rng(0)
        rows = Rows(
            inputs=rng.normal(size=(8, 5, 3)).astype(np.float32),
            targets=np.arange(8, dtype=np.int32),
            weights=rng.uniform(size=8).astype(np.float32),
            mask=rng.uniform(size=(8, 5)) > 0.5,
        )
        _assert_gathers(rows, np.array([7, 0, 3], np.int32))

    def _assert_gathers(source: Any, indices: np.ndarray) -> None:
        inputs, *others = gatherer(source)(on_device(source), indices)
        expected, *expected_others = source.batch(indices)
        for found, array in zip([*inputs, *others], [*expected, *expected_others], strict=True):
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(np.asarray(found), array)

    def test_a_distribution_of_keras_takes_the_portable_engine():
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        try:
            assert choose_engine("auto", []) == "portable"
            with pytest.raises(ValueError, match="distribution is set; use engine='auto'"):
                choose_engine("compiled", [])
        finally:
            keras.distribution.set_distribution(None)
        assert choose_engine("auto", []) == "compiled"

    def test_moving_averages_are_kept_where_the_optimiser_has_them():
        average = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5)
        fits = [trained("convolution", e, optimizer=average) for e in ("compiled", "portable")]
        found, expected = (fit.model.weights for fit in fits)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        plain = trained("convolution", "compiled", optimizer=keras.optimizers.Adam(0.05))
        assert not np.allclose(plain.model.weights, found, rtol=1e-2)

    def test_a_fit_does_not_load_tensorflow_which_is_installed_beside():
        script = (
            "import sys, importlib.util, numpy as np\n"
            "from skconvattn import ConvAttentionRegressor\n"
            "settings = {'members': ['network'], 'epochs': 1, 'units': 2, 'random_state': 0}\n"
            "X = np.random.default_rng(0).normal(size=(60, 9))\n"
            "ConvAttentionRegressor(**settings).fit(X, X[:, 0]).predict(X)\n"
            "print(importlib.util.find_spec('tensorflow') is not None, 'tensorflow' in sys.modules)"
        )
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        assert run.stdout.split() == ["True", "False"]
