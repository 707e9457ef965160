"""A fit that fails leaves the estimator as it was, or at its best epoch: never half-way."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sktime.datasets import load_airline

from skconvattn import ConvAttentionForecaster, ConvAttentionRegressor

X = np.random.default_rng(0).normal(size=(120, 6))
Y = X[:, 0] - X[:, 4]
SMALL = {
    "members": ["network"],
    "filters": 2,
    "units": 2,
    "epochs": 4,
    "random_state": 0,
    "patience": 50,
}


class RaisesAt(keras.callbacks.Callback):
    """Interrupts a fit after some epochs."""

    def __init__(self, epoch, error=KeyboardInterrupt):
        super().__init__()
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise self.error


def _blow_up_at(epoch, rate=1e38):
    """A rate that sends the weights out of the range of numbers in one epoch."""
    return keras.callbacks.LearningRateScheduler(lambda e: rate if e == epoch else 0.01)


def _regressor(**parameters) -> ConvAttentionRegressor:
    return ConvAttentionRegressor(**{**SMALL, "optimizer": "sgd", **parameters})


def _state(estimator) -> dict:
    return dict(vars(estimator))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("epoch", [0, 2])
def test_an_interrupted_first_fit_leaves_the_estimator_unfitted(epoch, error):
    regressor = _regressor(callbacks=RaisesAt(epoch, error))
    before = _state(regressor)
    with pytest.raises(error):
        regressor.fit(X, Y)
    assert _state(regressor) == before
    with pytest.raises(NotFittedError):
        regressor.predict(X)


def test_an_interrupted_refit_keeps_the_last_one():
    regressor = _regressor().fit(X, Y)
    predictions = regressor.predict(X)
    regressor.set_params(callbacks=RaisesAt(1))
    with pytest.raises(KeyboardInterrupt):
        regressor.fit(10 * X[:, :5], -Y)
    np.testing.assert_array_equal(regressor.predict(X), predictions)
    # Nothing of the interrupted fit is left in the program either.
    regressor.set_params(callbacks=None)
    np.testing.assert_array_equal(regressor.fit(X, Y).predict(X), predictions)


def test_an_interrupted_forecaster_keeps_its_last_fit():
    y = load_airline()
    forecaster = ConvAttentionForecaster(**SMALL).fit(y[:-12], fh=[1, 2])
    forecast = forecaster.predict()
    # set_params would reset the forecaster, as sktime has it.
    forecaster.callbacks = [RaisesAt(1)]
    with pytest.raises(KeyboardInterrupt):
        forecaster.fit(y, fh=[1, 2, 3])
    assert forecaster.predict().equals(forecast)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_weights_of_the_last_finite_epoch_are_kept_with_a_warning(early_stopping):
    settings = {"early_stopping": early_stopping}
    sound = _regressor(**settings, epochs=2, callbacks=_blow_up_at(99)).fit(X, Y)
    regressor = _regressor(**settings, callbacks=_blow_up_at(2))
    with pytest.warns(ConvergenceWarning, match=r"not finite in epoch 3.* weights of epoch 2"):
        regressor.fit(X, Y)
    assert regressor.n_iter_ == 2
    np.testing.assert_array_equal(regressor.predict(X), sound.predict(X))


def test_a_last_step_that_spoils_the_weights_is_noticed():
    # One step per epoch: its loss is taken before the weights move.
    settings = {"early_stopping": False, "batch_size": 120, "epochs": 2}
    regressor = _regressor(**settings, callbacks=_blow_up_at(1, np.inf))
    with pytest.warns(ConvergenceWarning, match=r"epoch 2.* weights of epoch 1"):
        regressor.fit(X, Y)
    assert np.isfinite(regressor.predict(X)).all()


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_first_epoch_without_finite_loss_raises_and_changes_nothing(early_stopping):
    regressor = _regressor(early_stopping=early_stopping).fit(X, Y)
    predictions = regressor.predict(X)
    regressor.set_params(learning_rate=1e38)
    with pytest.raises(FloatingPointError, match=r"epoch 1.*lower learning_rate"):
        regressor.fit(X, Y)
    np.testing.assert_array_equal(regressor.predict(X), predictions)


def test_data_that_is_refused_changes_nothing():
    regressor = _regressor().fit(X, Y)
    before = _state(regressor)
    for bad in (np.full_like(X, np.inf), X[0], X[:0], np.zeros((120, 2, 2, 2))):
        with pytest.raises(ValueError, match=r"\S"):
            regressor.fit(bad, Y)
        assert _state(regressor) == before
