"""Search spaces fit the estimators and the searches that take them."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from skconvattn import (
    AttentionRegressor,
    ConvAttentionRegressor,
    RNNAttentionRegressor,
    SelfAttentionRegressor,
    all_estimators,
)
from skconvattn.tuning import search_space
from tests.estimator_params import of_architectures

# What the networks are searched over, and what training and forecasters add to it.
_SIZE, _WIDTH = IntDistribution(8, 64, log=True), IntDistribution(2, 9)
_DEPTH, _DROPOUT = IntDistribution(1, 2), FloatDistribution(0.0, 0.5)
_HEADS = IntDistribution(1, 8, log=True)
_SCORES = CategoricalDistribution(("luong", "bahdanau"))
_ACTIVATIONS = CategoricalDistribution(("relu", "gelu", "tanh"))
NETWORKS = {
    "Attention": {
        "recurrent_units": _SIZE,
        "n_layers": _DEPTH,
        "units": _SIZE,
        "attention_score": _SCORES,
        "dropout": _DROPOUT,
    },
    "ConvAttention": {
        "filters": _SIZE,
        "kernel_size": _WIDTH,
        "pool_size": IntDistribution(1, 4),
        "activation": _ACTIVATIONS,
        "units": _SIZE,
        "attention_score": _SCORES,
        "dropout": _DROPOUT,
        "recurrent_units": _SIZE,
    },
    "RNNAttention": {
        "units": _SIZE,
        "n_layers": _DEPTH,
        "num_heads": _HEADS,
        "key_dim": IntDistribution(4, 32, log=True),
        "kernel_size": _WIDTH,
        "pooling": CategoricalDistribution(("last", "statistics", "attention")),
        "dropout": _DROPOUT,
    },
    "SelfAttention": {
        "filters": _SIZE,
        "kernel_size": _WIDTH,
        "n_convolutions": IntDistribution(1, 4),
        "attention_type": CategoricalDistribution(
            ("multi_head", "additive", "multiplicative", "linear")
        ),
        "n_layers": _DEPTH,
        "units": _SIZE,
        "num_heads": _HEADS,
        "pooling": CategoricalDistribution(("statistics", "attention")),
        "hidden_normalization": CategoricalDistribution(("batch", "layer", None)),
        "activation": _ACTIVATIONS,
        "dropout": _DROPOUT,
    },
}
TRAINING = {"learning_rate": FloatDistribution(3e-4, 3e-2, log=True)}
FORECASTER = {
    "normalization": CategoricalDistribution(("standard", "last", "robust")),
    "branch_dropout": FloatDistribution(0.0, 0.5),
}


@pytest.mark.parametrize("task", ["Forecaster", "Regressor", "Classifier"])
@pytest.mark.parametrize("architecture", NETWORKS)
def test_spaces_are_these(architecture, task):
    space = search_space(dict(all_estimators())[architecture + task])
    expected = {**TRAINING, **(FORECASTER if task == "Forecaster" else {})}
    assert space == {**expected, **NETWORKS[architecture]}


@pytest.mark.parametrize(("name", "estimator"), of_architectures())
def test_every_value_in_the_space_is_valid(name, estimator):
    space = search_space(estimator)
    assert {"units", "learning_rate"} <= space.keys()
    assert space.keys() & {"attention_score", "attention_type", "num_heads"}

    for parameter, distribution in space.items():
        low = getattr(distribution, "low", None)
        ends = [low, distribution.high] if low is not None else distribution.choices
        for value in ends:
            candidate = estimator(**{parameter: value})
            (getattr(candidate, "_validate_params", None) or candidate._validate_hyperparameters)()


def test_the_size_of_an_encoder_that_there_is_not_is_left_out():
    assert "recurrent_units" in search_space(ConvAttentionRegressor)
    assert "recurrent_units" in search_space(ConvAttentionRegressor(recurrent="lstm"))
    assert "recurrent_units" not in search_space(ConvAttentionRegressor(recurrent=None))
    assert "recurrent_units" in search_space(AttentionRegressor())


def test_only_values_that_an_estimator_takes_are_suggested():
    assert search_space(RNNAttentionRegressor)["pooling"].choices == (
        "last", "statistics", "attention",
    )  # fmt: skip
    assert search_space(SelfAttentionRegressor)["pooling"].choices == ("statistics", "attention")


def test_optuna_searches_a_pipeline():
    from optuna.logging import WARNING, set_verbosity
    from optuna_integration.sklearn import OptunaSearchCV

    set_verbosity(WARNING)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    pipeline = Pipeline([("model", ConvAttentionRegressor(epochs=2, random_state=0))])
    space = search_space(pipeline["model"], prefix="model__")
    kept = {name: space[name] for name in ("model__learning_rate", "model__dropout")}

    with pytest.warns(match="OptunaSearchCV is experimental"):
        search = OptunaSearchCV(pipeline, kept, cv=2, n_trials=3, random_state=0)
    search.fit(X, X[:, 0])

    assert search.best_params_.keys() == kept.keys()
    assert len(search.trials_) == 3


def test_a_foreign_estimator_is_refused():
    with pytest.raises(TypeError, match="Ridge is not an estimator of skconvattn"):
        search_space(Ridge())
