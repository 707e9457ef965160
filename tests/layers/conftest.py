"""Settings of the layer tests on other backends than TensorFlow."""

from __future__ import annotations

import keras

if keras.backend.backend() == "jax":
    import jax

    # Without it JAX warns of every float64 policy, and warnings are errors.
    jax.config.update("jax_enable_x64", True)
