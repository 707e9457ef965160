"""Series as forecasters see them: time stamps, seasons, histories, covariates and windows."""

from __future__ import annotations
