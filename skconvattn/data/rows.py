"""Samples as rows of arrays, in an order that does not depend on the order of the input."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from skconvattn.data.blocks import row_blocks


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples with their targets and weights.

    Attributes
    ----------
    inputs : ndarray of shape (n_samples, n_timepoints, n_channels)
        Scaled series, float32.
    targets : ndarray of shape (n_samples, ...)
        Targets of the loss.
    weights : ndarray of shape (n_samples,)
        Sample weights, float32, of mean one.
    mask : boolean ndarray of shape (n_samples, n_timepoints) or None
        True where a time step is valid, a further input of the network; None if all steps are.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    mask: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.inputs)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Arrays of a compiled program."""
        arrays = self.inputs, self.targets, self.weights
        return arrays if self.mask is None else (*arrays, self.mask)

    @property
    def signature(self) -> tuple[Any, ...]:
        """Properties of the data that determine a compiled program."""
        masked = self.mask is not None
        return ("rows", self.targets.shape[1:], self.targets.dtype.name, masked)

    def taken(self, indices: np.ndarray) -> Rows:
        """Return some of the samples."""
        return Rows(*(array[indices] for array in self.arrays))

    def batch(self, indices: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return inputs, targets and weights of some samples."""
        inputs = [self.inputs[indices]]
        if self.mask is not None:
            inputs.append(self.mask[indices])
        return inputs, self.targets[indices], self.weights[indices]


def canonical_rows(
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find one order of the distinct samples, and their weights.

    Samples of weight zero are left out and equal samples merged, their weights added. A fit on the
    result does not depend on the order of the samples, and a weight of two is the same as giving
    a sample twice, to the last bit.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Series; NaN equals NaN.
    y : ndarray of shape (n_samples, ...)
        Targets.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights, not negative.
    lengths : ndarray of shape (n_samples,), optional
        Time steps of the series, where they differ.

    Returns
    -------
    rows : ndarray of shape (n_distinct,)
        Indices into ``X``.
    weights : ndarray of shape (n_distinct,)
        Their weights, float64.
    """
    n_samples = len(X)
    weights = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, float)
    kept = np.flatnonzero(weights)
    arrays = (X, y) if lengths is None else (X, y, lengths)
    hashes = _hash(X)
    for array in arrays[1:]:
        hashes = hashes + np.uint64(31) * _hash(array)
    # Equal rows are ordered by weight, so that the rounding of their sum is always the same.
    by_hash = np.lexsort((weights[kept], hashes[kept]))
    order = kept[by_hash]
    starts_group = np.ones(len(order), dtype=bool)
    for run in _runs(hashes[order]):
        members = order[run]
        data = np.concatenate([_plain(a[members]) for a in arrays], axis=1)
        if _differ(data, data[0]).any():
            # Ties in the hash are broken by the data, so that collisions do no harm.
            by_data = np.lexsort((weights[members], *data.T))
            order[run], data = members[by_data], data[by_data]
        starts_group[run.start + 1 : run.stop] = _differ(data[1:], data[:-1]).any(axis=1)
    groups = np.cumsum(starts_group) - 1
    return order[starts_group], np.bincount(groups, weights=weights[order])


def _plain(rows: np.ndarray) -> np.ndarray:
    """Return rows of float64, with one zero and one NaN."""
    # Adding zero turns -0.0 into 0.0.
    plain = rows.reshape(len(rows), -1).astype(np.float64) + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Compare values, NaN being equal to NaN."""
    return (one != other) & ~(np.isnan(one) & np.isnan(other))


def _runs(values: np.ndarray) -> list[slice]:
    """Return the slices of a sorted array whose values are equal, of at least two entries."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = [0, *changes.tolist(), len(values)]
    return [slice(*pair) for pair in pairwise(edges) if pair[1] - pair[0] > 1]


def _hash(array: np.ndarray) -> np.ndarray:
    """Return one unsigned 64-bit hash per row, equal for equal rows."""
    rng = np.random.default_rng(20240513)
    n_values = int(np.prod(array.shape[1:], dtype=np.int64))
    factors = rng.integers(1, 1 << 63, size=n_values, dtype=np.uint64) | np.uint64(1)
    hashes = np.empty(len(array), dtype=np.uint64)
    for block in row_blocks(array):
        bits = _plain(array[block]).view(np.uint64)
        mixed = (bits ^ (bits >> np.uint64(29))) * factors
        hashes[block] = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1)
    return hashes
