"""A recurrent encoder with many-to-one attention over its hidden states."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skconvattn._hyperparameters import Choices, IntegerRange, RealRange, hyperparameter
from skconvattn.architectures.recurrent import recurrent_layer, with_context
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network

_POSITIVE = Interval(Integral, 1, None, closed="left")


class AttentionNetwork(Network):
    """Recurrent encoder and many-to-one attention, as in the package ``attention``."""

    recurrent: str = hyperparameter(
        default="lstm",
        constraints=[StrOptions({"lstm", "gru"})],
        doc="""
        {"lstm", "gru"}
        Recurrent encoder.
        """,
    )
    recurrent_units: int = hyperparameter(
        default=32,
        constraints=[_POSITIVE],
        doc="""
        int
        Size of the encoder's hidden state.
        """,
        search=IntegerRange(8, 64, log=True),
    )
    n_layers: int = hyperparameter(
        default=1,
        constraints=[_POSITIVE],
        doc="""
        int
        Recurrent layers, one on the other.
        """,
        search=IntegerRange(1, 2),
    )
    bidirectional: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether the encoder also reads each series backwards.
        """,
    )
    units: int = hyperparameter(
        default=32,
        constraints=[_POSITIVE],
        doc="""
        int
        Features that attention gives.
        """,
        search=IntegerRange(8, 64, log=True),
    )
    attention_score: str = hyperparameter(
        default="luong",
        constraints=[StrOptions({"luong", "bahdanau"})],
        doc="""
        {"luong", "bahdanau"}
        How attention compares a hidden state with the last one: multiplicative or additive.
        """,
        search=Choices(("luong", "bahdanau")),
    )
    dropout: float = hyperparameter(
        default=0.0,
        constraints=[Interval(Real, 0, 1, closed="left")],
        doc="""
        float
        Share of each recurrent layer's inputs dropped in training.
        """,
        search=RealRange(0.0, 0.5),
    )

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        from skconvattn.layers import Attention

        hidden = inputs
        for _ in range(self.n_layers):
            layer = recurrent_layer(
                self.recurrent,
                self.recurrent_units,
                dropout=self.dropout,
                bidirectional=self.bidirectional,
            )
            hidden = layer(hidden, mask=mask)
        attend = Attention(units=self.units, score=self.attention_score, return_attention=True)
        features, attention = attend(hidden, mask=mask)
        return Encoding(features, attention, with_context(hidden, features))


class AttentionForecaster(AttentionNetwork, BaseNeuralForecaster):
    """Forecaster with recurrent attention, around a linear map that starts at ridge regression.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import AttentionForecaster
    >>> y = load_airline()
    >>> forecaster = AttentionForecaster(epochs=20, random_state=0).fit(y[:-12], fh=range(1, 13))
    >>> forecaster.predict().shape
    (12,)
    """

    _smallest = {"recurrent_units": 2, "units": 2}


class AttentionRegressor(AttentionNetwork, BaseNeuralRegressor):
    """Regressor with recurrent attention.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import AttentionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 24))
    >>> regressor = AttentionRegressor(epochs=20, random_state=0).fit(X, X[:, -1])
    >>> regressor.predict(X[:3]).shape
    (3,)
    """


class AttentionClassifier(AttentionNetwork, BaseNeuralClassifier):
    """Classifier with recurrent attention.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import AttentionClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["down", "up"], 40)
    >>> drift = np.where(y == "up", 0.3, -0.3)[:, None]
    >>> X = np.cumsum(rng.normal(loc=drift, size=(80, 24)), axis=1)
    >>> classifier = AttentionClassifier(epochs=20, random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:3]).shape
    (3, 2)
    """
