"""Corrections of a panel's shared model for single series: one linear map per series."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, cast

import joblib
import numpy as np

from skconvattn._normalization import normalization_of
from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.members.ridge import (
    FEWEST_WINDOWS,
    LONGEST_WINDOW,
    N_BLOCKS,
    PENALTIES,
    RidgeTask,
    blocks_left_out,
    mixing_shares,
    one_blas_thread,
    thinned,
)
from skconvattn.members.simple import NOT_SEASONAL, SEASONAL, simple_forecasts
from skconvattn.networks import HorizonHead

# A single series has fewer windows than a panel, so weak and very strong penalties are left out.
_PENALTIES = (*PENALTIES[1:4], np.inf)
# Most windows whose forecasts are made in one call.
_AT_ONCE = 16384


@dataclass(frozen=True, eq=False)
class SeriesMaps:
    r"""Linear maps that correct a model of many series, one per series.

    A model of many series has one map from window to horizon for all. The forecast of a single
    series is corrected to a weighted mean of ridge regressions, with departures from the forecast
    :math:`f(z)` of the model and from simple forecasts :math:`P_j^\top z`, such as the mean season.
    With centred windows :math:`z` and targets :math:`u` of the series, the forecast is

    .. math:: a_0 f(z) + D^\top z, \qquad
              D = \sum_k a_{0k} D_{0k} + \sum_{jk} a_{jk} (P_j + D_{jk}), \qquad
              D_{jk} = \arg\min_D \sum_w \lVert u_w - P_j^\top z_w - D^\top z_w \rVert^2
                       + \lambda_k \lVert D \rVert^2.

    Weights fall with the absolute error on blocks of windows left out in turn, a horizon before
    and after them left out as well. The forecasts themselves, with an infinite penalty, are among
    the candidates: a series whose windows explain little beyond the model keeps its forecast.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series; one empty tuple for a single series of several targets.
    positions : ndarray of shape (n_series * n_targets,)
        Index in ``kernels`` of the map of each target; -1 for none.
    kernels : ndarray of shape (n_maps, window_length, horizon)
        Maps :math:`D`, float32.
    shares : ndarray of shape (n_maps, n_candidates)
        Weights, those of the model's own forecast first.
    """

    keys: tuple[tuple[Any, ...], ...]
    positions: np.ndarray
    kernels: np.ndarray
    shares: np.ndarray

    def of(self, keys: Sequence[tuple[Any, ...]], n_targets: int) -> np.ndarray:
        """Return the index of the map of each target of some series.

        Parameters
        ----------
        keys : sequence of tuple
            Names of series, some of which may be new.
        n_targets : int
            Number of targets per series.

        Returns
        -------
        ndarray of shape (n_series * n_targets,)
            Indices in ``kernels``; -1 where there is no map.
        """
        by_key = dict(zip(self.keys, self.positions.reshape(len(self.keys), -1), strict=True))
        none = np.full(n_targets, -1)
        return np.concatenate([by_key.get(key, none) for key in keys])

    def shares_of(self, target: int) -> np.ndarray | None:
        """Return the weights of a target by its index; None where it has no map."""
        position = self.positions[target]
        return None if position < 0 else self.shares[position]

    def kept_share(self, position: int) -> float:
        """Return the weight of the model's own forecast in that of a series.

        Parameters
        ----------
        position : int
            Index of the map of the series; -1 for none.
        """
        return 1.0 if position < 0 else float(self.shares[position, : len(_PENALTIES)].sum())

    def correction(
        self,
        windows: np.ndarray,
        forecasts: np.ndarray,
        positions: np.ndarray,
        normalization: str | None,
    ) -> np.ndarray:
        """Return the corrections that are added to forecasts.

        Parameters
        ----------
        windows : ndarray of shape (n, window_length, n_channels)
            Windows, of which the first channel is the target.
        forecasts : ndarray of shape (n, horizon)
            Forecasts of the model.
        positions : ndarray of shape (n,)
            Index of the map of each window; -1 for none.
        normalization : str or None
            Normalisation of the network, by which windows are centred.

        Returns
        -------
        ndarray of shape (n, horizon)
            Corrections on the scale of the network, float32.
        """
        added = np.zeros(forecasts.shape, dtype=np.float32)
        for position in np.unique(positions[positions >= 0]):
            rows = positions == position
            # In double precision, results do not depend on the number of rows.
            window = windows[rows, :, 0].astype(np.float64)
            center = normalization_of(normalization).numpy_center(window)
            replaced = 1.0 - self.shares[position, : len(_PENALTIES)].sum()
            added[rows] = (window - center) @ self.kernels[position] - replaced * (
                forecasts[rows] - center
            )
        return added


def fitted_maps(
    model: FittedModel,
    windows: Windows,
    chosen: np.ndarray,
    series: np.ndarray,
    keys: tuple[tuple[Any, ...], ...],
    n_targets: int,
    before: SeriesMaps | None = None,
) -> SeriesMaps:
    """Learn the maps of series from the residuals of a model.

    Parameters
    ----------
    model : FittedModel
        Model of all series.
    windows : Windows
        Windows of all series.
    chosen : ndarray of shape (n_chosen,)
        Indices of the windows to learn from, in order of time.
    series : ndarray of shape (n_chosen,)
        Index of the series of each window, not decreasing.
    keys : tuple of tuple
        Names of the series.
    n_targets : int
        Number of targets per series, each of which counts as one series in ``series``.
    before : SeriesMaps, optional
        Maps of the same series, learned from fewer windows, of which the weights are kept.

    Returns
    -------
    SeriesMaps
        The maps.
    """
    head = cast(HorizonHead, model.spec.head)
    length = windows.window_length
    positions = np.full(len(keys) * n_targets, -1)
    kernels: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    simple = _simple(head, length)
    if length <= LONGEST_WINDOW:
        for numbers, indices in _groups(chosen, series):
            parts = _parts(model, head, windows, indices)
            known = [None if before is None else before.shares_of(number) for number in numbers]
            with one_blas_thread(), ThreadPoolExecutor(min(joblib.cpu_count(), 4)) as pool:
                learned = list(pool.map(_learned, parts, repeat(simple), known))
            for number, one in zip(numbers, learned, strict=True):
                if one is not None:
                    positions[number] = len(kernels)
                    kernels.append(one[0])
                    shares.append(one[1])
    if kernels:
        return SeriesMaps(keys, positions, np.stack(kernels), np.stack(shares))
    n_candidates = len(_PENALTIES) * (1 + len(simple))
    nothing = np.zeros((0, length, head.horizon), dtype=np.float32)
    return SeriesMaps(keys, positions, nothing, np.zeros((0, n_candidates)))


def series_task(
    window: np.ndarray,
    target: np.ndarray,
    present: np.ndarray,
    forecast: np.ndarray,
    simple: Sequence[np.ndarray],
) -> RidgeTask:
    """Return the ridge regression of one series.

    Parameters
    ----------
    window : ndarray of shape (n_windows, window_length)
        Centred windows.
    target, present, forecast : ndarray of shape (n_windows, horizon)
        Targets, one where a target was observed, and forecasts of the model; targets and forecasts
        have the same centre subtracted as the windows.
    simple : sequence of ndarray of shape (window_length, horizon)
        Maps of simple forecasts.

    Returns
    -------
    RidgeTask
        The task, of which the forecast of the model is the first base.
    """
    bases = [forecast, *(window @ each for each in simple)]
    return RidgeTask.of(window, target, present, bases, _PENALTIES)


def candidate_shares(task: RidgeTask, starts: np.ndarray) -> np.ndarray | None:
    """Return the weights of a series' candidates.

    Parameters
    ----------
    task : RidgeTask
        See :func:`series_task`.
    starts : ndarray of shape (n_windows,)
        First time step of each window, increasing.

    Returns
    -------
    ndarray of shape (n_bases, n_penalties), or None
        None where no block of time can be left out, or where all errors are zero.
    """
    sizes = [len(part) for part in np.array_split(starts, N_BLOCKS)]
    block = np.repeat(np.arange(N_BLOCKS), sizes)
    one = np.zeros(len(starts), dtype=int)
    folds = blocks_left_out(starts, one, block, task.target.shape[1])
    errors = task.left_out_errors(folds)
    return mixing_shares(errors) if errors.any() else None


def combined_map(task: RidgeTask, shares: np.ndarray, simple: Sequence[np.ndarray]) -> np.ndarray:
    """Return the map of a series for some weights: (window_length, horizon), float32."""
    kernel = task.departure(shares)
    for share, each in zip(shares[1:].sum(axis=1), simple, strict=True):
        kernel += share * each
    return kernel.astype(np.float32)


def _learned(
    part: tuple[np.ndarray, ...], simple: Sequence[np.ndarray], shares: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return map and weights, by default measured; None where they cannot be measured."""
    starts, window, target, present, forecast = part
    task = series_task(window, target, present, forecast, simple)
    shares = candidate_shares(task, starts) if shares is None else shares.reshape(task.n_bases, -1)
    return None if shares is None else (combined_map(task, shares, simple), shares.ravel())


def _simple(head: HorizonHead, length: int) -> list[np.ndarray]:
    """Return the maps of the simple forecasts among the bases: (length, horizon) each."""
    maps = simple_forecasts(length, head.horizon, head.seasonal_period)
    names = SEASONAL if SEASONAL[0] in maps else NOT_SEASONAL
    return [maps[name] for name in names]


def _groups(chosen: np.ndarray, series: np.ndarray) -> list[tuple[list[int], list[np.ndarray]]]:
    """Return groups of series with enough windows, and the windows, to forecast in one call."""
    groups: list[tuple[list[int], list[np.ndarray]]] = [([], [])]
    count = 0
    numbers, first = np.unique(series, return_index=True)
    for number, indices in zip(numbers, np.split(chosen, first[1:]), strict=True):
        kept = indices[thinned(len(indices))]
        if len(kept) < 2 * FEWEST_WINDOWS:
            continue
        if count and count + len(kept) > _AT_ONCE:
            groups.append(([], []))
            count = 0
        groups[-1][0].append(int(number))
        groups[-1][1].append(kept)
        count += len(kept)
    return [group for group in groups if group[0]]


def _parts(
    model: FittedModel, head: HorizonHead, windows: Windows, groups: list[np.ndarray]
) -> list[tuple[np.ndarray, ...]]:
    """Return starts, windows, targets, masks of observed targets and forecasts of each series."""
    indices = np.concatenate(groups)
    inputs, targets, present = windows.batch(indices)
    forecasts = head.output.point(model.predict(inputs).astype(np.float64))
    window = inputs[0][..., 0].astype(np.float64)
    center = normalization_of(head.normalization).numpy_center(window)
    arrays = (
        windows.starts[indices],
        window - center,
        targets[..., 0] - center,
        present,
        forecasts - center,
    )
    ends = np.cumsum([len(group) for group in groups])[:-1]
    return list(zip(*(np.split(each, ends) for each in arrays), strict=True))
