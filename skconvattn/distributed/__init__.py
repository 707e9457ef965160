"""Fits on more than one process or machine: forecasters of many series, spread by Dask."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
