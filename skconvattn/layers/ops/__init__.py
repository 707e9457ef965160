"""Pure functions on tensors from which the layers are built; no weights and no Keras layers."""

from __future__ import annotations
