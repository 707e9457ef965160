"""Proportions of a series that fit fixed patterns, as in MiniRocket."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import ops

from skconvattn.layers.ops.masks import LOWEST, zero_masked
from skconvattn.layers.ops.windows import pad_time

TAPS = 9
# All ways to give three of nine taps the weight 2 and the others -1: every pattern sums to zero.
_RAISED = list(itertools.combinations(range(TAPS), 3))
_GOLDEN_RATIO = 0.6180339887498949
# Features beyond this many standard deviations say no more, and could outweigh all others.
_MOST_STANDARD_DEVIATIONS = 10.0
# About how many products give the quantiles of each pattern and dilation.
_QUANTILE_SAMPLE = 4096


@keras.saving.register_keras_serializable(package="skconvattn")
class PatternProportions(keras.layers.Layer):
    r"""Measure how much of a series fits each of 84 fixed patterns, at several dilations.

    .. math:: p_{kj} = \tfrac{1}{T} \sum_t [h_{tk} > b_{kj}], \qquad h_k = w_k * x

    The patterns :math:`w_k` of nine taps, thresholds from the data's quantiles and the proportion
    of positive values are those of Dempster et al. (2021), "MiniRocket" (arXiv 2012.08791). As in
    Tan et al. (2022), "MultiRocket" (arXiv 2102.00457), differences of the series are convolved as
    well, and the average of positive values stands beside the proportions; the maximum is ours.
    Nothing is trained: dilations, thresholds and the statistics that features are standardised by
    are set from :meth:`statistics_of`. Until then all dilations are one.

    Parameters
    ----------
    n_dilations : int, default=8
        Dilations, from one time step to an eighth of the series. In short series some are equal,
        and differ in their thresholds and in the channels that they see.
    n_thresholds : int, default=5
        Thresholds for each pattern and dilation.
    n_positions : int, default=720
        Time steps at which patterns are looked for: in longer series at least this many, and less
        than twice as many.
    gain : float, default=1e-3
        Factor of the standardised features. A linear map of thousands of features needs small
        weights only, and with a small factor a gradient step changes its output little.
    **kwargs
        Arguments of every Keras layer.

    Notes
    -----
    Input (batch, time, channels); output (batch, features). With several channels each pattern is
    looked for in a sum of some of them. Masked steps count as zero for the patterns around them.

    Examples
    --------
    >>> import numpy as np
    >>> from skconvattn.layers.parts.pattern_proportions import PatternProportions
    >>> series = np.random.default_rng(0).normal(size=(4, 30, 1)).astype("float32")
    >>> tuple(PatternProportions(n_dilations=2, n_thresholds=3)(series).shape)
    (4, 1680)
    """

    def __init__(
        self,
        n_dilations: int = 8,
        n_thresholds: int = 5,
        n_positions: int = 720,
        gain: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.n_dilations = n_dilations
        self.n_thresholds = n_thresholds
        self.n_positions = n_positions
        self.gain = gain
        self.width = len(_RAISED) * n_dilations
        # Of the series and of its differences: thresholds, the maximum and the average.
        self.n_features = 2 * self.width * (n_thresholds + 2)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Choose channels, and create thresholds and statistics."""
        self.kernels = [_kernels(input_shape[-1], seed) for seed in range(self.n_dilations)]
        fixed: dict[str, Any] = {"trainable": False}
        of_features = {"shape": (self.n_features,), **fixed}
        self.dilations = self.add_weight(
            name="dilations", shape=(self.n_dilations,), initializer="ones", dtype="int32", **fixed
        )
        self.thresholds = self.add_weight(
            name="thresholds",
            shape=(2, self.n_thresholds, self.width),
            initializer="zeros",
            **fixed,
        )
        self.center = self.add_weight(name="center", initializer="zeros", **of_features)
        self.scale = self.add_weight(name="scale", initializer="ones", **of_features)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Map (batch, time, channels) to (batch, features)."""
        features = self._features(
            inputs,
            mask,
            ops.convert_to_tensor(self.dilations),
            ops.convert_to_tensor(self.thresholds),
        )
        standardised = (features - self.center) / self.scale
        return self.gain * ops.clip(
            standardised, -_MOST_STANDARD_DEVIATIONS, _MOST_STANDARD_DEVIATIONS
        )

    def statistics_of(self, series: np.ndarray, mask: np.ndarray | None) -> dict[str, np.ndarray]:
        """Return the weights of the layer for given series, without setting them.

        Parameters
        ----------
        series : ndarray of shape (n_samples, n_timepoints, n_channels)
            Series.
        mask : boolean ndarray of shape (n_samples, n_timepoints) or None
            True where a time step is valid.

        Returns
        -------
        dict of str to ndarray
            ``dilations``, ``thresholds``, ``center`` and ``scale``, and the ``features`` of the
            series under them.
        """
        longest = series.shape[1] if mask is None else int(mask.sum(axis=1).max(initial=1))
        dilations = _dilations(self.n_dilations, longest)
        thresholds = self._quantiles(series, mask, dilations)
        blocks = [
            np.asarray(self._features(x, valid, dilations, ops.convert_to_tensor(thresholds)))
            for x, valid in _blocks(series, mask)
        ]
        features = np.concatenate(blocks)
        center, std = features.mean(axis=0), features.std(axis=0)
        # Without a lower bound a feature that hardly varies would be mostly noise.
        least = 0.01 * np.maximum(np.abs(center), std.max(initial=0.0) * 1e-3)
        scale = np.where(std > 0, np.maximum(std, least), 1.0).astype("float32")
        limits = (-_MOST_STANDARD_DEVIATIONS, _MOST_STANDARD_DEVIATIONS)
        return {
            "dilations": dilations,
            "thresholds": thresholds,
            "center": center,
            "scale": scale,
            "features": self.gain * np.clip((features - center) / scale, *limits),
        }

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return no mask, since time is gone."""

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, features)."""
        return (input_shape[0], self.n_features)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        plain = "n_dilations n_thresholds n_positions gain"
        return {**super().get_config(), **{name: getattr(self, name) for name in plain.split()}}

    def _features(self, inputs: Any, mask: Any, dilations: Any, thresholds: Any) -> Any:
        products, valid = self._products(inputs, mask, dilations)
        pooled = []
        for view, x in enumerate(products):
            count = ops.cast(ops.shape(x)[1], x.dtype)
            if valid is not None:
                x = ops.where(valid, x, ops.full_like(x, LOWEST))
                count = ops.maximum(ops.sum(ops.cast(valid, x.dtype), axis=1), 1)
            pooled += [
                ops.sum(ops.cast(x > thresholds[view, level], x.dtype), axis=1) / count
                for level in range(self.n_thresholds)
            ]
            largest = ops.max(x, axis=1)
            pooled.append(ops.where(largest > LOWEST, largest, ops.zeros_like(largest)))
            pooled.append(ops.sum(ops.relu(x), axis=1) / count)
        return ops.concatenate(pooled, axis=-1)

    def _products(self, inputs: Any, mask: Any, dilations: Any) -> tuple[list[Any], Any]:
        """Return patterns convolved with series and differences, and which positions are valid."""
        x = zero_masked(inputs, mask)
        n_timepoints = x.shape[1]
        stride = 1 if n_timepoints is None else max(1, n_timepoints // self.n_positions)
        valid = None
        if mask is not None:
            valid = ops.expand_dims(ops.cast(mask, "bool")[:, ::stride], -1)
        views = [self._convolved(view, stride, dilations) for view in (x, _differences(x, mask))]
        return views, valid

    def _convolved(self, x: Any, stride: int, dilations: Any) -> Any:
        """Return (batch, positions, patterns * dilations)."""
        n_timepoints, channels = ops.shape(x)[1], x.shape[2]
        positions = ops.arange(0, n_timepoints, stride, dtype="int32")
        offsets = ops.arange(TAPS, dtype="int32") - TAPS // 2
        # Taps beyond the series take the zeros at its ends.
        framed = pad_time(x, 1, 1)
        convolved = []
        for number, kernel in enumerate(self.kernels):
            taps = ops.expand_dims(positions, 1) + offsets * dilations[number] + 1
            taps = ops.reshape(ops.clip(taps, 0, n_timepoints + 1), (-1,))
            windows = ops.reshape(
                ops.take(framed, taps, axis=1), (-1, ops.shape(positions)[0], TAPS * channels)
            )
            convolved.append(ops.matmul(windows, ops.convert_to_tensor(kernel, x.dtype)))
        return ops.concatenate(convolved, axis=-1)

    def _quantiles(
        self, series: np.ndarray, mask: np.ndarray | None, dilations: np.ndarray
    ) -> np.ndarray:
        """Return quantiles of the products as thresholds: (2, n_thresholds, width)."""
        few = series[:64], None if mask is None else mask[:64]
        products, valid = self._products(*few, dilations)
        levels = np.arange(1, self.n_thresholds * self.width + 1) * _GOLDEN_RATIO % 1
        levels = levels.reshape(self.width, self.n_thresholds).T  # (n_thresholds, width)
        thresholds = []
        for product in products:
            flat = np.asarray(product).reshape(-1, self.width)
            if valid is not None:
                flat = flat[np.asarray(valid).ravel()]
            flat = np.sort(flat[:: max(1, len(flat) // _QUANTILE_SAMPLE)], axis=0)
            flat = flat if len(flat) else np.zeros((1, self.width), "float32")
            # Midpoints, so that rounding does not decide on which side a product falls.
            between = (flat + np.roll(flat, -1, axis=0))[: max(1, len(flat) - 1)] / 2
            indices = (levels * len(between)).astype(int)
            thresholds.append(np.take_along_axis(between, indices, axis=0))
        return np.stack(thresholds)


def _dilations(n_dilations: int, n_timepoints: int) -> np.ndarray:
    """Return dilations in equal ratios, the largest as long as the series allows: int32."""
    longest = max(1, (n_timepoints - 1) // (TAPS - 1))
    return np.round(2 ** np.linspace(0, np.log2(longest), n_dilations)).astype("int32")


def _kernels(channels: int, seed: int) -> np.ndarray:
    """Return the patterns on sums of channels: (taps * channels, patterns)."""
    patterns = np.full((TAPS, len(_RAISED)), -1.0, "float32")
    for number, raised in enumerate(_RAISED):
        patterns[list(raised), number] = 2.0
    chosen = np.ones((channels, len(_RAISED)), "float32")
    if channels > 1:
        rng = np.random.default_rng(seed)
        # Numbers of channels are uniform on a logarithmic scale.
        sizes = 2 ** rng.uniform(0, np.log2(min(channels, TAPS) + 1), len(_RAISED))
        for number, size in enumerate(sizes.astype(int)):
            chosen[:, number] = 0.0
            chosen[rng.permutation(channels)[:size], number] = 1.0
    return (patterns[:, None] * chosen).reshape(TAPS * channels, -1)


def _differences(x: Any, mask: Any) -> Any:
    """Return x[t] - x[t - 1], zero at the first step and where either is masked."""
    differences = pad_time(x[:, 1:] - x[:, :-1], 1, 0)
    if mask is None:
        return differences
    before = pad_time(ops.cast(mask, x.dtype)[:, :-1], 1, 0)
    return zero_masked(zero_masked(differences, mask), before)


def _blocks(series: np.ndarray, mask: np.ndarray | None, size: int = 32) -> Any:
    for start in range(0, len(series), size):
        block = slice(start, start + size)
        yield series[block], None if mask is None else mask[block]
