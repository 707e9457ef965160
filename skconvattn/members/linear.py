"""The linear start of a network's training: ridge regressions towards simple forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from skconvattn._normalization import normalization_of
from skconvattn.data import Windows
from skconvattn.engine import FittedModel
from skconvattn.engine.programs import drawn_model
from skconvattn.members.ridge import (
    LONGEST_WINDOW,
    N_BLOCKS,
    PENALTIES,
    RidgeTask,
    blocks_left_out,
    mixing_shares,
    one_blas_thread,
    thinned,
)
from skconvattn.members.simple import simple_forecasts
from skconvattn.networks import HorizonHead, ModelSpec, PointOutput

# Most windows of each block on which errors are measured.
_MOST_COMPARED = 256
# A linear effect of the covariates is used if it lowers the error below this share.
_WORTH = 0.98


@dataclass(frozen=True)
class LinearStart:
    r"""An average of ridge regressions from window to horizon, towards simple forecasts.

    The linear effect :math:`\beta` of the future covariates is subtracted from the window and from
    the targets after it, and both are centred as by the network, to :math:`z` and :math:`u`.
    The map is

    .. math:: W = \sum_k a_k W_k, \qquad
              W_k = \arg\min_W \sum_w \lVert u_w - W^\top z_w \rVert^2
                    + \lambda_k \lVert W - P_k \rVert^2

    with simple forecasts :math:`P`, such as the last value or the last season. Each :math:`a_k`
    falls with the mean absolute error of :math:`W_k` on blocks of windows left out in turn; a
    horizon before and after a block is left out as well. :math:`\beta` is the ridge regression of
    changes over a season on those of the covariates, or zero where it lowers the error by less
    than 2 %. Toner & Darlow (2024), "An Analysis of Linear Time Series Forecasting Models", show
    that linear forecasters, however they are trained, come down to least squares.

    Attributes
    ----------
    shares : ndarray of shape (n_simple, n_penalties)
        :math:`a_k`, one row per simple forecast and one column per penalty, the last one infinite.
    with_effect : bool
        Whether the linear effect of the future covariates is part of the start.
    """

    shares: np.ndarray
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
            Indices of the windows to learn from, in order of time.
        series : ndarray of shape (n_training,)
            Index of the series of each window, not decreasing.

        Returns
        -------
        LinearStart or None
            The start; None where the head has no linear map or windows are too few.
        """
        head = cast(HorizonHead, spec.head)
        if not head.linear or not len(training):
            return None
        kept = thinned(len(training))
        folds = _folds(windows.starts[training[kept]], series[kept], head.horizon)
        if not folds:
            return None
        examples = Examples.of(head, windows, training[kept])
        squared = head.output == PointOutput("mean_squared_error")
        best, least = None, np.inf
        for with_effect in (False, True) if examples.n_effects else (False,):
            tasks = examples.tasks(folds, with_effect=with_effect)
            errors = sum(
                task.left_out_errors(own, _MOST_COMPARED, squared=squared) for task, own in tasks
            )
            if squared:
                errors = np.sqrt(errors)
            if np.min(errors) < _WORTH * least:
                least = float(np.min(errors))
                best = cls(mixing_shares(np.asarray(errors)), with_effect)
        return best

    def errors_left_out(
        self, spec: ModelSpec, windows: Windows, training: np.ndarray, series: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals of the map on blocks of windows left out in turn.

        Parameters
        ----------
        spec, windows, training, series
            As for :meth:`choose`.

        Returns
        -------
        indices : ndarray of shape (n,)
            Indices of the windows that were left out once, in order.
        residuals : ndarray of shape (n, horizon)
            Actual minus forecast; NaN where no value was observed.
        """
        head = cast(HorizonHead, spec.head)
        kept = thinned(len(training))
        examples = Examples.of(head, windows, training[kept])
        folds = _folds(windows.starts[training[kept]], series[kept], head.horizon)
        residuals, base = np.full((len(kept), head.horizon), np.nan), self._base(examples)
        for task, own in examples.tasks(folds, with_effect=self.with_effect):
            left = task.left_out_residuals(own, self.shares, base)
            residuals = np.where(np.isnan(residuals), left, residuals)
        known = np.isfinite(residuals).any(axis=1)
        return training[kept[known]], residuals[known]

    def model(
        self, spec: ModelSpec, windows: Windows, training: np.ndarray, rng: np.random.Generator
    ) -> FittedModel:
        """Solve on some windows, and return a model that forecasts by the map.

        Parameters
        ----------
        spec : ModelSpec
            The model.
        windows : Windows
            Windows of all series.
        training : ndarray of shape (n_training,)
            Indices of the windows to learn from.
        rng : numpy.random.Generator
            Source of the other weights, which are drawn at random.

        Returns
        -------
        FittedModel
            The model to start from.
        """
        head = cast(HorizonHead, spec.head)
        examples = Examples.of(head, windows, training[thinned(len(training))])
        kernel, effect = self.solved(examples)
        departure = kernel - examples.simple["last season"]
        used = effect if self.with_effect else None
        return drawn_model(spec, rng, lambda values: head.set_start(values, departure, used))

    def solved(self, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
        """Learn from all examples.

        Returns
        -------
        kernel : ndarray of shape (window_length, horizon)
            Map from centred windows to centred targets.
        effect : ndarray of shape (n_effects,)
            Effect of one unit of each future covariate on the target.
        """
        effect = examples.effect() if self.with_effect else np.zeros(examples.n_effects)
        departure = examples.task(effect).departure(self.shares)
        return self._base(examples) + departure, effect

    def _base(self, examples: Examples) -> np.ndarray:
        """Return the weighted sum of the simple forecasts: (window_length, horizon)."""
        return np.tensordot(self.shares.sum(axis=1), list(examples.simple.values()), axes=1)


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows and targets of a linear forecast, before effects and centres are subtracted.

    Attributes
    ----------
    head : HorizonHead
        Head of the network.
    window : ndarray of shape (n_windows, window_length)
        Values of the target, float64.
    covariates : ndarray of shape (n_windows, window_length + horizon, n_effects)
        Future covariates over window and horizon, float64.
    target, present : ndarray of shape (n_windows, horizon)
        Values of the target after each window, and one where they were observed.
    """

    head: HorizonHead
    window: np.ndarray
    covariates: np.ndarray
    target: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, head: HorizonHead, windows: Windows, chosen: np.ndarray) -> Examples:
        """Read the windows of some indices, (n_windows,)."""
        inputs, targets, present = windows.batch(chosen)
        n, first = head.n_known - head.cycle, 1 + head.n_past
        parts = [inputs[0][..., first : first + n]]
        if head.n_known:
            parts.append(inputs[1][..., :n])
        covariates = np.concatenate(parts, axis=1).astype(np.float64)
        window = inputs[0][..., 0].astype(np.float64)
        return cls(head, window, covariates, targets[..., 0].astype(np.float64), present)

    @property
    def simple(self) -> dict[str, np.ndarray]:
        """Simple forecasts by name, as maps of windows."""
        length, head = self.window.shape[1], self.head
        return simple_forecasts(length, head.horizon, head.seasonal_period)

    @property
    def n_effects(self) -> int:
        """Number of future covariates, without the position in a learned cycle."""
        return self.head.n_known - self.head.cycle

    def effect(self, learned: np.ndarray | None = None) -> np.ndarray:
        """Return the effect of one unit of each covariate on the target: (n_effects,)."""
        from sklearn.linear_model import RidgeCV

        rows = slice(None) if learned is None else learned
        window, covariates = self.window[rows], self.covariates[rows]
        length, period = window.shape[1], self.head.seasonal_period
        lag = min(period if period < length else 1, length - 1)
        if lag < 1:
            return np.zeros(self.n_effects)
        # The last change of each window: no time step is used twice.
        change = window[:, -1] - window[:, -1 - lag]
        of_covariates = covariates[:, length - 1] - covariates[:, length - 1 - lag]
        ridge = RidgeCV(np.logspace(-3, 3, 7), fit_intercept=False)
        with one_blas_thread():
            ridge.fit(of_covariates, change)
        return np.asarray(ridge.coef_, dtype=np.float64)

    def tasks(
        self, folds: list[tuple[np.ndarray, np.ndarray]], *, with_effect: bool
    ) -> list[tuple[RidgeTask, list[tuple[np.ndarray, np.ndarray]]]]:
        """Return the tasks of cross-fitting, each with its folds.

        Without an effect one task serves all folds; an effect is learned without the block that
        is left out, so that each fold has a task of its own.
        """
        if not with_effect:
            return [(self.task(np.zeros(self.n_effects)), folds)]
        return [(self.task(self.effect(learned)), [(learned, unseen)]) for learned, unseen in folds]

    def task(self, effect: np.ndarray) -> RidgeTask:
        """Return the ridge regression after an effect of covariates is subtracted."""
        window, target = self.window, self.target
        if len(effect):
            length = window.shape[1]
            window = window - self.covariates[:, :length] @ effect
            target = target - self.covariates[:, length:] @ effect
        center = normalization_of(self.head.normalization).numpy_center(window)
        window, target = window - center, target - center
        bases = [window @ simple for simple in self.simple.values()]
        finite = PENALTIES if window.shape[1] <= LONGEST_WINDOW else ()
        return RidgeTask.of(window, target, self.present, bases, (*finite, np.inf))


def _folds(
    starts: np.ndarray, series: np.ndarray, horizon: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut the windows of every series into blocks; see :func:`blocks_left_out`."""
    _, first, number, counts = np.unique(
        series, return_index=True, return_inverse=True, return_counts=True
    )
    position = np.arange(len(starts)) - first[number]
    return blocks_left_out(starts, series, position * N_BLOCKS // counts[number], horizon)
