"""Attention as a recurrent network, stacked: every step sees its past through running sums."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval

from skconvattn._hyperparameters import hyperparameter, hyperparameters
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network

_POSITIVE = Interval(Integral, 1, None, closed="left")


@hyperparameters
class RNNAttentionNetwork(Network):
    """Stacked attention with a learned query a head, as in "Attention as an RNN".

    A causal convolution brings the series to ``units`` channels. Each layer then adds attention
    over the past, and a feed-forward network on each step, both on the normalised sum so far. No
    step sees a later one, and all that a layer keeps of the past is the state of its
    :class:`~skconvattn.layers.RNNAttentionCell`.
    """

    units: int = hyperparameter(
        32,
        [_POSITIVE],
        """
        int
        Channels of each time step between the layers, and features that the network gives.
        """,
    )
    n_layers: int = hyperparameter(
        2,
        [_POSITIVE],
        """
        int
        Attention layers, one on the other.
        """,
    )
    num_heads: Any = hyperparameter(
        4,
        [_POSITIVE, "array-like"],
        """
        int or sequence of int
        Heads of every layer, or of each.
        """,
    )
    key_dim: Any = hyperparameter(
        8,
        [_POSITIVE, "array-like"],
        """
        int or sequence of int
        Channels of a head's query, keys and values in every layer, or in each.
        """,
    )
    kernel_size: int = hyperparameter(
        3,
        [_POSITIVE],
        """
        int
        Time steps up to its own from which a step is encoded before the first layer.
        """,
    )
    dropout: float = hyperparameter(
        0.0,
        [Interval(Real, 0, 1, closed="left")],
        """
        float
        Share of what each layer adds that is dropped in training.
        """,
    )

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        import keras

        from skconvattn.layers.convolutions import aligned_conv
        from skconvattn.layers.masks import last_valid, zero_masked

        heads = _one_a_layer("num_heads", self.num_heads, self.n_layers)
        keys = _one_a_layer("key_dim", self.key_dim, self.n_layers)
        embed = aligned_conv(self.units, self.kernel_size, 1, "causal", name="embedding")
        hidden = embed(zero_masked(inputs, mask))
        attention = None
        for num_heads, key_dim in zip(heads, keys, strict=True):
            hidden, attention = self._layer(hidden, mask, num_heads, key_dim)
        hidden = keras.layers.LayerNormalization()(hidden)
        return Encoding(last_valid(hidden, mask), attention, hidden)

    def _layer(self, hidden: Any, mask: Any, num_heads: int, key_dim: int) -> tuple[Any, Any]:
        import keras

        from skconvattn.layers import RNNAttention

        attend = RNNAttention(num_heads=num_heads, key_dim=key_dim, return_attention=True)
        attended, attention = attend(keras.layers.LayerNormalization()(hidden), mask=mask)
        hidden = self._added(hidden, keras.layers.Dense(self.units)(attended))
        wide = keras.layers.Dense(2 * self.units, activation="gelu")(
            keras.layers.LayerNormalization()(hidden)
        )
        return self._added(hidden, keras.layers.Dense(self.units)(wide)), attention

    def _added(self, hidden: Any, term: Any) -> Any:
        import keras

        if self.dropout:
            term = keras.layers.Dropout(self.dropout)(term)
        return keras.layers.Add()([hidden, term])


def _one_a_layer(name: str, value: Any, n_layers: int) -> tuple[int, ...]:
    """Return one integer a layer."""
    if isinstance(value, Integral):
        return (int(value),) * n_layers
    values = tuple(int(each) for each in value)
    if len(values) != n_layers or min(values) < 1:
        raise ValueError(
            f"{name}={value!r} does not give one positive integer for each of n_layers={n_layers} "
            "layers; give one integer for all of them, or one each."
        )
    return values


@hyperparameters
class RNNAttentionForecaster(RNNAttentionNetwork, BaseNeuralForecaster):
    """Forecaster with attention as an RNN, around a linear map that starts seasonal naive.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import RNNAttentionForecaster
    >>> y = load_airline()
    >>> forecaster = RNNAttentionForecaster(epochs=20, random_state=0).fit(y[:-12], fh=range(1, 13))
    >>> forecaster.predict().shape
    (12,)
    """

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return small settings for sktime's test suite."""
        small = {"units": 2, "n_layers": 1, "num_heads": 1, "key_dim": 2, "random_state": 0}
        return [
            {**small, "epochs": 2},
            {**small, "epochs": 1, "window_length": 3, "quantiles": (0.1, 0.5, 0.9)},
        ]


@hyperparameters
class RNNAttentionRegressor(RNNAttentionNetwork, BaseNeuralRegressor):
    """Regressor with attention as an RNN.

    Attributes
    ----------
    fitted_model_ : FittedModel
        Trained weights and the description of the network.
    history_ : dict of str to list of float
        Losses by epoch.
    n_iter_ : int
        Epochs trained.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import RNNAttentionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 24))
    >>> regressor = RNNAttentionRegressor(epochs=20, random_state=0).fit(X, X.max(axis=1))
    >>> regressor.predict(X[:3]).shape
    (3,)
    """


@hyperparameters
class RNNAttentionClassifier(RNNAttentionNetwork, BaseNeuralClassifier):
    """Classifier with attention as an RNN.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    fitted_model_ : FittedModel
        Trained weights and the description of the network.
    history_ : dict of str to list of float
        Losses by epoch.
    n_iter_ : int
        Epochs trained.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import RNNAttentionClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "wild"], 40)
    >>> X = rng.normal(scale=np.where(y == "calm", 1.0, 3.0)[:, None], size=(80, 24))
    >>> classifier = RNNAttentionClassifier(epochs=20, random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:3]).shape
    (3, 2)
    """
