"""Training data as it lies in memory: arrays, or series and window starts."""

from __future__ import annotations

from skconvattn.data.rows import Rows
from skconvattn.data.windows import Windows

__all__ = ["Rows", "Windows"]
