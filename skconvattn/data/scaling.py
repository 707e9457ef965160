"""Location and scale of channels, weighted, and their application."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scaling:
    """An affine map to mean zero and deviation one.

    Attributes
    ----------
    center, scale : ndarray of shape (n_channels,)
        Float64; the scale of a constant channel is one.
    """

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray) -> Scaling:
        """Measure weighted samples.

        Parameters
        ----------
        values : ndarray of shape (n_samples, ..., n_channels)
            All axes but the last are pooled.
        weights : ndarray of shape (n_samples,)
            Sample weights, not all zero.

        Returns
        -------
        Scaling
            Mean and deviation of each channel.
        """
        inner = tuple(range(1, values.ndim - 1))
        share = weights / weights.sum()
        center = share @ values.mean(axis=inner, dtype=np.float64) if inner else share @ values
        # A channel at a time: no copy of the whole data in float64.
        scale = np.array(
            [_deviation(values[..., i] - c, share) for i, c in enumerate(np.atleast_1d(center))]
        )
        # Rounding alone gives a constant channel a deviation of this size.
        tiny = 10 * np.finfo(values.dtype).eps * np.abs(center)
        return cls(np.asarray(center), np.where(scale > tiny, scale, 1.0))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values, float32, of the same shape."""
        scaled = np.subtract(values, self.center, dtype=np.float64)
        scaled /= self.scale
        return scaled.astype(np.float32)

    def reverse(self, values: np.ndarray) -> np.ndarray:
        """Return values on the original scale, float64."""
        return values.astype(np.float64) * self.scale + self.center


def _deviation(distances: np.ndarray, share: np.ndarray) -> np.floating:
    """Return the weighted root mean square, shares given by the first axis."""
    # Relative to the largest, so that no square leaves the range of float64.
    largest = np.abs(distances).max()
    if largest == 0:
        return largest
    squares = np.square(distances / largest).reshape(len(distances), -1)
    return largest * np.sqrt(share @ squares.mean(axis=1))
