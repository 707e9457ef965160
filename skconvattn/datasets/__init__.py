"""Generated tasks on which attention can be checked, since the right time step is known."""

from __future__ import annotations

from skconvattn.datasets.tasks import make_adding, make_maximum, make_pulses

__all__ = ["make_adding", "make_maximum", "make_pulses"]
