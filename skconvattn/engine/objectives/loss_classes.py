"""Losses that Keras does not have, as Keras classes: importing this module imports Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops


class MeanLoss(keras.losses.Loss):
    """A loss from a function of targets and predictions, averaged over all elements.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` returns one value per sample (and time step).
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        # The name of a lambda is none that TensorFlow takes.
        super().__init__(name="loss")
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values."""
        return self.function(y_true, y_pred)


def pinball_loss(levels: Sequence[float]) -> keras.losses.Loss:
    r"""Return the quantile loss, averaged over levels.

    .. math:: \ell_\tau(y, q) = \max(\tau (y - q), (\tau - 1)(y - q))

    Source: Koenker and Bassett (1978), "Regression Quantiles", Econometrica 46.

    Parameters
    ----------
    levels : sequence of float
        Quantile levels, one for each value in the last axis of the prediction.

    Returns
    -------
    keras.losses.Loss
        Compares targets of shape (..., 1) with predictions of shape (..., n_levels).
    """

    def pinball(y_true: Any, y_pred: Any) -> Any:
        tau = ops.convert_to_tensor(levels, dtype=y_pred.dtype)
        error = ops.cast(y_true, y_pred.dtype) - y_pred
        return ops.mean(ops.maximum(tau * error, (tau - 1.0) * error), axis=-1)

    return _Broadcasting(pinball)


class _Broadcasting(MeanLoss):
    """Keras squeezes a last axis of one when shapes differ; the quantile loss needs it."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        values = self.call(y_true, y_pred)
        if sample_weight is not None:
            weights = ops.cast(sample_weight, values.dtype)
            # One weight per sample, or per sample and step: it counts for the axes that follow.
            for _ in range(len(values.shape) - len(weights.shape)):
                weights = ops.expand_dims(weights, -1)
            values = values * weights
        return ops.mean(values)
