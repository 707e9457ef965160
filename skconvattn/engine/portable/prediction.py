"""Prediction on any Keras backend: weights are arguments, as in the compiled one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skconvattn.engine.compiled.model_program import ModelProgram


class PortableModelProgram(ModelProgram):
    """One Keras model and its predictions, compiled on JAX and eager elsewhere.

    Parameters and attributes are those of
    :class:`~skconvattn.engine.compiled.model_program.ModelProgram`.
    """

    _blocks_per_call = 1

    def _compile(self, infer: Any) -> Any:
        return infer

    def _inference(self, model: Any, n_samples: int | None = None) -> Any:
        import keras

        def run(weights: Any, state: Any, inputs: Any) -> Any:
            values = dict(zip(map(id, self.model.trainable_variables), weights, strict=True))
            values.update(zip(map(id, self.model.non_trainable_variables), state, strict=True))
            return model.stateless_call(
                [values[id(v)] for v in model.trainable_variables],
                [values[id(v)] for v in model.non_trainable_variables],
                inputs if len(inputs) > 1 else inputs[0],
                training=False,
            )[0]

        if keras.backend.backend() == "jax":
            from skconvattn.engine.compiled_jax.compiling import compiled

            def traced(weights: Any, state: Any, inputs: Any) -> Any:
                self.traces += 1
                return run(weights, state, inputs)

            return compiled(traced)
        if keras.backend.backend() == "torch":
            import torch  # type: ignore[import-not-found, unused-ignore]

            return torch.no_grad()(run)
        return run

    def _constants(self, vector: np.ndarray, state: Sequence[np.ndarray]) -> tuple[Any, Any]:
        from keras import ops

        # Those of the last prediction where values are the same, which is quicker to find out.
        known, constants = self._converted
        arrays = [vector, *state]
        if not known or not all(map(np.array_equal, known, arrays)):
            weights = [ops.convert_to_tensor(w) for w in self.layout.split(vector)]
            constants = [weights, [ops.convert_to_tensor(s) for s in self.state_as_built(state)]]
            self._converted = [np.copy(a) for a in arrays], constants
        return constants[0], constants[1]

    def _run(self, run: Any, constants: tuple[Any, Any], inputs: list[np.ndarray]) -> np.ndarray:
        from keras import ops

        tensors = [ops.convert_to_tensor(i) for i in inputs]
        return np.asarray(ops.convert_to_numpy(run(*constants, tensors)))
