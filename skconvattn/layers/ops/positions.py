"""Pure functions that encode positions in time for attention."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from skconvattn.layers.ops.masks import to_accumulator


def rotate_by_position(x: Any) -> Any:
    r"""Rotate pairs of channels by angles proportional to the time step.

    Pair :math:`i` of :math:`D/2` turns by :math:`t \cdot 10000^{-2i/D}`, so that the product of a
    rotated query and a rotated key depends on their distance in time only: Su et al. (2021),
    "RoFormer" (arXiv 2104.09864). A pair is made of channels :math:`i` and :math:`i + D/2`.

    Parameters
    ----------
    x : tensor of shape (batch, time, channels)
        Queries or keys, with an even number of channels.

    Returns
    -------
    tensor of shape (batch, time, channels)
        Rotated queries or keys.
    """
    half = x.shape[-1] // 2
    wide = to_accumulator(x)
    steps = ops.cast(ops.arange(ops.shape(x)[1], dtype="int32"), wide.dtype)
    frequencies = ops.exp(ops.arange(half, dtype=wide.dtype) * (-math.log(10000.0) / half))
    angles = ops.expand_dims(steps, 1) * frequencies  # (time, channels / 2)
    cosines, sines = ops.cos(angles), ops.sin(angles)
    first, second = wide[..., :half], wide[..., half:]
    rotated = [first * cosines - second * sines, first * sines + second * cosines]
    return ops.cast(ops.concatenate(rotated, axis=-1), x.dtype)
