"""Ridge regression towards given forecasts, weighted by errors on blocks of time left out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

# Penalties on the departure from a base forecast, in units of the mean eigenvalue.
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
N_BLOCKS = 4
# Fewest windows from which a map is learned.
FEWEST_WINDOWS = 8
# Most windows from which a map is learned; more of them change little.
MOST_WINDOWS = 4096
# Longer windows would have too many weights: only base forecasts themselves are averaged.
LONGEST_WINDOW = 512
# Power of the error: a map with 6 % more error than another has half its weight. Higher powers
# chose by chance on short series, lower ones gave too much weight to poor maps.
_SHARPNESS = 12
_FAR = 2**60

# One entry per block of one_blas_thread that is entered, and the limits to restore after the last.
_ENTERING = threading.Lock()
_entered: list[bool] = []
_limits: list[Any] = []


class RidgePath:
    r"""Ridge regressions of one problem for any penalty, from one eigenvalue decomposition.

    .. math:: D_\lambda = \arg\min_D \lVert R - Z D \rVert^2 + \lambda\,\bar\mu\,\lVert D \rVert^2

    with the mean eigenvalue :math:`\bar\mu` of :math:`Z^\top Z`.

    Parameters
    ----------
    gram : ndarray of shape (window_length, window_length)
        :math:`Z^\top Z` of windows.
    cross : ndarray of shape (window_length, n_outputs)
        :math:`Z^\top R` of windows and residuals.
    """

    def __init__(self, gram: np.ndarray, cross: np.ndarray) -> None:
        values, self._vectors = np.linalg.eigh(gram)
        self._values = np.maximum(values, 0.0)
        self._unit = max(float(self._values.mean()), np.finfo(np.float64).tiny)
        self._projected = self._vectors.T @ cross

    def at(self, penalty: float) -> np.ndarray:
        """Return the map for a finite penalty: (window_length, n_outputs)."""
        shrunk = self._projected / (self._values + penalty * self._unit)[:, None]
        return np.asarray(self._vectors @ shrunk)


@dataclass(frozen=True, eq=False)
class RidgeTask:
    """Windows, their targets, and the residuals of base forecasts, which maps are to explain.

    Attributes
    ----------
    window : ndarray of shape (n_windows, window_length)
        Centred windows, float64.
    target : ndarray of shape (n_windows, horizon)
        Targets after each window, with the same centre subtracted.
    present : ndarray of shape (n_windows, horizon)
        One where a value was observed, zero elsewhere, where residuals count as zero.
    residuals : ndarray of shape (n_windows, n_bases * horizon)
        Actual minus forecast of each base forecast.
    penalties : tuple of float
        Penalties to try, see :data:`PENALTIES`; infinite for the base forecasts themselves.
    """

    window: np.ndarray
    target: np.ndarray
    present: np.ndarray
    residuals: np.ndarray
    penalties: tuple[float, ...]

    @classmethod
    def of(
        cls,
        window: np.ndarray,
        target: np.ndarray,
        present: np.ndarray,
        bases: Iterable[np.ndarray],
        penalties: tuple[float, ...],
    ) -> RidgeTask:
        """Compute the residuals of base forecasts, (n_windows, horizon), centred as targets are.

        Returns
        -------
        RidgeTask
            The task.
        """
        residuals = np.concatenate([(target - base) * present for base in bases], axis=1)
        return cls(window, target, present, residuals, penalties)

    @property
    def n_bases(self) -> int:
        """Number of base forecasts."""
        return self.residuals.shape[1] // self.target.shape[1]

    def left_out_errors(
        self,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        most_compared: int = MOST_WINDOWS,
        *,
        squared: bool = False,
    ) -> np.ndarray:
        """Return the error of each candidate on windows that it was not learned from.

        Parameters
        ----------
        folds : sequence of (ndarray, ndarray)
            Indices of windows to learn from and to compare on, see :func:`blocks_left_out`.
        most_compared : int
            Most windows of each fold to compare on; they are spread evenly.
        squared : bool
            Whether errors are squared instead of absolute.

        Returns
        -------
        ndarray of shape (n_bases, n_penalties)
            Errors, summed over folds, windows and steps.
        """
        errors = np.zeros((self.n_bases, len(self.penalties)))
        with one_blas_thread():
            for learned, unseen in folds:
                compared = unseen[thinned(len(unseen), most_compared)]
                errors += self._errors_of(learned, compared, 2 if squared else 1)
        return errors

    def left_out_residuals(
        self,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        shares: np.ndarray,
        base: np.ndarray,
    ) -> np.ndarray:
        """Return residuals of a weighted map, each fold by a map that did not see it.

        Parameters
        ----------
        folds : sequence of (ndarray, ndarray)
            Indices of windows to learn from and to compare on.
        shares : ndarray of shape (n_bases, n_penalties)
            Weights of the candidates.
        base : ndarray of shape (window_length, horizon)
            Weighted sum of the base forecasts, as a map of windows.

        Returns
        -------
        ndarray of shape (n_windows, horizon)
            Actual minus forecast; NaN where no value was observed, and in no fold.
        """
        residuals = np.full(self.target.shape, np.nan)
        with one_blas_thread():
            for learned, unseen in folds:
                kernel = base + self.departure(shares, learned)
                left = self.target[unseen] - self.window[unseen] @ kernel
                residuals[unseen] = np.where(self.present[unseen] > 0, left, np.nan)
        return residuals

    def departure(self, shares: np.ndarray, learned: np.ndarray | None = None) -> np.ndarray:
        """Return the weighted sum of the departures from the base forecasts.

        Parameters
        ----------
        shares : ndarray of shape (n_bases, n_penalties)
            Weights of the candidates.
        learned : ndarray of shape (n_learned,), optional
            Indices of the windows to learn from; all by default.

        Returns
        -------
        ndarray of shape (window_length, horizon)
            Addition to the weighted sum of the base forecasts, as a map of windows.
        """
        length, horizon = self.window.shape[1], self.target.shape[1]
        kernel = np.zeros((length, horizon))
        used = np.flatnonzero(np.isfinite(self.penalties) & shares.any(axis=0))
        if not len(used):
            return kernel
        with one_blas_thread():
            path = self._path(learned)
            for i in used:
                by_base = path.at(self.penalties[i]).reshape(length, -1, horizon)
                kernel += np.einsum("lbh,b->lh", by_base, shares[:, i])
        return kernel

    def _errors_of(self, learned: np.ndarray, compared: np.ndarray, power: int) -> np.ndarray:
        """Return the errors of one fold: (n_bases, n_penalties)."""
        path = self._path(learned) if np.isfinite(self.penalties).any() else None
        window, present = self.window[compared], self.present[compared, None]
        errors = np.zeros((self.n_bases, len(self.penalties)))
        for i, penalty in enumerate(self.penalties):
            left = self.residuals[compared]
            if path is not None and np.isfinite(penalty):
                left = left - window @ path.at(penalty)
            by_base = np.abs(left).reshape(len(compared), self.n_bases, -1) ** power
            errors[:, i] = (by_base * present).sum(axis=(0, 2))
        return errors

    @cached_property
    def _products(self) -> tuple[np.ndarray, np.ndarray]:
        return self.window.T @ self.window, self.window.T @ self.residuals

    def _path(self, learned: np.ndarray | None) -> RidgePath:
        gram, cross = self._products
        if learned is None:
            return RidgePath(gram, cross)
        # Products of the windows left out are subtracted, since these are fewer than those kept.
        out = np.ones(len(self.window), dtype=bool)
        out[learned] = False
        window = self.window[out]
        return RidgePath(gram - window.T @ window, cross - window.T @ self.residuals[out])


def blocks_left_out(
    starts: np.ndarray, series: np.ndarray, block: np.ndarray, horizon: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the windows to learn from and to compare on, for each block of time left out.

    No step is a target on both sides: a horizon before and after a block is left out as well.

    Parameters
    ----------
    starts : ndarray of shape (n_windows,)
        First time step of each window.
    series : ndarray of shape (n_windows,)
        Index of the series of each window.
    block : ndarray of shape (n_windows,)
        Index of the block of each window, from 0 to ``N_BLOCKS - 1``.
    horizon : int
        Steps ahead.

    Returns
    -------
    list of (ndarray, ndarray)
        Indices of windows; blocks that leave too few windows to learn from have no entry.
    """
    _, number = np.unique(series, return_inverse=True)
    n_series = int(number.max(initial=-1)) + 1
    folds = []
    for out in range(N_BLOCKS):
        unseen = np.flatnonzero(block == out)
        begin, end = np.full(n_series, _FAR), np.full(n_series, -_FAR)
        np.minimum.at(begin, number[unseen], starts[unseen])
        np.maximum.at(end, number[unseen], starts[unseen])
        # All windows of a series that has none in the block are learned from.
        learned = np.flatnonzero(
            (starts <= begin[number] - horizon) | (starts >= end[number] + horizon)
        )
        if len(learned) >= FEWEST_WINDOWS and len(unseen):
            folds.append((learned, unseen))
    return folds


def mixing_shares(errors: np.ndarray) -> np.ndarray:
    """Return weights that fall with a power of the error, and sum to one.

    Parameters
    ----------
    errors : ndarray
        Error of each candidate, not negative.

    Returns
    -------
    ndarray of the same shape
        Weights; zero for candidates with less than a thousandth of the weight of the best.
    """
    least = max(float(errors.min()), np.finfo(np.float64).tiny)
    weights = (least / np.maximum(errors, least)) ** _SHARPNESS
    weights = np.where(weights > 1e-3, weights, 0.0)
    return weights / weights.sum()


def thinned(n: int, most: int = MOST_WINDOWS) -> np.ndarray:
    """Return evenly spaced indices below ``n``, all of them if there are at most ``most``."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Do linear algebra in one thread: more of them are slower on matrices as small as these.

    On two cores with other work, the threads of OpenBLAS waited for each other for 2 s in an
    eigenvalue problem of 30 ms. Blocks may be nested, and entered by several threads: the first
    one that enters sets the number of threads, the last one that leaves restores it.
    """
    with _ENTERING:
        if not _entered:
            _limits.append(_controller().limit(limits=1, user_api="blas"))
        _entered.append(True)
    try:
        yield
    finally:
        with _ENTERING:
            _entered.pop()
            if not _entered:
                _limits.pop().restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
