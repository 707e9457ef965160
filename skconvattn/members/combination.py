"""The combination of a model's forecasts with those of each series' own past, by their errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skconvattn.members.univariate import Univariate

# What a forecast is averaged from.
MEMBERS = ("smoothing", "log smoothing", "pretrained", "linear", "network")


@dataclass(frozen=True, eq=False)
class Combination:
    r"""Weighted average of a model and forecasts of each series from its own past.

    .. math:: \hat y = a\, \hat y_\mathrm{univariate} + (1 - a)\, \hat y_\mathrm{model}

    with shares by their errors on windows that neither was fitted on; see
    :func:`~skconvattn.members.shares.shares_of_unfitted`.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series.
    univariate : Univariate
        Members that read the past of one target alone, one row per target of each series.
    shares : ndarray of shape (n_series * n_targets,)
        :math:`a`.
    """

    keys: tuple[tuple[Any, ...], ...]
    univariate: Univariate
    shares: np.ndarray

    def on(self, keys: tuple[tuple[Any, ...], ...], univariate: Univariate) -> Combination:
        """Return the combination for other series, with the shares of those that are known.

        Parameters
        ----------
        keys : tuple of tuple
            Names of the series; new ones get the median share.
        univariate : Univariate
            Their own members.
        """
        n_targets = len(univariate.shares) // len(keys)
        of_series = self.shares.reshape(len(self.keys), -1)
        usual = np.full(n_targets, np.median(self.shares))
        known = (
            dict(zip(self.keys, of_series, strict=True)) if of_series.shape[1] == n_targets else {}
        )
        shares = np.concatenate([known.get(key, usual) for key in keys])
        return replace(self, keys=keys, univariate=univariate, shares=shares)

    def of(self, keys: tuple[tuple[Any, ...], ...], rows: np.ndarray) -> Combination:
        """Return the combination for some targets, by their index in all of them: (n,)."""
        return Combination(keys, self.univariate.of(rows), self.shares[rows])
