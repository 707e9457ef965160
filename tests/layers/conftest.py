"""Settings of the layer tests on other backends than TensorFlow."""

from __future__ import annotations

import keras

if keras.backend.backend() == "jax":
    import jax

    # Formulas are compared in double precision, which JAX otherwise turns into single.
    jax.config.update("jax_enable_x64", True)
