"""The average of a mean, of ridge regressions and of trees on interval quantiles, for values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from skconvattn.members.series_scores import IntervalTrees, PatternScores
from skconvattn.members.shares import network_share
from skconvattn.members.value_summaries import LinearValues

# What a predicted value is averaged from; the network is trained elsewhere.
VALUE_MEMBERS = ("mean", "linear", "patterns", "intervals", "network")
# How many samples speak for even shares.
_PRIOR_SAMPLES = 5.0
# With this share, three standard errors, the average owes the mean nothing.
_CERTAIN = 1 - 1 / 9


@dataclass(frozen=True, eq=False)
class ValueAverage:
    r"""Values, averaged from members by their squared errors on left-out samples.

    .. math:: \hat y = a_0 \bar y + \sum_k a_k \hat y_k, \qquad a \ge 0, \quad \sum_k a_k = 1

    Attributes
    ----------
    mean : ndarray of shape (n_outputs,)
        Weighted mean of the targets.
    linear : LinearValues or None
        Ridge regression on values and summaries.
    scores : PatternScores or None
        Ridge regression on patterns.
    trees : IntervalTrees or None
        Trees on quantiles of intervals.
    shares : ndarray of shape (n_outputs, 4)
        Of the mean and these three.
    """

    mean: np.ndarray
    linear: LinearValues | None
    scores: PatternScores | None
    trees: IntervalTrees | None
    shares: np.ndarray

    @classmethod
    def fit(
        cls,
        series: np.ndarray,
        mask: np.ndarray | None,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        members: Sequence[str],
        n_dilations: int,
        rng: np.random.Generator,
    ) -> tuple[ValueAverage, np.ndarray]:
        """Fit the members, and predict left-out samples.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.
        targets : ndarray of shape (n_samples, n_outputs)
            Float64.
        weights : ndarray of shape (n_samples,)
            Sample weights, positive.
        members : sequence of {"mean", "linear", "patterns", "intervals"}
            What is averaged.
        n_dilations : int
            Dilations of the patterns.
        rng : numpy.random.Generator
            Source of the trees.

        Returns
        -------
        ValueAverage
            The average.
        ndarray of shape (n_samples, n_outputs)
            Predictions of left-out samples.
        """
        of_weight = weights / weights.sum()
        mean = of_weight @ targets
        kept = np.maximum(1 - of_weight, 1e-6)[:, None]
        average = cls(mean, None, None, None, np.zeros((targets.shape[1], len(VALUE_MEMBERS) - 1)))
        left_out = {"mean": targets - (targets - mean) / kept}
        if "linear" in members:
            linear, left_out["linear"] = LinearValues.fit(series, mask, targets, weights)
            average = replace(average, linear=linear)
        if "patterns" in members:
            scores, left_out["patterns"] = PatternScores.fit(
                series, mask, targets, weights, n_dilations, shared=False
            )
            average = replace(average, scores=scores)
        if "intervals" in members:
            trees, left_out["intervals"] = IntervalTrees.fit(series, mask, targets, weights, rng)
            average = replace(average, trees=trees)
        if "mean" not in members:
            del left_out["mean"]
        columns = [VALUE_MEMBERS.index(name) for name in left_out]
        together = np.stack(list(left_out.values()), axis=2)  # (n_samples, n_outputs, n_members)
        for output, shares in enumerate(average.shares):
            shares[columns] = _shares(
                together[:, output], targets[:, output], weights, floored="mean" in members
            )
        return average, np.einsum("nok,ok->no", together, average.shares[:, columns])

    def predict(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return values.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Values, float64.
        """
        values = np.repeat((self.shares[:, 0] * self.mean)[None], len(series), axis=0)
        for number, member in enumerate((self.linear, self.scores, self.trees), start=1):
            if member is not None and self.shares[:, number].any():
                values += self.shares[:, number] * member.predict(series, mask)
        return values


def _shares(
    left_out: np.ndarray, targets: np.ndarray, weights: np.ndarray, *, floored: bool
) -> np.ndarray:
    """Return the shares of members with the least squared error on left-out samples.

    The gain over the mean, the first member if there is a floor, counts as far as chance does not
    explain it.
    """
    n_members = left_out.shape[1]
    if n_members == 1:
        return np.ones(1)
    shares = _simplex_regression(left_out, targets, weights)
    if not floored:
        return shares
    of_mean = weights * np.square(targets - left_out[:, 0])
    of_average = weights * np.square(targets - left_out @ shares)
    supported = network_share(of_mean, of_average, np.arange(len(targets)))
    if supported >= _CERTAIN:
        return shares
    only_mean = np.zeros(n_members)
    only_mean[0] = 1.0
    return only_mean + supported * (shares - only_mean)


def _simplex_regression(
    left_out: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Minimise the squared error over shares that are not negative and sum to one."""
    n_members = left_out.shape[1]
    roots = np.sqrt(weights)[:, None]
    even = np.full(n_members, 1.0 / n_members)
    # Residuals of an average are averages of residuals, since shares sum to one.
    residuals = roots * (targets[:, None] - left_out)
    gram = residuals.T @ residuals
    prior = _PRIOR_SAMPLES * float(even @ gram @ even) / max(1, len(targets))
    gram = gram + prior * np.eye(n_members)
    best, least = even, np.inf
    for size in range(1, n_members + 1):
        for used in map(list, combinations(range(n_members), size)):
            shares = np.zeros(n_members)
            solved, *_ = np.linalg.lstsq(gram[np.ix_(used, used)], np.ones(size), rcond=None)
            if not solved.sum() > 0 or (solved < 0).any():
                continue
            shares[used] = solved / solved.sum()
            loss = float(shares @ gram @ shares)
            if loss < least * (1 - 1e-12):
                best, least = shares, loss
    return best
