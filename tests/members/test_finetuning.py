"""Further training of the pretrained network is kept where it pays, and only there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

import skconvattn
from skconvattn import PretrainedForecaster
from skconvattn.data.patches import PATCH
from skconvattn.forecasting.file_records import check_zero_shot
from skconvattn.members import finetuning
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.pretrained_network import PretrainedNetwork, pretrained_network
from skconvattn.networks.pretrained import scaled_pinball

PERIOD, N_TIMEPOINTS = 9, 63


def _teeth(seed: int, n_timepoints: int) -> np.ndarray:
    """Seasons of two steps that alternate with a level: no simulated series is like this."""
    t = np.arange(n_timepoints)
    season = np.where(t % PERIOD == 4, 10.0, np.where(t % PERIOD == 5, -6.0, 0.0))
    noise = np.random.default_rng(seed).normal(0, 0.5, n_timepoints)
    return 50 + season + t // PERIOD % 2 * 8 + noise


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    frames = {i: pd.DataFrame({"y": _teeth(i, N_TIMEPOINTS + PERIOD)}) for i in range(8)}
    return pd.concat(frames, names=["series", "step"])


@pytest.fixture(scope="module")
def forecaster(panel) -> PretrainedForecaster:
    seen = panel[panel.index.get_level_values("step") < N_TIMEPOINTS]
    forecaster = PretrainedForecaster(seasonal_period=PERIOD, finetune_epochs=3)
    return forecaster.fit(seen, fh=range(1, PERIOD + 1))


def test_series_unlike_simulated_ones_are_forecast_far_better_after_training(panel, forecaster):
    seen, unseen = (
        panel[panel.index.get_level_values("step") < N_TIMEPOINTS],
        panel[panel.index.get_level_values("step") >= N_TIMEPOINTS],
    )
    shipped = PretrainedForecaster(seasonal_period=PERIOD).fit(seen, fh=range(1, PERIOD + 1))

    assert forecaster.is_finetuned_
    assert not shipped.is_finetuned_
    errors = [np.abs(each.predict() - unseen).to_numpy().mean() for each in (forecaster, shipped)]
    assert errors[0] < 0.6 * errors[1]
    assert (
        pretrained_network().weights is not forecaster.fitted_forecast_.pretrained.network.weights
    )


def test_trained_weights_are_saved_and_kept_by_updates(panel, forecaster, tmp_path: Path):
    forecaster.save(tmp_path / "model.zip")
    loaded = skconvattn.load(tmp_path / "model.zip")

    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())
    loaded.update(panel[panel.index.get_level_values("step") >= N_TIMEPOINTS])
    assert loaded.is_finetuned_
    expected = forecaster.fitted_forecast_.pretrained.quantiles_at(
        [panel.loc[0, "y"].to_numpy()], [np.array([N_TIMEPOINTS + PERIOD - 1])], PERIOD
    )[0][0, :, 3]
    np.testing.assert_allclose(loaded.predict().loc[0, "y"], expected)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n_heads": 3}, "not of this version"),
        ({"weights": {}}, "other weights"),
        ({"weights": None}, "steps/bias"),
    ],
)
def test_weights_of_another_network_are_refused(change, reason, forecaster):
    fitted = forecaster.fitted_forecast_
    network = fitted.pretrained.network
    if change == {"weights": None}:
        change = {"weights": {**network.weights, "steps/bias": np.zeros(3, np.float32)}}
    wrong = replace(fitted.pretrained, network=replace(network, **change))
    with pytest.raises(ValueError, match=reason):
        check_zero_shot(replace(fitted, pretrained=wrong))
    assert isinstance(network, PretrainedNetwork)


def test_training_that_held_out_errors_do_not_speak_for_changes_nothing():
    y = load_airline()[:-12]
    asked = PretrainedForecaster(finetune_epochs=1).fit(y, fh=range(1, 13))

    assert not asked.is_finetuned_
    pd.testing.assert_series_equal(
        asked.predict(), PretrainedForecaster().fit(y, fh=range(1, 13)).predict()
    )


def test_series_too_short_to_judge_are_forecast_without_a_backend():
    script = """
import sys
import sktime.forecasting.base  # which loads torch where it is installed
from sktime.datasets import load_airline
before = set(sys.modules)
from skconvattn import PretrainedForecaster
forecaster = PretrainedForecaster(finetune_epochs=5).fit(load_airline()[:30], fh=[1, 2])
loaded = set(sys.modules) - before
print(forecaster.is_finetuned_, sorted({"keras", "tensorflow", "jax", "torch"} & loaded))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "[]"]


def test_examples_are_patches_with_the_weights_of_known_values():
    series = _teeth(0, 40)
    series[20] = np.nan
    examples = finetuning._examples(Pretrained((PERIOD,)), [series], n_ahead=PERIOD)

    # From the first season on, each step is the last one of a patch.
    np.testing.assert_array_equal(examples.last, np.arange(PERIOD + PATCH, 40))
    row = int(np.flatnonzero(examples.last == 25)[0])  # steps 14 to 25, of which 20 is missing
    scaled, weights = np.split(examples.targets[row], 2)
    assert scaled[6] == weights[6] == 0
    others = np.delete(weights, 6)
    np.testing.assert_allclose(others, others[0], rtol=1e-6)
    whole = examples.targets[-1, PATCH:]  # steps 28 to 39, all known, of a window without trend
    assert (whole > 0).all()


def test_the_loss_is_twice_the_pinball_loss_with_half_of_it_the_median_s():
    from keras import ops

    quantiles = np.zeros((3, 2, 7), "float32")
    # One above the lowest quantile, that of 5 %, and at the others.
    quantiles[1, :, 0] = -1.0
    #                   values      weights
    targets = np.array([[1.0, -1.0, 2.0, 1.0], [0.0, 0.0, 3.0, 0.0], [1.0, 1.0, 50.0, 0.0]])
    losses = scaled_pinball(*map(ops.convert_to_tensor, (targets.astype("float32"), quantiles)))
    # One above all: 2 * (0.5 * 0.5 + (0.05 + 0.1 + 0.25 + 0.75 + 0.9 + 0.95) / 12) = 1, and as much
    # one below; 3 * 2 * 0.05 / 12; no window has more than 20.
    np.testing.assert_allclose(ops.convert_to_numpy(losses), [3.0, 0.025, 20.0], rtol=1e-5)


def test_the_number_of_epochs_is_checked():
    with pytest.raises(ValueError, match="finetune_epochs"):
        PretrainedForecaster(finetune_epochs=-1).fit(load_airline(), fh=[1])
