"""What a prediction is averaged from: which members there are, their weights, and their average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skconvattn.data import Rows
from skconvattn.engine.programs import FittedModel
from skconvattn.estimators.parameters import MemberParameters
from skconvattn.members.calibration import supported_share
from skconvattn.members.class_vote import ClassVote
from skconvattn.members.forest import Forest
from skconvattn.members.interval_quantiles import IntervalQuantiles
from skconvattn.members.left_out_ridge import LinearMap
from skconvattn.members.series_patterns import SeriesPatterns
from skconvattn.members.series_scores import IntervalTrees, PatternScores
from skconvattn.members.value_average import ValueAverage
from skconvattn.members.value_summaries import LinearValues

NETWORK = "network"
# Fewer left-out samples do not tell what a network adds from chance.
FEWEST_COMPARED = 100
# Who names another optimizer asks for the network that it trains.
_USUAL_OPTIMIZER = "adam"
# What files of estimators hold of their members.
MEMBER_RECORDS = (
    ClassVote,
    ValueAverage,
    PatternScores,
    IntervalTrees,
    LinearValues,
    SeriesPatterns,
    IntervalQuantiles,
    Forest,
    LinearMap,
)


class _Fitted:
    """Types of what a fit sets; annotations of an estimator itself would declare parameters."""

    _member_average_: ClassVote | ValueAverage | None
    _network_share_: float
    fitted_model_: FittedModel


class MemberAverage(MemberParameters, _Fitted):
    r"""Averages members in closed form with a network.

    .. math:: \hat y = (1 - s)\, \hat y_\mathrm{members} + s\, \hat y_\mathrm{network}
    """

    # Names of all members of the kind of estimator, the network last.
    _all_members: ClassVar[tuple[str, ...]] = (NETWORK,)
    # Whether "all" members have the network among them however few samples there are.
    _always_trains: ClassVar[bool] = False

    @property
    def weights_(self) -> pd.DataFrame:
        """Weights of the members, one row per target, with a sum of one."""
        check_is_fitted(self)
        average, share = self._member_average_, self._network_share_
        if average is None:
            weights = np.zeros((1, len(self._all_members)))
            weights[:, -1] = 1.0
        else:
            shares = average.shares
            weights = np.column_stack([(1 - share) * shares, np.full(len(shares), share)])
        return pd.DataFrame(weights, columns=list(self._all_members))

    def _only_network_learns(self) -> str | None:
        """Return the parameter for which no member but the network is made, if there is one."""
        return None

    def _fit_members(
        self, source: Rows, targets: np.ndarray, names: Sequence[str], rng: np.random.Generator
    ) -> tuple[Any, np.ndarray]:
        """Return the average of members in closed form, and its predictions of left-out samples."""
        raise NotImplementedError(f"{type(self).__name__} has no members but its network.")

    def _as_averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs of the network on the scale on which they are averaged."""
        return outputs

    def _losses(self, averaged: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the loss of each sample by which the network is given its share."""
        raise NotImplementedError(f"{type(self).__name__} has no members but its network.")

    def _chosen_members(self, n_samples: int, *, watched: bool) -> tuple[str, ...]:
        """Return the names of the members of a fit.

        Parameters
        ----------
        n_samples : int
            Distinct samples of the fit.
        watched : bool
            Whether there are held-out samples of the user's, for the network to be compared on.

        Returns
        -------
        tuple of str
            Names.

        Raises
        ------
        ValueError
            If names are unknown or missing, or name members that another parameter rules out.
        """
        reason = self._only_network_learns()
        if isinstance(self.members, str):
            if reason is not None:
                return (NETWORK,)
            names = [name for name in self._all_members if name != NETWORK]
            if self.pattern_dilations == 0:
                names.remove("patterns")
            asked: Any = self
            compared = round(asked.validation_fraction * n_samples) >= FEWEST_COMPARED
            is_usual = isinstance(asked.optimizer, str) and asked.optimizer == _USUAL_OPTIMIZER
            is_watched = watched or asked.callbacks is not None or asked.metrics is not None
            is_watched = is_watched or not is_usual
            if compared or is_watched or self._always_trains:
                names.append(NETWORK)
            return tuple(names)
        self._check_members(reason)
        return tuple(name for name in self._all_members if name in list(self.members))

    def _check_members(self, reason: str | None) -> None:
        """Refuse names that are unknown or missing, or ruled out by another parameter."""
        given = list(self.members)
        unknown = [name for name in given if name not in self._all_members]
        if unknown or not given:
            named = f"names {unknown[0]!r}" if unknown else "is empty"
            raise ValueError(
                f"members={self.members!r} {named}; choose from {list(self._all_members)}, or "
                "'all'."
            )
        others = [name for name in given if name != NETWORK]
        if others and reason not in (None, "loss"):
            raise ValueError(
                f"members={self.members!r} names {others[0]!r}, which predicts one value per "
                f"target and goes with no {reason}; use members='all', or members=('network',)."
            )
        if "patterns" in given and self.pattern_dilations == 0:
            raise ValueError(
                f"members={self.members!r} names 'patterns', and pattern_dilations=0 looks for "
                "none; use pattern_dilations=8, or leave the member out."
            )

    def _share_of_network(self, of_members: np.ndarray, outputs: np.ndarray, rows: Rows) -> float:
        """Return the share of the network that left-out samples support.

        Parameters
        ----------
        of_members : ndarray of shape (n_left_out, ...)
            Average of the other members, which have not seen the samples.
        outputs : ndarray of shape (n_left_out, ...)
            Outputs of the network, which has not seen the samples.
        rows : Rows
            The samples.
        """
        of_network = self._as_averaged(outputs)

        def losses(share: float) -> np.ndarray:
            averaged = (1 - share) * of_members + share * of_network
            return np.asarray(rows.weights * self._losses(averaged, rows.targets))

        return supported_share(losses)

    def _averaged(self, inputs: Sequence[np.ndarray], n_timepoints: int) -> np.ndarray:
        """Predict series that are padded to a length, by all members."""
        average, share = self._member_average_, self._network_share_
        if average is not None and share == 0:
            return average.predict(inputs[0], inputs[1] if len(inputs) > 1 else None)
        outputs = self.fitted_model_.for_length(n_timepoints).predict(inputs)
        of_network = self._as_averaged(outputs)
        if average is None:
            return of_network
        of_members = average.predict(inputs[0], inputs[1] if len(inputs) > 1 else None)
        return (1 - share) * of_members + share * of_network
