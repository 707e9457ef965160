"""The pinball loss of quantile forecasts, which Keras lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class PinballLoss(keras.losses.Loss):
    r"""The quantile loss, averaged over levels.

    .. math:: \ell_\tau(y, q) = \max(\tau (y - q), (\tau - 1)(y - q))

    Source: Koenker and Bassett (1978), "Regression Quantiles", Econometrica 46.

    Parameters
    ----------
    levels : sequence of float
        Quantile levels, one per value in the last axis of the prediction.

    Notes
    -----
    Compares targets of shape (..., 1) with predictions of shape (..., n_levels). Losses of equal
    levels are equal, so that fits with them share a compiled program.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        super().__init__(name="pinball")
        self.levels = tuple(levels)

    def __eq__(self, other: object) -> bool:
        """Whether both are pinball losses at the same levels."""
        return type(other) is type(self) and other.levels == self.levels

    def __hash__(self) -> int:
        """Return a hash of the levels."""
        return hash((type(self), self.levels))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per sample and step: the mean over the levels."""
        tau = ops.convert_to_tensor(self.levels, dtype=y_pred.dtype)
        residual = ops.cast(y_true, y_pred.dtype) - y_pred
        return ops.mean(ops.maximum(tau * residual, (tau - 1.0) * residual), axis=-1)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the weighted mean over samples and steps.

        Keras's own method squeezes a last axis of one where shapes differ; here it is compared
        with every level.
        """
        values = self.call(y_true, y_pred)
        if sample_weight is not None:
            weights = ops.cast(sample_weight, values.dtype)
            # One weight per sample, or per sample and step, for all axes that follow.
            for _ in range(len(values.shape) - len(weights.shape)):
                weights = ops.expand_dims(weights, -1)
            values = values * weights
        return ops.mean(values)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"levels": self.levels}
