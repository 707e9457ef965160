"""The linear map from window to horizon at which a forecaster's training starts."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast

import numpy as np
from threadpoolctl import ThreadpoolController

from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.engine.isolation import load_backend
from skconvattn.networks import HorizonHead, ModelSpec

# Penalties on the departure from a simple forecast, in units of the mean eigenvalue.
_PENALTIES = np.logspace(-3, 2, 6)
_N_FOLDS = 4
# Of two maps, one with 6 % more error than the other has half its weight. More than this chose by
# chance on short series, less gave poor maps too much.
_SHARPNESS = 12
# Windows that the map is learned from at most, and of each block that errors are measured on;
# more of them change little.
_MOST_WINDOWS = 4096
_MOST_COMPARED = 256
# Of longer windows, maps are the simple forecasts alone: there would be too many weights.
LONGEST_WINDOW = 512
_FEWEST_WINDOWS = 8
# An effect is part of the start if it lowers the error to this share.
_WORTH = 0.98
_FAR = 2**60

# One at a time: of two threads that save and restore the number of threads, one would restore what
# the other has set.
_SOLVING = threading.Lock()

_Candidate = TypeVar("_Candidate", bound=Hashable)


@dataclass(frozen=True)
class LinearStart:
    r"""An average of ridge regressions from window to horizon, towards simple forecasts.

    The window and what follows are freed from the effect :math:`\beta` of the known regressors and
    centred as the network centres them, to :math:`z` and :math:`u`. The map is

    .. math:: W = \sum_k a_k W_k, \qquad
              W_k = \arg\min_W \sum_w \lVert u_w - W^\top z_w \rVert^2
                    + \lambda_k \lVert W - P_k \rVert^2

    with simple forecasts :math:`P`, such as the last value or the last season. Each :math:`a_k`
    falls with the mean absolute error of :math:`W_k` on blocks of windows left out in turn; a
    horizon to both sides of a block is left out as well. :math:`\beta` is the ridge regression of
    changes over a season on those of the regressors, or zero where it lowers the error by less
    than 2 %. Toner & Darlow (2024), "An Analysis of Linear Time Series Forecasting Models", show
    that linear forecasters, however they are trained, come down to least squares.

    Attributes
    ----------
    shares : dict of (str, float) to float
        :math:`a_k` by the name of :math:`P_k` and by :math:`\lambda_k` over the mean eigenvalue
        of :math:`\sum_w z_w z_w^\top`, which is infinite for :math:`P_k` itself.
    with_effect : bool
        Whether the linear effect of known regressors is part of the start.
    """

    shares: dict[tuple[str, float], float]
    with_effect: bool

    @classmethod
    def choose(
        cls, spec: ModelSpec, windows: Windows, training: np.ndarray, series: np.ndarray
    ) -> LinearStart | None:
        """Weigh the maps by their errors on blocks of windows left out in turn.

        Parameters
        ----------
        spec : ModelSpec
            The model, with a :class:`~skconvattn.networks.HorizonHead`.
        windows : Windows
            Windows of all series.
        training : ndarray of shape (n_training,)
            Windows to learn from, in order of time.
        series : ndarray of shape (n_training,)
            Number of the series that each is of, not falling.

        Returns
        -------
        LinearStart or None
            The choice; None where the head has no linear map or windows are too few.
        """
        head = cast(HorizonHead, spec.head)
        if not head.linear:
            return None
        kept = thinned(len(training))
        folds = _folds(windows.starts[training[kept]], series[kept], head.horizon)
        if not folds:
            return None
        parts = [
            (
                training[kept[left_in]],
                training[kept[left_out[thinned(len(left_out), _MOST_COMPARED)]]],
            )
            for left_in, left_out in folds
        ]
        best, least = None, np.inf
        for with_effect in (False, True) if _n_effects(head) else (False,):
            with one_blas_thread():
                errors = _left_out_errors(head, windows, parts, with_effect=with_effect)
            if min(errors.values()) < _WORTH * least:
                least = min(errors.values())
                best = cls(mixing_shares(errors), with_effect)
        return best

    def errors_left_out(
        self, spec: ModelSpec, windows: Windows, training: np.ndarray, series: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return errors of the map on blocks of windows left out in turn.

        Parameters
        ----------
        spec, windows, training, series
            As for :meth:`choose`.

        Returns
        -------
        indices : ndarray of shape (n,)
            Windows left out at some time, in order.
        errors : ndarray of shape (n, horizon)
            Truth less forecast; NaN where there is no truth.
        """
        head = cast(HorizonHead, spec.head)
        kept = thinned(len(training))
        errors = np.full((len(kept), head.horizon), np.nan)
        for left_in, left_out in _folds(windows.starts[training[kept]], series[kept], head.horizon):
            kernel, effect = self._solved(head, windows, training[kept[left_in]])
            window, target, present = _centred(head, windows, training[kept[left_out]], effect)
            errors[left_out] = np.where(present > 0, target - window @ kernel, np.nan)
        known = np.isfinite(errors).any(axis=1)
        return training[kept[known]], errors[known]

    def model(
        self, spec: ModelSpec, windows: Windows, training: np.ndarray, rng: np.random.Generator
    ) -> FittedModel:
        """Solve on the training part, and return a model that forecasts by the map.

        Parameters
        ----------
        spec : ModelSpec
            The model.
        windows : Windows
            Windows of all series.
        training : ndarray of shape (n_training,)
            Windows to learn from.
        rng : numpy.random.Generator
            Source of the other weights, which are drawn.

        Returns
        -------
        FittedModel
            Weights to start from.
        """
        from skconvattn.engine.programs import model_program
        from skconvattn.layers.parts.horizon_linear import seasonal_naive_map

        head = cast(HorizonHead, spec.head)
        kernel, effect = self._solved(head, windows, training[thinned(len(training))])
        load_backend()
        program = model_program(spec)
        trainable, state = program.initialization.draw(rng)
        # A variable of the model to its place among the values drawn.
        places = {v.path: i for i, v in enumerate(program.model.trainable_variables)}
        start = seasonal_naive_map(windows.window_length, head.horizon, head.seasonal_period)
        trainable[places["linear/kernel"]] = (kernel - start).astype(np.float32)
        if self.with_effect:
            trainable[places["effect_linear/kernel"]] = effect[:, None].astype(np.float32)
        return FittedModel(spec, program.layout.flatten(trainable), tuple(state))

    def _solved(
        self, head: HorizonHead, windows: Windows, training: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the map (length, horizon) and the effect of known regressors (n_known,)."""
        with one_blas_thread():
            effect = _effect(head, windows, training) if self.with_effect else _no_effect(head)
            maps = _maps(head, windows, training, effect)
        kernel = np.zeros((windows.window_length, head.horizon))
        for name, share in self.shares.items():
            kernel += share * maps[name]
        return kernel, effect


def simple_forecasts(head: HorizonHead, length: int) -> dict[str, np.ndarray]:
    """Return linear maps, (length, horizon), of the forecasts that a start may depart from."""
    from skconvattn.layers.parts.horizon_linear import seasonal_naive_map

    last = np.zeros((length, head.horizon))
    last[-1] = 1.0
    maps = {
        "zero": np.zeros_like(last),
        "last value": last,
        "last season": seasonal_naive_map(length, head.horizon, head.seasonal_period).astype(float),
    }
    period = head.seasonal_period
    n_seasons = length // period
    if period > 1 and n_seasons > 1:
        season = maps["last season"]
        seasons = [np.roll(season, -period * i, axis=0) for i in range(n_seasons)]
        maps["mean season"] = np.mean(seasons, axis=0)
        # What the last step has over the same step of the season before stays.
        shifted = season + last
        shifted[-1 - period] -= 1.0
        maps["last season, moved"] = shifted
        change = np.zeros((length, 1))
        change[-period:], change[-2 * period : -period] = 1 / period, -1 / period
        ahead = 1 + np.arange(head.horizon) // period
        maps["last season, with drift"] = season + change * ahead
    return maps


def _n_effects(head: HorizonHead) -> int:
    return head.n_known - head.cycle


def _no_effect(head: HorizonHead) -> np.ndarray:
    return np.zeros(_n_effects(head))


def _effect(head: HorizonHead, windows: Windows, chosen: np.ndarray) -> np.ndarray:
    """Return what a unit of each known regressor adds to the target: (n_known,)."""
    from sklearn.linear_model import RidgeCV

    target, known, _, _ = _batch(head, windows, chosen)
    lag = head.seasonal_period if head.seasonal_period < target.shape[1] else 1
    lag = min(lag, target.shape[1] - 1)
    if lag < 1:
        return _no_effect(head)
    # The last change of each window: no time step is used twice.
    change = target[:, -1] - target[:, -1 - lag]
    regressors = known[:, target.shape[1] - 1] - known[:, target.shape[1] - 1 - lag]
    ridge = RidgeCV(np.logspace(-3, 3, 7), fit_intercept=False).fit(regressors, change)
    return np.asarray(ridge.coef_, dtype=np.float64)


def _batch(
    head: HorizonHead, windows: Windows, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return windows, known regressors over window and horizon, targets and their presence."""
    inputs, targets, present = windows.batch(chosen)
    n, first = _n_effects(head), 1 + head.n_past
    parts = [inputs[0][..., first : first + n]]
    if head.n_known:
        parts.append(inputs[1][..., :n])
    known = np.concatenate(parts, axis=1).astype(np.float64)
    return inputs[0][..., 0].astype(np.float64), known, targets[..., 0].astype(np.float64), present


def _centred(
    head: HorizonHead, windows: Windows, chosen: np.ndarray, effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return windows (n, length), horizons (n, horizon) and where there is truth, centred."""
    window, known, target, present = _batch(head, windows, chosen)
    if len(effect):
        window = window - known[:, : window.shape[1]] @ effect
        target = target - known[:, window.shape[1] :] @ effect
    center = centre_of(window, head.normalization)
    return window - center, target - center, present


def centre_of(window: np.ndarray, normalization: str | None) -> np.ndarray:
    """Return what the network takes off windows, (n, length), and puts on forecasts: (n, 1)."""
    return {
        "standard": lambda: window.mean(axis=1),
        "last": lambda: window[:, -1],
        "robust": lambda: np.median(window, axis=1),
        None: lambda: np.zeros(len(window)),
    }[normalization]()[:, None]


def _maps(
    head: HorizonHead, windows: Windows, chosen: np.ndarray, effect: np.ndarray
) -> dict[tuple[str, float], np.ndarray]:
    """Return maps, (length, horizon), by simple forecast and penalty."""
    window, target, present = _centred(head, windows, chosen, effect)
    maps = {}
    is_short = window.shape[1] <= LONGEST_WINDOW
    if is_short:
        values, vectors = np.linalg.eigh(window.T @ window)
        unit = max(values.mean(), np.finfo(np.float64).tiny)
    for name, simple in simple_forecasts(head, window.shape[1]).items():
        maps[name, np.inf] = simple
        if not is_short:
            continue
        # Missing targets count as forecast by the simple map.
        rest = np.where(present > 0, target - window @ simple, 0.0)
        projected = vectors.T @ (window.T @ rest)
        for penalty in _PENALTIES:
            shrunk = projected / (np.maximum(values, 0.0) + penalty * unit)[:, None]
            maps[name, penalty] = simple + vectors @ shrunk
    return maps


def _left_out_errors(
    head: HorizonHead,
    windows: Windows,
    parts: list[tuple[np.ndarray, np.ndarray]],
    *,
    with_effect: bool,
) -> dict[tuple[str, float], float]:
    """Return the absolute error of each map, summed over windows that it was not learned from."""
    errors: dict[tuple[str, float], float] = {}
    for learned, unseen in parts:
        effect = _effect(head, windows, learned) if with_effect else _no_effect(head)
        data = _centred(head, windows, unseen, effect)
        for name, kernel in _maps(head, windows, learned, effect).items():
            errors[name] = errors.get(name, 0.0) + _absolute_error(*data, kernel)
    return errors


def _absolute_error(
    window: np.ndarray, target: np.ndarray, present: np.ndarray, kernel: np.ndarray
) -> float:
    return float((np.abs(target - window @ kernel) * present).sum())


def mixing_shares(errors: dict[_Candidate, float]) -> dict[_Candidate, float]:
    """Return weights that fall with a power of the error, and sum to one."""
    least = max(min(errors.values()), np.finfo(np.float64).tiny)
    weights = {name: (least / max(error, least)) ** _SHARPNESS for name, error in errors.items()}
    # The best map has a weight of one.
    kept = {name: weight for name, weight in weights.items() if weight > 1e-3}
    total = sum(kept.values())
    return {name: weight / total for name, weight in kept.items()}


def thinned(n: int, most: int = _MOST_WINDOWS) -> np.ndarray:
    """Return evenly spaced positions among ``n``, all of them if they are few."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


def _folds(
    starts: np.ndarray, series: np.ndarray, horizon: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return positions to learn from and to compare on, for each block of time left out."""
    if len(starts) == 0:
        return []
    _, first, number, counts = np.unique(
        series, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.arange(len(starts)) - first[number]
    block = place * _N_FOLDS // counts[number]
    folds = []
    for out in range(_N_FOLDS):
        left_out = np.flatnonzero(block == out)
        begin, end = np.full(len(counts), _FAR), np.full(len(counts), -_FAR)
        np.minimum.at(begin, number[left_out], starts[left_out])
        np.maximum.at(end, number[left_out], starts[left_out])
        # Targets of the windows that are learned from lie before or after those left out.
        # A series without windows in the block is learned from as a whole.
        left_in = np.flatnonzero(
            (starts <= begin[number] - horizon) | (starts >= end[number] + horizon)
        )
        if len(left_in) >= _FEWEST_WINDOWS and len(left_out):
            folds.append((left_in, left_out))
    return folds


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Do linear algebra in one thread: more of them are slower on matrices as small as these.

    On two cores with other work, the threads of OpenBLAS waited for each other for 2 s in an
    eigenvalue problem of 30 ms.
    """
    with _SOLVING, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
