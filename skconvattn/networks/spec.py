"""The description of a Keras model as a hashable value, and the model built from it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from skconvattn._hyperparameters import parameter_names, values_before
from skconvattn.networks.base import Network
from skconvattn.networks.heads import Head

if TYPE_CHECKING:
    import keras

# The most networks of an average.
MOST_NETWORKS = 64

# One model at a time: of two threads that restore a global state, one would do so too late.
_BUILDING = threading.Lock()


@dataclass(frozen=True)
class ModelSpec:
    """Everything that determines a Keras model, and nothing else.

    Two estimators with equal specifications share compiled programs.

    Attributes
    ----------
    network : type
        Architecture, a subclass of :class:`~skconvattn.networks.Network`.
    parameters : tuple of (str, object)
        Names and values of its hyperparameters.
    head : Head
        Head, which determines what is predicted and in which shape.
    n_timepoints : int or None
        Time steps of the input; None where the architecture takes any number.
    n_channels : int
        Channels of the input.
    masked : bool
        Whether a boolean mask of shape (batch, n_timepoints) is a further input.
    n_networks : int
        Number of networks, alike but for their weights, whose average the model is.
    """

    network: type[Network]
    parameters: tuple[tuple[str, Any], ...]
    head: Head
    n_timepoints: int | None
    n_channels: int
    masked: bool = False
    n_networks: int = 1

    @property
    def single(self) -> ModelSpec:
        """One of the networks."""
        return self if self.n_networks == 1 else replace(self, n_networks=1)

    def __post_init__(self) -> None:
        """Add the hyperparameters that a description from an earlier version lacks."""
        given = [name for name, _ in self.parameters]
        before = values_before(self.network)
        lacking = [(name, value) for name, value in before.items() if name not in given]
        if lacking:
            order = parameter_names(self.network).index
            whole = sorted([*self.parameters, *lacking], key=lambda pair: order(pair[0]))
            object.__setattr__(self, "parameters", tuple(whole))

    @classmethod
    def of(cls, estimator: Network, head: Head, **shape: Any) -> ModelSpec:
        """Describe the model of an estimator.

        Parameters
        ----------
        estimator : Network
            Source of the architecture's class and hyperparameters.
        head : Head
            Head of the model.
        **shape
            ``n_timepoints``, ``n_channels`` and ``masked``.

        Returns
        -------
        ModelSpec
            The description.
        """
        network = estimator.network_class
        settled = estimator.settled(shape["n_timepoints"])
        parameters = tuple(
            (name, _hashable(settled[name] if name in settled else getattr(estimator, name)))
            for name in network._parameter_names
        )
        return cls(network=network, parameters=parameters, head=head, **shape)

    def for_length(self, n_timepoints: int) -> ModelSpec:
        """Describe the same model, with the same weights, for longer series.

        Parameters
        ----------
        n_timepoints : int
            Time steps, not fewer than the model has.

        Returns
        -------
        ModelSpec
            The description.
        """
        if n_timepoints == self.n_timepoints or self.n_timepoints is None:
            return self
        head = self.head.for_longer_series(self.n_timepoints)
        return replace(self, head=head, n_timepoints=n_timepoints)

    def build(self) -> BuiltModel:
        """Build the Keras model, leaving Python's global random state as it was.

        Its weights are float32, whatever ``keras.config.set_floatx`` says, as data and files are.

        Returns
        -------
        BuiltModel
            The model, and a second one with the same weights that returns the attention.
        """
        # Keras draws the default seeds of its initialisers from Python's global generator. With one
        # seed for all, the model does not depend on what ran before.
        with _BUILDING, _single_precision():
            state = random.getstate()
            random.seed(0)
            try:
                return self._build() if self.n_networks == 1 else self._build_average()
            finally:
                random.setstate(state)

    def _build_average(self) -> BuiltModel:
        """Build all networks, whose weights follow each other, and their average."""
        import keras

        name = self.network.__name__
        built = [self.single._build(f"{name}_{i}") for i in range(self.n_networks)]
        inputs = [
            keras.Input(i.shape[1:], dtype=i.dtype, name=i.name) for i in built[0].model.inputs
        ]
        declared = inputs if len(inputs) > 1 else inputs[0]

        def average(models: list[keras.Model]) -> keras.Model:
            outputs = [model(declared) for model in models]
            return keras.Model(declared, keras.layers.Average()(outputs), name=name)

        attending = [each.attention_model for each in built if each.attention_model is not None]
        return BuiltModel(
            model=average([each.model for each in built]),
            attention_model=average(attending) if attending else None,
        )

    def _build(self, name: str | None = None) -> BuiltModel:
        """Build one network."""
        import keras

        network = self.network(**dict(self.parameters))
        series = keras.Input((self.n_timepoints, self.n_channels), dtype="float32", name="series")
        inputs = [series]
        mask = None
        if self.masked:
            mask = keras.Input((self.n_timepoints,), dtype="bool", name="mask")
            inputs.append(mask)
        further = self.head.further_inputs()
        inputs.extend(further)
        output, attention = self.head.predict_from(network.encode, series, mask, *further)
        # Keras warns where one input is declared as a list and given by itself.
        declared = inputs if len(inputs) > 1 else series
        return BuiltModel(
            model=keras.Model(declared, output, name=name or self.network.__name__),
            attention_model=None if attention is None else keras.Model(declared, attention),
        )


@dataclass(frozen=True)
class BuiltModel:
    """A Keras model and its view on the attention.

    Attributes
    ----------
    model : keras.Model
        From the inputs to the prediction.
    attention_model : keras.Model or None
        From the same inputs to the attention, with shared weights.
    """

    model: keras.Model
    attention_model: keras.Model | None


@contextmanager
def _single_precision() -> Iterator[None]:
    """Let this thread build layers of float32; Keras keeps the default of layers per thread."""
    import keras

    policy = keras.config.dtype_policy()
    if policy.name == "float32":
        yield
        return
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def _hashable(value: Any) -> Any:
    """Return lists as tuples, and dicts as tuples of pairs in order of their keys.

    Other values that cannot be hashed are refused by dict later.
    """
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return tuple((key, _hashable(value[key])) for key in sorted(value))
    return value
