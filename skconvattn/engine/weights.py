"""Trainable weights as one flat vector, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Shapes of the variables that a flat vector holds.

    One vector instead of dozens of small arrays makes a step of the optimiser, a copy of the best
    weights and a call for prediction one operation each.

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
