"""Fitted networks as plain data, and the programs that networks of the same shape share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.engine.compiled.model_program import ModelProgram
from skconvattn.engine.forking import refuse_in_forked_child
from skconvattn.engine.weights import Layout
from skconvattn.networks.spec import ModelSpec

if TYPE_CHECKING:
    import keras

Program = TypeVar("Program")
Result = TypeVar("Result")


class ProgramCache(Generic[Program]):
    """Least recently used programs are dropped first.

    Parameters
    ----------
    max_size : int
        Number of programs kept.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, build: Callable[[], Program]) -> Program:
        """Return the program of a key, building it where it is not there.

        Parameters
        ----------
        key : hashable
            Everything that determines the program.
        build : callable
            Called without arguments, under the cache's lock.

        Returns
        -------
        object
            The program.
        """
        try:
            hash(key)
        except TypeError:
            # An object of the user's cannot be compared: the program is for this fit alone.
            return build()
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
            program = self._programs[key] = build()
            while len(self._programs) > self.max_size:
                self._programs.popitem(last=False)
            return program

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._programs.clear()

    def __len__(self) -> int:
        """Return the number of programs kept."""
        return len(self._programs)


_MODELS: ProgramCache[ModelProgram] = ProgramCache(max_size=32)


def model_program(spec: ModelSpec) -> ModelProgram:
    """Return the program of a network, built at its first use, for which the backend is loaded.

    Of an average of networks, it is the program of one of them.

    Raises
    ------
    RuntimeError
        If this process was forked from one that has computed.
    """
    refuse_in_forked_child()
    single = spec.single
    return _MODELS.get(single, lambda: _built(single))


def _built(spec: ModelSpec) -> ModelProgram:
    load_backend()
    return outside_scopes(lambda: _program_class()(spec))


def in_distribution_scope() -> bool:
    """Whether this runs in the scope of a ``tf.distribute`` strategy."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.distribute.has_strategy())


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A trained model without any Keras object in it: it pickles, copies and compares as data.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    weights : ndarray of shape (n_weights,)
        Trainable weights, one after the other, float32; of several networks, those of the first
        before those of the second.
    state : tuple of ndarray
        Non-trainable variables.
    """

    spec: ModelSpec
    weights: np.ndarray
    state: tuple[np.ndarray, ...]

    @classmethod
    def average_of(cls, networks: Sequence[FittedModel]) -> FittedModel:
        """Return the average of networks of the same description; a single one as it is.

        Parameters
        ----------
        networks : sequence of FittedModel
            The networks, at least one.

        Returns
        -------
        FittedModel
            A model whose predictions and attention are the means of those of the networks.
        """
        if len(networks) == 1:
            return networks[0]
        return cls(
            replace(networks[0].spec, n_networks=len(networks)),
            np.concatenate([each.weights for each in networks]),
            tuple(value for each in networks for value in each.state),
        )

    @property
    def networks(self) -> tuple[FittedModel, ...]:
        """The networks whose average this is; itself where it is one."""
        n_networks = self.spec.n_networks
        if n_networks == 1:
            return (self,)
        per_network = len(self.state) // n_networks
        return tuple(
            FittedModel(self.spec.single, weights, self.state[i * per_network :][:per_network])
            for i, weights in enumerate(np.split(self.weights, n_networks))
        )

    def for_length(self, n_timepoints: int) -> FittedModel:
        """Return the model with the same weights for longer series.

        Parameters
        ----------
        n_timepoints : int
            Time steps, not fewer than the model has.

        Returns
        -------
        FittedModel
            The model.

        Raises
        ------
        ValueError
            If the network has weights for each time step.
        """
        spec = self.spec.for_length(n_timepoints)
        if spec is self.spec:
            return self
        if model_program(spec).layout != model_program(self.spec).layout:
            raise ValueError(
                f"X has series of more than {self.spec.n_timepoints} time steps, the longest seen "
                f"in fit, and this {self.spec.network.__name__} has weights for each time step; "
                "cut longer series, or fit anew with them."
            )
        return replace(self, spec=spec)

    def predict(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Predict samples.

        Parameters
        ----------
        inputs : sequence of ndarray of shape (n_samples, ...)
            One per model input, float32.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Output of the head, float32.
        """
        # One after the other through the program of one: nothing is traced for the average.
        program = model_program(self.spec)
        return _mean([program.predict(n.weights, n.state, inputs) for n in self.networks])

    def attention(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the attention of samples, see :class:`~skconvattn.networks.Encoding`."""
        return _mean(self.attentions(inputs))

    def attentions(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the attention of samples, of each network by itself."""
        program = model_program(self.spec)
        return [program.attention(n.weights, n.state, inputs) for n in self.networks]

    def to_keras(self) -> keras.Model:
        """Return a Keras model of its own with these weights."""
        model = self.spec.build().model
        layout = Layout.of(model.trainable_variables)
        for variable, value in zip(
            model.trainable_variables, layout.split(self.weights), strict=True
        ):
            variable.assign(value)
        for variable, value in zip(model.non_trainable_variables, self.state, strict=True):
            variable.assign(value)
        return model


def drawn_model(
    spec: ModelSpec,
    rng: np.random.Generator,
    change: Callable[[dict[str, np.ndarray]], None] | None = None,
) -> FittedModel:
    """Return a model with initial weights, some of which may be set.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    rng : numpy.random.Generator
        Source of the weights.
    change : callable, optional
        Gets the initial value of every variable, trainable or not, by the path that Keras gives
        it, and replaces entries by others of the same shape.

    Returns
    -------
    FittedModel
        Weights to start from.
    """
    program = model_program(spec)
    drawn = FittedModel(spec, *_flat(program, *program.initialization.draw(rng)))
    return drawn if change is None else changed_model(drawn, drawn, lambda now, _: change(now))


def changed_model(
    model: FittedModel,
    other: FittedModel,
    change: Callable[[dict[str, np.ndarray], dict[str, np.ndarray]], None],
) -> FittedModel:
    """Return a model of which some weights are changed.

    Parameters
    ----------
    model, other : FittedModel
        Models of the same description; of several networks, each is changed by itself.
    change : callable
        Gets the value of every variable of both, trainable or not, by the path that Keras gives it,
        and replaces entries of the first by others of the same shape.

    Returns
    -------
    FittedModel
        The model.
    """
    if model.spec.n_networks > 1:
        pairs = zip(model.networks, cycle(other.networks), strict=False)
        return FittedModel.average_of([changed_model(*pair, change) for pair in pairs])
    program = model_program(model.spec)
    keras_model = program.model
    variables = (*keras_model.trainable_variables, *keras_model.non_trainable_variables)
    paths = [variable.path for variable in variables]
    values, before = (
        dict(zip(paths, (*program.layout.split(each.weights), *each.state), strict=True))
        for each in (model, other)
    )
    dtypes = {path: value.dtype for path, value in values.items()}
    change(values, before)
    changed = [np.asarray(values[path], dtype=dtypes[path]) for path in paths]
    n_trainable = len(keras_model.trainable_variables)
    return FittedModel(model.spec, *_flat(program, changed[:n_trainable], changed[n_trainable:]))


def _mean(values: list[np.ndarray]) -> np.ndarray:
    """Return the mean of arrays of the same shape, in their precision; one array as it is."""
    return values[0] if len(values) == 1 else np.mean(values, axis=0, dtype=values[0].dtype)


def _flat(
    program: ModelProgram, trainable: Sequence[np.ndarray], state: Sequence[np.ndarray]
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    return program.layout.flatten(trainable), tuple(state)


def _program_class() -> type[ModelProgram]:
    import keras

    if keras.backend.backend() == "tensorflow":
        return ModelProgram
    from skconvattn.engine.portable.prediction import PortableModelProgram

    return PortableModelProgram


def outside_scopes(build: Callable[[], Result]) -> Result:
    """Build something outside of the caller's ``tf.distribute`` scope.

    Scopes belong to threads, so that a thread of its own has none.

    Parameters
    ----------
    build : callable
        Called without arguments.

    Returns
    -------
    object
        What it returns.
    """
    if not in_distribution_scope():
        return build()
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(build).result()
