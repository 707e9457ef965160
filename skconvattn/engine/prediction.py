"""Compiled prediction: weights are arguments, so that all estimators of a shape share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from skconvattn.engine.cache import ProgramCache
from skconvattn.engine.compiling import compiled
from skconvattn.engine.initialization import Initialization
from skconvattn.engine.weights import Layout
from skconvattn.networks.spec import ModelSpec

# Values of an input block: small enough for a quick single prediction, large enough to fill a core.
_BLOCK_VALUES = 8192
_MAX_BLOCK = 256


class ModelProgram:
    """One Keras model and its compiled predictions.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Attributes
    ----------
    layout : Layout
        Of the trainable weights in one vector.
    initialization : Initialization
        Draws initial weights.
    traces : int
        How often a function of this program was traced.
    """

    def __init__(self, spec: ModelSpec) -> None:
        built = spec.build()
        self.spec = spec
        self.model = built.model
        self.attention_model = built.attention_model
        self.layout = Layout.of(self.model.trainable_variables)
        self.initialization = Initialization.of(self.model)
        self._state_types = [str(v.dtype) for v in self.model.non_trainable_variables]
        self.traces = 0
        self._predict = self._compile(self.model)
        self._attend = None if self.attention_model is None else self._compile(self.attention_model)

    def call(
        self, model: Any, vector: Any, state: Sequence[Any], inputs: Any, **kwargs: Any
    ) -> Any:
        """Call a model on given weights inside a graph.

        Parameters
        ----------
        model : keras.Model
            :attr:`model` or :attr:`attention_model`.
        vector : tensor of shape (n_weights,)
            Trainable weights.
        state : sequence of tensor
            Non-trainable variables.
        inputs : list of tensor
            One a model input.
        **kwargs
            For :meth:`keras.Model.stateless_call`.

        Returns
        -------
        tuple
            What ``stateless_call`` returns.
        """
        values = dict(
            zip(
                map(id, self.model.trainable_variables),
                self.layout.split_tensor(vector),
                strict=True,
            )
        )
        values.update(zip(map(id, self.model.non_trainable_variables), state, strict=True))
        return model.stateless_call(
            [values[id(v)] for v in model.trainable_variables],
            [values[id(v)] for v in model.non_trainable_variables],
            inputs if len(inputs) > 1 else inputs[0],
            **kwargs,
        )

    def predict(
        self, vector: np.ndarray, state: Sequence[np.ndarray], inputs: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Predict samples in blocks of one fixed size.

        Equal samples give equal predictions to the last bit, whatever else is in the batch: the
        kernels always see the same shape.

        Parameters
        ----------
        vector : ndarray of shape (n_weights,)
            Trainable weights.
        state : sequence of ndarray
            Non-trainable variables.
        inputs : sequence of ndarray of shape (n_samples, ...)
            One a model input.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Predictions, float32.
        """
        return self._in_blocks(self._predict, vector, state, inputs)

    def attention(
        self, vector: np.ndarray, state: Sequence[np.ndarray], inputs: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Return the attention of samples; parameters as for :meth:`predict`."""
        if self._attend is None:
            raise ValueError(
                f"{self.spec.network.__name__} has no attention to show; its encode returns none."
            )
        return self._in_blocks(self._attend, vector, state, inputs)

    def _compile(self, model: Any) -> Any:
        import tensorflow as tf

        inputs = [tf.TensorSpec((None, *i.shape[1:]), i.dtype) for i in model.inputs]
        state = [tf.TensorSpec(v.shape, v.dtype) for v in self.model.non_trainable_variables]
        vector = tf.TensorSpec((sum(self.layout.sizes),), tf.float32)

        def run(vector: Any, state: Any, inputs: Any) -> Any:
            self.traces += 1
            return self.call(model, vector, state, inputs, training=False)[0]

        return compiled(run, [vector, state, inputs])

    def _constants(self, vector: np.ndarray, state: Sequence[np.ndarray]) -> tuple[Any, Any]:
        """Return weights and state as :meth:`_run` takes them, converted once for all blocks."""
        import tensorflow as tf

        return tf.constant(vector), [tf.constant(s) for s in self._state_as_built(state)]

    def _run(self, run: Any, constants: tuple[Any, Any], inputs: list[np.ndarray]) -> np.ndarray:
        return run(*constants, inputs).numpy()

    def _state_as_built(self, state: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the state in this backend's types: random seeds differ between backends."""
        return [np.asarray(s, dtype=t) for s, t in zip(state, self._state_types, strict=True)]

    def _in_blocks(self, run: Any, vector: Any, state: Any, inputs: Any) -> np.ndarray:
        n_samples = len(inputs[0])
        block = self._block_size(inputs[0].shape[1:])
        constants = self._constants(vector, state)
        outputs = []
        for start in range(0, max(n_samples, 1), block):
            parts = [_padded(i[start : start + block], block) for i in inputs]
            outputs.append(self._run(run, constants, parts))
        return np.concatenate(outputs)[:n_samples]

    @staticmethod
    def _block_size(shape: tuple[int, ...]) -> int:
        fitting = _BLOCK_VALUES // max(1, int(np.prod(shape)))
        return min(_MAX_BLOCK, 1 << max(0, fitting.bit_length() - 1))


_MODELS: ProgramCache[ModelProgram] = ProgramCache(max_size=32)


def model_program(spec: ModelSpec) -> ModelProgram:
    """Return the program of a model, built at its first use."""
    return _MODELS.get(spec, lambda: _outside_scopes(lambda: _program_class()(spec)))


def _program_class() -> type[ModelProgram]:
    import keras

    if keras.backend.backend() == "tensorflow":
        return ModelProgram
    from skconvattn.engine.portable_prediction import PortableModelProgram

    return PortableModelProgram


def _outside_scopes(build: Callable[[], ModelProgram]) -> ModelProgram:
    """Build a program that later fits share outside of the caller's ``tf.distribute`` scope.

    Scopes belong to threads, so that a thread of its own has none.
    """
    from skconvattn.engine.choice import in_distribution_scope

    if not in_distribution_scope():
        return build()
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(build).result()


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    """Return an array of ``size`` rows, zeros after those given."""
    array = np.ascontiguousarray(array)
    if len(array) == size:
        return array
    padded = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    return padded
