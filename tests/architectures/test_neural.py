"""A user's own network behaves like the networks of the package."""

from __future__ import annotations

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sktime.datasets import load_airline
from sktime.forecasting.base import BaseForecaster

from skconvattn import NeuralClassifier, NeuralForecaster, NeuralRegressor, load
from skconvattn.engine.compiled.training_program import _PROGRAMS
from skconvattn.inspection import attention_weights
from skconvattn.networks import Encoding
from skconvattn.persistence.archive import SaveFileError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 12))
Y = X[:, 3] - X[:, 8]


def dense(inputs, units=8, activation="relu"):
    """All steps at once."""
    flat = keras.layers.Flatten()(inputs)
    return keras.layers.Dense(units, activation=activation)(flat)


def per_step(inputs, units=4):
    """Features per step."""
    return keras.layers.Conv1D(units, 3, padding="same", activation="relu")(inputs)


def with_attention(inputs):
    """The mean over time, and that it is one."""
    even = keras.ops.ones_like(inputs[..., 0]) / inputs.shape[1]
    return keras.ops.mean(inputs, axis=1), even


def masked(inputs, mask=None, units=3):
    """Steps that are valid, through a recurrent layer."""
    return keras.layers.GRU(units)(inputs, mask=mask)


def builder(inputs, units=4):
    """A layer instead of what it gives."""
    return keras.layers.GRU(units)


def _regressor(network, **parameters):
    return NeuralRegressor(
        **{
            "network": network,
            "epochs": 3,
            "random_state": 0,
            "linear_skip": False,
            "early_stopping": False,
            "members": ["network"],
            **parameters,
        }
    )


@pytest.mark.parametrize(
    "network",
    [
        dense,
        per_step,
        with_attention,
        masked,
        builder,
        lambda inputs: Encoding(inputs[:, -1]),
        keras.layers.GRU(3),
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]),
        keras.Sequential([keras.Input((12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]),
        None,
    ],
)
def test_networks_of_every_kind_are_trained(network):
    regressor = _regressor(network).fit(X, Y)

    assert regressor.predict(X).shape == (90,)
    assert regressor.history_["loss"][-1] < regressor.history_["loss"][0]


def test_a_function_gives_the_model_that_it_describes():
    model = _regressor(dense, network_params={"units": 5}).fit(X, Y).model_

    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    assert first.units == 5
    assert model.input_shape == (None, 12, 1)


def test_parameters_of_the_network_are_those_of_the_estimator():
    regressor = _regressor(dense)
    assert regressor.get_params()["network__units"] == 8

    regressor.set_params(network__units=3, network__activation="tanh", epochs=2)

    assert regressor.network_params == {"units": 3, "activation": "tanh"}
    assert regressor.get_params()["network__units"] == 3
    assert "network__units" not in regressor.get_params(deep=False)
    assert clone(regressor).get_params() == regressor.get_params()
    assert regressor.set_params(network=per_step, network_params=None, network__units=2)
    assert regressor.get_params()["network__units"] == 2


def test_a_grid_search_tries_parameters_of_the_network():
    search = GridSearchCV(_regressor(dense), {"network__units": [2, 3]}, cv=2).fit(X, Y)

    assert set(search.cv_results_["param_network__units"]) == {2, 3}
    assert search.best_estimator_.network_params["units"] in (2, 3)


def test_equal_networks_share_one_program_and_others_do_not():
    regressor = _regressor(dense, network_params={"units": 6}).fit(X, Y)
    before = set(_PROGRAMS._programs)
    clone(regressor).set_params(learning_rate=0.01, random_state=5).fit(X, Y)
    assert set(_PROGRAMS._programs) == before

    clone(regressor).set_params(network__units=7).fit(X, Y)
    assert len(set(_PROGRAMS._programs) - before) == 1


def test_a_layer_that_is_given_stays_as_it_was():
    layer = keras.layers.GRU(3)
    first = _regressor(layer).fit(X, Y).predict(X)

    assert not layer.built
    np.testing.assert_array_equal(_regressor(layer).fit(X, Y).predict(X), first)


@pytest.mark.parametrize("network", [dense, keras.layers.GRU(3)])
def test_a_pickle_predicts_the_same(network):
    regressor = _regressor(network).fit(X, Y)

    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(regressor)).predict(X), regressor.predict(X)
    )


def test_a_file_holds_the_name_of_the_network_for_which_load_is_given_the_function(tmp_path):
    classifier = NeuralClassifier(network=dense, epochs=2, random_state=0).fit(X, Y > 0)
    forecaster = NeuralForecaster(network=dense, epochs=2, random_state=0).fit(
        load_airline(), fh=[1]
    )
    for number, (estimator, predicted) in enumerate(
        ((classifier, lambda e: e.predict_proba(X)), (forecaster, lambda e: e.predict().to_numpy()))
    ):
        path = tmp_path / f"{number}.zip"
        estimator.save(path)
        assert b"def dense" not in path.read_bytes()
        loaded = load(path, networks={"dense": dense})
        np.testing.assert_array_equal(predicted(loaded), predicted(estimator))
        with pytest.raises(SaveFileError, match=r"your own function 'dense'.*networks=\{'dense'"):
            load(path)
        with pytest.raises(SaveFileError, match="cannot be loaded"):
            load(path, networks={"dense": per_step})


def test_a_network_without_a_name_is_not_saved(tmp_path):
    regressor = _regressor(lambda inputs: inputs[:, -1]).fit(X, Y)

    with pytest.raises(SaveFileError, match="has no name by which it could be found again"):
        regressor.save(tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


def test_attention_is_what_the_network_returns_or_how_its_steps_are_averaged():
    even = attention_weights(_regressor(with_attention).fit(X, Y), X[:5])
    learned = attention_weights(_regressor(per_step).fit(X, Y), X[:5])

    np.testing.assert_allclose(even, np.full((5, 12), 1 / 12), rtol=1e-6)
    np.testing.assert_allclose(learned.sum(axis=1), 1, rtol=1e-5)
    assert learned.std() > 0
    with pytest.raises(ValueError, match="attention"):
        attention_weights(_regressor(dense).fit(X, Y), X[:5])


def test_series_of_unequal_length_reach_the_network_with_their_mask():
    series = [X[i, : 6 + i % 7] for i in range(len(X))]
    regressor = _regressor(masked).fit(series, Y)

    alone = regressor.predict([series[0]])
    np.testing.assert_allclose(regressor.predict(series[:4])[0], alone[0], rtol=1e-5)


def test_a_forecaster_has_intervals_covariates_and_panels():
    y = load_airline()
    covariate = y.to_frame("x").shift(1, fill_value=0.0)
    forecaster = NeuralForecaster(network=dense, epochs=2, random_state=0)
    forecaster.fit(y[:-3], X=covariate[:-3], fh=[1, 2, 3])

    interval = forecaster.predict_interval(X=covariate[-3:])
    assert (interval.iloc[:, 0] < interval.iloc[:, 1]).all()
    assert isinstance(forecaster, BaseForecaster)
    table = y.to_frame("a").assign(b=2 * y)
    assert forecaster.fit(table, fh=[1, 2]).predict().shape == (2, 2)


@pytest.mark.parametrize(
    ("network", "parameters", "error", "message"),
    [
        (lambda inputs: 3, None, TypeError, "returns features of type int; return a Keras tensor"),
        (lambda inputs: inputs[:, 0, 0], None, TypeError, r"features of shape \(None,\)"),
        (dense, {"unit": 3}, ValueError, r"network=dense has no parameter 'unit'; it has \['act"),
        (keras.layers.GRU, None, TypeError, r"network=GRU is a class; give an object"),
        (lambda x, units: x[:, -1], None, ValueError, r"needs 'units', which has no default"),
        (
            dense,
            (1, 2),
            ValueError,
            r"network_params=\(1, 2\) are no names and values; give a dict",
        ),
        (keras.layers.GRU(2), {"units": 3}, ValueError, "are arguments of a function, and network"),
        ("dense", None, ValueError, "The 'network' parameter of NeuralRegressor must be"),
    ],
)
def test_networks_that_cannot_be_are_refused_and_the_fit_before_stays(
    network, parameters, error, message
):
    regressor = _regressor(dense).fit(X, Y)
    before = regressor.predict(X)
    regressor.network, regressor.network_params = network, parameters
    with pytest.raises(error, match=message):
        regressor.fit(X, Y)
    np.testing.assert_array_equal(regressor.predict(X), before)


def test_an_unknown_parameter_of_the_network_is_refused_when_it_is_set():
    with pytest.raises(ValueError, match=r"network=dense has no parameter 'unit'"):
        _regressor(dense).set_params(network__unit=3)
