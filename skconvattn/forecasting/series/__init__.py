"""Series of forecasters: time stamps, seasons, histories, covariates, channels and windows."""

from __future__ import annotations
