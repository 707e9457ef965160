"""Quantiles of dyadic intervals of a series, its differences and its spectrum, as in QUANT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Halvings of a series, at most, and values of an interval per quantile, at least.
_DEPTH, _VALUES_PER_QUANTILE = 6, 4
# Time steps over which differences are averaged.
_SMOOTHED = 5
# Many channels have fewer intervals each, so that there are about as many features.
_MOST_FEATURES = 10_000


@dataclass(frozen=True)
class IntervalQuantiles:
    r"""Quantiles of dyadic intervals of each channel.

    The intervals of a series are its halves, the halves of these and so on, and the same shifted by
    half of their length; of an interval of :math:`m` values :math:`1 + \lfloor (m - 1) / 4
    \rfloor` quantiles are taken, every second one less the mean of the interval. The same is done
    for the averaged first differences, the second differences and the magnitudes of the Fourier
    transform. After Dempster, Schmidt and Webb (2024), "QUANT" (arXiv 2308.00928).

    Series of other lengths are interpolated to the length of the fit, and have their length as a
    further feature.

    Attributes
    ----------
    n_timepoints, n_channels : int
        Time steps of the longest series of the fit, and channels.
    depth : int
        Halvings of a series.
    with_lengths : bool
        Whether lengths differ.
    """

    n_timepoints: int
    n_channels: int
    depth: int
    with_lengths: bool

    @classmethod
    def of(cls, n_timepoints: int, n_channels: int, *, with_lengths: bool) -> IntervalQuantiles:
        """Choose how finely series are divided.

        Parameters
        ----------
        n_timepoints, n_channels : int
            Time steps and channels of the series of a fit.
        with_lengths : bool
            Whether lengths differ.

        Returns
        -------
        IntervalQuantiles
            The measure.
        """
        for depth in range(_DEPTH, 0, -1):
            found = cls(n_timepoints, n_channels, depth, with_lengths)
            if found.n_features <= _MOST_FEATURES:
                break
        return found

    @property
    def n_features(self) -> int:
        """Number of features."""
        lengths = [self.n_timepoints - lost for lost in (0, 1, 2)]
        lengths.append(self.n_timepoints // 2 + 1)
        per_channel = sum(
            1 + (end - begin - 1) // _VALUES_PER_QUANTILE
            for length in lengths
            for begin, end in _intervals(length, self.depth)
        )
        return self.n_channels * per_channel + self.with_lengths

    def features(self, series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Measure series.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Features, float32. Those of a series do not depend on the other series.
        """
        lengths = np.full(len(series), series.shape[1]) if mask is None else mask.sum(axis=1)
        features = np.empty((len(series), self.n_features), np.float32)
        size = max(1, (1 << 20) // max(1, self.n_timepoints))
        for start in range(0, len(series), size):
            rows = slice(start, start + size)
            x = series[rows].transpose(0, 2, 1)
            x = interpolated(x, lengths[rows], self.n_timepoints).reshape(-1, self.n_timepoints)
            measured = np.concatenate([_quantiles(view, self.depth) for view in _views(x)], axis=1)
            features[rows, : self.n_features - self.with_lengths] = measured.reshape(
                len(series[rows]), -1
            )
        if self.with_lengths:
            features[:, -1] = lengths
        return features


def _intervals(length: int, depth: int) -> list[tuple[int, int]]:
    """Return first and last-plus-one value of every interval."""
    intervals = []
    for level in range(depth):
        n_parts = 2**level
        if n_parts > length:
            break
        bounds = [length * i // (2 * n_parts) for i in range(2 * n_parts + 1)]
        intervals += list(zip(bounds[:-2:2], bounds[2::2], strict=True))
        if level and length // n_parts > 1:
            intervals += list(zip(bounds[1:-3:2], bounds[3:-1:2], strict=True))
    return intervals


def _views(x: np.ndarray) -> list[np.ndarray]:
    """Return series, averaged first and second differences and the spectrum: (n, length) each."""
    first = np.diff(x, axis=1)
    second = np.diff(first, axis=1)
    spectrum = np.abs(np.fft.rfft(x, axis=1)).astype(np.float32)
    return [x, _averaged(first), second, spectrum]


def _averaged(x: np.ndarray) -> np.ndarray:
    """Return averages over neighbouring values, of fewer at the ends."""
    n_timepoints = x.shape[1]
    total, count = np.zeros_like(x), np.zeros(n_timepoints, np.float32)
    for shift in range(-(_SMOOTHED // 2), _SMOOTHED // 2 + 1):
        to = slice(max(0, -shift), n_timepoints - max(0, shift))
        of = slice(max(0, shift), n_timepoints + min(0, shift))
        if to.start < to.stop:
            total[:, to] += x[:, of]
            count[to] += 1
    return total / count


def _quantiles(x: np.ndarray, depth: int) -> np.ndarray:
    """Return the quantiles of all intervals: (n, n_quantiles), float32."""
    parts = []
    for begin, end in _intervals(x.shape[1], depth):
        values = np.sort(x[:, begin:end], axis=1)
        n_values = end - begin
        n_quantiles = 1 + (n_values - 1) // _VALUES_PER_QUANTILE
        levels = np.array([0.5]) if n_quantiles == 1 else np.linspace(0, 1, n_quantiles)
        positions = levels * (n_values - 1)
        below = np.minimum(positions.astype(int), max(0, n_values - 2))
        share = (positions - below).astype(np.float32)
        above = np.minimum(below + 1, n_values - 1)
        quantiles = values[:, below] * (1 - share) + values[:, above] * share
        if n_quantiles > 1:
            quantiles[:, 1::2] -= values.mean(axis=1, keepdims=True)
        parts.append(quantiles)
    return np.concatenate(parts, axis=1) if parts else np.empty((len(x), 0), np.float32)


def interpolated(x: np.ndarray, lengths: np.ndarray, n_timepoints: int) -> np.ndarray:
    """Stretch series, (n, channels, time), of the given lengths to one length."""
    if x.shape[2] == n_timepoints and (lengths == n_timepoints).all():
        return np.ascontiguousarray(x)
    ends = np.maximum(lengths, 1) - 1
    positions = np.linspace(0, 1, n_timepoints) * ends[:, None]
    below = positions.astype(int)
    share = (positions - below).astype(np.float32)[:, None]
    above = np.minimum(below + 1, ends[:, None])
    first = np.take_along_axis(x, below[:, None], axis=2)
    last = np.take_along_axis(x, above[:, None], axis=2)
    return np.ascontiguousarray(first * (1 - share) + last * share)
