"""Training data in memory: rows of arrays, or series with the starts of their windows."""

from __future__ import annotations

from skconvattn.data.rows import Rows
from skconvattn.data.windows import Windows

__all__ = ["Rows", "Windows"]
