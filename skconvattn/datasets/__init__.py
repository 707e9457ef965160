"""Generated tasks to check attention with, since the time steps that matter are known."""

from __future__ import annotations

from skconvattn.datasets.tasks import make_adding, make_maximum, make_pulses

__all__ = ["make_adding", "make_maximum", "make_pulses"]
