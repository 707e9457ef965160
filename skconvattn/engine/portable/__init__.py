"""Training through Keras's own loop and prediction on any Keras backend."""

from __future__ import annotations
