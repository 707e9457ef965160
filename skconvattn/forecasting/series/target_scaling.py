"""The scale of the targets of a series: standardised values, or standardised logarithms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skconvattn.data.scaling import Scaling

# Values below this share of the smallest one seen count as if they were that far below it, since a
# later value need not be positive.
_LEAST = 0.1
# No exponential function overflows below this.
_MOST_LOG = 700.0
# Scaled values are float32, and so are their squares, which end at 3e38.
_LARGEST = 1e18


@dataclass(frozen=True, eq=False)
class TargetScaling:
    """A map of each target to mean zero and standard deviation one, for some of their logarithm.

    Attributes
    ----------
    center, scale : ndarray of shape (n_targets,)
        Mean and standard deviation of values or logarithms, float64; the scale is positive.
    least : ndarray of shape (n_targets,)
        Smallest value of which the logarithm is taken; 0 for targets whose logarithm is not.
    """

    center: np.ndarray
    scale: np.ndarray
    least: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, logs: np.ndarray | None = None) -> TargetScaling:
        """Measure each target.

        Parameters
        ----------
        values : ndarray of shape (n_timepoints, n_targets)
            Targets; NaN where missing.
        logs : boolean ndarray of shape (n_targets,), optional
            Targets of which the logarithm is scaled, all of whose values are positive.
        """
        n_targets = values.shape[1]
        logs = np.zeros(n_targets, dtype=bool) if logs is None else logs
        parts = [column[~np.isnan(column)][:, None] for column in values.T]
        parts = [part if len(part) else np.ones((1, 1)) for part in parts]
        least = [_LEAST * part.min() if log else 0.0 for part, log in zip(parts, logs, strict=True)]
        parts = [np.log(part) if log else part for part, log in zip(parts, logs, strict=True)]
        each = [Scaling.of(part, np.ones(len(part))) for part in parts]
        center, scale = (
            np.concatenate([np.atleast_1d(getattr(one, name)) for one in each])
            for name in ("center", "scale")
        )
        return cls(center, scale, np.array(least))

    @classmethod
    def identity(cls, n_targets: int) -> TargetScaling:
        """Return the map that leaves targets as they are."""
        return cls(np.zeros(n_targets), np.ones(n_targets), np.zeros(n_targets))

    @property
    def logs(self) -> np.ndarray:
        """Targets of which the logarithm is scaled: (n_targets,)."""
        return self.least > 0

    def stretched(self, ratio: np.ndarray) -> TargetScaling:
        """Return the map with scales multiplied by ratios, (n_targets,)."""
        return replace(self, scale=self.scale * ratio)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values of shape (..., n_targets), float32; NaN stays NaN.

        Raises
        ------
        ValueError
            If a value is too far from the others for float32.
        """
        precise = self.precise(values)
        largest = np.nanmax(np.abs(precise), initial=0.0)
        if largest > _LARGEST:
            raise ValueError(
                f"y has a value {largest:.3g} times as far from the others as they are from each "
                "other, too far for float32; give values in the units of the fit."
            )
        return precise.astype(np.float32)

    def precise(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values of shape (..., n_targets), float64; NaN stays NaN."""
        logs = self.logs
        if logs.any():
            positive = np.maximum(values, np.where(logs, self.least, 1.0))
            values = np.where(logs, np.log(positive), values)
        return (values - self.center) / self.scale

    def reverse(self, values: np.ndarray) -> np.ndarray:
        """Return values of shape (..., n_targets) in the units of the targets, float64."""
        values = values.astype(np.float64) * self.scale + self.center
        if not self.logs.any():
            return values
        return np.where(self.logs, np.exp(np.minimum(values, _MOST_LOG)), values)
