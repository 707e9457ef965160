"""Losses, optimisers and metrics: what training minimises, how, and what it measures beside it."""

from __future__ import annotations
