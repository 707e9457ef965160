"""Zero-shot forecasts of a panel: quantiles of pretrained attention, nothing fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import norm

from skconvattn.forecasting.predicting import PanelForecast
from skconvattn.forecasting.preparing import attended_seasons
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.covariates import CovariateEncoder
from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.series.timeline import Timeline
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.pretrained_network import pretrained_network


@dataclass(frozen=True, eq=False)
class ZeroShotFit:
    """What zero-shot forecasts are made from beside the series.

    Attributes
    ----------
    channels : Channels
        Time stamps of the series; no covariates.
    pretrained : Pretrained
        The network and its season.
    lower, upper : float
        Bounds of forecasts in units of ``y``.
    """

    channels: Channels
    pretrained: Pretrained
    lower: float = -np.inf
    upper: float = np.inf

    @classmethod
    def of(
        cls, panel: Panel, seasonal_period: Any, lower: float | None, upper: float | None
    ) -> ZeroShotFit:
        """Take a panel on its own scale.

        Parameters
        ----------
        panel : Panel
            Series.
        seasonal_period : int, sequence of int or "auto"
            Time steps of a season, as for the forecasters.
        lower, upper : float or None
            Bounds of forecasts; None for none.
        """
        channels = Channels(
            encoder=CovariateEncoder(),
            n_targets=panel.n_targets,
            mixed=False,
            has_missing=False,
            cycle=0,
            timeline=Timeline.of(panel.longest.y.index),
        )
        return cls(
            channels,
            Pretrained(attended_seasons(seasonal_period, panel)),
            lower=-np.inf if lower is None else float(lower),
            upper=np.inf if upper is None else float(upper),
        )

    def finetuned(self, panel: Panel, n_ahead: int, epochs: int) -> ZeroShotFit:
        """Train the network on the series of a panel for some epochs, where that pays.

        Parameters
        ----------
        panel : Panel
            Series on their own scale.
        n_ahead : int
            Steps ahead that forecasts are wanted for.
        epochs : int
            Epochs, at least 1.
        """
        # Training, which loads a backend, is for those who ask for it.
        from skconvattn.members.finetuning import finetuned

        series = [column for history in panel.histories for column in history.trusted.T]
        return replace(self, pretrained=finetuned(self.pretrained, series, n_ahead, epochs))

    @property
    def period(self) -> int:
        """Time steps of the shortest season."""
        return self.pretrained.periods[0]

    @property
    def pretrained_member(self) -> Pretrained:
        """Pretrained attention."""
        return self.pretrained

    @property
    def n_direct(self) -> int:
        """Steps ahead that attention is shown for: a season."""
        return self.period

    def repeated(self, panel: Panel, numbers: np.ndarray) -> ZeroShotFit:
        """Return the record for several histories of each series: nothing depends on the series."""
        return self

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Return values, in units of ``y``, within the bounds of forecasts."""
        return np.clip(values, self.lower, self.upper)


class ZeroShotForecast(PanelForecast):
    """Zero-shot forecasts of every series of a panel."""

    def _ahead(self, steps: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Forecast up to the furthest step: (n_series, n_targets, n_ahead, n_levels)."""
        n_ahead, series = int(steps.max()), []
        gaps: list[int] = []
        for history in self.panel.histories:
            for column, gap in zip(
                history.trusted.T, history.trailing_gaps(together=False), strict=True
            ):
                series.append(column[: len(column) - gap])
                gaps.append(gap)
        origins = [np.array([len(one) - 1]) for one in series]
        # Steps after the last value, of which those within a gap are not asked for.
        quantiles = np.concatenate(self._quantiles(series, origins, n_ahead + max(gaps), levels))
        rows = np.array(gaps)[:, None] + np.arange(n_ahead)
        quantiles = quantiles[np.arange(len(rows))[:, None], rows]
        return quantiles.reshape(len(steps), self.panel.n_targets, *quantiles.shape[1:])

    def _fill_in_sample(self, steps: np.ndarray, levels: np.ndarray, scaled: np.ndarray) -> None:
        """Forecast in-sample steps, each one step ahead of the window before it, in place."""
        for i, positions, past in self.in_sample_positions(steps):
            for target, column in enumerate(self.panel.histories[i].observed.T):
                # Before the first value, the series may be anything that it has been.
                typical = np.array([np.nanmedian(column)])
                origins = [positions - 1, np.zeros(1, dtype=int)]
                found, first = self._quantiles([column, typical], origins, 1, levels)
                found = np.where(positions[:, None, None] == 0, first, found)
                scaled[i, past, target] = found[:, 0]

    def _quantiles(
        self,
        series: list[np.ndarray],
        origins: list[np.ndarray],
        n_ahead: int,
        levels: np.ndarray,
    ) -> list[np.ndarray]:
        """Forecast, and interpolate between levels on the scale of normal deviates."""
        known = norm.ppf(pretrained_network().levels)
        return [
            _interpolated(norm.ppf(levels), known, found)
            for found in self.fitted.pretrained.quantiles_at(series, origins, n_ahead)
        ]


def _interpolated(wanted: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate values at known deviates, (..., n_known), linearly, beyond the ends as well."""
    left = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    share = (wanted - known[left]) / (known[left + 1] - known[left])
    return values[..., left] * (1 - share) + values[..., left + 1] * share
