"""Stacked attention as a recurrent network: each step sees its past through running sums."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skconvattn._hyperparameters import Choices, IntegerRange, hyperparameter
from skconvattn.architectures import declarations
from skconvattn.architectures.declarations import POSITIVE
from skconvattn.estimators import BaseNeuralClassifier, BaseNeuralRegressor
from skconvattn.forecasting import BaseNeuralForecaster
from skconvattn.networks import Encoding, Network, pooled

if TYPE_CHECKING:
    from skconvattn.forecasting.streaming import ForecastStream


class RNNAttentionNetwork(Network):
    """Stacked attention with one learned query per head, as in "Attention as an RNN".

    A causal convolution brings the series to ``units`` channels. Each layer then adds attention
    over the past, and a feed-forward network on each step, both on the normalised sum so far. No
    step sees a later one, and all that a layer keeps of the past is the state of its
    :class:`~skconvattn.layers.RNNAttentionCell`.
    """

    units: int = hyperparameter(
        default=32,
        constraints=[Interval(Integral, 2, None, closed="left")],
        doc="""
        int
        Channels of each time step between the layers, and features that the network gives. Each
        step is normalised over its channels, which leaves only signs of two channels: take four or
        more.
        """,
        search=IntegerRange(8, 64, log=True),
    )
    n_layers: int = declarations.depth(default=2, of="Attention layers")
    num_heads: Any = hyperparameter(
        default=4,
        constraints=[POSITIVE, "array-like"],
        doc="""
        int or sequence of int
        Heads of every layer, or of each.
        """,
        search=IntegerRange(1, 8, log=True),
    )
    key_dim: Any = hyperparameter(
        default=8,
        constraints=[POSITIVE, "array-like"],
        doc="""
        int or sequence of int
        Channels of a head's query, keys and values in every layer, or in each.
        """,
        search=IntegerRange(4, 32, log=True),
    )
    kernel_size: int = hyperparameter(
        default=3,
        constraints=[POSITIVE],
        doc="""
        int
        Time steps that the convolution before the first layer sees: a step and those before it.
        """,
        search=IntegerRange(2, 9),
    )
    pooling: Literal["last", "statistics", "attention"] = hyperparameter(
        default="last",
        constraints=[StrOptions({"last", "statistics", "attention"})],
        doc="""
        {"last", "statistics", "attention"}
        How steps become one vector: by the last one, by their average, maximum and minimum, or by
        an average with learned weights, which are then the attention that can be inspected.
        """,
        search=Choices(("last", "statistics", "attention")),
    )
    dropout: float = declarations.dropout(of="what each layer adds that is dropped in training")

    def encode(self, inputs: Any, mask: Any = None) -> Encoding:
        """Encode a batch of series; see :meth:`Network.encode`."""
        from skconvattn.layers.ops.masks import zero_masked

        hidden = self._embedding()(zero_masked(inputs, mask))
        hidden, attention, _ = self._layers(hidden, mask)
        features, weights = pooled(hidden, mask, self.pooling)
        return Encoding(features, attention if weights is None else weights, hidden)

    def encode_further(self, inputs: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """Encode further steps of series, from the state after the earlier steps.

        Parameters
        ----------
        inputs : KerasTensor of shape (batch, n_timepoints, n_channels)
            The further steps.
        state : list of KerasTensor
            As :meth:`initial_state` describes it.

        Returns
        -------
        features : KerasTensor of shape (batch, units)
            What :meth:`encode` gives for the whole series with ``pooling="last"``.
        state : list of KerasTensor
            State after the last step.
        """
        import keras

        n_before = self.kernel_size - 1
        rows = keras.layers.Concatenate(axis=1)([state[0], inputs])
        hidden = self._embedding()(rows)[:, n_before:]
        hidden, _, sums = self._layers(hidden, None, state[1:])
        last_rows = rows[:, -n_before:] if n_before else state[0]
        return hidden[:, -1], [last_rows, *sums]

    def initial_state(self, n_channels: int) -> list[np.ndarray]:
        """Return the state before the first step of one series.

        Parameters
        ----------
        n_channels : int
            Channels of the series.

        Returns
        -------
        list of ndarray
            The last ``kernel_size - 1`` steps, (1, kernel_size - 1, n_channels), then of each
            layer the maximum, numerator and denominator of its
            :class:`~skconvattn.layers.RNNAttentionCell`; float32.
        """
        from skconvattn.layers.ops.masks import LOWEST

        state = [np.zeros((1, self.kernel_size - 1, n_channels), dtype=np.float32)]
        for num_heads, key_dim in self._sizes():
            for size, start in ((num_heads, LOWEST), (num_heads * key_dim, 0.0), (num_heads, 0.0)):
                state.append(np.full((1, size), start, dtype=np.float32))
        return state

    def _embedding(self) -> Any:
        from skconvattn.layers.parts.unfolded_conv1d import make_conv1d

        return make_conv1d(self.units, self.kernel_size, padding="causal", name="embedding")

    def _sizes(self) -> list[tuple[int, int]]:
        """Return the numbers of heads and of channels per head, one pair per layer."""
        heads = _one_per_layer("num_heads", self.num_heads, self.n_layers)
        keys = _one_per_layer("key_dim", self.key_dim, self.n_layers)
        return list(zip(heads, keys, strict=True))

    def _layers(
        self, hidden: Any, mask: Any, state: list[Any] | None = None
    ) -> tuple[Any, Any, list[Any]]:
        """Return hidden steps, the attention of the last layer, and the new states, if any."""
        from skconvattn.layers.parts.steps import StepDense, StepNormalization

        attention, sums = None, []
        for number, (num_heads, key_dim) in enumerate(self._sizes()):
            before = None if state is None else state[3 * number : 3 * number + 3]
            attended, attention, after = self._attend(
                number, hidden, mask, num_heads, key_dim, before
            )
            hidden = self._added(hidden, StepDense(self.units, name=f"mix_{number}")(attended))
            normed = StepNormalization(name=f"norm_wide_{number}")(hidden)
            wide = StepDense(2 * self.units, activation="gelu", name=f"wide_{number}")(normed)
            hidden = self._added(hidden, StepDense(self.units, name=f"narrow_{number}")(wide))
            sums += after
        return StepNormalization(name="norm_last")(hidden), attention, sums

    def _attend(
        self, number: int, hidden: Any, mask: Any, num_heads: int, key_dim: int, before: Any
    ) -> tuple[Any, Any, list[Any]]:
        from skconvattn.layers import RNNAttention
        from skconvattn.layers.parts.steps import StepNormalization

        normed = StepNormalization(name=f"norm_attention_{number}")(hidden)
        name = f"attention_{number}"
        if before is None:
            attend = RNNAttention(num_heads, key_dim, return_attention=True, name=name)
            return *attend(normed, mask=mask), []
        attend = RNNAttention(num_heads, key_dim, return_state=True, name=name)
        attended, *after = attend(normed, initial_state=before)
        return attended, None, after

    def _added(self, hidden: Any, term: Any) -> Any:
        import keras

        if self.dropout:
            term = keras.layers.Dropout(self.dropout)(term)
        return keras.layers.Add()([hidden, term])


def _one_per_layer(name: str, value: Any, n_layers: int) -> tuple[int, ...]:
    """Return one integer per layer."""
    if isinstance(value, Integral):
        return (int(value),) * n_layers
    values = tuple(int(each) for each in value)
    if len(values) != n_layers or min(values) < 1:
        raise ValueError(
            f"{name}={list(values)} does not give one positive integer for each of n_layers="
            f"{n_layers} layers; give one integer for all of them, or one per layer."
        )
    return values


class RNNAttentionForecaster(RNNAttentionNetwork, BaseNeuralForecaster):
    """Forecaster with attention as an RNN, around a linear map that starts at ridge regression.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from skconvattn import RNNAttentionForecaster
    >>> y = load_airline()
    >>> forecaster = RNNAttentionForecaster(epochs=20, random_state=0).fit(y[:-12], fh=range(1, 13))
    >>> forecaster.predict().shape
    (12,)
    """

    def stream(self) -> ForecastStream:
        """Return a stream that continues from what the forecaster has seen.

        The stream carries the state of the network over the whole series, where ``predict`` reads
        the last window alone; each new observation costs the same, however long the series is.

        Returns
        -------
        ForecastStream
            With ``update`` and ``predict`` of its own; the forecaster does not change.

        Raises
        ------
        ValueError
            If each window is normalised by itself, ``pooling`` is not "last", or there are
            covariates or several series.
        """
        from skconvattn.forecasting.streaming import ForecastStream

        return ForecastStream(self)

    _smallest = {"units": 2, "n_layers": 1, "num_heads": 1, "key_dim": 2}


class RNNAttentionRegressor(RNNAttentionNetwork, BaseNeuralRegressor):
    """Regressor with attention as an RNN.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn import RNNAttentionRegressor
    >>> X = np.random.default_rng(0).normal(size=(80, 24))
    >>> regressor = RNNAttentionRegressor(epochs=20, random_state=0).fit(X, X.max(axis=1))
    >>> regressor.predict(X[:3]).shape
    (3,)
    """


class RNNAttentionClassifier(RNNAttentionNetwork, BaseNeuralClassifier, pooling="statistics"):
    """Classifier with attention as an RNN.

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
