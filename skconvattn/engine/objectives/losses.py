"""Losses as values: what the user gave as a key of programs, and the Keras loss of a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skconvattn._backend import load_backend

# Losses of differences, to which the scale of targets is a factor, or a matter of their parameters.
LOSSES_OF_DIFFERENCES = frozenset(
    {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh"}
)


@dataclass(frozen=True)
class LossKey:
    """A loss object, equal to others of its class and attributes.

    Its configuration would not do: Keras 3.15 leaves the ``delta`` of a Huber loss out.

    Attributes
    ----------
    kind : type
        Its class.
    attributes : tuple
        Its attributes but the name, hashable.
    loss : keras.losses.Loss
        The object itself: Keras's copies lose arguments as well.
    """

    kind: type
    attributes: Any
    loss: Any = field(compare=False)


def loss_key(loss: Any) -> Any:
    """Return a hashable value that determines a loss: its name, :class:`LossKey` or itself."""
    load_backend()
    import keras

    if not isinstance(loss, keras.losses.Loss):
        return loss
    attributes = {name: value for name, value in vars(loss).items() if name != "name"}
    try:
        key = LossKey(type(loss), _frozen(attributes), loss)
        hash(key)
    except TypeError:
        return loss
    return key


def named_loss(loss: Any) -> Any:
    """Return the function or loss object that Keras knows by a name or class.

    Parameters
    ----------
    loss : str, type, callable or keras.losses.Loss
        As :func:`keras.losses.get` takes it.

    Returns
    -------
    callable, keras.losses.Loss or None
        None for a name that Keras does not know.
    """
    load_backend()
    import keras

    try:
        return keras.losses.get(loss)
    except (ValueError, TypeError):
        return None


def loss_function(loss: Any) -> str | None:
    """Return the name of Keras's own function that a loss computes.

    Parameters
    ----------
    loss : callable or keras.losses.Loss
        A function, or an object that averages one.

    Returns
    -------
    str or None
        Such as "mean_squared_error"; None for what is not Keras's own.
    """
    function = getattr(loss, "fn", loss)
    module = getattr(function, "__module__", None) or ""
    is_own = module.partition(".")[0] == "keras"
    return getattr(function, "__name__", None) if is_own else None


def shown_loss(loss: Any) -> str:
    """Return a loss, as the user gave it, in the words of a message."""
    return repr(loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__))


def _frozen(value: Any) -> Any:
    """Return a value as a hashable one; what has no value of its own stays itself."""
    load_backend()
    import keras

    if isinstance(value, keras.losses.Loss):
        return loss_key(value)
    if isinstance(value, dict):
        return tuple((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if type(value).__name__.endswith("DTypePolicy"):
        return repr(value)
    return value


def make_loss(key: Any) -> Any:
    """Return a Keras loss from its key.

    Parameters
    ----------
    key : str, LossKey or callable
        From :func:`loss_key`.

    Returns
    -------
    keras.losses.Loss
        Reduces by the mean over all elements, weights included (Keras's default).

    Raises
    ------
    ValueError
        If Keras knows no such loss.
    """
    load_backend()
    import keras

    if isinstance(key, LossKey):
        return key.loss
    try:
        loss = keras.losses.get(key)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"loss={key!r} is not a loss that Keras knows; use a name such as 'mse', or an object "
            "from keras.losses."
        ) from error
    if not isinstance(loss, keras.losses.Loss):
        return _wrapped(loss)
    # What has only a name is computed in the precision of networks, not in that of the process.
    return type(loss)(dtype="float32") if isinstance(key, str) else loss


def _wrapped(function: Any) -> Any:
    from skconvattn.engine.objectives.loss_classes import MeanLoss

    return MeanLoss(function)
