"""Losses that Keras does not have, as Keras classes: importing this module imports Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


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
