"""Keras's metrics on class indices and logits, as Keras classes: importing this imports Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# Metrics of one event: of two classes, they are given the second alone.
_OF_ONE_EVENT = (
    keras.metrics.AUC,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.TruePositives,
    keras.metrics.TrueNegatives,
    keras.metrics.FalsePositives,
    keras.metrics.FalseNegatives,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.BinaryIoU,
)
# Metrics of scores that are no probabilities.
_OF_SCORES = ("hinge", "squared_hinge", "categorical_hinge")


class ClassMetric(keras.metrics.Metric):
    """A metric of class indices and logits, from one of Keras that is written for other numbers.

    Most are given one-hot targets and probabilities. Those of one event, such as the area under the
    curve or the precision, are given the probability of the second class where there are two. A
    metric with one value per class is averaged over classes.

    Parameters
    ----------
    metric : keras.metrics.Metric
        A metric of Keras's own, see :func:`for_classes`.
    n_classes : int
        Number of classes.
    """

    def __init__(self, metric: keras.metrics.Metric, n_classes: int) -> None:
        super().__init__(name=metric.name)
        self.metric = metric
        self.n_classes = n_classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: indices of shape (batch,) and logits of shape (batch, n_classes)."""
        indices = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        logits = ops.convert_to_tensor(y_pred)
        targets, predictions = self._as_written(indices, logits)
        if isinstance(self.metric, _OF_ONE_EVENT) and sample_weight is not None:
            # These take one weight per entry, and not per sample.
            sample_weight = ops.reshape(sample_weight, (-1, 1))
        self.metric.update_state(targets, predictions, sample_weight=sample_weight)

    def result(self) -> Any:
        """Return the metric, averaged over classes where it is one value for each."""
        result = self.metric.result()
        is_vector = len(getattr(result, "shape", ())) == 1
        return ops.mean(result) if is_vector else result

    def reset_state(self) -> None:
        """Forget all batches."""
        self.metric.reset_state()

    def _as_written(self, indices: Any, logits: Any) -> tuple[Any, Any]:
        metric, function = self.metric, _function(self.metric)
        if isinstance(metric, keras.metrics.IoU) and not isinstance(metric, _OF_ONE_EVENT):
            return self._regions(indices, logits)
        if isinstance(metric, keras.metrics.Accuracy):
            return indices, ops.argmax(logits, axis=-1)
        from_logits = getattr(metric, "from_logits", False) or function in _OF_SCORES
        predictions = logits if from_logits else ops.exp(ops.log_softmax(logits, axis=-1))
        if function.startswith("sparse"):
            return indices, predictions
        targets = ops.one_hot(indices, self.n_classes, dtype=logits.dtype)
        is_binary = isinstance(metric, _OF_ONE_EVENT) or function.startswith("binary")
        if not is_binary or self.n_classes != 2 or _is_of_several(metric):
            return targets, predictions
        column = logits[:, 1:] - logits[:, :1] if from_logits else predictions[:, 1:]
        return targets[:, 1:], column

    def _regions(self, indices: Any, logits: Any) -> tuple[Any, Any]:
        """Return targets and predictions of intersections over unions, each as an index or not."""
        one_hot = ops.one_hot(indices, self.n_classes, dtype=logits.dtype)
        return (
            indices if self.metric.sparse_y_true else one_hot,
            ops.argmax(logits, axis=-1) if self.metric.sparse_y_pred else logits,
        )


def for_classes(metric: keras.metrics.Metric, n_classes: int) -> keras.metrics.Metric:
    """Return a metric of class indices and logits.

    Parameters
    ----------
    metric : keras.metrics.Metric
        Metrics and functions of Keras's own are computed from what they are written for; others
        are given indices and logits as they are.
    n_classes : int
        Number of classes.

    Returns
    -------
    keras.metrics.Metric
        The metric.
    """
    updates = type(metric).update_state.__module__
    is_own = updates.partition(".")[0] == "keras"
    if isinstance(metric, keras.metrics.MeanMetricWrapper):
        is_own = is_own and bool(_function(metric))
    if is_own and isinstance(metric, keras.metrics.IoU):
        # By default these count in whole numbers, which weights are not.
        metric = type(metric).from_config({**metric.get_config(), "dtype": "float32"})
    return ClassMetric(metric, n_classes) if is_own else metric


def _function(metric: Any) -> str:
    """Return the name of Keras's own function that a metric averages; empty if there is none."""
    function = getattr(metric, "_fn", None)
    module = getattr(function, "__module__", None) or ""
    return function.__name__ if function and module.partition(".")[0] == "keras" else ""


def _is_of_several(metric: Any) -> bool:
    """Whether a metric of events was asked to look at columns."""
    return (
        getattr(metric, "multi_label", False)
        or getattr(metric, "class_id", None) is not None
        or getattr(metric, "top_k", None) is not None
    )
