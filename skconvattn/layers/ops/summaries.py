"""Summaries over time of the valid steps of a sequence, by which it is normalised."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from keras import ops

from skconvattn.layers.ops.masks import LOWEST, last_valid, to_accumulator, zero_masked


class MaskedSummaries:
    """Summaries of each channel of each series, of shape (batch, 1, channels).

    They are what :class:`skconvattn._normalization.Summaries` asks for, taken in float32 at least.
    All are zero for a series without a valid step.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    mask : boolean tensor of shape (batch, time), optional
        True where a step is valid.
    """

    def __init__(self, x: Any, mask: Any = None) -> None:
        self._x = zero_masked(to_accumulator(x), mask)
        self._mask = mask

    def constant(self, value: float) -> Any:
        """Return a value that does not depend on the series."""
        return ops.full_like(self._x[:, :1], value)

    def mean(self) -> Any:
        """Return the mean of the valid steps."""
        return self._mean

    def variance(self) -> Any:
        """Return the mean squared difference of the valid steps from their mean."""
        squares = ops.square(self._x - self._mean)
        if self._mask is None:
            return ops.mean(squares, axis=1, keepdims=True)
        return ops.sum(self._valid * squares, axis=1, keepdims=True) / self._count

    def last(self) -> Any:
        """Return the last valid step."""
        return ops.expand_dims(last_valid(self._x, self._mask), 1)

    def median(self) -> Any:
        """Return the median of the valid steps."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> Any:
        """Return a quantile of the valid steps, interpolated linearly."""
        return masked_quantile(self._x, self._mask, level)

    def square_root(self, value: Any) -> Any:
        """Return the square root of another summary."""
        return ops.sqrt(value)

    @cached_property
    def _mean(self) -> Any:
        if self._mask is None:
            return ops.mean(self._x, axis=1, keepdims=True)
        return ops.sum(self._x, axis=1, keepdims=True) / self._count

    @cached_property
    def _valid(self) -> Any:
        return ops.expand_dims(ops.cast(self._mask, self._x.dtype), -1)  # (batch, time, 1)

    @cached_property
    def _count(self) -> Any:
        return ops.maximum(ops.sum(self._valid, axis=1, keepdims=True), 1)  # (batch, 1, 1)


def masked_quantile(x: Any, mask: Any, level: float) -> Any:
    """Return a quantile of the valid steps, interpolated linearly.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Series.
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    level : float
        Level of the quantile, between 0 and 1.

    Returns
    -------
    tensor of shape (batch, 1, channels)
        The quantile, zero for a series without a valid step.
    """
    valid = ops.ones_like(x[:, :, 0], dtype="bool") if mask is None else ops.cast(mask, "bool")
    # Masked steps sort to the end.
    ordered = ops.sort(ops.where(ops.expand_dims(valid, -1), x, ops.full_like(x, -LOWEST)), axis=1)
    count = ops.sum(ops.cast(valid, "int32"), axis=1)  # (batch,)
    position = level * ops.cast(ops.maximum(count - 1, 0), x.dtype)
    below = ops.cast(ops.floor(position), "int32")
    above = ops.minimum(below + 1, ops.maximum(count - 1, 0))
    share = ops.reshape(position - ops.cast(below, x.dtype), (-1, 1, 1))
    quantile = _step(ordered, below) * (1 - share) + _step(ordered, above) * share
    return ops.where(ops.reshape(count, (-1, 1, 1)) > 0, quantile, ops.zeros_like(quantile))


def _step(x: Any, index: Any) -> Any:
    indices = ops.broadcast_to(ops.reshape(index, (-1, 1, 1)), ops.shape(x[:, :1]))
    return ops.take_along_axis(x, indices, axis=1)
