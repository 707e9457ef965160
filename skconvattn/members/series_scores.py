"""What scores a series by its patterns and by the quantiles of its intervals, fitted as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skconvattn.members.forest import Forest, cross_fitted_forest
from skconvattn.members.interval_quantiles import IntervalQuantiles
from skconvattn.members.left_out_ridge import LinearMap, left_out_ridge
from skconvattn.members.series_patterns import SeriesPatterns, thresholds_for

# Trees learn from at most about so many features of all samples together.
_MOST_TREE_VALUES = 100_000_000
# Features that are measured at once.
_BLOCK_VALUES = 1 << 25


@dataclass(frozen=True, eq=False)
class PatternScores:
    """A linear map of how much of a series fits fixed patterns.

    Attributes
    ----------
    patterns : SeriesPatterns
        The measure.
    ridge : LinearMap
        From features to scores of classes, or to values.
    """

    patterns: SeriesPatterns
    ridge: LinearMap

    @classmethod
    def fit(
        cls,
        series: np.ndarray,
        mask: np.ndarray | None,
        targets: np.ndarray,
        weights: np.ndarray,
        n_dilations: int,
        *,
        shared: bool,
    ) -> tuple[PatternScores, np.ndarray]:
        """Fit the map; parameters and results as for :func:`left_out_ridge`, from series."""
        patterns, features = SeriesPatterns.of(
            series, mask, weights, n_dilations, thresholds_for(len(series))
        )
        ridge, left_out = left_out_ridge(features, targets, weights, shared=shared)
        return cls(patterns, ridge), left_out

    def predict(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return scores of series: (n_samples, n_outputs)."""
        size = max(1, _BLOCK_VALUES // len(self.patterns.center))
        parts = [
            self.ridge(
                self.patterns.features(
                    series[i : i + size], None if mask is None else mask[i : i + size]
                )
            )
            for i in range(0, len(series), size)
        ]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class IntervalTrees:
    """Trees on quantiles of intervals.

    Attributes
    ----------
    intervals : IntervalQuantiles
        The measure.
    forest : Forest
        The trees.
    """

    intervals: IntervalQuantiles
    forest: Forest

    @classmethod
    def fit(
        cls,
        series: np.ndarray,
        mask: np.ndarray | None,
        targets: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator,
        *,
        n_classes: int = 0,
    ) -> tuple[IntervalTrees, np.ndarray]:
        """Fit the trees; parameters and results as for :func:`cross_fitted_forest`, from series."""
        intervals = IntervalQuantiles.of(*series.shape[1:], with_lengths=mask is not None)
        most = max(1000, _MOST_TREE_VALUES // intervals.n_features)
        learned = slice(0, most)
        features = intervals.features(series[learned], None if mask is None else mask[learned])
        forest, left_out = cross_fitted_forest(
            features, targets[learned], weights[learned], rng, n_classes=n_classes
        )
        trees = cls(intervals, forest)
        if len(series) > most:
            others = slice(most, None)
            further = trees.predict(series[others], None if mask is None else mask[others])
            left_out = np.concatenate([left_out, further])
        return trees, left_out

    def predict(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return averages over the trees: (n_samples, n_outputs)."""
        size = max(1, _BLOCK_VALUES // max(1, self.forest.n_features))
        parts = [
            self.forest.predict(
                self.intervals.features(
                    series[i : i + size], None if mask is None else mask[i : i + size]
                )
            )
            for i in range(0, len(series), size)
        ]
        return np.concatenate(parts)
