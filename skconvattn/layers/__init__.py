"""Keras layers for attention over time series: (batch, time, channels), on any Keras backend."""

from __future__ import annotations

from skconvattn.layers.attention import Attention
from skconvattn.layers.conv_attention import ConvAttention
from skconvattn.layers.instance_normalization import InstanceNormalization

__all__ = [
    "Attention",
    "ConvAttention",
    "InstanceNormalization",
]
