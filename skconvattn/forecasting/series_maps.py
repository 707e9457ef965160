"""What each series adds to the forecasts of a model of all: a linear map of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, cast

import joblib
import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.forecasting.linear_start import (
    LONGEST_WINDOW,
    centre_of,
    mixing_shares,
    one_blas_thread,
    simple_forecasts,
    thinned,
)
from skconvattn.networks import HorizonHead

# Penalties on the departure of a map from a forecast, in units of the mean eigenvalue.
_PENALTIES = (1e-2, 1e-1, 1.0, np.inf)
_N_BLOCKS = 4
_FEWEST_WINDOWS = 8
# Windows whose forecasts are made at a time.
_AT_ONCE = 16384


@dataclass(frozen=True, eq=False)
class SeriesMaps:
    r"""Linear maps that correct a model of many series, one a series.

    A model of many series has one map from window to horizon for all. The forecast of one of them
    is corrected to a weighted mean of departures from the model's, :math:`f(z)`, and from simple
    ones, :math:`P_j^\top z`, such as the mean season; :math:`z` and :math:`u` are its centred
    windows and what follows:

    .. math:: a_0 f(z) + D^\top z, \qquad
              D = \sum_k a_{0k} D_{0k} + \sum_{jk} a_{jk} (P_j + D_{jk}), \qquad
              D_{jk} = \arg\min_D \sum_w \lVert u_w - P_j^\top z_w - D^\top z_w \rVert^2
                       + \lambda_k \lVert D \rVert^2.

    Weights fall with the absolute error on blocks of windows left out in turn, a horizon to both
    sides of them left out as well. The forecasts themselves, with an infinite penalty, are among
    the candidates: a series that tells little beyond the others keeps the forecast of their model.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series; one empty tuple for a single series of several targets.
    places : ndarray of shape (n_series * n_targets,)
        Row in ``kernels`` of each target; -1 for none.
    kernels : ndarray of shape (n_maps, window_length, horizon)
        Maps :math:`D`, float32.
    shares : ndarray of shape (n_maps, n_candidates)
        Weights, those of the model's own forecast first.
    """

    keys: tuple[tuple[Any, ...], ...]
    places: np.ndarray
    kernels: np.ndarray
    shares: np.ndarray

    def of(self, keys: Sequence[tuple[Any, ...]], n_targets: int) -> np.ndarray:
        """Return the map of each target of some series.

        Parameters
        ----------
        keys : sequence of tuple
            Names of series, some of which may be new.
        n_targets : int
            Targets of each.

        Returns
        -------
        ndarray of shape (n_series * n_targets,)
            Rows in ``kernels``; -1 where there is none.
        """
        by_key = dict(zip(self.keys, self.places.reshape(len(self.keys), -1), strict=True))
        none = np.full(n_targets, -1)
        return np.concatenate([by_key.get(key, none) for key in keys])

    def shares_of(self, number: int) -> np.ndarray | None:
        """Return the weights of a target by its number; None where it has no map."""
        place = self.places[number]
        return None if place < 0 else self.shares[place]

    def correction(
        self,
        windows: np.ndarray,
        forecasts: np.ndarray,
        places: np.ndarray,
        normalization: str | None,
    ) -> np.ndarray:
        """Return what is added to forecasts.

        Parameters
        ----------
        windows : ndarray of shape (n, window_length, n_channels)
            Windows, of which the first channel is the target.
        forecasts : ndarray of shape (n, horizon)
            Of the model.
        places : ndarray of shape (n,)
            Map of each; -1 for none.
        normalization : str or None
            How the network centres windows.

        Returns
        -------
        ndarray of shape (n, horizon)
            On the scale of the network, float32.
        """
        added = np.zeros(forecasts.shape, dtype=np.float32)
        for place in np.unique(places[places >= 0]):
            rows = places == place
            # Double precision, so that the number of rows does not show.
            window = windows[rows, :, 0].astype(np.float64)
            centre = centre_of(window, normalization)
            replaced = 1.0 - self.shares[place, : len(_PENALTIES)].sum()
            added[rows] = (window - centre) @ self.kernels[place] - replaced * (
                forecasts[rows] - centre
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
    """Learn the maps of series from what a model leaves.

    Parameters
    ----------
    model : FittedModel
        Model of all series.
    windows : Windows
        Windows of all series.
    chosen : ndarray of shape (n_chosen,)
        Windows to learn from, in order of time.
    series : ndarray of shape (n_chosen,)
        Number of the series that each is of, not falling.
    keys : tuple of tuple
        Names of the series.
    n_targets : int
        Targets of each, which count as series of their own here.
    before : SeriesMaps, optional
        Of the same series, learned from fewer windows: weights are taken from there.

    Returns
    -------
    SeriesMaps
        The maps.
    """
    head = cast(HorizonHead, model.spec.head)
    length = windows.window_length
    places = np.full(len(keys) * n_targets, -1)
    kernels: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    simple = _simple(head, length)
    if length <= LONGEST_WINDOW:
        for numbers, indices in _groups(chosen, series):
            parts = _parts(model, head, windows, indices)
            known = [None if before is None else before.shares_of(number) for number in numbers]
            with one_blas_thread(), ThreadPoolExecutor(min(joblib.cpu_count(), 4)) as pool:
                learned = list(pool.map(_Part.learn, parts, repeat(simple), known))
            for number, one in zip(numbers, learned, strict=True):
                if one is not None:
                    places[number] = len(kernels)
                    kernels.append(one[0])
                    shares.append(one[1])
    if kernels:
        return SeriesMaps(keys, places, np.stack(kernels), np.stack(shares))
    n_candidates = len(_PENALTIES) * (1 + len(simple))
    nothing = np.zeros((0, length, head.horizon), dtype=np.float32)
    return SeriesMaps(keys, places, nothing, np.zeros((0, n_candidates)))


@dataclass(frozen=True, eq=False)
class _Part:
    """What one series has to learn from.

    Attributes
    ----------
    starts : ndarray of shape (n_windows,)
        First row of each window.
    window : ndarray of shape (n_windows, window_length)
        Centred.
    target, forecast : ndarray of shape (n_windows, horizon)
        Centred alike; the forecast is the model's.
    present : ndarray of shape (n_windows, horizon)
        One where there is a target, else zero.
    """

    starts: np.ndarray
    window: np.ndarray
    target: np.ndarray
    forecast: np.ndarray
    present: np.ndarray

    def learn(
        self, simple: list[np.ndarray], shares: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the map and the weights, if they are not given; None where nothing can be told."""
        shares = self.shares(simple) if shares is None else shares
        return None if shares is None else (self.kernel(simple, shares), shares)

    def shares(self, simple: list[np.ndarray]) -> np.ndarray | None:
        """Return the weight of each candidate: (n_candidates,); None where nothing can be told."""
        rest, horizon = self._rest(simple), self.target.shape[1]
        errors = np.zeros((1 + len(simple), len(_PENALTIES)))
        gram, cross = self.window.T @ self.window, self.window.T @ rest
        for block in np.array_split(np.arange(len(self.starts)), _N_BLOCKS):
            # Targets of the windows that are learned from lie before or after those left out.
            near = slice(
                int(np.searchsorted(self.starts, self.starts[block[0]] - horizon, "right")),
                int(np.searchsorted(self.starts, self.starts[block[-1]] + horizon, "left")),
            )
            if len(self.starts) - (near.stop - near.start) < _FEWEST_WINDOWS:
                continue
            window = self.window[near]
            departures = _Departures(gram - window.T @ window, cross - window.T @ rest[near])
            for i, penalty in enumerate(_PENALTIES):
                left = rest[block] - self.window[block] @ departures.at(penalty)
                absolute = np.abs(left).reshape(len(block), -1, horizon)
                errors[:, i] += (absolute * self.present[block, None]).sum(axis=(0, 2))
        if not errors.any():
            return None
        found = mixing_shares(dict(enumerate(errors.ravel())))
        return np.array([found.get(i, 0.0) for i in range(errors.size)])

    def kernel(self, simple: list[np.ndarray], shares: np.ndarray) -> np.ndarray:
        """Return the map for some weights: (window_length, horizon), float32."""
        rest, horizon = self._rest(simple), self.target.shape[1]
        weights = shares.reshape(-1, len(_PENALTIES))
        kernel = np.zeros((self.window.shape[1], horizon))
        for weight, base in zip(weights[1:].sum(axis=1), simple, strict=True):
            kernel += weight * base
        departures = _Departures(self.window.T @ self.window, self.window.T @ rest)
        for i, penalty in enumerate(_PENALTIES):
            by_base = departures.at(penalty).reshape(len(kernel), -1, horizon)
            kernel += np.einsum("lbh,b->lh", by_base, weights[:, i])
        return kernel.astype(np.float32)

    def _rest(self, simple: list[np.ndarray]) -> np.ndarray:
        """Return what the model and simple forecasts leave: (n_windows, n_bases * horizon)."""
        forecasts = [self.forecast, *(self.window @ base for base in simple)]
        return np.concatenate([(self.target - each) * self.present for each in forecasts], axis=1)


class _Departures:
    """Ridge regressions by penalty, from one eigenvalue decomposition.

    Parameters
    ----------
    gram : ndarray of shape (window_length, window_length)
        Products of windows.
    cross : ndarray of shape (window_length, n_outputs)
        Products of windows and what is to be forecast.
    """

    def __init__(self, gram: np.ndarray, cross: np.ndarray) -> None:
        values, self._vectors = np.linalg.eigh(gram)
        self._values = np.maximum(values, 0.0)
        self._unit = max(float(self._values.mean()), np.finfo(np.float64).tiny)
        self._projected = self._vectors.T @ cross

    def at(self, penalty: float) -> np.ndarray:
        """Return the map, (window_length, n_outputs); zero for an infinite penalty."""
        if np.isinf(penalty):
            return np.zeros_like(self._projected)
        shrunk = self._projected / (self._values + penalty * self._unit)[:, None]
        return np.asarray(self._vectors @ shrunk)


def _simple(head: HorizonHead, length: int) -> list[np.ndarray]:
    """Return the maps of simple forecasts: (length, horizon) each."""
    maps = simple_forecasts(head, length)
    seasonal = [maps[name] for name in ("mean season", "last season, moved") if name in maps]
    return seasonal or [maps["zero"], maps["last value"]]


def _groups(chosen: np.ndarray, series: np.ndarray) -> list[tuple[list[int], list[np.ndarray]]]:
    """Return series with enough windows, and these, as many together as are forecast at once."""
    groups: list[tuple[list[int], list[np.ndarray]]] = [([], [])]
    count = 0
    for number, indices in zip(*_split(chosen, series), strict=True):
        kept = indices[thinned(len(indices))]
        if len(kept) < 2 * _FEWEST_WINDOWS:
            continue
        if count and count + len(kept) > _AT_ONCE:
            groups.append(([], []))
            count = 0
        groups[-1][0].append(int(number))
        groups[-1][1].append(kept)
        count += len(kept)
    return [group for group in groups if group[0]]


def _split(chosen: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    numbers, first = np.unique(series, return_index=True)
    return numbers, np.split(chosen, first[1:])


def _parts(
    model: FittedModel, head: HorizonHead, windows: Windows, groups: list[np.ndarray]
) -> list[_Part]:
    """Return the part of each series."""
    indices = np.concatenate(groups)
    inputs, targets, present = windows.batch(indices)
    outputs = model.predict(inputs)
    forecasts = head.output.point(outputs.astype(np.float64))
    window = inputs[0][..., 0].astype(np.float64)
    centre = centre_of(window, head.normalization)
    arrays = (
        windows.starts[indices],
        window - centre,
        targets[..., 0] - centre,
        forecasts - centre,
        present,
    )
    ends = np.cumsum([len(group) for group in groups])[:-1]
    parts = [np.split(each, ends) for each in arrays]
    return [_Part(*part) for part in zip(*parts, strict=True)]
