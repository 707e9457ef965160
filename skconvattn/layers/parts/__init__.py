"""Layers and parts of layers that only the networks of this package use."""

from __future__ import annotations
