"""The parts that all architectures share: base network, heads, outputs, and the model of them."""

from __future__ import annotations

from skconvattn.networks.base import Encoding, Network
from skconvattn.networks.heads import ClassHead, Head, SequenceHead, ValueHead
from skconvattn.networks.horizon import HorizonHead
from skconvattn.networks.outputs import (
    POINT,
    ClassOutput,
    Output,
    PointOutput,
    QuantileOutput,
    output_of,
)
from skconvattn.networks.pooling import pooled
from skconvattn.networks.spec import ModelSpec

__all__ = [
    "POINT",
    "ClassHead",
    "ClassOutput",
    "Encoding",
    "Head",
    "HorizonHead",
    "ModelSpec",
    "Network",
    "Output",
    "PointOutput",
    "QuantileOutput",
    "SequenceHead",
    "ValueHead",
    "output_of",
    "pooled",
]
