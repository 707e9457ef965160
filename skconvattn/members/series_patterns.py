"""How much of each series fits fixed patterns, as in MiniRocket, in NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

TAPS = 9
# All ways to give three of nine taps the weight 2 and the others -1: every pattern sums to zero.
_RAISED = tuple(itertools.combinations(range(TAPS), 3))
_N_PATTERNS = len(_RAISED)
_GOLDEN_RATIO = 0.6180339887498949
# Features beyond this many standard deviations say no more, and could outweigh all others.
_MOST_STANDARD_DEVIATIONS = 10.0
# Series from which thresholds are taken, and about how many products give their quantiles.
_QUANTILE_SERIES, _QUANTILE_SAMPLE = 24, 1024
# In longer series patterns are looked for at this many time steps, and less than twice as many.
_POSITIONS = 720
# Thresholds of each pattern, and the most samples that are measured with all of them.
_N_THRESHOLDS, _FEW_SAMPLES = 5, 1500
# Positions of series that are convolved at once: products stay in the processor's caches, and
# calls are few.
_BLOCK_POSITIONS = 12_500
_LOWEST = np.float32(-1e30)


@dataclass(frozen=True, eq=False)
class SeriesPatterns:
    r"""Measures how much of a series fits each of 84 fixed patterns, at several dilations.

    .. math:: p_{kj} = \tfrac{1}{T} \sum_t [h_{tk} > b_{kj}], \qquad h_k = w_k * x

    The patterns :math:`w_k` of nine taps, thresholds from the data's quantiles and the proportion
    of positive values are those of Dempster et al. (2021), "MiniRocket" (arXiv 2012.08791). As in
    Tan et al. (2022), "MultiRocket" (arXiv 2102.00457), differences of the series are convolved as
    well, and the average of positive values stands beside the proportions; the maximum is ours.
    With several channels each pattern is looked for in a sum of some of them.

    Attributes
    ----------
    dilations : ndarray of shape (n_dilations,)
        Time steps between the taps, int32.
    thresholds : ndarray of shape (2, n_dilations, n_thresholds, 84)
        Of the series and of its differences, float32.
    center, scale : ndarray of shape (n_features,)
        Location and scale of each feature, float32.
    n_channels : int
        Channels of a series.
    """

    dilations: np.ndarray
    thresholds: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    n_channels: int

    def __post_init__(self) -> None:
        """Refuse arrays that do not go together.

        Raises
        ------
        ValueError
            If shapes differ from those of the attributes, or a dilation is not positive.
        """
        shape = self.thresholds.shape
        sizes = (2, len(self.dilations), *shape[2:3], _N_PATTERNS)
        n_features = 2 * len(self.dilations) * (sum(shape[2:3]) + 2) * _N_PATTERNS
        if (
            shape != sizes
            or self.center.shape != (n_features,)
            or self.scale.shape != (n_features,)
            or self.n_channels < 1
            or self.dilations.dtype.kind not in "iu"
            or any(a.dtype.kind != "f" for a in (self.thresholds, self.center, self.scale))
            or not (self.dilations > 0).all()
        ):
            raise ValueError(f"patterns with thresholds of shape {shape} do not go together")

    @classmethod
    def of(
        cls,
        series: np.ndarray,
        mask: np.ndarray | None,
        weights: np.ndarray,
        n_dilations: int,
        n_thresholds: int,
    ) -> tuple[SeriesPatterns, np.ndarray]:
        """Choose dilations and thresholds, and measure the series.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Scaled series, float32, without NaN.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.
        weights : ndarray of shape (n_samples,)
            Sample weights.
        n_dilations : int
            Dilations, from one time step to an eighth of the longest series.
        n_thresholds : int
            Thresholds for each pattern and dilation.

        Returns
        -------
        SeriesPatterns
            The measure.
        ndarray of shape (n_samples, n_features)
            Standardised features of the series, float32.
        """
        longest = series.shape[1] if mask is None else int(mask.sum(axis=1).max(initial=1))
        dilations = _dilations(n_dilations, longest)
        few = series[:_QUANTILE_SERIES], None if mask is None else mask[:_QUANTILE_SERIES]
        thresholds = _quantiles(*few, dilations, n_thresholds)
        features = _measured(series, mask, dilations, thresholds)
        center, scale = _location_and_scale(features, weights)
        patterns = cls(dilations, thresholds, center, scale, series.shape[2])
        return patterns, patterns._standardised(features)

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
            Standardised features, float32. Those of a series do not depend on the other series.
        """
        return self._standardised(_measured(series, mask, self.dilations, self.thresholds))

    def _standardised(self, features: np.ndarray) -> np.ndarray:
        """Standardise features in place."""
        features -= self.center
        features /= self.scale
        limits = (-_MOST_STANDARD_DEVIATIONS, _MOST_STANDARD_DEVIATIONS)
        return np.clip(features, *limits, out=features)


def thresholds_for(n_samples: int) -> int:
    """Return how many thresholds each pattern has: of many samples fewer, as memory allows."""
    return _N_THRESHOLDS if n_samples <= _FEW_SAMPLES else 1


def _location_and_scale(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shares = (weights / weights.sum()).astype(np.float32)
    center = shares @ features
    variance = np.zeros_like(center)
    for start in range(0, len(features), 256):
        rows = slice(start, start + 256)
        variance += shares[rows] @ np.square(features[rows] - center)
    std = np.sqrt(variance)
    # Without a lower bound a feature that hardly varies would be mostly noise.
    least = 0.01 * np.maximum(np.abs(center), std.max(initial=0.0) * 1e-3)
    return center, np.where(std > 0, np.maximum(std, least), np.float32(1.0))


def _dilations(n_dilations: int, n_timepoints: int) -> np.ndarray:
    """Return dilations in equal ratios, the largest as long as the series allows: int32."""
    longest = max(1, (n_timepoints - 1) // (TAPS - 1))
    return np.round(2 ** np.linspace(0, np.log2(longest), n_dilations)).astype("int32")


def _measured(
    series: np.ndarray, mask: np.ndarray | None, dilations: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return features before they are standardised: (n_samples, n_features), float32."""
    n_dilations, n_thresholds = thresholds.shape[1:3]
    shape = (len(series), 2, n_dilations, n_thresholds + 2, _N_PATTERNS)
    features = np.empty(shape, np.float32)
    n_positions = -(-series.shape[1] // _stride(series.shape[1]))
    size = max(1, _BLOCK_POSITIONS // n_positions)
    for start in range(0, len(series), size):
        rows = slice(start, start + size)
        valid = None if mask is None else mask[rows]
        for view, number, products, present in _products(series[rows], valid, dilations):
            pooled = features[rows, view, number]  # (block, n_thresholds + 2, patterns)
            count = present.sum(axis=1).clip(1).astype(np.float32)
            for level, limits in enumerate(thresholds[view, number]):
                pooled[:, level] = (_counts(products > limits[:, None, None]) / count).T
            largest = products.max(axis=2)
            pooled[:, -2] = np.where(largest > _LOWEST, largest, 0).T
            pooled[:, -1] = (np.maximum(products, 0).sum(axis=2) / count).T
    return features.reshape(len(series), -1)


def _stride(n_timepoints: int) -> int:
    """Return the time steps from one position at which patterns are looked for to the next."""
    return max(1, n_timepoints // _POSITIONS)


def _counts(above: np.ndarray) -> np.ndarray:
    """Return how many of a multiple of eight booleans are true along the last axis: float32."""
    bits = np.bitwise_count(np.packbits(above.ravel()))
    return bits.reshape(*above.shape[:-1], -1).sum(axis=-1, dtype=np.float32)


def _products(
    series: np.ndarray, mask: np.ndarray | None, dilations: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Convolve a block of series and their differences with all patterns.

    Only sums of single numbers are taken, in one order, so that a series has the same products
    whatever stands beside it.

    Yields
    ------
    view, number : int
        Series or differences, and the number of the dilation.
    products : ndarray of shape (84, n_samples, n_positions)
        Float32, overwritten by the next ones; very low where no position is valid. The number of
        positions is filled up to a multiple of eight.
    present : boolean ndarray of shape (n_samples, n_positions)
        Which positions are valid.
    """
    n_timepoints = series.shape[1]
    stride = _stride(n_timepoints)
    n_positions = -(-n_timepoints // stride)
    present = np.zeros((len(series), -(-n_positions // 8) * 8), dtype=bool)
    present[:, :n_positions] = True if mask is None else mask[:, ::stride]
    products = np.full((_N_PATTERNS, *present.shape), _LOWEST)
    for view, x in enumerate((_zero_masked(series, mask), _differences(series, mask))):
        x = np.ascontiguousarray(x.transpose(2, 0, 1))  # (channels, samples, time)
        for number, dilation in enumerate(dilations.tolist()):
            _convolve(x, dilation, number, stride, products[..., :n_positions])
            if mask is not None:
                np.copyto(products, _LOWEST, where=~present)
            yield view, number, products, present


def _convolve(x: np.ndarray, dilation: int, number: int, stride: int, products: np.ndarray) -> None:
    """Convolve channels, (channels, samples, time), with all patterns at a dilation."""
    n_timepoints, margin = x.shape[2], TAPS // 2 * dilation
    framed = np.zeros((*x.shape[:2], n_timepoints + 2 * margin), np.float32)
    framed[..., margin : margin + n_timepoints] = x

    def taps(source: np.ndarray) -> list[np.ndarray]:
        return [
            np.ascontiguousarray(source[..., k * dilation : k * dilation + n_timepoints : stride])
            for k in range(TAPS)
        ]

    single = _summed_taps(taps(framed[0])) if len(x) == 1 else None
    chosen = _channels(len(x), number) if len(x) > 1 else [(0,)] * _N_PATTERNS
    for pattern, (raised, channels) in enumerate(zip(_RAISED, chosen, strict=True)):
        if single is None:
            together = framed[channels[0]].copy()
            for channel in channels[1:]:
                together += framed[channel]
            tripled, total = _summed_taps(taps(together))
        else:
            tripled, total = single
        out = products[pattern]
        np.add(tripled[raised[0]], tripled[raised[1]], out=out)
        out += tripled[raised[2]]
        out -= total


def _summed_taps(taps: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return three times each tap, and the sum of all."""
    total = taps[0].copy()
    for tap in taps[1:]:
        total += tap
    return [3 * tap for tap in taps], total


def _channels(n_channels: int, seed: int) -> list[tuple[int, ...]]:
    """Return the channels in whose sum each pattern is looked for, the same ones every time."""
    rng = np.random.default_rng(seed)
    # Numbers of channels are uniform on a logarithmic scale.
    sizes = 2 ** rng.uniform(0, np.log2(min(n_channels, TAPS) + 1), _N_PATTERNS)
    return [tuple(rng.permutation(n_channels)[:size].tolist()) for size in sizes.astype(int)]


def _zero_masked(series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return series if mask is None else np.where(mask[..., None], series, np.float32(0))


def _differences(series: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return x[t] - x[t - 1], zero at the first step and where either is masked."""
    differences = np.zeros_like(series)
    np.subtract(series[:, 1:], series[:, :-1], out=differences[:, 1:])
    if mask is not None:
        both = mask[:, 1:] & mask[:, :-1]
        differences[:, 1:] = np.where(both[..., None], differences[:, 1:], np.float32(0))
    return differences


def _quantiles(
    series: np.ndarray, mask: np.ndarray | None, dilations: np.ndarray, n_thresholds: int
) -> np.ndarray:
    """Return quantiles of the products as thresholds: (2, n_dilations, n_thresholds, 84)."""
    width = len(dilations) * _N_PATTERNS
    levels = np.arange(1, n_thresholds * width + 1) * _GOLDEN_RATIO % 1
    levels = levels.reshape(len(dilations), _N_PATTERNS, n_thresholds)
    thresholds = np.empty((2, len(dilations), n_thresholds, _N_PATTERNS), np.float32)
    for view, number, products, present in _products(series, mask, dilations):
        valid = np.flatnonzero(present)
        sampled = valid[:: max(1, len(valid) // _QUANTILE_SAMPLE)]
        flat = np.sort(products.reshape(_N_PATTERNS, -1)[:, sampled], axis=1)
        if not flat.shape[1]:
            flat = np.zeros((_N_PATTERNS, 1), np.float32)
        # Midpoints, so that rounding does not decide on which side a product falls.
        between = (flat + np.roll(flat, -1, axis=1))[:, : max(1, flat.shape[1] - 1)] / 2
        indices = (levels[number] * between.shape[1]).astype(int)
        thresholds[view, number] = np.take_along_axis(between, indices, axis=1).T
    return thresholds
