"""Training compiled with JAX: one call per epoch, one trace for networks and data of one shape."""

from __future__ import annotations
