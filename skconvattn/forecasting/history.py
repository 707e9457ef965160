"""What a forecaster has seen: series and regressors as given, and scaled for the network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from skconvattn.data.scaling import Scaling
from skconvattn.forecasting import validation


@dataclass(frozen=True, eq=False)
class Regressors:
    """Known regressors and their scale.

    Attributes
    ----------
    values : pandas.DataFrame of shape (n_timepoints, n_known)
        At the time stamps of the target.
    scaling : Scaling
        From the series of the fit.
    """

    values: pd.DataFrame
    scaling: Scaling

    def scaled(self, values: pd.DataFrame | None = None) -> np.ndarray:
        """Return values, by default the history's, on the network's scale, float32."""
        frame = self.values if values is None else values
        return self.scaling.apply(frame.to_numpy(np.float64))


@dataclass(frozen=True, eq=False)
class History:
    """A series up to the cutoff.

    Attributes
    ----------
    y : pandas.Series of shape (n_timepoints,)
        The target.
    scaling : Scaling
        Of the target, from the series of the fit.
    regressors : Regressors or None
        Known regressors, if the forecaster was fitted with any.
    """

    y: pd.Series
    scaling: Scaling
    regressors: Regressors | None = None

    @classmethod
    def of(cls, y: pd.Series, X: pd.DataFrame | None) -> History:
        """Take a checked series and its regressors, and measure their scales."""
        regressors = None
        if X is not None:
            values = X.loc[y.index]
            regressors = Regressors(values, _scaling_of(values.to_numpy(np.float64)))
        return cls(y, _scaling_of(y.to_numpy(np.float64)[:, None]), regressors)

    @property
    def n_known(self) -> int:
        """Number of known regressors."""
        return 0 if self.regressors is None else self.regressors.values.shape[1]

    def extended(self, y: pd.Series, X: pd.DataFrame | None) -> History:
        """Return the history with new time stamps added; on the old scale.

        Raises
        ------
        ValueError
            If regressors are missing that the forecaster was fitted with.
        """
        values = y.combine_first(self.y)
        values.name = self.y.name
        longer = replace(self, y=values)
        if self.regressors is None:
            return longer
        old = self.regressors.values
        new = validation.known_at(X, old.columns, y.index)
        rows = new.combine_first(old)[old.columns].loc[longer.y.index]
        return replace(longer, regressors=replace(self.regressors, values=rows))

    def scaled(self) -> np.ndarray:
        """Return target and regressors, scaled: (n_timepoints, 1 + n_known), float32."""
        target = self.scaling.apply(self.y.to_numpy(np.float64)[:, None])
        if self.regressors is None:
            return target
        return np.concatenate([target, self.regressors.scaled()], axis=1)

    def known_at(self, stamps: pd.Index, needed: pd.Index, X: pd.DataFrame | None) -> np.ndarray:
        """Return scaled regressors over the steps ahead.

        Parameters
        ----------
        stamps : pandas.Index of length n_steps
            All steps ahead.
        needed : pandas.Index
            Those that the forecast depends on; the others may be missing, and are zero.
        X : pandas.DataFrame or None
            Regressors given to predict.

        Returns
        -------
        ndarray of shape (n_steps, n_known)
            Float32.

        Raises
        ------
        ValueError
            If a needed row is missing; the message lists the stamps.
        """
        if self.regressors is None:
            return np.zeros((len(stamps), 0), dtype=np.float32)
        rows = validation.known_at(X, self.regressors.values.columns, needed)
        return np.nan_to_num(self.regressors.scaled(rows.reindex(stamps)))


def _scaling_of(values: np.ndarray) -> Scaling:
    return Scaling.of(values, np.ones(len(values)))
