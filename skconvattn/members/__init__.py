"""Forecasts beside those of networks: simple forecasts and ridge regressions towards them."""

from __future__ import annotations
