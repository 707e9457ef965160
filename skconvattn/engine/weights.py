"""The weights of a network: all of them as one flat vector, and their initial values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Layout:
    """Shapes of the variables that a flat vector holds.

    With one vector instead of dozens of small arrays, a step of the optimiser, a copy of the best
    weights and a prediction are one operation each.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Shape of each variable.
    """

    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        """Number of values of each variable."""
        return [int(np.prod(shape)) for shape in self.shapes]

    @classmethod
    def of(cls, variables: Sequence[Any]) -> Layout:
        """Return the layout of Keras variables or arrays."""
        return cls(tuple(tuple(int(size) for size in v.shape) for v in variables))

    def flatten(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return all arrays one after the other, float32."""
        if not arrays:
            return np.zeros(0, dtype=np.float32)
        return np.concatenate([np.ravel(a) for a in arrays]).astype(np.float32, copy=False)

    def split(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return the arrays that a vector holds, as views."""
        parts = np.split(np.asarray(vector), np.cumsum(self.sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def split_tensor(self, vector: Any) -> list[Any]:
        """Return the tensors that a TensorFlow vector holds."""
        import tensorflow as tf

        parts = tf.split(vector, self.sizes)
        return [
            part if len(shape) == 1 else tf.reshape(part, shape)
            for part, shape in zip(parts, self.shapes, strict=True)
        ]


@dataclass(frozen=True)
class Initialization:
    """The initial values of a model's weights.

    Attributes
    ----------
    trainable : list of (ndarray, initializer or None)
        For each trainable variable the value it was built with, and its initialiser where that
        draws random numbers.
    state : list of (ndarray, bool)
        For each non-trainable variable its first value, and whether it is a random seed.
    """

    trainable: list[tuple[np.ndarray, Any]]
    state: list[tuple[np.ndarray, bool]]

    @classmethod
    def of(cls, model: keras.Model) -> Initialization:
        """Read the initialisers of a model that was just built.

        A variable named ``x`` or ``x_kernel`` is drawn by the attribute ``x_initializer`` of its
        layer, the convention of all Keras layers and of ours.
        """
        random_initializers = _random_initializers(model)
        return cls(
            trainable=[
                (np.asarray(v.numpy()), random_initializers.get(id(v)))
                for v in model.trainable_variables
            ],
            state=[
                (np.asarray(v.numpy()), "seed_generator_state" in v.path)
                for v in model.non_trainable_variables
            ],
        )

    def draw(self, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw initial values.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of one seed per variable.

        Returns
        -------
        trainable : list of ndarray
            Values of the trainable variables.
        state : list of ndarray
            Values of the non-trainable ones: moving statistics and random seeds.
        """
        seeds = rng.integers(1, 2**31 - 1, size=len(self.trainable) + len(self.state))
        trainable = [
            value if initializer is None else _drawn(initializer, value, int(seed))
            for (value, initializer), seed in zip(self.trainable, seeds, strict=False)
        ]
        state = [
            np.array([seed, 0], dtype=value.dtype) if is_seed else value
            for (value, is_seed), seed in zip(self.state, seeds[len(self.trainable) :], strict=True)
        ]
        return trainable, state


def _random_initializers(model: keras.Model) -> dict[int, Any]:
    found = {}
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables:
            initializer = _initializer(layer, variable.name)
            if initializer is not None and "seed" in initializer.get_config():
                found[id(variable)] = initializer
    return found


def _initializer(layer: Any, name: str) -> Any:
    """Return a layer's initialiser of a variable; recurrent cells leave out ``_kernel``."""
    of_kernel = getattr(layer, f"{name.removesuffix('_kernel')}_initializer", None)
    return getattr(layer, f"{name}_initializer", of_kernel)


def _drawn(initializer: Any, value: np.ndarray, seed: int) -> np.ndarray:
    from keras import ops

    config = {**initializer.get_config(), "seed": seed}
    drawn = type(initializer).from_config(config)(value.shape, dtype=value.dtype.name)
    return np.asarray(ops.convert_to_numpy(drawn))
