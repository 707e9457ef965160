"""Configurations of Keras objects as data: which classes they may name, and what those would cost.

Everything is decided from text, before anything is built, and without loading Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skconvattn.persistence.archive import SaveFileError

# Classes without weights, code or files of their own, by the public module of each.
_BY_MODULE = {
    "keras.optimizers": """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer
        MultiOptimizer Muon Nadam RMSprop SGD ScheduleFreeAdamW
    """,
    "keras.optimizers.schedules": """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
        PolynomialDecay
    """,
    "keras.losses": """
        BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy
        CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge Circle
        CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError
        MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy SquaredHinge Tversky
    """,
    "keras.metrics": """
        AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy
        CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score
        FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence LogCoshError Mean
        MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
        MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision
        PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
        SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
        SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum
        TopKCategoricalAccuracy TrueNegatives TruePositives
    """,
    "keras.initializers": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform
        Ones Orthogonal RandomNormal RandomUniform STFT TruncatedNormal VarianceScaling Zeros
    """,
    "keras.regularizers": """
        L1 L1L2 L2 OrthogonalRegularizer
    """,
    "keras.constraints": """
        MaxNorm MinMaxNorm NonNeg UnitNorm
    """,
    "keras": "DTypePolicy",
}
CLASSES = {module: frozenset(names.split()) for module, names in _BY_MODULE.items()}
_WITHOUT_MODULE = frozenset(name.lower() for names in CLASSES.values() for name in names)
_KEYS = frozenset(["module", "class_name", "config", "registered_name"])
# Public names of Keras's modules that look up other functions.
HELPERS = frozenset(["get", "serialize", "deserialize"])
# Bytes per class and class, and per threshold and label, of the metrics that count in tables.
_BYTES_PER_CELL, _BYTES_PER_THRESHOLD = 16, 512


def check_named_class(value: Mapping[Any, Any]) -> None:
    """Refuse a configuration of anything but a class of a closed list.

    Parameters that are configurations reach ``keras.optimizers.get`` and the like at the next fit.

    Raises
    ------
    SaveFileError
        If the dict names a class and is not the configuration of one of the list.
    """
    if "class_name" not in value and "module" not in value:
        return
    module, name, registered = (
        value.get(key) for key in ("module", "class_name", "registered_name")
    )
    if name == "function":
        function = value.get("config")
        known = module in (None, "builtins") and registered in (None, "function")
        known &= isinstance(function, str) and function.isidentifier() and function not in HELPERS
    elif module is None:
        known = registered is None and isinstance(name, str) and name.lower() in _WITHOUT_MODULE
    else:
        known = registered is None and name in CLASSES.get(module, ())
    if not known:
        raise SaveFileError(
            f"The configuration of {value.get('class_name')!r} from {module!r} is not of one of "
            "Keras's own optimizers, schedules, losses, metrics, initializers, regularizers and "
            "constraints, and cannot be saved; use one of these, or set it again after loading."
        )
    if not value.keys() <= _KEYS:
        raise SaveFileError(
            f"The configuration of {name!r} has {sorted(map(str, value.keys() - _KEYS))}, and "
            f"files hold {sorted(_KEYS)} alone."
        )


def bytes_of(value: Mapping[Any, Any]) -> float:
    """Return how many bytes an object takes at least when it is built from a configuration."""
    config = value.get("config")
    if not isinstance(config, dict):
        return 0
    n_classes, n_labels = _count(config, "num_classes"), max(1.0, _count(config, "num_labels"))
    thresholds: Any = config.get("thresholds")
    n_thresholds = max(_count(config, "num_thresholds"), np.size(thresholds))
    return _BYTES_PER_CELL * n_classes**2 + _BYTES_PER_THRESHOLD * n_thresholds * n_labels


def _count(config: Mapping[Any, Any], name: str) -> float:
    value = config.get(name)
    if not isinstance(value, int | float | np.number | None):
        raise SaveFileError(f"{name} in the configuration of a Keras object is no number.")
    return abs(float(value or 0))
