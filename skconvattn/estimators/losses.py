"""Which losses serve classes and which serve values, and the numbers that each is computed from."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn._backend import load_backend
from skconvattn.data.scaling import Scaling
from skconvattn.engine.objectives.losses import (
    LOSSES_OF_DIFFERENCES,
    loss_function,
    named_loss,
    shown_loss,
)
from skconvattn.networks import ClassOutput

_CROSS_ENTROPY = "sparse_categorical_crossentropy"
# Losses of one-hot targets, and of class indices, that classifiers take beside it.
_OF_CLASSES = {
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
}
# Those that need no logits: probabilities are made for them, where others are refused.
_OF_PROBABILITIES = {
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
}

# Losses of ratios: they depend on where zero is.
_OF_RATIOS = {"mean_absolute_percentage_error", "mean_squared_logarithmic_error"}

_REMEDY = "use 'auto' or keras.losses.SparseCategoricalCrossentropy(from_logits=True)."


def class_loss(loss: Any, n_classes: int) -> Any:
    """Return a loss of class indices and logits.

    Keras's losses are computed from what they are written for: indices or one-hot targets, logits
    or probabilities; with two classes, binary ones from the second class alone. Functions and
    losses of the user's own are given class indices (batch,) and logits (batch, n_classes).

    Parameters
    ----------
    loss : str, callable or keras.losses.Loss
        As the user gave it.
    n_classes : int
        Number of classes.

    Returns
    -------
    str, callable or keras.losses.Loss
        The loss.

    Raises
    ------
    ValueError
        If it does not compare classes with logits or probabilities.
    """
    load_backend()
    import keras

    found = named_loss(loss)
    if found is None:
        return loss  # the engine says that Keras does not know it
    name = loss_function(found)
    is_object = isinstance(loss, keras.losses.Loss)
    if name == _CROSS_ENTROPY:
        if is_object and not loss.from_logits:
            raise _refusal_of_probabilities(loss)
        return loss if is_object else ClassOutput(n_classes).loss()
    if name is None:
        _probe(loss, found, n_classes)
        return loss
    if name not in (_OF_CLASSES if is_object else _OF_PROBABILITIES):
        raise _refusal(loss)
    if name not in _OF_PROBABILITIES and not found.from_logits:
        raise _refusal_of_probabilities(loss)
    if n_classes == 1:
        return ClassOutput(n_classes).loss()
    from skconvattn.engine.objectives.loss_classes import ClassLoss, MeanLoss

    inner = found if isinstance(found, keras.losses.Loss) else MeanLoss(found)
    adapted = ClassLoss(inner, name, n_classes)
    _probe(loss, adapted, n_classes)
    return adapted


def value_loss(loss: Any, scaling: Scaling) -> Any:
    """Return a loss of scaled targets and predictions.

    Keras's losses of ratios are computed in the units of the targets. Functions and losses of the
    user's own are given what the network is trained on, scaled values.

    Parameters
    ----------
    loss : str, callable or keras.losses.Loss
        As the user gave it.
    scaling : Scaling
        Of the targets.

    Returns
    -------
    str, callable or keras.losses.Loss
        The loss.

    Raises
    ------
    ValueError
        If it is a loss of Keras that does not compare values.
    """
    load_backend()
    import keras

    found = named_loss(loss)
    name = None if found is None else loss_function(found)
    if name is None or name in LOSSES_OF_DIFFERENCES:
        return loss
    if name not in _OF_RATIOS:
        raise ValueError(
            f"loss={shown_loss(loss)} does not compare values that may have any sign; use 'mse', "
            "'mae', 'huber', or for positive targets 'msle' or 'mape'."
        )
    from skconvattn.engine.objectives.loss_classes import MeanLoss, UnitLoss

    inner = found if isinstance(found, keras.losses.Loss) else MeanLoss(found)
    return UnitLoss(inner, tuple(scaling.center.tolist()), tuple(scaling.scale.tolist()))


def check_values(loss: Any, targets: np.ndarray) -> None:
    """Refuse targets that a loss of ratios is not defined for.

    Parameters
    ----------
    loss : str, callable or keras.losses.Loss
        As the user gave it.
    targets : ndarray of shape (n_samples, n_outputs)
        In their units.

    Raises
    ------
    ValueError
        If a target is zero for a percentage, or negative for a logarithm.
    """
    if isinstance(loss, str) and loss == "auto":
        return
    found = named_loss(loss)
    name = None if found is None else loss_function(found)
    if name == "mean_absolute_percentage_error" and not targets.all():
        raise ValueError(
            f"loss={shown_loss(loss)} divides by y, which has the value 0; use 'mae' or 'msle'."
        )
    if name == "mean_squared_logarithmic_error" and targets.min() < 0:
        raise ValueError(
            f"loss={shown_loss(loss)} takes the logarithm of 1 + y, and y has the value "
            f"{targets.min():.6g}; use 'mse' or 'mae' for values below 0."
        )


def _probe(given: Any, loss: Any, n_classes: int) -> None:
    """Compute a loss once, on a number of samples that is not the number of classes."""
    import keras

    n_samples = n_classes + 1
    # Keras gives losses all numbers as floats.
    indices = keras.ops.convert_to_tensor((np.arange(n_samples) % n_classes).astype(np.float32))
    logits = keras.ops.zeros((n_samples, n_classes), dtype="float32")
    function = loss.call if isinstance(loss, keras.losses.Loss) else loss
    try:
        shape = tuple(keras.ops.shape(function(indices, logits)))
    except Exception as error:
        raise _refusal(given) from error
    if shape not in ((), (n_samples,)):
        raise _refusal(given)


def _refusal(loss: Any) -> ValueError:
    return ValueError(
        f"loss={shown_loss(loss)} does not compare classes, given by number, with a logit for "
        f"each; {_REMEDY}"
    )


def _refusal_of_probabilities(loss: Any) -> ValueError:
    return ValueError(
        f"loss is a {type(loss).__name__} of probabilities, and networks of classifiers give "
        f"logits; {_REMEDY}"
    )
