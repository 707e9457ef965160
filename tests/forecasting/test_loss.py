"""Forecasters refuse losses that depend on where zero is, since series are scaled."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster

SMALL = {"filters": 2, "units": 2, "epochs": 1, "window_length": 6, "random_state": 0}
Y = pd.Series(
    10 + np.sin(np.arange(40) / 2), index=pd.period_range("2020-01", periods=40, freq="M")
)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("mape", "'mape'"),
        ("mean_squared_logarithmic_error", "'mean_squared_logarithmic_error'"),
        ("poisson", "'poisson'"),
        ("cosine_similarity", "'cosine_similarity'"),
        (keras.losses.mean_absolute_percentage_error, "'mean_absolute_percentage_error'"),
        (keras.losses.MeanSquaredLogarithmicError(), "'MeanSquaredLogarithmicError'"),
        (keras.losses.Poisson, "'Poisson'"),
    ],
)
@pytest.mark.parametrize("epochs", [0, 1])
def test_losses_that_depend_on_where_zero_is_are_refused_by_name(loss, name, epochs):
    forecaster = ConvAttentionForecaster(**{**SMALL, "epochs": epochs}, loss=loss)

    with pytest.raises(ValueError, match=f"loss={name} depends on where zero is") as refusal:
        forecaster.fit(Y, fh=[1])

    text = str(refusal.value)
    assert text.endswith(".")
    assert ". " not in text  # one sentence
    assert not forecaster.is_fitted


def _cubes(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)


@pytest.mark.parametrize("loss", ["mae", "log_cosh", keras.losses.Huber(0.5), _cubes])
def test_losses_of_differences_forecast_in_any_unit(loss):
    one, other = (
        ConvAttentionForecaster(**SMALL, loss=loss).fit(scale * Y - 3, fh=[1, 2]).predict()
        for scale in (1, 1024)
    )
    np.testing.assert_allclose((other + 3) / 1024, one + 3, rtol=1e-4)


def test_an_unknown_loss_is_refused_as_before():
    with pytest.raises(ValueError, match="loss='mean' is not a loss that Keras knows"):
        ConvAttentionForecaster(**SMALL, loss="mean").fit(Y, fh=[1])
