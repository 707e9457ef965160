"""Losses that Keras does not have, as Keras classes: importing this module imports Keras."""

from __future__ import annotations

from collections.abc import Callable
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
        super().__init__(name="loss", dtype="float32")
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values."""
        return self.function(y_true, y_pred)


class ClassLoss(keras.losses.Loss):
    r"""A loss of class indices and logits, from one that is written for other numbers.

    Binary losses of two classes see the second class alone: the target 0 or 1, and the logit
    :math:`z_2 - z_1` or its probability. Of more classes, they see each against all others: the
    logit :math:`z_k - \log \sum_{j \ne k} e^{z_j}`, so that probabilities are those of the softmax.

    Parameters
    ----------
    loss : keras.losses.Loss
        A loss of Keras of one-hot targets, or of class indices and probabilities.
    function : str
        The name of its function.
    n_classes : int
        Number of classes, at least two.
    """

    def __init__(self, loss: keras.losses.Loss, function: str, n_classes: int) -> None:
        super().__init__(name="loss")
        self.loss = loss
        self.function = function
        self.n_classes = n_classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per sample."""
        return self.loss.call(*self._as_written(y_true, y_pred))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss, reduced as the loss around which this is reduces."""
        return self.loss(*self._as_written(y_true, y_pred), sample_weight=sample_weight)

    def _as_written(self, indices: Any, logits: Any) -> tuple[Any, Any]:
        """Return targets and predictions for the loss: (batch, n) each, or (batch,) indices."""
        from_logits = getattr(self.loss, "from_logits", False)
        is_binary = self.function.startswith("binary")
        # Not softmax, whose logits Keras remembers and takes for those of a sigmoid.
        probabilities = ops.exp(ops.log_softmax(logits, axis=-1))
        indices = ops.cast(ops.reshape(indices, (-1,)), "int32")
        if self.function == "categorical_generalized_cross_entropy":
            return indices, probabilities
        targets = ops.one_hot(indices, self.n_classes, dtype=logits.dtype)
        predictions = logits if from_logits else probabilities
        if is_binary and from_logits:
            # The class itself, masked, leaves the others in the sum.
            others = ops.expand_dims(logits, 1) - 1e9 * ops.eye(self.n_classes, dtype=logits.dtype)
            predictions = logits - ops.logsumexp(others, axis=-1)
        if is_binary and self.n_classes == 2:
            return targets[:, 1:], predictions[:, 1:]
        return targets, predictions


class UnitLoss(keras.losses.Loss):
    """A loss of scaled targets and predictions that is computed in the units of the targets.

    Parameters
    ----------
    loss : keras.losses.Loss
        A loss of values in these units.
    center, scale : tuple of float
        Of each output, or one for all.
    """

    def __init__(
        self, loss: keras.losses.Loss, center: tuple[float, ...], scale: tuple[float, ...]
    ) -> None:
        super().__init__(name="loss")
        self.loss = loss
        self.center = center
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per sample."""
        return self.loss.call(self._in_units(y_true), self._in_units(y_pred))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss, reduced as the loss around which this is reduces."""
        return self.loss(
            self._in_units(y_true), self._in_units(y_pred), sample_weight=sample_weight
        )

    def _in_units(self, values: Any) -> Any:
        values = ops.convert_to_tensor(values)
        scale, center = (
            ops.convert_to_tensor(numbers, dtype=values.dtype)
            for numbers in (self.scale, self.center)
        )
        return values * scale + center
