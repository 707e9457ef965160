"""Keras's own optimisers, losses, schedules and initialisers in saved files, by configuration."""

from __future__ import annotations

import sys
from typing import Any

from skconvattn._backend import load_backend
from skconvattn.persistence.archive import SaveFileError
from skconvattn.persistence.codec import Codec, Kind
from skconvattn.persistence.configurations import HELPERS

# Public names of Keras under which its functions are looked up.
_FUNCTION_ROOMS = ("activations", "losses", "metrics")


def _is_from_keras(value: Any) -> bool:
    module = getattr(type(value), "__module__", "") or ""
    return module.partition(".")[0] == "keras" and hasattr(value, "get_config")


def _data_classes() -> tuple[type, ...]:
    import keras

    return (
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.initializers.Initializer,
        keras.regularizers.Regularizer,
        keras.constraints.Constraint,
    )


def _encode_object(codec: Codec, value: Any, name: str) -> Any:
    import keras

    if not isinstance(value, _data_classes()):
        raise SaveFileError(
            f"{name} is a keras {type(value).__name__}, which is no data; set it to None before "
            "saving, and again after loading."
        )
    return codec.encode(keras.saving.serialize_keras_object(value), name)


def _decode_object(codec: Codec, payload: Any) -> Any:
    # Every dict that names a class has been compared with the closed list.
    config = codec.decode(payload)
    if config.keys() != {"module", "class_name", "config", "registered_name"}:
        raise ValueError(f"the configuration of a Keras object has {sorted(config)}")
    if config["module"] in (None, "keras", "builtins"):
        raise ValueError(f"a value is a keras {config['class_name']}")
    load_backend()
    import keras

    value = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not isinstance(value, _data_classes()):
        raise ValueError(f"a value is a keras {type(value).__name__}")
    return value


def _function_name(value: Any) -> str | None:
    """Return where in Keras a function is found, such as "activations.relu"."""
    module = getattr(value, "__module__", None) or ""
    if not callable(value) or module.partition(".")[0] != "keras" or "keras" not in sys.modules:
        return None
    import keras

    name = getattr(value, "__name__", "")
    for room in _FUNCTION_ROOMS:
        if getattr(getattr(keras, room), name, None) is value and not _is_helper(name, value):
            return f"{room}.{name}"
    return None


def _is_helper(name: str, value: Any) -> bool:
    return name in HELPERS or isinstance(value, type)


def _decode_function(codec: Codec, payload: Any) -> Any:
    load_backend()
    import keras

    room, _, name = payload.partition(".")
    value = getattr(getattr(keras, room), name) if room in _FUNCTION_ROOMS else None
    if _function_name(value) != payload:
        raise ValueError(f"{payload!r} is not a function of Keras")
    return value


KERAS_KINDS = (
    Kind("keras_function", lambda v: _function_name(v) is not None,
         lambda codec, value, name: _function_name(value), _decode_function),
    Kind("keras", _is_from_keras, _encode_object, _decode_object),
)  # fmt: skip
