"""Optimisers and losses as values: copied from what the user gave, never shared between fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# Optimisers that treat every weight by itself: they may work on all weights as one vector.
_ELEMENTWISE = frozenset(
    {"SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"}
)


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimiser without its learning rate, as hashable data.

    Attributes
    ----------
    config : str
        Keras's configuration as JSON.
    scheduled : bool
        Whether the configuration holds a learning-rate schedule over steps.
    elementwise : bool
        Whether weights are treated one by one, so that a flat vector serves.
    """

    config: str
    scheduled: bool
    elementwise: bool

    @classmethod
    def of(cls, optimizer: Any, learning_rate: Any) -> tuple[OptimizerSpec, float]:
        """Describe an optimiser.

        Parameters
        ----------
        optimizer : str, dict or keras optimizer
            As :func:`keras.optimizers.get` takes it.
        learning_rate : float, keras LearningRateSchedule or None
            Replaces the optimiser's own rate unless None.

        Returns
        -------
        spec : OptimizerSpec
            Equal for fits that may share a program.
        learning_rate : float
            Rate to start from; of no effect where a schedule is part of the optimiser.

        Raises
        ------
        ValueError
            If Keras knows no such optimiser.
        """
        import keras

        serialized = keras.optimizers.serialize(_optimizer(optimizer))
        config = serialized["config"]
        rate = config["learning_rate"] if learning_rate is None else learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = keras.optimizers.schedules.serialize(rate)
        scheduled = isinstance(rate, dict)
        # The rate is a variable of the program: fits that differ in it alone share one.
        config["learning_rate"] = rate if scheduled else 1.0
        config.pop("name", None)
        elementwise = (
            serialized["module"] == "keras.optimizers"
            and serialized["class_name"] in _ELEMENTWISE
            and config.get("clipnorm") is None
        )
        spec = cls(json.dumps(serialized, sort_keys=True), scheduled, elementwise)
        return spec, 0.0 if scheduled else float(rate)

    def make(self) -> Any:
        """Return a new Keras optimiser."""
        import keras

        return keras.optimizers.deserialize(json.loads(self.config))


def _optimizer(optimizer: Any) -> Any:
    import keras

    try:
        return keras.optimizers.get(optimizer)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"optimizer={optimizer!r} is not an optimiser that Keras knows; use a name such as "
            "'adam', a configuration, or an object from keras.optimizers."
        ) from error


def loss_key(loss: Any) -> Any:
    """Return a hashable value that determines a loss: its name, JSON configuration or itself."""
    import keras

    if isinstance(loss, str):
        return loss
    if isinstance(loss, keras.losses.Loss):
        return json.dumps(keras.losses.serialize(loss), sort_keys=True)
    return loss


def make_loss(key: Any) -> Any:
    """Return a Keras loss from its key.

    Parameters
    ----------
    key : str or callable
        From :func:`loss_key`, or ``"pinball:0.1,0.5,0.9"`` for the quantile loss.

    Returns
    -------
    keras.losses.Loss
        Reduces by the mean over all elements, weights included (Keras's default).

    Raises
    ------
    ValueError
        If Keras knows no such loss.
    """
    import keras

    if isinstance(key, str) and key.startswith("pinball:"):
        from skconvattn.engine.losses import pinball_loss

        return pinball_loss([float(level) for level in key[len("pinball:") :].split(",")])
    try:
        loss = keras.losses.deserialize(json.loads(key)) if str(key).startswith("{") else None
        loss = loss or keras.losses.get(key)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"loss={key!r} is not a loss that Keras knows; use a name such as 'mse', or an object "
            "from keras.losses."
        ) from error
    return loss if isinstance(loss, keras.losses.Loss) else _wrapped(loss)


def _wrapped(function: Any) -> Any:
    from skconvattn.engine.losses import MeanLoss

    return MeanLoss(function)
