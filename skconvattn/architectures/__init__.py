"""One file per architecture: its network and its three task classes."""

from __future__ import annotations

from skconvattn._sktime import import_sktime

import_sktime("sktime.forecasting.base")
