"""What forecasts beside a network: simple forecasts and ridge regressions towards them."""

from __future__ import annotations
