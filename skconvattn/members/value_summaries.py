"""The values of a series and simple summaries of it, as features of a linear map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skconvattn.members.interval_quantiles import interpolated
from skconvattn.members.left_out_ridge import LinearMap, left_out_ridge

# Values of longer series, all channels together, are averaged to about so many.
_MOST_VALUES = 2000
_MOST_STANDARD_DEVIATIONS = 10.0
# Mean, standard deviation, minimum, maximum and mean absolute change.
_N_SUMMARIES = 5


@dataclass(frozen=True, eq=False)
class LinearValues:
    """A linear map of values and summaries: mean, spread, extremes, roughness of each channel.

    Attributes
    ----------
    n_timepoints : int
        Time steps of the longest series of the fit, to which others are interpolated.
    n_averaged : int
        Neighbouring time steps that are averaged to one.
    center, scale : ndarray of shape (n_features,)
        Location and scale of each feature.
    linear : LinearMap
        From features to values.
    """

    n_timepoints: int
    n_averaged: int
    center: np.ndarray
    scale: np.ndarray
    linear: LinearMap

    @staticmethod
    def measured(n_timepoints: int, n_channels: int, *, with_lengths: bool) -> tuple[int, int]:
        """Return how many time steps are averaged to one, and the number of features.

        Parameters
        ----------
        n_timepoints, n_channels : int
            Time steps and channels of the series of a fit.
        with_lengths : bool
            Whether lengths differ.
        """
        n_averaged = max(1, n_timepoints * n_channels // _MOST_VALUES)
        n_values = n_channels * (n_timepoints // n_averaged)
        return n_averaged, n_values + _N_SUMMARIES * n_channels + with_lengths

    @classmethod
    def fit(
        cls, series: np.ndarray, mask: np.ndarray | None, targets: np.ndarray, weights: np.ndarray
    ) -> tuple[LinearValues, np.ndarray]:
        """Fit the map; parameters and results as for :func:`left_out_ridge`, from series."""
        n_timepoints, n_channels = series.shape[1:]
        n_averaged, _ = cls.measured(n_timepoints, n_channels, with_lengths=mask is not None)
        features, n_values = _measured(series, mask, n_timepoints, n_averaged)
        shares = weights / weights.sum()
        center = shares @ features
        std = np.sqrt(shares @ np.square(features - center))
        # Values together and summaries together count the same before anything is learned.
        counts = np.full(len(std), float(n_values))
        counts[n_values:] = len(std) - n_values
        group = np.sqrt(counts * 2 / len(std))
        scale = np.where(std > 1e-6, std, 1.0) * group
        features = _standardised(features, center, scale)
        linear, left_out = left_out_ridge(features, targets, weights, shared=False)
        return cls(n_timepoints, n_averaged, center, scale, linear), left_out

    def predict(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return values of series: (n_samples, n_outputs)."""
        features, _ = _measured(series, mask, self.n_timepoints, self.n_averaged)
        return self.linear(_standardised(features, self.center, self.scale))


def _standardised(features: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    limits = (-_MOST_STANDARD_DEVIATIONS, _MOST_STANDARD_DEVIATIONS)
    return np.clip((features - center) / scale, *limits)


def _measured(
    series: np.ndarray, mask: np.ndarray | None, n_timepoints: int, n_averaged: int
) -> tuple[np.ndarray, int]:
    """Return features, (n_samples, n_features), float64, and how many of them are values."""
    lengths = np.full(len(series), series.shape[1]) if mask is None else mask.sum(axis=1)
    x = interpolated(series.transpose(0, 2, 1), lengths, n_timepoints).astype(np.float64)
    n_positions = n_timepoints // n_averaged
    values = x[..., : n_positions * n_averaged].reshape(*x.shape[:2], n_positions, n_averaged)
    values = values.mean(axis=3).reshape(len(x), -1)
    steps = np.abs(np.diff(x, axis=2, prepend=x[..., :1]))
    summaries = [x.mean(axis=2), x.std(axis=2), x.min(axis=2), x.max(axis=2), steps.mean(axis=2)]
    if mask is not None:
        summaries.append(lengths[:, None].astype(np.float64))
    return np.concatenate([values, *summaries], axis=1), values.shape[1]
