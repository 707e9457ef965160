"""What differs between Keras's backends: how gradients are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

# On JAX and torch Keras turns results of double precision into single, whatever the policy says.
DOUBLE = keras.backend.backend() == "tensorflow"


def to_numpy(x: Any) -> np.ndarray:
    """Return a tensor as an array in double precision."""
    if isinstance(x, np.ndarray):
        return x.astype("float64")
    return np.asarray(ops.convert_to_numpy(ops.stop_gradient(x))).astype("float64")


def gradients(
    function: Callable[..., Any], arrays: list[np.ndarray], dtype: str = "float64"
) -> list[np.ndarray]:
    """Return the gradients of a scalar function with respect to each of its arguments."""
    tensors = [ops.convert_to_tensor(x, dtype) for x in arrays]
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors, unconnected_gradients="zero")
    elif backend == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        import torch

        tensors = [x.detach().requires_grad_(True) for x in tensors]
        found = torch.autograd.grad(function(*tensors), tensors, allow_unused=True)
        pairs = zip(found, tensors, strict=True)
        found = [torch.zeros_like(x) if slope is None else slope for slope, x in pairs]
    return [to_numpy(x) for x in found]
