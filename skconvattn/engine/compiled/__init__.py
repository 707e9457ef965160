"""Training and prediction compiled with TensorFlow: one call per epoch, one trace per network."""

from __future__ import annotations
