"""What files of regressors and classifiers hold of a fit, and how its parts fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skconvattn.data.panel import Preparation
from skconvattn.data.scaling import Scaling
from skconvattn.engine.programs import FittedModel
from skconvattn.estimators.member_state import check_members
from skconvattn.members.class_vote import ClassVote
from skconvattn.members.value_average import ValueAverage
from skconvattn.networks import ClassHead, SequenceHead, ValueHead
from skconvattn.persistence import attributes
from skconvattn.persistence.attributes import (
    Check,
    array,
    at_least,
    by_name,
    each,
    is_a,
    is_number,
    optional,
    require,
    require_array,
    require_scale,
    require_unique,
)
from skconvattn.persistence.budget import Budget

# Attributes of both, by name; one that is added gets an entry here or below.
_COMMON: Mapping[str, Check] = {
    "_member_average_": optional(is_a(ClassVote, ValueAverage)),
    "_n_further_epochs_": at_least(0),
    "_network_share_": lambda value: is_number(value) and 0 <= value <= 1,
    "_preparation_": is_a(Preparation),
    "best_loss_": is_number,
    "feature_names_in_": array("OU", 1),
    "fitted_model_": is_a(FittedModel),
    "history_": by_name(each(list, is_number)),
    "n_features_in_": at_least(1),
    "n_iter_": at_least(0),
}
CLASSIFIER: Mapping[str, Check] = {
    **_COMMON,
    "_same_classes_": is_a(bool),
    "classes_": array("biufUO", 1),
}
REGRESSOR: Mapping[str, Check] = {
    **_COMMON,
    "_asked_for_": each(tuple, is_number),
    "_levels_": each(tuple, is_number),
    "_n_outputs_": at_least(1),
    "_one_value_per_step_": is_a(bool),
    "_shifts_": array("f", 2),
    "_single_output_": is_a(bool),
    "_target_scaling_": is_a(Scaling),
}
_NEEDED = frozenset(
    [
        "_member_average_",
        "_network_share_",
        "_preparation_",
        "best_loss_",
        "history_",
        "n_features_in_",
        "n_iter_",
    ]
)


def check_classifier(classifier: Any, _budget: Budget) -> None:
    """Refuse a loaded classifier whose parts do not fit together; see :func:`check_common`."""
    state = vars(classifier)
    if "classes_" in state:
        require_unique(state["classes_"].tolist(), "classes_")
    if not check_common(state, {"classes_"}):
        return
    n_classes = len(state["classes_"])
    check_members(state["_member_average_"], ClassVote, state["_preparation_"], n_classes)
    if "fitted_model_" not in state:
        return
    head = state["fitted_model_"].spec.head
    require(
        isinstance(head, ClassHead) and head.output.n_classes == n_classes,
        f"classes_ has {n_classes} labels, and the network another number",
    )


def check_regressor(regressor: Any, _budget: Budget) -> None:
    """Refuse a loaded regressor whose parts do not fit together; see :func:`check_common`."""
    state = vars(regressor)
    if not check_common(state, REGRESSOR.keys() - _COMMON.keys() - {"_shifts_"}):
        return
    levels, n_outputs = state["_levels_"], state["_n_outputs_"]
    sequences = state["_one_value_per_step_"]
    check_members(state["_member_average_"], ValueAverage, state["_preparation_"], n_outputs)
    if "fitted_model_" in state:
        head = state["fitted_model_"].spec.head
        require(
            isinstance(head, SequenceHead if sequences else ValueHead),
            "the network has another head than a regressor",
        )
        require(head.output == regressor._output(), "the network has other quantiles than _levels_")
        n_trained = state["_preparation_"].n_timepoints if sequences else head.n_outputs
        require(n_outputs == n_trained, f"_n_outputs_ is {n_outputs}, and the network has another")
    require(not state["_single_output_"] or n_outputs == 1, "_single_output_ has several outputs")
    require(
        set(state["_asked_for_"]) <= set(levels)
        and list(levels) == sorted(set(levels))
        and all(0 < level < 1 for level in levels),
        "_levels_ are no increasing levels of quantiles",
    )
    require("_shifts_" in state or "fitted_model_" not in state, "a network leaves _shifts_")
    if "_shifts_" in state:
        require_array(state["_shifts_"], (n_outputs, len(levels)), "_shifts_")
    _check_scaling(state["_target_scaling_"], 1 if sequences else n_outputs, "_target_scaling_")


def check_common(state: Mapping[str, Any], needed: Any) -> bool:
    """Refuse a fit whose parts do not fit together.

    Parameters
    ----------
    state : mapping of str to object
        Attributes of the estimator, each of which has passed its own check.
    needed : collection of str
        Attributes that a fit leaves beside those of all estimators.

    Returns
    -------
    bool
        Whether the estimator is fitted.

    Raises
    ------
    ValueError
        If one is missing, or has another shape than the others.
    """
    names = state.get("feature_names_in_")
    if names is not None:
        require(len(names) == state.get("n_features_in_"), "feature_names_in_ has another length")
        require(all(isinstance(name, str) for name in names), "feature_names_in_ is no text")
    if "_preparation_" not in state and "fitted_model_" not in state:
        return False
    missing = sorted((_NEEDED | set(needed)) - state.keys())
    require(not missing, f"a fit leaves {missing}")
    preparation, share = state["_preparation_"], state["_network_share_"]
    alone = 1.0 if state["_member_average_"] is None else share
    require(share == alone, "_network_share_ leaves a share to members that are not there")
    require("fitted_model_" in state or share == 0, "a share of the network without a network")
    n_channels = len(preparation.scaling.center)
    _check_scaling(preparation.scaling, n_channels, "_preparation_.scaling")
    filled = preparation.missing_channels
    require(n_channels >= 1, "_preparation_ has no channel")
    require(
        array("iu", 1)(filled) and set(filled.tolist()) <= set(range(n_channels)),
        "_preparation_.missing_channels are no channels",
    )
    require_unique(filled.tolist(), "_preparation_.missing_channels")
    described = (preparation.n_timepoints, preparation.n_channels, preparation.masked)
    if "fitted_model_" in state:
        spec = state["fitted_model_"].spec
        require(
            described == (spec.n_timepoints, spec.n_channels, spec.masked),
            f"_preparation_ is for series of {described}, and the network for others",
        )
    return True


def _check_scaling(scaling: Scaling, n: int, name: str) -> None:
    attributes.require_array(scaling.center, (n,), f"{name}.center")
    require_scale(scaling.scale, (n,), f"{name}.scale")
    require(scaling.center.dtype == scaling.scale.dtype == np.float64, f"{name} is not float64")
