"""Positive features, whose products stand for the weights of linear attention."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

# Below this a feature would vanish beside others in float32, and quotients with it.
SMALLEST_FEATURE = 1e-6


@ops.custom_gradient
def positive_features(x: Any) -> Any:
    r"""Return :math:`\mathrm{elu}(x) + 1`, never below the smallest feature, in the shape of x."""
    # elu(x) + 1 with the digits that 1 would swallow.
    features = ops.relu(x) + ops.exp(ops.clip(x, math.log(SMALLEST_FEATURE), 0))

    def gradient(*args: Any, upstream: Any = None) -> tuple[Any]:
        upstream = args[-1] if upstream is None else upstream
        # The derivative is one or, below zero, the feature itself: half as many operations.
        slopes = ops.minimum(features, 1)
        flat = x <= math.log(SMALLEST_FEATURE)
        return (upstream * ops.where(flat, ops.zeros_like(slopes), slopes),)

    return features, gradient
