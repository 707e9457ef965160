"""One file per architecture: its network and its three task classes."""

from __future__ import annotations
