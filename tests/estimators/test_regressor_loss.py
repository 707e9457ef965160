"""The loss of a regressor is computed from numbers that it is defined for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skconvattn import ConvAttentionRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 8))
SIGNAL = X[:, 0] - X[:, 5]
Y = np.exp(1.0 + 0.5 * SIGNAL)
BOTH = np.stack([Y, 10 + 3 * SIGNAL**2], axis=1)
SMALL = {"units": 8, "epochs": 60, "random_state": 0, "learning_rate": 0.01}


def _percentage(y, p):
    return 100 * np.abs((y - p) / y).mean()


def _logarithmic(y, p):
    return np.square(np.log1p(np.maximum(p, 1e-7)) - np.log1p(y)).mean()


def _loss_of_start(loss, y, **parameters):
    settings = {**SMALL, "epochs": 1, "batch_size": 120, "learning_rate": 1e-30, **parameters}
    regressor = ConvAttentionRegressor(**settings, early_stopping=False, loss=loss).fit(X, y)
    return regressor.history_["loss"][0], regressor.predict(X)


@pytest.mark.parametrize("engine", ["compiled", "portable"])
@pytest.mark.parametrize("y", [Y, BOTH], ids=["one", "two"])
@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        ("mape", _percentage),
        ("MeanAbsolutePercentageError", _percentage),
        (keras.losses.mean_absolute_percentage_error, _percentage),
        (keras.losses.MeanAbsolutePercentageError(), _percentage),
        ("msle", _logarithmic),
        ("mean_squared_logarithmic_error", _logarithmic),
        (keras.losses.MeanSquaredLogarithmicError, _logarithmic),
    ],
)
def test_losses_of_ratios_are_those_of_the_values_themselves(loss, formula, y, engine):
    value, predicted = _loss_of_start(loss, y, engine=engine)
    assert value == pytest.approx(formula(y, predicted), rel=1e-4)


def test_losses_of_ratios_see_the_values_of_a_sequence():
    sequences = np.exp(X)
    value, predicted = _loss_of_start("mape", sequences, sequence=True)
    assert value == pytest.approx(_percentage(sequences, predicted), rel=1e-4)


def test_training_on_percentages_gives_smaller_percentage_errors_than_training_on_squares():
    far = Y * np.exp(2 * X[:, 3])
    errors = [
        _percentage(far, ConvAttentionRegressor(**SMALL, loss=loss).fit(X, far).predict(X))
        for loss in ("mape", "mse")
    ]
    assert errors[0] < errors[1] / 2


def test_the_logarithmic_loss_learns_positive_targets():
    regressor = ConvAttentionRegressor(**SMALL, loss="msle").fit(X, Y)
    assert regressor.score(X, Y) > 0.8


def test_units_change_percentages_by_nothing():
    one, other = (_loss_of_start("mape", y)[0] for y in (Y, 1000 * Y))
    assert one == pytest.approx(other, rel=1e-4)


def test_percentages_of_further_epochs_are_in_the_units_of_the_first_fit():
    regressor = ConvAttentionRegressor(**SMALL, loss="mape").fit(X, Y)
    expected = _percentage(Y, regressor.predict(X))
    regressor.set_params(learning_rate=1e-30, batch_size=120).partial_fit(X, Y)
    assert regressor.history_["loss"][-1] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        "poisson",
        keras.losses.Poisson(),
        keras.losses.Poisson,
        keras.losses.poisson,
        "binary_crossentropy",
        keras.losses.KLDivergence(),
        "hinge",
        keras.losses.CosineSimilarity(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.Dice(),
    ],
)
def test_losses_that_compare_no_values_are_refused_before_training(loss):
    regressor = ConvAttentionRegressor(**SMALL, loss=loss)
    with pytest.raises(ValueError, match=r"^loss='\w+' does not compare values .*; use 'mse'.*\.$"):
        regressor.fit(X, Y)
    assert not hasattr(regressor, "fitted_model_")


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("mape", np.where(X[:, 0] > 1, 0.0, Y), r"^loss='mape' divides by y, .* 0; use"),
        ("msle", Y - 2.0, r"^loss='msle' takes the logarithm of 1 \+ y, .* -1\.\d+; use"),
        (keras.losses.MeanSquaredLogarithmicError(), -Y, "^loss='MeanSquaredLogarithmicError'"),
    ],
)
def test_values_that_a_ratio_is_not_defined_for_are_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        ConvAttentionRegressor(**SMALL, loss=loss).fit(X, y)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", keras.losses.Huber(0.5)])
def test_losses_of_differences_are_computed_on_the_scale_of_the_network(loss):
    one, other = (_loss_of_start(loss, y)[0] for y in (Y, 1000 * Y + 5))
    assert one == pytest.approx(other, rel=1e-4)


def test_a_function_of_the_users_sees_the_scale_of_the_network():
    def square(y_true, y_pred):
        return keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

    assert _loss_of_start(square, Y)[0] == pytest.approx(_loss_of_start("mse", Y)[0], rel=1e-6)
