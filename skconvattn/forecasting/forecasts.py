"""From a trained model and histories to quantiles, for all series in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from skconvattn.engine import FittedModel
from skconvattn.forecasting.calibration import (
    Calibration,
    ConformalQuantiles,
    noise_scale,
)
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.series.windowing import Cut
from skconvattn.forecasting.series_maps import SeriesMaps
from skconvattn.forecasting.series_spreads import SeriesSpreads
from skconvattn.networks import HorizonHead, PointOutput


@dataclass(frozen=True, eq=False)
class Learned:
    """All that a fit learns.

    Attributes
    ----------
    model : FittedModel
        Trained weights.
    calibration : ResidualQuantiles or ConformalQuantiles
        Of the intervals.
    cut : Cut
        Window and horizon.
    channels : Channels
        What the network sees.
    period : int
        Time steps of a season.
    history : dict of str to list of float
        Losses by epoch.
    best_loss : float
        Loss of the weights that were kept, before they were trained on the held-out part.
    noise_factor : float
        By which series are scaled by their noise; 0 where they are by their deviation.
    locality : float
        How far the noise scale of a window is its own.
    maps : SeriesMaps or None
        What each series adds to the forecasts of the model.
    spreads : SeriesSpreads or None
        How large the errors of each series are for its noise scale.
    """

    model: FittedModel
    calibration: Calibration
    cut: Cut
    channels: Channels
    period: int
    history: dict[str, Any]
    best_loss: float
    noise_factor: float = 0.0
    locality: float = 0.0
    maps: SeriesMaps | None = None
    spreads: SeriesSpreads | None = None

    def ahead(
        self,
        windows: np.ndarray,
        known: np.ndarray,
        places: np.ndarray | None = None,
        predict: Callable[[list[np.ndarray]], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Forecast the steps after windows, the horizon at a time, each from the ones before.

        Parameters
        ----------
        windows : ndarray of shape (n_series * n_targets, window_length, n_channels)
            The targets of a series one after the other; float32.
        known : ndarray of shape (n_series * n_targets, n_steps, n_known)
            Channels known ahead.
        places : ndarray of shape (n_series * n_targets,), optional
            Which of the maps corrects each, see :meth:`places_of`.
        predict : callable, optional
            From inputs to outputs of the model; its predictions by default.

        Returns
        -------
        ndarray of shape (n_series * n_targets, n_steps, n_levels)
            On the scale of the network, float64.
        """
        predict = self.model.predict if predict is None else predict
        n_steps, horizon, length = known.shape[1], self.cut.horizon, self.cut.window_length
        n_known = known.shape[2]
        blocks = []
        for start in range(0, n_steps, horizon):
            future = np.zeros((len(windows), horizon, n_known), dtype=np.float32)
            part = known[:, start : start + horizon]
            future[:, : part.shape[1]] = part
            block = predict(self.inputs(windows, future))
            if self.maps is not None and places is not None:
                block = block + self._correction(windows, block, places)[..., None]
            blocks.append(block)
            if start + horizon < n_steps:
                # Past regressors stay where they were; marks of missing values are off.
                rows = np.repeat(windows[:, -1:], horizon, axis=1)
                middle = self.head.output.point(block)
                self.channels.seen_next(rows, middle, future)
                windows = np.concatenate([windows, rows], axis=1)[:, -length:]
        return np.concatenate(blocks, axis=1)[:, :n_steps].astype(np.float64)

    def inside(self, array: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return windows before past steps, and what is known over their horizon.

        Windows that reach back before the series repeat its first value; the first step of all
        has a window of zeros, the mean.

        Parameters
        ----------
        array : ndarray of shape (n_timepoints, n_channels)
            Channels of a target.
        steps : ndarray of shape (n_steps,)
            Positions in the array, from 0.

        Returns
        -------
        windows : ndarray of shape (n_steps, window_length, n_channels)
            Float32.
        future : ndarray of shape (n_steps, horizon, n_known)
            Float32.
        """
        length, horizon = self.cut.window_length, self.cut.horizon
        after = np.zeros((horizon, array.shape[1]), dtype=np.float32)
        padded = np.concatenate([np.repeat(array[:1], length, axis=0), array, after])
        rows = padded[steps[:, None] + np.arange(length + horizon)]
        windows, future = rows[:, :length], rows[:, length:, array.shape[1] - self.n_known :]
        windows[steps == 0, :, 0] = 0.0
        return windows, future

    def one_step(
        self, windows: np.ndarray, future: np.ndarray, places: np.ndarray | None
    ) -> np.ndarray:
        """Forecast the first step after each window: (n_windows, n_levels), float64."""
        outputs = self.model.predict(self.inputs(windows, future))
        if self.maps is not None and places is not None:
            outputs = outputs + self._correction(windows, outputs, places)[..., None]
        return np.asarray(outputs[:, 0], dtype=np.float64)

    def places_of(self, panel: Panel) -> np.ndarray | None:
        """Return which of the maps corrects each target of a panel; None if there are no maps."""
        return None if self.maps is None else self.maps.of(panel.keys, panel.n_targets)

    def spreads_in(self, panel: Panel) -> np.ndarray:
        """Return the factor of the noise scale of each target of a panel."""
        if self.spreads is None:
            return np.ones(len(panel.keys) * panel.n_targets)
        return self.spreads.of(panel.keys, panel.n_targets)

    def _correction(
        self, windows: np.ndarray, outputs: np.ndarray, places: np.ndarray
    ) -> np.ndarray:
        assert self.maps is not None
        middle = self.head.output.point(outputs)
        return self.maps.correction(windows, middle, places, self.head.normalization)

    def scales(self, windows: np.ndarray, overall: np.ndarray, spreads: np.ndarray) -> np.ndarray:
        """Return the noise scale of windows: (n,).

        Parameters
        ----------
        windows : ndarray of shape (n, window_length, n_channels)
            Windows.
        overall : ndarray of shape (n,)
            Mean change in all data of their series.
        spreads : ndarray of shape (n,)
            How large the errors of their series are for it.
        """
        return spreads * noise_scale(windows[..., 0], self.period, overall, self.locality)

    def quantiles(
        self, outputs: np.ndarray, scales: np.ndarray, steps: np.ndarray, levels: np.ndarray
    ) -> np.ndarray:
        """Turn outputs of the network into quantiles.

        Parameters
        ----------
        outputs : ndarray of shape (n, n_outputs)
            One row a forecast.
        scales : ndarray of shape (n,)
            Noise scale of the window that each was made from.
        steps : ndarray of shape (n,)
            Steps ahead, from 1.
        levels : ndarray of shape (n_levels,)
            Quantile levels.

        Returns
        -------
        ndarray of shape (n, n_levels)
            On the scale of the network, float64.
        """
        output = self.head.output
        if isinstance(output, PointOutput):
            assert not isinstance(self.calibration, ConformalQuantiles)
            return outputs + scales[:, None] * self.calibration.offsets(levels, steps)
        if isinstance(self.calibration, ConformalQuantiles):
            outputs = self.calibration.applied(outputs, scales)
        return output.quantiles(outputs, levels)

    def inputs(self, windows: np.ndarray, future: np.ndarray) -> list[np.ndarray]:
        """Return what the model takes."""
        return [windows, future] if self.n_known else [windows]

    @property
    def head(self) -> HorizonHead:
        """The head of the model."""
        return cast(HorizonHead, self.model.spec.head)

    @property
    def n_known(self) -> int:
        """Channels known ahead."""
        return self.head.n_known


def last_window(array: np.ndarray, length: int) -> np.ndarray:
    """Return the last rows of an array, the first one repeated in front where it is short."""
    if len(array) >= length:
        return array[-length:]
    return np.concatenate([np.repeat(array[:1], length - len(array), axis=0), array])
