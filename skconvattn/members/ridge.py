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
# Windows below which nothing is learned.
FEWEST_WINDOWS = 8
# Windows that a map is learned from at most; more of them change little.
MOST_WINDOWS = 4096
# Of longer windows there would be too many weights: only base forecasts themselves are averaged.
LONGEST_WINDOW = 512
# Of two maps, one with 6 % more error than the other has half its weight. More than this chose by
# chance on short series, less gave poor maps too much.
_SHARPNESS = 12
_FAR = 2**60

# Who is inside of one_blas_thread, and what is restored when the last one leaves.
_ENTERING = threading.Lock()
_inside: list[bool] = []
_limits: list[Any] = []


class RidgePath:
    r"""Ridge regressions of one problem for any penalty, from one eigenvalue decomposition.

    .. math:: D_\lambda = \arg\min_D \lVert R - Z D \rVert^2 + \lambda\,\bar\mu\,\lVert D \rVert^2

    with the mean eigenvalue :math:`\bar\mu` of :math:`Z^\top Z`.

    Parameters
    ----------
    gram : ndarray of shape (window_length, window_length)
        :math:`Z^\top Z`, of windows.
    cross : ndarray of shape (window_length, n_outputs)
        :math:`Z^\top R`, of windows and what is to be forecast.
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
    """Windows, what followed them, and what base forecasts leave for a map to explain.

    Attributes
    ----------
    window : ndarray of shape (n_windows, window_length)
        Centred windows, float64.
    target : ndarray of shape (n_windows, horizon)
        What followed, centred alike.
    present : ndarray of shape (n_windows, horizon)
        One where a value was observed, zero elsewhere: the base forecasts then count as right.
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
        """Take base forecasts, (n_windows, horizon) each and centred alike, beside the attributes.

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
        self, folds: Sequence[tuple[np.ndarray, np.ndarray]], most_compared: int = MOST_WINDOWS
    ) -> np.ndarray:
        """Return the absolute error of each candidate on windows that it was not learned from.

        Parameters
        ----------
        folds : sequence of (ndarray, ndarray)
            Positions of windows to learn from and to compare on, see :func:`blocks_left_out`.
        most_compared : int
            Windows of each fold that are compared on, at most; they are spread evenly.

        Returns
        -------
        ndarray of shape (n_bases, n_penalties)
            Summed over folds, windows and steps.
        """
        errors = np.zeros((self.n_bases, len(self.penalties)))
        with one_blas_thread():
            for learned, unseen in folds:
                compared = unseen[thinned(len(unseen), most_compared)]
                errors += self._errors_of(learned, compared)
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
            Positions of windows to learn from and to compare on.
        shares : ndarray of shape (n_bases, n_penalties)
            Weights of the candidates.
        base : ndarray of shape (window_length, horizon)
            Weighted sum of the base forecasts, as a map of windows.

        Returns
        -------
        ndarray of shape (n_windows, horizon)
            Actual minus forecast; NaN where no value was observed, and outside of all folds.
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
            Windows to learn from; all by default.

        Returns
        -------
        ndarray of shape (window_length, horizon)
            What is added to the weighted sum of the base forecasts, as a map of windows.
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

    def _errors_of(self, learned: np.ndarray, compared: np.ndarray) -> np.ndarray:
        """Return the errors of one fold: (n_bases, n_penalties)."""
        path = self._path(learned) if np.isfinite(self.penalties).any() else None
        window, present = self.window[compared], self.present[compared, None]
        errors = np.zeros((self.n_bases, len(self.penalties)))
        for i, penalty in enumerate(self.penalties):
            left = self.residuals[compared]
            if path is not None and np.isfinite(penalty):
                left = left - window @ path.at(penalty)
            by_base = np.abs(left).reshape(len(compared), self.n_bases, -1)
            errors[:, i] = (by_base * present).sum(axis=(0, 2))
        return errors

    @cached_property
    def _products(self) -> tuple[np.ndarray, np.ndarray]:
        return self.window.T @ self.window, self.window.T @ self.residuals

    def _path(self, learned: np.ndarray | None) -> RidgePath:
        gram, cross = self._products
        if learned is None:
            return RidgePath(gram, cross)
        # What is left out is less than what is kept.
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
        Number of the series that each is of.
    block : ndarray of shape (n_windows,)
        Number of the block that each is in, from 0 to ``N_BLOCKS - 1``.
    horizon : int
        Steps ahead.

    Returns
    -------
    list of (ndarray, ndarray)
        Positions; blocks that leave too few windows to learn from are not among them.
    """
    _, number = np.unique(series, return_inverse=True)
    n_series = int(number.max(initial=-1)) + 1
    folds = []
    for out in range(N_BLOCKS):
        unseen = np.flatnonzero(block == out)
        begin, end = np.full(n_series, _FAR), np.full(n_series, -_FAR)
        np.minimum.at(begin, number[unseen], starts[unseen])
        np.maximum.at(end, number[unseen], starts[unseen])
        # A series without windows in the block is learned from as a whole.
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
        Candidates with less than a thousandth of the best one's weight have none.
    """
    least = max(float(errors.min()), np.finfo(np.float64).tiny)
    weights = (least / np.maximum(errors, least)) ** _SHARPNESS
    weights = np.where(weights > 1e-3, weights, 0.0)
    return weights / weights.sum()


def thinned(n: int, most: int = MOST_WINDOWS) -> np.ndarray:
    """Return evenly spaced positions among ``n``, all of them if they are few."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Do linear algebra in one thread: more of them are slower on matrices as small as these.

    On two cores with other work, the threads of OpenBLAS waited for each other for 2 s in an
    eigenvalue problem of 30 ms. Blocks may be nested, and entered by several threads: the first
    one that enters sets the number of threads, the last one that leaves restores it.
    """
    with _ENTERING:
        if not _inside:
            _limits.append(_controller().limit(limits=1, user_api="blas"))
        _inside.append(True)
    try:
        yield
    finally:
        with _ENTERING:
            _inside.pop()
            if not _inside:
                _limits.pop().restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
