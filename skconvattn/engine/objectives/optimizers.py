"""Optimisers as values: copied from what the user gave, never shared between fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from skconvattn._backend import load_backend

# Optimisers that treat every weight by itself: they may work on all weights as one vector.
_ELEMENTWISE = frozenset(
    {"SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"}
)


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimiser without its learning rate, as hashable data.

    Attributes
    ----------
    kind : type
        Its class.
    config : str
        Its configuration as JSON.
    scheduled : bool
        Whether the configuration holds a learning-rate schedule over steps.
    elementwise : bool
        Whether weights are treated one by one, so that a flat vector serves.
    custom : frozenset of type
        Classes of the user's in the configuration, which Keras does not find by name.
    """

    kind: type[Any]
    config: str
    scheduled: bool
    elementwise: bool
    custom: frozenset[type] = frozenset()

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
        load_backend()
        import keras

        given = _optimizer(optimizer)
        whole = _configuration(given)
        config = _innermost(whole)
        rate = config["learning_rate"] if learning_rate is None else learning_rate
        custom = _custom_classes(given, rate)
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = keras.optimizers.schedules.serialize(rate)
        scheduled = isinstance(rate, dict)
        # The rate is a variable of the program: fits that differ in it alone share one.
        config["learning_rate"] = rate if scheduled else 1.0
        # Keras counts the objects of a class in their names.
        config.pop("name", None)
        whole.pop("name", None)
        kind = type(given)
        elementwise = (
            _of_keras(kind) and kind.__name__ in _ELEMENTWISE and config.get("clipnorm") is None
        )
        spec = cls(kind, json.dumps(whole, sort_keys=True), scheduled, elementwise, custom)
        return spec, 0.0 if scheduled else float(rate)

    def make(self) -> Any:
        """Return a new Keras optimiser."""
        load_backend()
        import keras

        # From the class itself: by its name, Keras 3.15 does not find all of its own.
        with keras.saving.CustomObjectScope({kind.__name__: kind for kind in self.custom}):
            return self.kind.from_config(json.loads(self.config))


def _configuration(optimizer: Any) -> dict[str, Any]:
    """Return the configuration of an optimiser in values that JSON has."""
    config = optimizer.get_config()
    if all(
        value is None or isinstance(value, bool | int | float | str) for value in config.values()
    ):
        return config
    import keras

    # On any backend Keras loads TensorFlow for this, where it is installed: seconds.
    return keras.optimizers.serialize(optimizer)["config"]


def _innermost(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of the optimiser that an optimiser around it works with."""
    while "inner_optimizer" in config:
        config = config["inner_optimizer"]["config"]
    return config


def _custom_classes(*objects: Any) -> frozenset[type]:
    """Return the classes of optimisers and schedules that are not Keras's own."""
    found: set[type] = set()
    for each in objects:
        parts = [
            each,
            getattr(each, "inner_optimizer", None),
            getattr(each, "_learning_rate", None),
        ]
        found |= {type(part) for part in parts if hasattr(part, "get_config")}
    return frozenset(kind for kind in found if not _of_keras(kind))


def _of_keras(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "keras"


def _optimizer(optimizer: Any) -> Any:
    load_backend()
    import keras

    try:
        return keras.optimizers.get(optimizer)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"optimizer={optimizer!r} is not an optimiser that Keras knows; use a name such as "
            "'adam', a configuration, or an object from keras.optimizers."
        ) from error
