"""Pooling over time: from the steps of a sequence to one vector per series."""

from __future__ import annotations

from typing import Any


def pooled(hidden: Any, mask: Any, pooling: str) -> tuple[Any, Any]:
    """Return one vector per series.

    Parameters
    ----------
    hidden : KerasTensor of shape (batch, n_timepoints, n_channels)
        Encoded sequences.
    mask : KerasTensor of shape (batch, n_timepoints) or None
        Which steps are valid; all if None.
    pooling : {"last", "statistics", "attention"}
        The last valid step; average, maximum and minimum of the valid steps; or an average with
        learned weights.

    Returns
    -------
    features : KerasTensor of shape (batch, n_channels) or (batch, 3 * n_channels)
        Pooled sequences, three times as many channels for ``"statistics"``.
    weights : KerasTensor of shape (batch, n_timepoints) or None
        Weights of the steps; None where they are not learned.
    """
    from skconvattn.layers import SeqWeightedAttention
    from skconvattn.layers.ops.masks import last_valid
    from skconvattn.layers.parts.pooled_statistics import PooledStatistics

    if pooling == "last":
        return last_valid(hidden, mask), None
    if pooling == "statistics":
        return PooledStatistics()(hidden, mask=mask), None
    return SeqWeightedAttention(return_attention=True)(hidden, mask=mask)
