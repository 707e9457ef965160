"""Keras layers for attention over time series: (batch, time, channels), on any Keras backend."""

from __future__ import annotations

from skconvattn._backend import load_backend

# Whatever layer is imported first brings Keras with it.
load_backend()

from skconvattn.layers.attention import Attention
from skconvattn.layers.conv_attention import ConvAttention
from skconvattn.layers.instance_normalization import InstanceNormalization
from skconvattn.layers.linear_self_attention import LinearSelfAttention, LinearSelfAttentionCell
from skconvattn.layers.multi_head_self_attention import MultiHeadSelfAttention
from skconvattn.layers.ops.bands import expand_band
from skconvattn.layers.residual_conv1d import ResidualConv1D
from skconvattn.layers.rnn_attention import RNNAttention, RNNAttentionCell
from skconvattn.layers.scaled_dot_product_attention import ScaledDotProductAttention
from skconvattn.layers.seq_self_attention import SeqSelfAttention
from skconvattn.layers.seq_weighted_attention import SeqWeightedAttention

__all__ = [
    "Attention",
    "ConvAttention",
    "InstanceNormalization",
    "LinearSelfAttention",
    "LinearSelfAttentionCell",
    "MultiHeadSelfAttention",
    "RNNAttention",
    "RNNAttentionCell",
    "ResidualConv1D",
    "ScaledDotProductAttention",
    "SeqSelfAttention",
    "SeqWeightedAttention",
    "expand_band",
]
