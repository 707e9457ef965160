"""How the steps of a sequence become one vector."""

from __future__ import annotations

from typing import Any


def pooled(hidden: Any, mask: Any, pooling: str) -> tuple[Any, Any]:
    """Return one vector a series.

    Parameters
    ----------
    hidden : KerasTensor of shape (batch, n_timepoints, n_channels)
        A sequence.
    mask : KerasTensor of shape (batch, n_timepoints) or None
        Which steps are valid; all if None.
    pooling : {"last", "statistics", "attention"}
        By the last valid step, by the average, maximum and minimum of the valid steps, or by an
        average whose weights are learned.

    Returns
    -------
    features : KerasTensor of shape (batch, n_channels) or (batch, 3 * n_channels)
        The longer one is of ``"statistics"``.
    weights : KerasTensor of shape (batch, n_timepoints) or None
        Weights of the steps, if they are learned.
    """
    from skconvattn.layers import SeqWeightedAttention
    from skconvattn.layers.ops.masks import last_valid
    from skconvattn.layers.parts.pooled_statistics import PooledStatistics

    if pooling == "last":
        return last_valid(hidden, mask), None
    if pooling == "statistics":
        return PooledStatistics()(hidden, mask=mask), None
    return SeqWeightedAttention(return_attention=True)(hidden, mask=mask)
