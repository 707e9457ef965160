"""Attention models for time series that behave like scikit-learn estimators.

Public names load at first use: importing a class never imports Keras or TensorFlow.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError as _NotFoundError
from importlib.metadata import version as _version

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

try:
    __version__ = _version("skconvattn")
except _NotFoundError:
    # The same without TensorFlow among its dependencies.
    __version__ = _version("skconvattn-core")
