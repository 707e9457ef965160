"""Whether the members in the file of a regressor or classifier fit its series and its targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.data.panel import Preparation
from skconvattn.members.class_vote import ClassVote
from skconvattn.members.interval_quantiles import IntervalQuantiles
from skconvattn.members.series_scores import IntervalTrees, PatternScores
from skconvattn.members.value_average import VALUE_MEMBERS
from skconvattn.members.value_summaries import LinearValues
from skconvattn.persistence.attributes import array, require, require_array


def check_members(average: Any, kind: type, preparation: Preparation, n_outputs: int) -> None:
    """Refuse members that could not predict the series that a file is for.

    Parameters
    ----------
    average : ClassVote, ValueAverage or None
        Members of a prediction beside the network.
    kind : type
        Which of both the estimator has.
    preparation : Preparation
        Of the series.
    n_outputs : int
        Classes or values of each prediction.

    Raises
    ------
    ValueError
        If parts have other shapes than the series or the targets.
    """
    if average is None:
        return
    require(isinstance(average, kind), "_member_average_ is that of another kind of estimator")
    if isinstance(average, ClassVote):
        numbers = average.factor, average.share, average.power
        require(np.isfinite(numbers).all(), "_member_average_ has weights that are not finite")
        shares = [average.share, 1 - average.share]
        members: list[Any] = [average.scores, average.trees]
    else:
        require_array(average.mean, (n_outputs,), "_member_average_.mean")
        shape = (n_outputs, len(VALUE_MEMBERS) - 1)
        require_array(average.shares, shape, "_member_average_.shares")
        shares = average.shares.max(axis=0).tolist()[1:]
        members = [average.linear, average.scores, average.trees]
    require(all(0 <= share <= 1 for share in shares), "_member_average_ has shares beyond 0 and 1")
    for share, member in zip(shares, members, strict=True):
        require(share == 0 or member is not None, "_member_average_ lacks a member with a share")
        if member is not None:
            _check_member(member, preparation, n_outputs)


def _check_member(member: Any, preparation: Preparation, n_outputs: int) -> None:
    if isinstance(member, PatternScores):
        patterns = member.patterns
        require(patterns.n_channels == preparation.n_channels, "patterns are of other channels")
        require(
            array("iu", 1)(patterns.dilations)
            and patterns.dilations.max(initial=1) <= preparation.n_timepoints,
            "patterns are longer than the series",
        )
        shape = len(patterns.center), n_outputs
        require_array(member.ridge.coefficients, shape, "coefficients of patterns")
    elif isinstance(member, IntervalTrees):
        expected = IntervalQuantiles.of(
            preparation.n_timepoints, preparation.n_channels, with_lengths=preparation.masked
        )
        require(member.intervals == expected, "intervals are of other series")
        require(
            member.forest.n_features == expected.n_features
            and member.forest.values.shape[1] == n_outputs,
            "trees are of other features or targets",
        )
    else:
        _check_linear(member, preparation, n_outputs)


def _check_linear(member: LinearValues, preparation: Preparation, n_outputs: int) -> None:
    measured = LinearValues.measured(
        preparation.n_timepoints, preparation.n_channels, with_lengths=preparation.masked
    )
    n_averaged, n_features = measured
    require(
        (member.n_timepoints, member.n_averaged) == (preparation.n_timepoints, n_averaged),
        "the ridge regression is of other series",
    )
    require_array(member.center, (n_features,), "center of the ridge regression")
    require_array(member.scale, (n_features,), "scale of the ridge regression")
    require_array(
        member.linear.coefficients, (n_features, n_outputs), "coefficients of the ridge regression"
    )
