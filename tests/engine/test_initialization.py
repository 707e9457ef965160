"""Initial weights depend on the seed wherever they are random, and on nothing else."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.utils._param_validation import StrOptions

from skconvattn.engine.weights import Initialization
from skconvattn.networks import HorizonHead, ModelSpec, QuantileOutput, ValueHead
from tests.estimator_params import of_architectures

HEADS = [
    ValueHead(2, linear=True),
    HorizonHead(
        3, n_known=2, output=QuantileOutput((0.1, 0.5, 0.9)), normalization="standard", dropout=0.1
    ),
]


def _choices(estimator) -> list[dict]:
    """Every single departure from the defaults that is a choice: strings, flags, alternatives."""
    found = [{}]
    for name in estimator.network_class._parameter_names:
        value = getattr(estimator, name)
        for constraint in estimator._parameter_constraints[name]:
            if isinstance(constraint, StrOptions):
                found += [{name: other} for other in sorted(constraint.options) if other != value]
        if isinstance(value, bool):
            found.append({name: not value})
        if name.endswith("dropout"):
            found.append({name: 0.5})
    return found


NETWORKS = [
    pytest.param(cls(**choice), id=f"{name}-{choice or 'default'}")
    for name, cls in of_architectures("regressor")
    for choice in _choices(cls())
]


def _spec(estimator, head=HEADS[0]) -> ModelSpec:
    return ModelSpec.of(estimator, head, n_timepoints=8, n_channels=3)


def _random_on_their_own(spec: ModelSpec) -> list[bool]:
    """Trainable variables that Keras itself draws: they differ between Python's random states."""
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        drawn.append([v.numpy() for v in spec._build().model.trainable_variables])
    return [not np.array_equal(one, other) for one, other in zip(*drawn, strict=True)]


def _drawn(spec: ModelSpec, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return Initialization.of(spec.build().model).draw(np.random.default_rng(seed))


@pytest.fixture
def python_random():
    """Give Python's global generator its state back."""
    state = random.getstate()
    yield
    random.setstate(state)


@pytest.mark.usefixtures("python_random")
@pytest.mark.parametrize("head", HEADS, ids=["values", "horizon"])
@pytest.mark.parametrize("estimator", NETWORKS)
def test_seeds_change_every_random_weight_and_no_constant(estimator, head):
    spec = _spec(estimator, head)
    one, other = _drawn(spec, 0)[0], _drawn(spec, 1)[0]
    differs = [not np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
    assert differs == _random_on_their_own(spec)
    assert any(differs)


@pytest.mark.parametrize("estimator", NETWORKS)
def test_constants_and_shapes_are_those_of_keras(estimator):
    spec = _spec(estimator)
    built = [v.numpy() for v in spec.build().model.trainable_variables]
    one, other = _drawn(spec, 0)[0], _drawn(spec, 1)[0]
    for value, a, b in zip(built, one, other, strict=True):
        assert (a.shape, a.dtype) == (value.shape, value.dtype)
        if np.array_equal(a, b):
            np.testing.assert_array_equal(a, value)


@pytest.mark.parametrize(("name", "cls"), of_architectures("regressor"))
def test_random_weights_have_the_spread_that_keras_gives_them(name, cls):
    spec = _spec(cls())
    built = [v.numpy() for v in spec.build().model.trainable_variables]
    # Pooled over seeds: the largest departure of 20 draws of one weight is a few percent.
    draws = [_drawn(spec, seed)[0] for seed in range(20)]
    for i, value in enumerate(built):
        if value.size < 64 or value.std() == 0 or np.array_equal(draws[0][i], draws[1][i]):
            continue
        spread = np.std([draw[i] for draw in draws])
        assert spread == pytest.approx(value.std(), rel=0.25)


def test_the_same_seed_gives_the_same_weights():
    spec = _spec(NETWORKS[0].values[0])
    for one, other in zip(_drawn(spec, 7)[0], _drawn(spec, 7)[0], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("name", "cls"), of_architectures("regressor"))
def test_dropout_seeds_follow_the_seed_and_moving_statistics_begin_as_built(name, cls):
    spec = _spec(cls(dropout=0.5))
    model = spec.build().model
    one, other = _drawn(spec, 0)[1], _drawn(spec, 1)[1]
    is_seed = ["seed_generator_state" in v.path for v in model.non_trainable_variables]
    assert any(is_seed)
    for variable, seeded, a, b in zip(
        model.non_trainable_variables, is_seed, one, other, strict=True
    ):
        assert np.array_equal(a, b) != seeded
        if not seeded:
            np.testing.assert_array_equal(a, variable.numpy())
