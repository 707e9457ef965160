"""Effects of covariates on the targets of a series, taken out of it before it is forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skconvattn.members.regression import regression


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of future covariates on each target of a series.

    Members that know a target alone forecast it without these effects, which are then added.

    Attributes
    ----------
    coefficients : ndarray of shape (n_channels, n_targets)
        By which channels of future covariates enter each target, or its logarithm.
    proportional : boolean ndarray of shape (n_targets,)
        Whether effects multiply a target.
    limits : ndarray of shape (2, n_targets)
        Smallest and largest effect that is believed.
    past : ndarray of shape (n_timepoints, n_targets)
        Effects over the history.
    """

    coefficients: np.ndarray
    proportional: np.ndarray
    limits: np.ndarray
    past: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, channels: np.ndarray, period: int) -> Effects | None:
        """Measure effects; None where none are supported.

        Parameters
        ----------
        values : ndarray of shape (n_timepoints, n_targets)
            Targets; NaN where missing.
        channels : ndarray of shape (n_timepoints, n_channels)
            Channels of future covariates.
        period : int
            Time steps of a season.
        """
        found = [regression(column, channels, period) for column in values.T]
        coefficients = np.stack([each.coefficients for each in found], axis=1)
        if not coefficients.any():
            return None
        past = channels.astype(np.float64) @ coefficients
        low, high = past.min(axis=0), past.max(axis=0)
        limits = np.stack([low - (high - low), high + (high - low)])
        proportional = np.array([each.proportional for each in found])
        return cls(coefficients, proportional, limits, past)

    def at(self, channels: np.ndarray) -> np.ndarray:
        """Return the effects of channels, (..., n_channels or more), on targets: (..., n_targets).

        Channels of the network that are no covariates come last and are left out.
        """
        own = channels[..., : len(self.coefficients)].astype(np.float64)
        return np.clip(own @ self.coefficients, *self.limits)

    def without(self, values: np.ndarray) -> np.ndarray:
        """Return the history, (n_timepoints, n_targets), without the effects."""
        factors = np.exp(np.where(self.proportional, self.past, 0.0))
        return values / factors - np.where(self.proportional, 0.0, self.past)

    def restored(self, values: np.ndarray, effects: np.ndarray) -> np.ndarray:
        """Return values with effects, as :meth:`at` gives them, of the same shape."""
        factors = np.exp(np.where(self.proportional, effects, 0.0))
        return (values + np.where(self.proportional, 0.0, effects)) * factors

    def over(self, part: slice) -> Effects:
        """Return the effects over a part of the history."""
        return replace(self, past=self.past[part])

    def extended(self, channels: np.ndarray) -> Effects:
        """Return the effects over a longer history, by the channels of all of it."""
        return replace(self, past=self.at(channels))
