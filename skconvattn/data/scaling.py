"""Scaling of channels by their weighted mean and standard deviation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skconvattn.data.blocks import BLOCK_VALUES, row_blocks

# Standard deviations from the mean above which a channel is searched for outliers.
_SUSPICIOUS = 6.0
# Robust standard deviations from the median above which a value is an outlier.
_OUTLYING = 30.0
_NORMAL_QUARTILES = 1.349
# Scaled values beyond this one grow as logarithms.
_LARGEST = 10.0


@dataclass(frozen=True, eq=False)
class Scaling:
    """An affine map to mean zero and standard deviation one.

    Attributes
    ----------
    center, scale : ndarray of shape (n_channels,)
        Float64; the scale of a constant channel is one.
    """

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray, rows: np.ndarray | None = None) -> Scaling:
        """Estimate location and scale from weighted samples.

        Parameters
        ----------
        values : ndarray of shape (n_samples, ..., n_channels)
            All axes but the last are pooled. NaN is left out.
        weights : ndarray of shape (n_samples,)
            Sample weights, not all zero.
        rows : ndarray of shape (n_samples,), optional
            Indices of the samples in ``values``, where that holds more; all by default.

        Returns
        -------
        Scaling
            Mean and standard deviation of each channel; 0 and 1 for a channel without any value.
        """
        rows = np.arange(len(values)) if rows is None else rows
        share = weights / weights.sum()
        center = _weighted_mean(values, rows, share)
        scale = _standard_deviation(values, rows, share, center)
        # Rounding alone gives a constant channel a standard deviation of this size.
        precise = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
        tiny = 10 * np.finfo(precise).eps * np.abs(center)
        return cls(center, np.where(scale > tiny, scale, 1.0))

    @classmethod
    def without_outliers(
        cls, values: np.ndarray, weights: np.ndarray, rows: np.ndarray | None = None
    ) -> Scaling:
        """Estimate location and scale from the values that are no gross outliers.

        Outliers are further from the median than 30 times the interquartile range over 1.349, the
        standard deviation of normal values. Where there are none, and in channels of which half
        the values are equal, this is :meth:`of`.

        Parameters
        ----------
        values : ndarray of shape (n_samples, ..., n_channels)
            As for :meth:`of`, also the others.
        weights : ndarray of shape (n_samples,)
            Sample weights, not all zero.
        rows : ndarray of shape (n_samples,), optional
            Indices of the samples in ``values``.

        Returns
        -------
        Scaling
            Mean and standard deviation of each channel.
        """
        rows = np.arange(len(values)) if rows is None else rows
        plain = cls.of(values, weights, rows)
        center, scale = plain.center.copy(), plain.scale.copy()
        for channel in np.flatnonzero(_furthest(values, rows, plain) > _SUSPICIOUS):
            kept = _without_outliers(values[..., channel][rows], weights)
            if kept is not None:
                center[channel], scale[channel] = kept
        return cls(center, scale)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values, float32, of the same shape; NaN stays NaN."""
        scaled = np.empty(values.shape, dtype=np.float32)
        for block in _blocks(values):
            scaled[block] = self.of_block(values[block])
        return scaled

    def of_block(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values at the precision of the arithmetic, float64."""
        scaled = np.subtract(values, self.center, dtype=np.float64)
        scaled /= self.scale
        return scaled

    def reverse(self, values: np.ndarray) -> np.ndarray:
        """Return values on the original scale, float64."""
        return values.astype(np.float64) * self.scale + self.center


def compressed(scaled: np.ndarray) -> np.ndarray:
    """Bring scaled values beyond 10 closer, in their order: 10 plus a logarithm.

    Parameters
    ----------
    scaled : ndarray
        Scaled values; NaN stays NaN.

    Returns
    -------
    ndarray of the same shape
        The same array where no value is that large.
    """
    sizes = np.abs(scaled)
    if not (sizes > _LARGEST).any():
        return scaled
    beyond = np.log1p(np.maximum(sizes - _LARGEST, 0.0))
    return np.where(sizes > _LARGEST, np.copysign(_LARGEST + beyond, scaled), scaled)


def _furthest(values: np.ndarray, rows: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Return the largest distance from the mean in standard deviations, by channel."""
    furthest = np.zeros_like(scaling.center)
    for block in _blocks(values, len(rows)):
        scaled, _ = _present(scaling.of_block(values[rows[block]]))
        np.maximum(furthest, np.abs(scaled).max(axis=(0, 1), initial=0.0), out=furthest)
    return furthest


def _without_outliers(values: np.ndarray, weights: np.ndarray) -> tuple[float, float] | None:
    """Return mean and standard deviation of a channel without outliers; None if there are none."""
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    shares = np.repeat(weights, flat.shape[1])
    present = np.isfinite(flat.ravel())
    flat, shares = flat.ravel()[present], shares[present]
    order = np.argsort(flat, kind="stable")
    below = np.cumsum(shares[order])
    positions = np.searchsorted(below, np.array([0.25, 0.5, 0.75]) * below[-1])
    lower, median, upper = flat[order[np.minimum(positions, len(order) - 1)]]
    reach = _OUTLYING * (upper - lower) / _NORMAL_QUARTILES
    kept = np.abs(flat - median) <= reach
    if reach == 0 or kept.all():
        return None
    mean = np.average(flat[kept], weights=shares[kept])
    variance = np.average(np.square(flat[kept] - mean), weights=shares[kept])
    return float(mean), float(np.sqrt(variance))


def _blocks(values: np.ndarray, n_rows: int | None = None) -> Iterable[slice]:
    """Return the rows in blocks of bounded size, see :func:`row_blocks`; all of few at once."""
    n_rows = len(values) if n_rows is None else n_rows
    return [slice(0, n_rows)] if values.size <= BLOCK_VALUES else row_blocks(values, n_rows)


def _weighted_mean(values: np.ndarray, rows: np.ndarray, share: np.ndarray) -> np.ndarray:
    total, count = np.zeros(values.shape[-1]), np.zeros(values.shape[-1])
    for block in _blocks(values, len(rows)):
        present, valid = _present(values[rows[block]])
        total += share[block] @ present.sum(axis=1)
        count += share[block] @ valid
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _standard_deviation(
    values: np.ndarray, rows: np.ndarray, share: np.ndarray, center: np.ndarray
) -> np.ndarray:
    """Return the weighted root mean squared distance from the center."""
    # Distances are divided by the largest, so that no square leaves the range of float64.
    largest = np.zeros_like(center)
    for block in _blocks(values, len(rows)):
        distances, _ = _present(np.subtract(values[rows[block]], center, dtype=np.float64))
        np.maximum(largest, np.abs(distances).max(axis=(0, 1), initial=0.0), out=largest)
    unit = np.where(largest > 0, largest, 1.0)
    total, count = np.zeros_like(center), np.zeros_like(center)
    for block in _blocks(values, len(rows)):
        distances, valid = _present(np.subtract(values[rows[block]], center, dtype=np.float64))
        total += share[block] @ np.square(distances / unit).sum(axis=1)
        count += share[block] @ valid
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return largest * np.sqrt(mean)


def _present(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values, (n, n_inner, n_channels), zero for NaN, and the number of values per row."""
    # One memory layout gives one order of summation.
    block = np.ascontiguousarray(block, dtype=np.float64)
    block = block.reshape(len(block), -1, block.shape[-1])
    missing = np.isnan(block)
    if not missing.any():
        return block, np.full((len(block), block.shape[-1]), float(block.shape[1]))
    return np.where(missing, 0.0, block), (~missing).sum(axis=1).astype(np.float64)
