"""Dense layers and layer normalization of each time step, in the fewest operations.

The layers of Keras take dozens of operations forwards and backwards, and tracing each one takes
half a millisecond.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.masks import to_accumulator
from skconvattn.layers.ops.products import on_steps


@keras.saving.register_keras_serializable(package="skconvattn")
class StepDense(keras.layers.Dense):
    """A `keras.layers.Dense` whose product is one of two matrices, whatever the input's rank.

    Arguments, weights and outputs are those of :class:`keras.layers.Dense`.

    Notes
    -----
    Input (batch, ..., channels); output (batch, ..., units).

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.steps import StepDense
    >>> tuple(StepDense(4)(np.ones((2, 5, 3), "float32")).shape)
    (2, 5, 4)
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Map (batch, ..., channels) to (batch, ..., units)."""
        return on_steps(super().call, inputs)


@keras.saving.register_keras_serializable(package="skconvattn")
class StepNormalization(keras.layers.LayerNormalization):
    r"""A `keras.layers.LayerNormalization` over channels with a gradient of few operations.

    .. math:: y = \gamma n + \beta, \quad n = \frac{x - \bar x}{\sqrt{s^2 + \epsilon}}

    with mean :math:`\bar x` and variance :math:`s^2` over the channels of each step: Ba et al.
    (2016), "Layer Normalization" (arXiv 1607.06450). The gradient can be taken once, not twice.

    Parameters
    ----------
    epsilon : float, default=0.001
        Added to the variance.
    **kwargs
        Initialisers, regularisers and constraints of gamma and beta, as in
        :class:`keras.layers.LayerNormalization`, and arguments of every Keras layer.

    Notes
    -----
    Input and output (batch, ..., channels). Half precision is computed in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.steps import StepNormalization
    >>> normed = StepNormalization()(np.array([[[1.0, 3.0], [10.0, 30.0]]], "float32"))
    >>> np.round(normed, 2).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """

    def __init__(self, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(epsilon=epsilon, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Map (batch, ..., channels) to the same shape."""
        gamma, beta = (to_accumulator(ops.convert_to_tensor(x)) for x in (self.gamma, self.beta))
        normed = on_steps(
            lambda rows: _normalized(rows, gamma, beta, self.epsilon), to_accumulator(inputs)
        )
        return ops.cast(normed, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            name: value
            for name, value in super().get_config().items()
            if name not in ("axis", "center", "scale", "rms_scaling")
        }


def _normalized(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    axes = tuple(range(len(x.shape) - 1))

    @ops.custom_gradient
    def normalized(x: Any, gamma: Any, beta: Any) -> Any:
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        scale = ops.rsqrt(variance + epsilon)
        normed = centred * scale

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, ...]:
            upstream = args[-1] if upstream is None else upstream
            slopes, products = upstream * gamma, upstream * normed
            mean = ops.mean(slopes, axis=-1, keepdims=True)
            shared = mean + normed * ops.mean(slopes * normed, axis=-1, keepdims=True)
            d_gamma, d_beta = ops.sum(products, axis=axes), ops.sum(upstream, axis=axes)
            return scale * (slopes - shared), d_gamma, d_beta

        return normed * gamma + beta, gradient

    return normalized(x, gamma, beta)
