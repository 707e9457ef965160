"""Search spaces fit the estimators and the searches that take them."""

from __future__ import annotations

import numpy as np
import pytest
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


@pytest.mark.parametrize(("name", "estimator"), all_estimators())
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
