"""Schedules of the learning rate and clipped gradients, with steps worked out by hand.

The network is a linear map that starts at zero and is trained by gradient descent on one sample a
step, so that every step can be written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from skconvattn.data import Rows
from skconvattn.engine import TrainingPlan, train
from skconvattn.networks import Encoding, ModelSpec, Network, ValueHead

X = np.array([1.0, -2.0, 3.0], "float32")
Y = np.array([4.0, 1.0, 10.0], "float32")


class NoNetwork(Network):
    """Nothing but zeros, which a head's bias is added to."""

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        return Encoding(keras.layers.Flatten()(inputs) * 0.0)


@dataclass(frozen=True)
class Slope(ValueHead):
    """``w x + b`` from zero weights."""

    def predict_from(self, encode: Any, series: Any, mask: Any, *further: Any) -> Any:
        dense = keras.layers.Dense(1, kernel_initializer="zeros", name="values")
        return dense(keras.layers.Flatten()(series)), None


def _weights(engine: str, epochs: int, optimizer: Any, learning_rate: Any = None) -> np.ndarray:
    """Train on one sample per step, in the order of the seed, and return (w, b)."""
    spec = ModelSpec.of(NoNetwork(), Slope(1), n_timepoints=1, n_channels=1)
    source = Rows(X[:, None, None], Y[:, None], np.ones(3, "float32"))
    plan = TrainingPlan(
        epochs=epochs, batch_size=1, optimizer=optimizer, learning_rate=learning_rate,
        loss="mean_squared_error", engine=engine,
    )  # fmt: skip
    return train(spec, source, plan, np.random.default_rng(7)).model.weights


def _by_hand(epochs: int, rates: Any, clip: Any = lambda w, b: (w, b)) -> np.ndarray:
    """Gradient descent: d/dw (w x + b - y)^2 = 2 x (w x + b - y), and 2 (w x + b - y) for b."""
    rng = np.random.default_rng(7)
    rng.integers(1, 2**31 - 1, size=2)  # seeds of the two variables
    w = b = 0.0
    step = 0
    for _ in range(epochs):
        for i in rng.permutation(3):
            error = w * X[i] + b - Y[i]
            slope_w, slope_b = clip(2 * X[i] * error, 2 * error)
            w, b = w - rates(step) * slope_w, b - rates(step) * slope_b
            step += 1
    return np.array([w, b])


every_engine = pytest.mark.parametrize("engine", ["compiled", "portable"])
SCHEDULES = keras.optimizers.schedules


@every_engine
@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (SCHEDULES.ExponentialDecay(0.05, 2, 0.5), lambda t: 0.05 * 0.5 ** (t / 2)),
        (
            SCHEDULES.PiecewiseConstantDecay([1, 3], [0.05, 0.02, 0.01]),
            # A boundary belongs to what is before it.
            lambda t: 0.05 if t <= 1 else 0.02 if t <= 3 else 0.01,
        ),
        (
            SCHEDULES.CosineDecay(0.06, 6, alpha=0.1),
            lambda t: 0.06 * (0.9 * 0.5 * (1 + np.cos(np.pi * min(t, 6) / 6)) + 0.1),
        ),
        (
            SCHEDULES.PolynomialDecay(0.05, 5, 0.01, power=2.0),
            lambda t: 0.04 * (1 - min(t, 5) / 5) ** 2 + 0.01,
        ),
    ],
    ids=["exponential", "piecewise", "cosine", "polynomial"],
)
@pytest.mark.parametrize("where", ["learning_rate", "optimizer"])
def test_a_schedule_gives_each_step_its_rate(engine, schedule, rates, where):
    # Nine steps over three epochs: the count goes on from one to the next.
    if where == "optimizer":
        found = _weights(engine, 3, keras.optimizers.SGD(schedule))
    else:
        found = _weights(engine, 3, "sgd", schedule)
    np.testing.assert_allclose(found, _by_hand(3, rates), rtol=1e-5)


def _each(limit: float) -> Any:
    return lambda *slopes: tuple(np.clip(s, -limit, limit) for s in slopes)


def _together(limit: float) -> Any:
    def clip(*slopes: float) -> tuple[float, ...]:
        norm = np.sqrt(sum(s**2 for s in slopes))
        return tuple(s * limit / max(norm, limit) for s in slopes)

    return clip


@every_engine
@pytest.mark.parametrize(
    ("argument", "clip"),
    [
        ({"clipvalue": 3.0}, _each(3.0)),
        # Each variable by itself: of numbers, the norm is the absolute value.
        ({"clipnorm": 3.0}, _each(3.0)),
        ({"global_clipnorm": 3.0}, _together(3.0)),
        ({"global_clipnorm": 1e6}, _together(1e6)),
    ],
    ids=["value", "norm", "global norm", "global norm that is never reached"],
)
def test_gradients_are_clipped_before_the_step(engine, argument, clip):
    found = _weights(engine, 2, keras.optimizers.SGD(0.05, **argument))
    np.testing.assert_allclose(found, _by_hand(2, lambda t: 0.05, clip), rtol=1e-5)


def test_the_clips_tell_themselves_apart_on_these_samples():
    rates = {"rates": lambda t: 0.05}
    free, each, together = (
        _by_hand(2, **rates, clip=clip) for clip in (lambda *s: s, _each(3.0), _together(3.0))
    )
    assert np.abs(free - each).max() > 0.1
    assert np.abs(each - together).max() > 0.1
