"""Scaling of channels by their weighted mean and standard deviation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skconvattn.data.blocks import BLOCK_VALUES, row_blocks


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
