"""A recurrent encoder with many-to-one attention over its hidden states."""

from __future__ import annotations

from typing import Any, Literal

from skconvattn._hyperparameters import hyperparameter
from skconvattn.architectures import declarations
from skconvattn.architectures.recurrent import (
    patches,
    recurrent_layer,
    settled_patch_size,
    with_context,
)
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network


class AttentionNetwork(Network):
    """Recurrent encoder and many-to-one attention, as in the package ``attention``."""

    recurrent: Literal["lstm", "gru"] = declarations.recurrent_encoder(default="lstm")
    recurrent_units: int = declarations.recurrent_units()
    n_layers: int = declarations.depth(default=1, of="Recurrent layers")
    bidirectional: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether the encoder also reads each series backwards.
        """,
    )
    patch_size: int | Literal["auto"] = declarations.patch_size()
    units: int = declarations.attention_units()
    attention_score: Literal["luong", "bahdanau"] = declarations.attention_score(
        default="luong", compared="a hidden state"
    )
    dropout: float = declarations.dropout(of="each recurrent layer's inputs dropped in training")

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        from skconvattn.layers import Attention

        patch_size = settled_patch_size(self.patch_size, inputs.shape[1])
        hidden, mask = patches(inputs, mask, patch_size, self.recurrent_units)
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

    def settled(self, n_timepoints: int | None) -> dict[str, Any]:
        """Return the patch size for series of a length; see :meth:`Network.settled`."""
        return {"patch_size": settled_patch_size(self.patch_size, n_timepoints)}


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
