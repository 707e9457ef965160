"""Positive features, whose products are the weights of linear attention."""

from __future__ import annotations

from typing import Any

from keras import ops

# Below this a feature would vanish beside others in float32, and quotients with it.
SMALLEST_FEATURE = 1e-6


@ops.custom_gradient
def positive_features(x: Any) -> Any:
    r"""Return :math:`\mathrm{elu}(x) + 1`, never below the smallest feature, in the shape of x."""
    # The larger of exp(x) below zero and x + 1 above, with the digits that 1 would swallow.
    features = ops.maximum(ops.exp(ops.minimum(x, 0.0)), x + 1.0)
    features = ops.maximum(features, SMALLEST_FEATURE)

    def gradient(*args: Any, upstream: Any = None) -> tuple[Any]:
        upstream = args[-1] if upstream is None else upstream
        # The derivative is one or, below zero, the feature itself, so that x need not be kept.
        slopes = ops.minimum(features, 1.0)
        return (upstream * ops.where(features > SMALLEST_FEATURE, slopes, 0.0),)

    return features, gradient
