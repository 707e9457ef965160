"""Your own Keras network behind fit and predict."""

from __future__ import annotations

from typing import Any

from sklearn.utils._param_validation import HasMethods

from skconvattn._hyperparameters import hyperparameter
from skconvattn.architectures.own_network import RoutedParameters, encoded, named_parameters
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network


class OwnNetwork(Network):
    """A network of your own: a function of Keras layers, a layer, or a model."""

    network: Any = hyperparameter(
        default=None,
        constraints=[callable, HasMethods("get_config"), None],
        doc="""
        callable, keras.layers.Layer, keras.Model or None
        From series of shape (batch, time, channels), a symbolic Keras tensor, to features of shape
        (batch, n_features). ``network(inputs, **network_params)`` is called anew wherever a model
        is built; with an argument ``mask`` it also gets which steps are valid. It may return
        ``(features, attention)``, with attention of shape (batch, time), or a whole
        ``skconvattn.networks.Encoding``. Of features per step, (batch, time, n_features), an
        average with learned weights is taken, which is then the attention. Layers and models are
        copied, without their weights. None is a convolution of 32 filters with such an average.
        ``save`` writes the name of a function, for which ``load`` is given the function.
        """,
    )
    network_params: Any = hyperparameter(
        default=None,
        # The description of a model has it as a tuple of pairs, which can be hashed.
        constraints=[dict, tuple, None],
        doc="""
        dict or None
        Keyword arguments of ``network``. Each is also a parameter by itself, as in
        ``set_params(network__units=8)`` and in the grid of a search.
        """,
    )

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        return encoded(self.network, named_parameters(self.network_params), inputs, mask)


class NeuralForecaster(RoutedParameters, OwnNetwork, BaseNeuralForecaster):
    """Forecaster with your own network, around a linear map that starts at ridge regression.

    Windows, scaling, covariates, panels, intervals, early stopping and the compiled training loop
    are those of the other forecasters, and so is the average with other members: ``weights_`` says
    what share the network has, and ``members=("linear", "network")`` leaves the others out.

    Examples
    --------
    >>> import keras
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import NeuralForecaster
    >>> def recurrent(inputs, units=16):
    ...     return keras.layers.GRU(units)(inputs)
    >>> y = load_airline()
    >>> forecaster = NeuralForecaster(network=recurrent, epochs=20, random_state=0)
    >>> forecaster.set_params(network__units=8).fit(y[:-12], fh=range(1, 13)).predict().shape
    (12,)
    """


class NeuralRegressor(RoutedParameters, OwnNetwork, BaseNeuralRegressor):
    """Regressor with your own network.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skconvattn import NeuralRegressor
    >>> def dense(inputs, units=32):
    ...     return keras.layers.Dense(units, activation="relu")(keras.layers.Flatten()(inputs))
    >>> X = np.random.default_rng(0).normal(size=(80, 24))
    >>> regressor = NeuralRegressor(network=dense, network_params={"units": 16}, random_state=0)
    >>> regressor.fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """

    _always_trains = True


class NeuralClassifier(RoutedParameters, OwnNetwork, BaseNeuralClassifier):
    """Classifier with your own network.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skconvattn import NeuralClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "wild"], 40)
    >>> X = rng.normal(scale=np.where(y == "calm", 1.0, 3.0)[:, None], size=(80, 24))
    >>> network = keras.Sequential(
    ...     [keras.layers.Conv1D(8, 3, activation="relu"), keras.layers.GlobalMaxPooling1D()]
    ... )
    >>> classifier = NeuralClassifier(network=network, random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:3]).shape
    (3, 2)
    """

    _always_trains = True
