"""Samples as rows of arrays, in an order that does not depend on how they were given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

# Rows hashed at a time: bounds the memory of the integer products.
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples with their targets and weights.

    Attributes
    ----------
    inputs : ndarray of shape (n_samples, n_timepoints, n_channels)
        Scaled series, float32.
    targets : ndarray of shape (n_samples, ...)
        What the loss compares with.
    weights : ndarray of shape (n_samples,)
        Sample weights, float32, of mean one.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.inputs)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Arrays that a compiled program works on."""
        return self.inputs, self.targets, self.weights

    @property
    def signature(self) -> tuple[Any, ...]:
        """What of the data determines a compiled program."""
        return ("rows", self.targets.shape[1:], self.targets.dtype.name)

    def batch(self, indices: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return inputs, targets and weights of some samples."""
        return [self.inputs[indices]], self.targets[indices], self.weights[indices]


def canonical_rows(
    X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Find one order of the distinct samples, and their weights.

    Samples of weight zero are left out and equal samples merged, their weights added. A fit on the
    result does not depend on the order of the samples, and a weight of two is the same as giving
    a sample twice, to the last bit.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Series.
    y : ndarray of shape (n_samples, ...)
        Targets.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights, not negative.

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
    hashes = _hash(X)[kept] + np.uint64(31) * _hash(y)[kept]
    # Equal rows stand in order of their weights, so that the sum has one rounding.
    by_hash = np.lexsort((weights[kept], hashes))
    order, hashes = kept[by_hash], hashes[by_hash]
    starts_group = np.ones(len(order), dtype=bool)
    for run in _runs(hashes):
        members = order[run]
        data = np.concatenate([a[members].reshape(len(members), -1) for a in (X, y)], axis=1)
        if (data != data[0]).any():
            # Ties in the hash are broken by the data, so that collisions do no harm.
            by_data = np.lexsort((weights[members], *data.T))
            order[run], data = members[by_data], data[by_data]
        starts_group[run.start + 1 : run.stop] = (data[1:] != data[:-1]).any(axis=1)
    groups = np.cumsum(starts_group) - 1
    return order[starts_group], np.bincount(groups, weights=weights[order])


def _runs(values: np.ndarray) -> list[slice]:
    """Return where in a sorted array a value stands more than once."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = [0, *changes.tolist(), len(values)]
    return [slice(*pair) for pair in pairwise(edges) if pair[1] - pair[0] > 1]


def _hash(array: np.ndarray) -> np.ndarray:
    """Return one unsigned 64-bit hash a row, equal for equal rows, exact in any order of sums."""
    flat = array.reshape(len(array), -1)
    rng = np.random.default_rng(20240513)
    factors = rng.integers(1, 1 << 63, size=flat.shape[1], dtype=np.uint64) | np.uint64(1)
    block = max(1, _BLOCK_BYTES // max(1, 8 * flat.shape[1]))
    hashes = np.empty(len(flat), dtype=np.uint64)
    for start in range(0, len(flat), block):
        # Adding zero turns -0.0 into 0.0.
        bits = (flat[start : start + block].astype(np.float64) + 0.0).view(np.uint64)
        mixed = (bits ^ (bits >> np.uint64(29))) * factors
        hashes[start : start + block] = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1)
    return hashes
