"""Generated data: tasks whose decisive time steps are known, and simulated series."""

from __future__ import annotations

from skconvattn.datasets.simulated import simulate_series
from skconvattn.datasets.tasks import make_adding, make_maximum, make_pulses

__all__ = ["make_adding", "make_maximum", "make_pulses", "simulate_series"]
