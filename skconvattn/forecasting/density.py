"""A distribution of skpro from quantiles, with a density: importing this module imports skpro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from skpro.distributions import QPD_Empirical

# A density between equal quantiles would be infinite: they are kept this far apart, in proportion
# to the size and range of the quantiles.
_SMALLEST_GAP = 1e-6


class QuantileDistribution(QPD_Empirical):
    """Quantiles at levels, with a density between and beyond them.

    The density is constant between neighbouring quantiles and exponential beyond the outermost, at
    the probability that these leave; it is positive and finite everywhere. Everything else is that
    of skpro's ``QPD_Empirical``, of which it has the parameters.

    Parameters
    ----------
    quantiles : pandas.DataFrame
        Quantiles by level, the first level of the index, and row.
    time_indep : bool, default=True
        Whether rows are sampled one by one.
    index, columns : pandas.Index, optional
        Rows and columns of the distribution.
    """

    _tags = {
        "capabilities:exact": ["mean", "var", "energy", "cdf", "ppf", "pdf", "log_pdf"],
        "distr:measuretype": "mixed",
    }

    def _log_pdf(self, x: Any) -> np.ndarray:
        values, levels = np.asarray(x, dtype=np.float64), self._levels()
        found = np.empty(values.shape)
        for row, column in np.ndindex(*values.shape):
            found[row, column] = _log_density(
                float(values[row, column]), levels, self._quantiles_of(row, column, len(levels))
            )
        return found

    def _pdf(self, x: Any) -> np.ndarray:
        density: np.ndarray = np.exp(self._log_pdf(x))
        return density

    def _iloc(self, rowidx: Any = None, colidx: Any = None) -> QuantileDistribution:
        part = super()._iloc(rowidx, colidx)
        return type(self)(
            part.quantiles, time_indep=self.time_indep, index=part.index, columns=part.columns
        )

    def _levels(self) -> np.ndarray:
        return np.unique(self.quantiles.index.get_level_values(0).to_numpy(dtype=np.float64))

    def _quantiles_of(self, row: int, column: int, n_levels: int) -> np.ndarray:
        by_level = self.quantiles.to_numpy(dtype=np.float64)[:, column].reshape(n_levels, -1)
        return by_level[:, row]


def distribution_of(frames: list[pd.DataFrame], levels: np.ndarray) -> QuantileDistribution:
    """Return the distribution with quantiles at increasing levels.

    Parameters
    ----------
    frames : list of DataFrame of shape (n_rows, n_columns)
        Quantiles, one frame per level.
    levels : ndarray of shape (n_levels,)
        Increasing.

    Returns
    -------
    QuantileDistribution
        The distribution.
    """
    return QuantileDistribution(
        pd.concat(frames, keys=levels), index=frames[0].index, columns=frames[0].columns
    )


def _log_density(x: float, levels: np.ndarray, quantiles: np.ndarray) -> float:
    extent = max(quantiles[-1] - quantiles[0], np.abs(quantiles).max(), np.finfo(float).tiny)
    gaps = np.maximum(np.diff(quantiles), _SMALLEST_GAP * extent)
    knots = quantiles[0] + np.concatenate([[0.0], np.cumsum(gaps)])
    log_densities = np.log(np.diff(levels)) - np.log(gaps)
    if x < knots[0]:
        # At the outermost quantile the tail is as dense as the interval next to it.
        return float(log_densities[0] - (knots[0] - x) * np.exp(log_densities[0]) / levels[0])
    if x >= knots[-1]:
        rate = np.exp(log_densities[-1]) / (1 - levels[-1])
        return float(log_densities[-1] - (x - knots[-1]) * rate)
    return float(log_densities[np.searchsorted(knots, x, side="right") - 1])
