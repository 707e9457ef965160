"""Simulated series to learn from: paths of random models, as forecasters meet them."""

from __future__ import annotations

from skconvattn.simulation.mixing import simulate

__all__ = ["simulate"]
