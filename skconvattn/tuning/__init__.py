"""Search spaces for Optuna."""

from __future__ import annotations

from skconvattn.tuning.spaces import search_space

__all__ = ["search_space"]
