"""Convolution, pooling and projection with attention, optionally behind a recurrent encoder."""

from __future__ import annotations

from typing import Any, Literal

from sklearn.utils._param_validation import StrOptions

from skconvattn._hyperparameters import Choices, IntegerRange, hyperparameter
from skconvattn.architectures import declarations
from skconvattn.architectures.declarations import POSITIVE
from skconvattn.architectures.recurrent import (
    patches,
    recurrent_layer,
    settled_patch_size,
    with_context,
)
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network

_ACTIVATIONS = {
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "tanh",
    "sigmoid", "hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "linear",
}  # fmt: skip


class ConvAttentionNetwork(Network):
    """Convolution, max pooling, dense projection and many-to-one attention.

    With ``recurrent="lstm"`` this is the network of the package ``keras-convattention``.
    """

    filters: int = hyperparameter(
        default=32,
        constraints=[POSITIVE],
        doc="""
        int
        Channels of the convolution.
        """,
        search=IntegerRange(8, 64, log=True),
    )
    kernel_size: int = hyperparameter(
        default=3,
        constraints=[POSITIVE],
        doc="""
        int
        Time steps that the convolution sees at once.
        """,
        search=IntegerRange(2, 9),
    )
    pool_size: int = hyperparameter(
        default=2,
        constraints=[POSITIVE],
        doc="""
        int
        Time steps that are pooled into one by their maximum; 1 for no pooling.
        """,
        search=IntegerRange(1, 4),
    )
    strides: int = hyperparameter(
        default=1,
        constraints=[POSITIVE],
        doc="""
        int
        Time steps from one position of the convolution to the next.
        """,
    )
    dilation_rate: int = hyperparameter(
        default=1,
        constraints=[POSITIVE],
        doc="""
        int
        Time steps between the taps of the convolution.
        """,
    )
    padding: Literal["same", "causal"] = hyperparameter(
        default="same",
        constraints=[StrOptions({"same", "causal"})],
        doc="""
        {"same", "causal"}
        Whether the convolution sees both sides of a time step or its past alone.
        """,
    )
    activation: Any = hyperparameter(
        default="relu",
        constraints=[StrOptions(_ACTIVATIONS), callable],
        doc="""
        str or callable
        Activation of the convolution, as Keras names it.
        """,
        search=Choices(("relu", "gelu", "tanh")),
    )
    projection_units: int | None = hyperparameter(
        default=None,
        constraints=[POSITIVE, None],
        doc="""
        int or None
        Channels that attention compares; ``filters`` if None.
        """,
    )
    units: int = declarations.attention_units()
    attention_score: Literal["luong", "bahdanau"] = declarations.attention_score(
        default="bahdanau", compared="a time step"
    )
    residual: bool = hyperparameter(
        default=False,
        constraints=["boolean"],
        doc="""
        bool
        Whether the input is added to the output of the convolution.
        """,
    )
    dropout: float = declarations.dropout(
        of="the projected channels, and of the recurrent encoder's inputs, dropped in training"
    )
    recurrent: Literal["lstm", "gru"] | None = declarations.optional_recurrent_encoder()
    recurrent_units: int = declarations.recurrent_units(needs="recurrent")
    patch_size: int | Literal["auto"] = declarations.patch_size()

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        from skconvattn.layers import ConvAttention

        hidden = inputs
        if self.recurrent is not None:
            patch_size = settled_patch_size(self.patch_size, inputs.shape[1])
            hidden, mask = patches(inputs, mask, patch_size, self.recurrent_units)
            layer = recurrent_layer(self.recurrent, self.recurrent_units, dropout=self.dropout)
            hidden = layer(hidden, mask=mask)
        attend = ConvAttention(
            filters=self.filters,
            kernel_size=self.kernel_size,
            pool_size=self.pool_size,
            units=self.units,
            score=self.attention_score,
            activation=self.activation,
            dilation_rate=self.dilation_rate,
            strides=self.strides,
            padding=self.padding,
            projection_units=self.projection_units,
            residual=self.residual,
            dropout=self.dropout,
            return_attention=True,
            return_sequence=True,
        )
        features, attention, sequence = attend(hidden, mask=mask)
        return Encoding(features, attention, with_context(sequence, features))

    def settled(self, n_timepoints: int | None) -> dict[str, Any]:
        """Return the patch size for series of a length; see :meth:`Network.settled`."""
        if self.recurrent is None:
            return {"patch_size": 1}
        return {"patch_size": settled_patch_size(self.patch_size, n_timepoints)}


class ConvAttentionForecaster(ConvAttentionNetwork, BaseNeuralForecaster):
    """Forecaster with convolutional attention, around a linear map that starts at ridge regression.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import ConvAttentionForecaster
    >>> y = load_airline()
    >>> forecaster = ConvAttentionForecaster(random_state=0).fit(y[:-12], fh=range(1, 13))
    >>> forecaster.predict().shape
    (12,)
    >>> intervals = forecaster.predict_interval(coverage=0.9)
    >>> bool((intervals.iloc[:, 0] < intervals.iloc[:, 1]).all())
    True
    """

    _smallest = {"filters": 4, "units": 4}


class ConvAttentionRegressor(ConvAttentionNetwork, BaseNeuralRegressor):
    """Regressor with convolutional attention.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import ConvAttentionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 24))
    >>> regressor = ConvAttentionRegressor(random_state=0).fit(X, X.max(axis=1))
    >>> regressor.predict(X[:3]).shape
    (3,)
    """


class ConvAttentionClassifier(ConvAttentionNetwork, BaseNeuralClassifier, kernel_size=7):
    """Classifier with convolutional attention.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import ConvAttentionClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "wild"], 40)
    >>> X = rng.normal(scale=np.where(y == "calm", 1.0, 3.0)[:, None], size=(80, 24))
    >>> classifier = ConvAttentionClassifier(random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:3]).shape
    (3, 2)
    """
