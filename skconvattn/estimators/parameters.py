"""Hyperparameters of regressors and classifiers: their members, and copies of training samples."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skconvattn._hyperparameters import hyperparameter
from skconvattn.networks import Network

_MOST_DILATIONS = 64
_MOST_COPIES = 20


class MemberParameters(Network):
    """What a prediction is averaged from."""

    _parameter_group = "prediction"

    members: Any = hyperparameter(
        default="all",
        constraints=[StrOptions({"all"}), "array-like"],
        doc="""
        "all" or sequence of str
        What a prediction is averaged from, by the errors of each on samples that it was not fitted
        on: a ridge regression on how often fixed patterns occur, "patterns", randomised trees on
        quantiles of intervals of the series, "intervals", and the "network"; for values also their
        "mean" and a ridge regression on the values of the series, "linear". The weights stand in
        ``weights_``. "all" takes the network where at least 100 samples are held out, since fewer
        do not tell its gain from chance, with ``callbacks``, ``metrics``, another ``optimizer`` or
        ``validation_data``, or with a network of your own; and the network alone where a ``loss``,
        ``quantiles`` or ``sequence`` is given, which only a network learns.
        """,
    )
    pattern_dilations: int = hyperparameter(
        default=8,
        constraints=[Interval(Integral, 0, _MOST_DILATIONS, closed="both")],
        doc="""
        int
        Dilations at which the member "patterns" looks for its 84 patterns; 0 leaves it out.
        """,
    )


class AugmentationParameters(Network):
    """Whether a network is trained on changed copies of its samples as well."""

    _parameter_group = "training"

    augmentation: int = hyperparameter(
        default=0,
        constraints=[Interval(Integral, 0, _MOST_COPIES, closed="both")],
        doc="""
        int
        Augmented copies of each training sample that the network is trained on as well: with
        jitter, scaling and window warping. Copies of left-out samples are not used.
        """,
        before=0,
    )
