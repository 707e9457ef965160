"""What each series adds to the forecasts of a model of all: a linear map of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.forecasting.linear_start import (
    LONGEST_WINDOW,
    centre_of,
    mixing_shares,
    one_blas_thread,
    thinned,
)
from skconvattn.networks import HorizonHead

# Penalties on the map, in units of the mean eigenvalue.
_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_N_BLOCKS = 4
_FEWEST_WINDOWS = 8
# Windows whose forecasts are made at a time.
_AT_ONCE = 16384


@dataclass(frozen=True, eq=False)
class SeriesMaps:
    r"""Linear maps that correct a model of many series, one a series.

    A model of many series has one map from window to horizon for all. What it leaves of one of
    them, :math:`r = u - f(z)` with centred windows :math:`z`, is regressed on its own windows,

    .. math:: D = \sum_k a_k \arg\min_D \sum_w \lVert r_w - D^\top z_w \rVert^2
                  + \lambda_k \lVert D \rVert^2,

    with weights :math:`a_k` that fall with the absolute error on blocks of windows left out in
    turn, a horizon to both sides of them left out as well. No correction at all is among the
    candidates: a series that tells little beyond the others keeps their forecast.

    Attributes
    ----------
    keys : tuple of tuple
        Names of the series; one empty tuple for a single series of several targets.
    places : ndarray of shape (n_series * n_targets,)
        Row in ``kernels`` of each target; -1 for none.
    kernels : ndarray of shape (n_maps, window_length, horizon)
        Maps, float32.
    """

    keys: tuple[tuple[Any, ...], ...]
    places: np.ndarray
    kernels: np.ndarray

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

    def correction(
        self, windows: np.ndarray, places: np.ndarray, normalization: str | None
    ) -> np.ndarray:
        """Return what is added to forecasts.

        Parameters
        ----------
        windows : ndarray of shape (n, window_length, n_channels)
            Windows, of which the first channel is the target.
        places : ndarray of shape (n,)
            Map of each; -1 for none.
        normalization : str or None
            How the network centres windows.

        Returns
        -------
        ndarray of shape (n, horizon)
            On the scale of the network, float32.
        """
        added = np.zeros((len(windows), self.kernels.shape[2]), dtype=np.float32)
        for place in np.unique(places[places >= 0]):
            rows = places == place
            # Double precision, so that the number of rows does not show.
            window = windows[rows, :, 0].astype(np.float64)
            added[rows] = (window - centre_of(window, normalization)) @ self.kernels[place]
        return added


def fitted_maps(
    model: FittedModel,
    windows: Windows,
    chosen: np.ndarray,
    series: np.ndarray,
    keys: tuple[tuple[Any, ...], ...],
    n_targets: int,
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

    Returns
    -------
    SeriesMaps
        The maps.
    """
    head = cast(HorizonHead, model.spec.head)
    places = np.full(len(keys) * n_targets, -1)
    kernels: list[np.ndarray] = []
    if windows.window_length <= LONGEST_WINDOW:
        for number, indices in _groups(chosen, series):
            for one, part in zip(number, _left(model, head, windows, indices), strict=True):
                kernel = _kernel(*part)
                if kernel is not None:
                    places[one] = len(kernels)
                    kernels.append(kernel)
    shape = (0, windows.window_length, head.horizon)
    stacked = np.stack(kernels) if kernels else np.zeros(shape, dtype=np.float32)
    return SeriesMaps(keys, places, stacked)


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


def _left(
    model: FittedModel, head: HorizonHead, windows: Windows, groups: list[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Return starts, centred windows, what the model leaves, and where it is known, by series."""
    indices = np.concatenate(groups)
    inputs, targets, present = windows.batch(indices)
    outputs = model.predict(inputs)
    forecasts = outputs[..., outputs.shape[-1] // 2].astype(np.float64)
    left = np.where(present > 0, targets[..., 0] - forecasts, 0.0)
    window = inputs[0][..., 0].astype(np.float64)
    centred = window - centre_of(window, head.normalization)
    ends = np.cumsum([len(group) for group in groups])[:-1]
    parts = [np.split(each, ends) for each in (windows.starts[indices], centred, left, present)]
    return list(zip(*parts, strict=True))


def _kernel(
    starts: np.ndarray, window: np.ndarray, left: np.ndarray, present: np.ndarray
) -> np.ndarray | None:
    """Return the map of one series, (window_length, horizon), or None where it has none."""
    horizon = left.shape[1]
    errors = dict.fromkeys((*_PENALTIES, np.inf), 0.0)
    with one_blas_thread():
        gram, cross = window.T @ window, window.T @ left
        unit = max(float(np.trace(gram)) / len(gram), np.finfo(np.float64).tiny)
        for block in np.array_split(np.arange(len(starts)), _N_BLOCKS):
            # Targets of the windows that are learned from lie before or after those left out.
            near = slice(
                int(np.searchsorted(starts, starts[block[0]] - horizon, side="right")),
                int(np.searchsorted(starts, starts[block[-1]] + horizon, side="left")),
            )
            if len(starts) - (near.stop - near.start) < _FEWEST_WINDOWS:
                continue
            learned = gram - window[near].T @ window[near], cross - window[near].T @ left[near]
            for penalty in errors:
                kernel = _ridge(*learned, penalty * unit)
                rest = left[block] - window[block] @ kernel
                errors[penalty] += float((np.abs(rest) * present[block]).sum())
        if not any(errors.values()):
            return None
        kernel = np.zeros_like(cross)
        for penalty, share in mixing_shares(errors).items():
            kernel += share * _ridge(gram, cross, penalty * unit)
    return kernel.astype(np.float32) if kernel.any() else None


def _ridge(gram: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """Return the ridge regression, (window_length, horizon); zero for an infinite penalty."""
    if np.isinf(penalty):
        return np.zeros_like(cross)
    from scipy.linalg import solve

    with_penalty = gram + penalty * np.eye(len(gram))
    return np.asarray(solve(with_penalty, cross, assume_a="pos", check_finite=False))
