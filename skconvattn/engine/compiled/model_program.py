"""Compiled prediction: weights are arguments, so that networks of the same shape share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skconvattn.engine.compiled.compiling import Compiled
from skconvattn.engine.compiled.few_samples import LARGEST, FewSamples
from skconvattn.engine.weights import Initialization, Layout
from skconvattn.networks.spec import ModelSpec

# Samples of a block. Matrix products work on panels of 12, 24 or 48 rows by processor, and give the
# rows that remain another order of sums: with whole panels the position of a row has no effect.
_BLOCK = 48
# Time steps above which each series is a block of its own: it fills a core by itself, and larger
# products are divided among threads where panels may be cut.
_LONG_SERIES = 256
# Blocks computed at the same time, and in one call.
_PARALLEL_BLOCKS = 4
_BLOCKS_PER_CALL = 256


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
    block : int
        Samples of a block: every kernel always sees this many.
    traces : int
        How often a function of this program was traced.
    """

    _blocks_per_call = _BLOCKS_PER_CALL
    _few_samples: FewSamples | None = None

    def __init__(self, spec: ModelSpec) -> None:
        built = spec.build()
        self.spec = spec
        self.model = built.model
        self.attention_model = built.attention_model
        self.layout = Layout.of(self.model.trainable_variables)
        self.initialization = Initialization.of(self.model)
        self._state_types = [str(v.dtype) for v in self.model.non_trainable_variables]
        self.block = _block_size(spec.n_timepoints)
        self.traces = 0
        # Arrays and tensors of the last weights and state that a few samples were predicted with.
        self._converted: tuple[list[np.ndarray], list[Any]] = ([], [])
        self._at_once: dict[int, Compiled] = {}
        self.infer = self._inference(self.model)
        self._predict = self._compile(self.infer)
        if self.block > 1 and isinstance(self.infer, Compiled):
            self._few_samples = FewSamples(self._predict_in_blocks, self._predict_at_once)
        self._attend = None
        if self.attention_model is not None:
            self._attend = self._compile(self._inference(self.attention_model))

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
            One per model input.
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
        """Predict samples in blocks of one fixed size, or in one of another with equal results.

        Equal samples give equal predictions to the last bit, whatever else is in the batch.

        Parameters
        ----------
        vector : ndarray of shape (n_weights,)
            Trainable weights.
        state : sequence of ndarray
            Non-trainable variables.
        inputs : sequence of ndarray of shape (n_samples, ...)
            One per model input.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Predictions, float32.
        """
        n_samples = len(inputs[0])
        if self._few_samples is not None and n_samples <= LARGEST:
            block = self._few_samples.block(n_samples, vector, state, inputs)
            if block:
                padded = [_padded(i, block) for i in inputs]
                return self._predict_at_once(vector, state, padded)[:n_samples]
        return self._predict_in_blocks(vector, state, inputs)

    def attention(
        self, vector: np.ndarray, state: Sequence[np.ndarray], inputs: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Return the attention of samples; parameters as for :meth:`predict`."""
        if self._attend is None:
            raise ValueError(
                f"{self.spec.network.__name__} has no attention to show; its encode returns none."
            )
        return self._in_blocks(self._attend, vector, state, inputs)

    def _inference(self, model: Any, n_samples: int | None = None) -> Any:
        """Return a function of weights, state and inputs, for any number of samples by default.

        Prediction and validation are loops around it, so that it is traced once for both.
        """

        def infer(vector: Any, state: Any, inputs: Any) -> Any:
            return self.call(model, vector, state, inputs, training=False)[0]

        return Compiled(infer, self._signature(n_samples))

    def _signature(self, n_samples: int | None = None) -> list[Any]:
        import tensorflow as tf

        vector = tf.TensorSpec((sum(self.layout.sizes),), tf.float32)
        state = [tf.TensorSpec(v.shape, v.dtype) for v in self.model.non_trainable_variables]
        inputs = [tf.TensorSpec((n_samples, *i.shape[1:]), i.dtype) for i in self.model.inputs]
        return [vector, state, inputs]

    def _compile(self, infer: Any) -> Any:
        import tensorflow as tf

        def run(vector: Any, state: Any, inputs: Any) -> Any:
            self.traces += 1

            def predict_block(index: Any, outputs: Any) -> Any:
                rows = index * self.block + tf.range(self.block)
                block = [tf.gather(values, rows) for values in inputs]
                return index + 1, outputs.write(index, infer(vector, state, block))

            n_blocks = tf.shape(inputs[0])[0] // self.block
            outputs = tf.TensorArray(tf.float32, n_blocks, infer_shape=False)
            _, outputs = tf.while_loop(
                lambda index, outputs: index < n_blocks,
                predict_block,
                (0, outputs),
                parallel_iterations=_PARALLEL_BLOCKS,
            )
            return outputs.concat()

        return Compiled(run, self._signature())

    def _constants(self, vector: np.ndarray, state: Sequence[np.ndarray]) -> tuple[Any, Any]:
        """Return weights and state as :meth:`_run` takes them, converted once for all blocks."""
        import tensorflow as tf

        return tf.constant(vector), [tf.constant(s) for s in self.state_as_built(state)]

    def _run(self, run: Any, constants: tuple[Any, Any], inputs: list[np.ndarray]) -> np.ndarray:
        return run(*constants, inputs).numpy()

    def state_as_built(self, state: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the state in this backend's types: random seeds differ between backends."""
        return [np.asarray(s, dtype=t) for s, t in zip(state, self._state_types, strict=True)]

    def _predict_in_blocks(self, vector: Any, state: Any, inputs: Any) -> np.ndarray:
        return self._in_blocks(self._predict, vector, state, inputs)

    def _predict_at_once(self, vector: Any, state: Any, inputs: Any) -> np.ndarray:
        import tensorflow as tf

        n_samples = len(inputs[0])
        if n_samples not in self._at_once:
            # Of a known size: what depends on the size alone is then not computed in each call.
            self._at_once[n_samples] = self._inference(self.model, n_samples)
        weights = self._converted_once([vector, *state])
        return self._at_once[n_samples].flat(*weights, *map(tf.constant, inputs)).numpy()

    def _converted_once(self, arrays: list[np.ndarray]) -> list[Any]:
        """Return weights and state as tensors: those of the last call, where values are the same.

        A comparison takes a fifth of the time of a conversion, and no change of an array is missed.
        """
        known, tensors = self._converted
        if not all(map(np.array_equal, known, arrays)) or not known:
            vector, state = self._constants(arrays[0], arrays[1:])
            self._converted = [np.copy(a) for a in arrays], [vector, *state]
            tensors = self._converted[1]
        return tensors

    def _in_blocks(self, run: Any, vector: Any, state: Any, inputs: Any) -> np.ndarray:
        n_samples = len(inputs[0])
        rows = self.block * self._blocks_per_call
        constants = self._constants(vector, state)
        outputs = []
        for start in range(0, max(n_samples, 1), rows):
            parts = [_padded(i[start : start + rows], self.block) for i in inputs]
            outputs.append(self._run(run, constants, parts))
        return np.concatenate(outputs)[:n_samples]


def _block_size(n_timepoints: int | None) -> int:
    """Return the samples of a block; it depends on the model alone."""
    return 1 if n_timepoints is None or n_timepoints > _LONG_SERIES else _BLOCK


def _padded(array: np.ndarray, block: int) -> np.ndarray:
    """Return whole blocks: rows of zeros follow those given, one block at least."""
    n_rows = max(1, -(-len(array) // block)) * block
    if len(array) == n_rows:
        return np.ascontiguousarray(array)
    padded = np.zeros((n_rows, *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    return padded
