"""Metrics as values: copied from what the user gave, and made anew for each program."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skconvattn._backend import load_backend

# Names for which the targets decide, as in Keras.
_BY_TARGETS = {
    "accuracy": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
    "acc": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
    "crossentropy": (
        "BinaryCrossentropy",
        "SparseCategoricalCrossentropy",
        "CategoricalCrossentropy",
    ),
    "ce": ("BinaryCrossentropy", "SparseCategoricalCrossentropy", "CategoricalCrossentropy"),
}


@dataclass(frozen=True)
class MetricKey:
    """A metric without its state, as hashable data.

    Attributes
    ----------
    kind : type or None
        Its class; None for a name that the targets decide about, or a function.
    config : str
        Its configuration as JSON; empty for a function.
    name : str
        What its values are called.
    function : callable or None
        The function that is averaged over samples.
    """

    kind: type[Any] | None
    config: str
    name: str
    function: Hashable = field(default=None)


def metric_keys(metrics: Sequence[Any]) -> tuple[MetricKey, ...]:
    """Describe metrics.

    Parameters
    ----------
    metrics : sequence of str, dict, callable or keras.metrics.Metric
        As ``keras.Model.compile`` takes them.

    Returns
    -------
    tuple of MetricKey
        Equal for fits that may share a program.

    Raises
    ------
    ValueError
        If Keras knows no such metric, one cannot be copied, or two have one name.
    """
    keys = tuple(_metric_key(metric) for metric in metrics)
    names = [key.name for key in keys]
    for name in names:
        if name == "loss" or name.startswith("val_") or names.count(name) > 1:
            raise ValueError(
                f"metrics has the name {name!r} {names.count(name)} times, and every entry of "
                "history_ needs a name of its own beside 'loss' and those that begin with 'val_'; "
                "give a metric another one, as in keras.metrics.MeanSquaredError(name='error')."
            )
    return keys


def make_metrics(keys: Sequence[MetricKey], targets: np.ndarray, n_outputs: int) -> list[Any]:
    """Return new Keras metrics from their keys.

    Parameters
    ----------
    keys : sequence of MetricKey
        From :func:`metric_keys`.
    targets : ndarray of shape (1, ...)
        Targets of one sample.
    n_outputs : int
        Size of the last axis of the model's output.

    Returns
    -------
    list of keras.metrics.Metric
        Without anything counted yet.

    Raises
    ------
    ValueError
        If a metric does not take such targets and outputs, or gives no single number.
    """
    is_sparse = np.issubdtype(targets.dtype, np.integer)
    outputs = np.zeros((*(targets.shape if is_sparse else targets.shape[:-1]), n_outputs), "f4")
    made = [_make(key, is_sparse, n_outputs) for key in keys]
    if is_sparse and made:
        from skconvattn.engine.objectives.class_metrics import for_classes

        made = [for_classes(metric, n_outputs) for metric in made]
    for metric in made:
        # Some make their variables at the first batch, which a compiled program must not.
        try:
            metric.update_state(targets, outputs)
        except Exception as error:
            raise ValueError(
                f"metrics={metric.name!r} cannot compare targets of shape {targets.shape} with "
                f"outputs of shape {outputs.shape}; use a metric, or a function of y_true and "
                "y_pred, for such values."
            ) from error
        result = metric.result()
        shape = getattr(result, "shape", None)
        if shape is None or tuple(shape) != ():
            raise ValueError(
                f"metrics={metric.name!r} gives {result!r}, and history_ holds one number per "
                "epoch; use a metric that averages, as with average='macro'."
            )
        metric.reset_state()
    return made


def _metric_key(metric: Any) -> MetricKey:
    load_backend()
    import keras

    if isinstance(metric, str) and metric.lower() in _BY_TARGETS:
        return MetricKey(None, metric.lower(), metric)
    try:
        found = keras.metrics.get(metric)
    except (ValueError, TypeError) as error:
        raise _unknown(metric) from error
    if not isinstance(found, keras.metrics.Metric) and not callable(found):
        raise _unknown(metric)
    if not isinstance(found, keras.metrics.Metric):
        name = metric if isinstance(metric, str) else getattr(found, "__name__", "metric")
        # The name of a lambda is none that a variable may have.
        return MetricKey(None, "", name.strip("<>"), found)
    name = metric if isinstance(metric, str) else _uncounted(found)
    try:
        settings = {**found.get_config(), "name": name}
        if isinstance(metric, str) and "dtype" in settings:
            settings["dtype"] = "float32"  # as networks, whatever the default of the process
        config = json.dumps(settings, sort_keys=True)
        key = MetricKey(type(found), config, name)
        _make(key, False, 1)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"metrics={metric!r} cannot be copied by its configuration; give its class a "
            "get_config() that returns the arguments of its constructor, or give a function of "
            "y_true and y_pred instead."
        ) from error
    return key


def _make(key: MetricKey, is_sparse: bool, n_outputs: int) -> Any:
    load_backend()
    import keras

    if key.function is not None:
        return keras.metrics.MeanMetricWrapper(key.function, name=key.name, dtype="float32")
    if key.kind is not None:
        return key.kind.from_config(json.loads(key.config))
    binary, sparse, categorical = _BY_TARGETS[key.config]
    chosen = sparse if is_sparse else binary if n_outputs == 1 else categorical
    # Classifiers give logits, of which a cross-entropy has to be told.
    settings = {"from_logits": True} if "Crossentropy" in chosen else {}
    return getattr(keras.metrics, chosen)(name=key.name, dtype="float32", **settings)


def _uncounted(metric: Any) -> str:
    """Return a metric's name without the number that Keras gives to objects of a class in turn."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(metric).__name__)
    return re.sub(rf"^({words.lower()})_\d+$", r"\1", metric.name)


def _unknown(metric: Any) -> ValueError:
    return ValueError(
        f"metrics={metric!r} is not a metric that Keras knows; use a name such as 'mae' or "
        "'accuracy', a function of y_true and y_pred, or an object from keras.metrics."
    )
