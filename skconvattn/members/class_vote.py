"""The vote of a ridge regression on patterns and of trees on interval quantiles, for classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skconvattn.members.calibration import (
    score_factor,
    sharpened,
    softmax,
    vote_power,
    vote_share,
)
from skconvattn.members.series_scores import IntervalTrees, PatternScores

# What a prediction of classes is voted from; the network is trained elsewhere.
CLASS_MEMBERS = ("patterns", "intervals", "network")


@dataclass(frozen=True, eq=False)
class ClassVote:
    r"""Probabilities of classes, voted by a ridge regression and by trees.

    .. math:: p \propto \bigl(a\, \mathrm{softmax}(\tau s) + (1 - a)\, q\bigr)^\gamma

    with the scores :math:`s` of the ridge regression on patterns and the probabilities :math:`q` of
    the trees. :math:`\tau`, :math:`a` and :math:`\gamma` follow predictions of samples that were
    left out.

    Attributes
    ----------
    scores : PatternScores or None
        The ridge regression.
    trees : IntervalTrees or None
        The trees.
    factor, share, power : float
        :math:`\tau`, :math:`a` and :math:`\gamma`.
    """

    scores: PatternScores | None
    trees: IntervalTrees | None
    factor: float
    share: float
    power: float

    @classmethod
    def fit(
        cls,
        series: np.ndarray,
        mask: np.ndarray | None,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        n_classes: int,
        members: Sequence[str],
        n_dilations: int,
        rng: np.random.Generator,
    ) -> tuple[ClassVote, np.ndarray]:
        """Fit what is voted from, and predict left-out samples.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.
        targets : ndarray of shape (n_samples,)
            Indices of classes.
        weights : ndarray of shape (n_samples,)
            Sample weights, positive.
        n_classes : int
            Number of classes.
        members : sequence of {"patterns", "intervals"}
            What is voted from.
        n_dilations : int
            Dilations of the patterns.
        rng : numpy.random.Generator
            Source of the trees.

        Returns
        -------
        ClassVote
            The vote.
        ndarray of shape (n_samples, n_classes)
            Probabilities of left-out samples.
        """
        # Without samples of a class, certainty that it never occurs would cost nothing.
        complete = len(np.unique(targets)) == n_classes
        vote, sides = cls(None, None, 1.0, 0.0, 1.0), []
        if "patterns" in members:
            coded = 2.0 * np.eye(n_classes)[targets] - 1.0
            scores, left_out = PatternScores.fit(
                series, mask, coded, weights, n_dilations, shared=True
            )
            factor = score_factor(left_out, targets, weights) if complete else 1.0
            vote = replace(vote, scores=scores, factor=factor, share=1.0)
            sides.append(softmax(factor * left_out))
        if "intervals" in members:
            trees, left_out = IntervalTrees.fit(
                series, mask, targets, weights, rng, n_classes=n_classes
            )
            vote = replace(vote, trees=trees)
            sides.append(left_out)
        voted = sides[0]
        if len(sides) == 2:
            one, other = sides
            vote = replace(vote, share=vote_share(one, other, targets, weights))
            voted = vote.share * one + (1 - vote.share) * other
        power = vote_power(voted, targets, weights) if complete else 1.0
        return replace(vote, power=power), sharpened(voted, power)

    def predict(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return probabilities.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, float64, each row summing to one.
        """
        sides = []
        if self.scores is not None and self.share > 0:
            scores = self.scores.predict(series, mask)
            sides.append(self.share * softmax(self.factor * scores))
        if self.trees is not None and self.share < 1:
            sides.append((1 - self.share) * self.trees.predict(series, mask))
        return sharpened(sides[0] if len(sides) == 1 else sides[0] + sides[1], self.power)

    @property
    def shares(self) -> np.ndarray:
        """Shares of patterns and intervals: (1, 2)."""
        return np.array([[self.share, 1 - self.share]])
