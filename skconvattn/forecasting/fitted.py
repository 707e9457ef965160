"""The record of a fit: a trained model with all that its forecasts and intervals need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from skconvattn.engine import FittedModel
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.series.channels import Channels
from skconvattn.forecasting.series.history import Panel
from skconvattn.forecasting.series.windowing import WindowSpec
from skconvattn.intervals import IntervalModel
from skconvattn.members.combination import MEMBERS, Combination
from skconvattn.members.pretrained import Pretrained
from skconvattn.members.series_maps import SeriesMaps
from skconvattn.networks import HorizonHead


@dataclass(frozen=True, eq=False)
class Beside:
    """Forecasts of the univariate members that a model is averaged with.

    Attributes
    ----------
    forecasts : ndarray of shape (n, n_ahead)
        On the scale of the network.
    shares : ndarray of shape (n,)
        Share of each in the average.
    """

    forecasts: np.ndarray
    shares: np.ndarray

    def repeated(self, times: int) -> Beside:
        """Return all forecasts several times, one copy after the other."""
        return Beside(np.tile(self.forecasts, (times, 1)), np.tile(self.shares, times))


@dataclass(frozen=True, eq=False)
class FittedForecast:
    """All that forecasts are made from, except the histories of the series.

    Attributes
    ----------
    model : FittedModel
        Trained weights.
    intervals : IntervalModel
        Interval model of the series that are forecast.
    window : WindowSpec
        Window and horizon.
    channels : Channels
        Channels of the network's input.
    period : int
        Time steps of a season.
    history : dict of str to list of float
        Losses by epoch.
    best_loss : float
        Loss of the weights that were kept, before they were trained on the held-out part.
    n_epochs : int
        Epochs of training behind the model; 0 where training did not help.
    network : float
        Share of the trained network in the model; what training began with has the rest.
    lower, upper : float
        Bounds of forecasts in units of ``y``.
    noise_factor : float
        Factor by which series are rescaled by noise; 0 where standard deviations are the scale.
    maps : SeriesMaps or None
        Corrections of the forecasts of the model, by series.
    combination : Combination or None
        Weights of the model and of the univariate members.
    """

    model: FittedModel
    intervals: IntervalModel
    window: WindowSpec
    channels: Channels
    period: int
    history: dict[str, Any]
    best_loss: float
    n_epochs: int = 0
    network: float = 1.0
    lower: float = -np.inf
    upper: float = np.inf
    noise_factor: float = 0.0
    maps: SeriesMaps | None = None
    combination: Combination | None = None

    @property
    def head(self) -> HorizonHead:
        """The head of the model."""
        return cast(HorizonHead, self.model.spec.head)

    @property
    def n_future(self) -> int:
        """Number of channels of future covariates."""
        return self.head.n_known

    @property
    def pretrained_member(self) -> Pretrained | None:
        """Pretrained attention, if any forecast is made of it."""
        if self.combination is None:
            return None
        univariate, shares = self.combination.univariate, self.combination.shares
        return univariate.pretrained if (shares * univariate.shares).any() else None

    @property
    def n_direct(self) -> int:
        """Steps ahead that are forecast directly."""
        return self.window.horizon

    def on(self, panel: Panel) -> FittedForecast:
        """Return the record for the series of a panel, some of which may be new or longer."""
        return replace(self, intervals=self.intervals.on(panel.keys, panel.targets))

    def repeated(self, panel: Panel, numbers: np.ndarray) -> FittedForecast:
        """Return the record for several histories of each series.

        Parameters
        ----------
        panel : Panel
            Histories, under the names of their series.
        numbers : ndarray of shape (n_histories,)
            Index of the series of each history in the panel of the fit.
        """
        found = self.on(panel)
        if found.combination is None:
            return found
        rows = (numbers[:, None] * panel.n_targets + np.arange(panel.n_targets)).ravel()
        return replace(found, combination=found.combination.of(panel.keys, rows))

    def beside(self, panel: Panel, n_ahead: int) -> Beside | None:
        """Forecast a panel by the univariate members; None where they have no share.

        Parameters
        ----------
        panel : Panel
            Series up to their ends.
        n_ahead : int
            Steps after the last value of each target.
        """
        found = self.combination
        if found is None or not found.shares.any():
            return None
        univariate = UnivariateTargets.of(panel, found.univariate, mixed=self.channels.mixed)
        return Beside(univariate.ahead(n_ahead), found.shares)

    def beside_past(
        self, panel: Panel, number: np.ndarray, origins: np.ndarray, n_ahead: int
    ) -> Beside | None:
        """Forecast by the univariate members from past origins; None where they have no share.

        Parameters
        ----------
        panel : Panel
            Series up to their ends.
        number : ndarray of shape (n,)
            Index of the target of each forecast.
        origins : ndarray of shape (n,)
            Position of the last value before each forecast.
        n_ahead : int
            Steps ahead.
        """
        found = self.combination
        if found is None or not found.shares.any():
            return None
        univariate = UnivariateTargets.of(panel, found.univariate, mixed=self.channels.mixed)
        return Beside(univariate.at(number, origins, n_ahead), found.shares[number])

    def bounded(self, values: np.ndarray) -> np.ndarray:
        """Return values, in units of ``y``, within the bounds of forecasts."""
        return np.clip(values, self.lower, self.upper)

    def weights(self, panel: Panel) -> pd.DataFrame:
        """Return what the forecast of each target of each series of a panel is made of.

        Returns
        -------
        pandas.DataFrame of shape (n_series * n_targets, 5)
            Weights of "smoothing", "log smoothing", "pretrained", "linear" and "network", with a
            sum of one per row. Rows are named by the series, and by the target where there are
            several.
        """
        n_rows = len(panel.keys) * panel.n_targets
        smoothing, logs, pretrained = np.zeros((3, n_rows))
        if self.combination is not None:
            shares, univariate = self.combination.shares, self.combination.univariate
            pretrained = shares * univariate.shares
            logs = (shares - pretrained) * univariate.log_shares
            smoothing = shares - pretrained - logs
        network, rest = np.full(n_rows, self.network), 1.0 - smoothing - logs - pretrained
        if self.maps is not None:
            index = self.maps.of(panel.keys, panel.n_targets)
            network *= [self.maps.kept_share(position) for position in index]
        network *= rest
        values = np.stack([smoothing, logs, pretrained, rest - network, network], axis=1)
        values += 0.0  # no negative zeros
        return pd.DataFrame(values, index=target_names(panel), columns=list(MEMBERS))

    def effects(self, panel: Panel) -> pd.DataFrame:
        """Return what future covariates add to each target of each series of a panel.

        Returns
        -------
        pandas.DataFrame of shape (n_series * n_targets, n_channels + 1)
            Effects of one more unit of a covariate, of a category against none, or of a calendar
            feature: in units of the target, or as a share of it where "proportional", the last
            column, says so. Zeros where none were supported.
        """
        encoder = self.channels.encoder
        scaling = encoder.future_scaling
        scale = np.ones(encoder.n_future_channels) if scaling is None else scaling.scale
        rows = []
        for history in panel.histories:
            effects = history.effects
            found = np.zeros((len(scale), panel.n_targets))
            kinds = np.zeros(panel.n_targets, dtype=bool)
            if effects is not None:
                found, kinds = effects.coefficients / scale[:, None], effects.proportional
            values = np.where(kinds, np.expm1(found), found).T
            rows.append(pd.DataFrame(values, columns=list(encoder.future_names)))
            rows[-1]["proportional"] = kinds
        return pd.concat(rows).set_axis(target_names(panel))

    def map_index(self, panel: Panel) -> np.ndarray | None:
        """Return the index of the map of each target of a panel; None if there are no maps."""
        return None if self.maps is None else self.maps.of(panel.keys, panel.n_targets)

    def ahead(
        self,
        windows: np.ndarray,
        future: np.ndarray,
        map_index: np.ndarray | None = None,
        beside: Beside | None = None,
        predict: Callable[[list[np.ndarray]], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Forecast the steps after windows, one horizon at a time, each from the forecasts before.

        Parameters
        ----------
        windows : ndarray of shape (n_series * n_targets, window_length, n_channels)
            Windows, the targets of a series one after the other; float32.
        future : ndarray of shape (n_series * n_targets, n_steps, n_future)
            Channels of future covariates.
        map_index : ndarray of shape (n_series * n_targets,), optional
            Index of the map of each window, see :meth:`map_index`.
        beside : Beside, optional
            Forecasts of the univariate members, see :meth:`beside`.
        predict : callable, optional
            From inputs to outputs of the model; ``predict`` of the model by default.

        Returns
        -------
        ndarray of shape (n_series * n_targets, n_steps, n_values)
            Outputs on the scale of the network, float64.
        """
        predict = self.model.predict if predict is None else predict
        n_steps, horizon, length = future.shape[1], self.window.horizon, self.window.length
        blocks = []
        for start in range(0, n_steps, horizon):
            part = future[:, start : start + horizon]
            covariates = np.zeros((len(windows), horizon, future.shape[2]), dtype=np.float32)
            covariates[:, : part.shape[1]] = part
            block = self._corrected(predict(self.inputs(windows, covariates)), windows, map_index)
            if beside is not None:
                block = self.mixed(block, beside, start)
            blocks.append(block)
            if start + horizon < n_steps:
                # Past covariates keep their last values; indicators of missing values are zero.
                rows = np.repeat(windows[:, -1:], horizon, axis=1)
                self.channels.seen_next(rows, self.head.output.point(block), covariates)
                windows = np.concatenate([windows, rows], axis=1)[:, -length:]
        return np.concatenate(blocks, axis=1)[:, :n_steps].astype(np.float64)

    def in_sample(self, array: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the windows before past steps, and the future covariates of their horizons.

        Windows that reach back before the series repeat its first value; the very first step has a
        window of zeros, the mean.

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
        future : ndarray of shape (n_steps, horizon, n_future)
            Float32.
        """
        length, horizon = self.window.length, self.window.horizon
        after = np.zeros((horizon, array.shape[1]), dtype=np.float32)
        padded = np.concatenate([np.repeat(array[:1], length, axis=0), array, after])
        rows = padded[steps[:, None] + np.arange(length + horizon)]
        windows, future = rows[:, :length], rows[:, length:, array.shape[1] - self.n_future :]
        windows[steps == 0, :, 0] = 0.0
        return windows, future

    def one_step(
        self,
        windows: np.ndarray,
        future: np.ndarray,
        map_index: np.ndarray | None,
        beside: Beside | None = None,
    ) -> np.ndarray:
        """Forecast the first step after each window: (n_windows, n_values), float64."""
        outputs = self.model.predict(self.inputs(windows, future))
        outputs = self._corrected(outputs, windows, map_index)[:, :1]
        if beside is not None:
            outputs = self.mixed(outputs, beside, 0)
        return outputs[:, 0].astype(np.float64)

    def inputs(self, windows: np.ndarray, future: np.ndarray) -> list[np.ndarray]:
        """Return the inputs of the model."""
        return [windows, future] if self.n_future else [windows]

    def _corrected(
        self, outputs: np.ndarray, windows: np.ndarray, map_index: np.ndarray | None
    ) -> np.ndarray:
        """Return outputs corrected by the maps of their series: (n, horizon, n_values)."""
        if self.maps is None or map_index is None:
            return outputs
        point = self.head.output.point(outputs)
        added = self.maps.correction(windows, point, map_index, self.head.normalization)
        return outputs + added[..., None]

    def mixed(self, outputs: np.ndarray, beside: Beside, start: int) -> np.ndarray:
        """Average outputs with forecasts of the univariate members from a step on, in float64.

        All values of a step are moved alike.
        """
        outputs = outputs.astype(np.float64)
        ahead = beside.forecasts[:, start : start + outputs.shape[1]]
        point = self.head.output.point(outputs)[:, : ahead.shape[1]]
        outputs[:, : ahead.shape[1]] += (beside.shares[:, None] * (ahead - point))[..., None]
        return outputs


def target_names(panel: Panel) -> pd.Index:
    """Return the names of all targets of all series."""
    columns = panel.first.y.columns
    if panel.keys == ((),):
        return pd.Index(columns)
    rows = [(*key, column) for key in panel.keys for column in columns]
    index = pd.MultiIndex.from_tuples(
        rows, names=[*panel.names[:-1], None] if panel.names else None
    )
    return index.droplevel(-1) if len(columns) == 1 else index


def last_window(array: np.ndarray, length: int) -> np.ndarray:
    """Return the last rows of an array, the first one repeated in front where it is short."""
    if len(array) >= length:
        return array[-length:]
    return np.concatenate([np.repeat(array[:1], length - len(array), axis=0), array])
