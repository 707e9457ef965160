"""A forecaster per series of a panel, fitted and asked on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Self

import pandas as pd
from sktime.datatypes import VectorizedDF, convert_to

from skconvattn._sktime import remembers_data
from skconvattn.distributed import partitions
from skconvattn.distributed.partitions import (
    Partitions,
    check_installed,
    check_n_partitions,
    spread,
)
from skconvattn.engine.isolation import restored_on_error
from skconvattn.forecasting.backtest_result import BacktestResult
from skconvattn.forecasting.bases import BaseForecaster
from skconvattn.forecasting.contract import PanelForecaster

_CONTAINERS = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]
_TAGS_OF_FORECASTER = [
    "capability:exogenous",
    "capability:categorical_in_X",
    "capability:insample",
    "capability:missing_values",
    "capability:multivariate",
    "capability:pred_int",
    "capability:pred_int:insample",
    "capability:random_state",
    "property:randomness",
    "capability:update",
    "requires-fh-in-fit",
    "X-y-must-have-same-index",
]


class DaskForecaster(BaseForecaster):
    """Fit one model per series on the workers of a Dask cluster.

    The series of a panel are divided into partitions. Workers of the current Dask client fit a
    clone of the forecaster to each partition and return it as the content of the file that
    ``save`` writes: data without code and without objects of Keras. Forecasts are those of the
    forecaster itself. A partition on a worker that dies is fitted again by another one, and what
    has returned stays in this process, also when the cluster is closed.

    Parameters
    ----------
    forecaster : forecaster of skconvattn
        With ``panel="local"`` if it trains, so that each series has a model of its own.
    n_partitions : int, optional
        Partitions of the panel. By default four per thread of the workers, and more where
        partitions would have more than 100 series.

    Notes
    -----
    The client is the current one: that of ``with Client(...)``, or the last one that was made.
    Without any, as within a task of Dask, everything is done in this process. A single series is
    one partition. Callbacks are used by fits and not kept.

    Examples
    --------
    On a machine of your own, ``with Client(n_workers=2, threads_per_worker=1):`` from
    ``dask.distributed`` around these lines starts two workers:

    >>> from sktime.utils._testing.hierarchical import _make_hierarchical
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.distributed import DaskForecaster
    >>> y = _make_hierarchical((4,), min_timepoints=40, max_timepoints=40, random_state=0)
    >>> forecaster = DaskForecaster(ConvAttentionForecaster(panel="local", epochs=0))
    >>> forecaster.fit(y, fh=[1, 2, 3]).predict().shape
    (12, 1)
    """

    # Partitions keep what an update needs.
    _config: ClassVar[dict[str, Any]] = {"remember_data": remembers_data()}
    _tags: ClassVar[dict[str, Any]] = {
        "authors": "skconvattn developers",
        "maintainers": "skconvattn developers",
        "python_dependencies": "distributed",
        "y_inner_mtype": _CONTAINERS,
        "X_inner_mtype": _CONTAINERS,
    }

    def __init__(self, forecaster: Any, n_partitions: Any = None) -> None:
        self.forecaster = forecaster
        self.n_partitions = n_partitions
        super().__init__()

    def __post_init__(self) -> None:
        """Take the tags of the forecaster."""
        self._y = self._X = None
        self.clone_tags(self.forecaster, _TAGS_OF_FORECASTER)

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> Self:
        """Fit to a panel; see :meth:`sktime.forecasting.base.BaseForecaster.fit`.

        A fit that fails leaves the forecaster as it was.

        Parameters
        ----------
        y : pandas.DataFrame, or any container of sktime
            Many series, or one.
        X : pandas.DataFrame, optional
            Covariates, at least at the time stamps of ``y``.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead that are forecast directly, up to the largest.

        Returns
        -------
        DaskForecaster
            The forecaster itself.

        Raises
        ------
        ImportError
            If Dask is not installed.
        ValueError, TypeError
            If parameters or data are not valid, here or on a worker.
        """
        with restored_on_error(self):
            return super().fit(y=y, X=X, fh=fh)

    def map_partitions(
        self, function: Callable[..., Any], y: Any = None, X: Any = None
    ) -> list[Any]:
        """Call a function with the fitted forecaster of each partition, on the workers.

        Parameters
        ----------
        function : callable
            Called as ``function(forecaster, y, X)``, such as
            ``lambda forecaster, y, X: forecaster.update_predict(y, cv, X, update_params=False)``.
        y, X : pandas.DataFrame, optional
            Rows of the series, in sktime's format of panels; each call gets those of its series.

        Returns
        -------
        list of length n_partitions
            What the calls return, in the order of the series.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        ValueError
            If there are rows of a series that was not in the fit.
        """
        self.check_is_fitted()
        parts = zip(self._contents, self._split.split(y), self._split.split(X), strict=True)
        jobs = [(self._template, content, function, *rows) for content, *rows in parts]
        return spread(partitions.apply_to_partition, jobs)

    def backtest(self, y: Any, X: Any = None, fh: Any = None, **options: Any) -> BacktestResult:
        """Forecast the past from many cutoffs, the partitions of a panel on the workers.

        The forecaster itself stays as it is, and need not be fitted.

        Parameters
        ----------
        y, X : pandas.DataFrame
            Series, and their covariates, in sktime's formats of panels; ``X`` may be None.
        fh : int, sequence of int or ForecastingHorizon, optional
            Steps ahead, from 1.
        **options
            ``initial_window``, which is needed, ``step_length``, ``refit`` and ``coverage`` of
            ``backtest`` of the forecaster.

        Returns
        -------
        BacktestResult
            Forecasts beside what came, errors by step ahead, cutoff or series, and coverage.

        Raises
        ------
        ImportError
            If Dask is not installed.
        ValueError, TypeError
            If parameters or data are not valid, here or on a worker.
        """
        _check(self)
        if options.get("initial_window") is None:
            raise ValueError(
                "initial_window=None goes on from one fit, and each series has its own here; give "
                "the time steps before the first cutoff."
            )
        y, X = (None if each is None else convert_to(each, _CONTAINERS) for each in (y, X))
        split = Partitions.of(y, self.n_partitions)
        parts = zip(split.split(y), split.split(X), strict=True)
        jobs = [(self.forecaster.clone(), *rows, fh, options) for rows in parts]
        found = spread(partitions.backtest_partition, jobs)
        return replace(
            found[0],
            forecasts=pd.concat([each.forecasts for each in found]),
            scales=pd.concat([each.scales for each in found]),
            y=y,
        )

    def collect(self) -> pd.DataFrame:
        """Return the fitted forecaster of each series, each of which can be saved to a file.

        Returns
        -------
        pandas.DataFrame of shape (n_series, 1)
            Forecasters, indexed by the levels of the series above time.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        """
        self.check_is_fitted()
        fitted = [partitions.loaded(self._template, content) for content in self._contents]
        if all(hasattr(each, "forecasters_") for each in fitted):
            return pd.concat([each.forecasters_ for each in fitted])
        return pd.DataFrame({"forecasters": fitted})

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> DaskForecaster:
        _check(self)
        split = Partitions.of(y, self.n_partitions)
        template = self.forecaster.clone()
        parts = zip(split.split(y), split.split(X), strict=True)
        contents = spread(partitions.fit_partition, [(template, *rows, fh) for rows in parts])
        self._template, self._split, self._contents = template, split, contents
        return self

    def _update_y_X(self, y: Any, X: Any = None, enforce_index_type: Any = None) -> None:  # noqa: N802
        """Move the cutoff, which sktime before 1.2 does only where it remembers the series."""
        super()._update_y_X(y, X, enforce_index_type)
        if y is not None:
            self._set_cutoff_from_y(y.X_multiindex if isinstance(y, VectorizedDF) else y)

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        return pd.concat(self._ask("predict", X, fh=fh))

    def _predict_quantiles(
        self, fh: Any, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        found = pd.concat(self._ask("predict_quantiles", X, fh=fh, alpha=alpha))
        return found.set_axis(self._get_columns("predict_quantiles", alpha=alpha), axis=1)

    def _predict_var(self, fh: Any, X: pd.DataFrame | None, cov: bool = False) -> pd.DataFrame:
        found = pd.concat(self._ask("predict_var", X, fh=fh, cov=cov))
        return found.set_axis(self._get_columns("predict_var"), axis=1)

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        if self._split.keys is not None:
            raise NotImplementedError(
                "predict_proba of one model per series gives no single distribution; use "
                "predict_quantiles, or collect() and ask the forecaster of a series."
            )
        return self._ask("predict_proba", X, fh=fh, marginal=marginal)[0]

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> DaskForecaster:
        self._change("update", y, X, update_params=update_params)
        return self

    def _predict_moving_cutoff(
        self,
        y: Any,
        cv: Any,
        X: Any = None,
        update_params: bool = True,
        reset_forecaster: bool = True,
    ) -> pd.DataFrame:
        """Move the cutoff of each partition where it is, and join the forecasts."""
        options = {"cv": cv, "update_params": update_params, "reset_forecaster": reset_forecaster}
        found = pd.concat(self._change("update_predict", y, X, **options))
        if not reset_forecaster:
            *_, (window, _) = cv.split(y)
            self._set_cutoff_from_y(y.iloc[window])
        return found

    def _ask(self, method: str, X: pd.DataFrame | None, **arguments: Any) -> list[Any]:
        """Return what a method gives of each partition."""
        parts = zip(self._contents, self._split.split(X), strict=True)
        jobs = [(self._template, one, method, {**arguments, "X": rows}) for one, rows in parts]
        return spread(partitions.ask_partition, jobs)

    def _change(
        self, method: str, y: pd.DataFrame, X: pd.DataFrame | None, **arguments: Any
    ) -> list[Any]:
        """Return what a method gives of each partition, and keep the forecasters after it."""
        self._split.check_complete(y)
        parts = zip(self._contents, self._split.split(y), self._split.split(X), strict=True)
        jobs = [
            (self._template, content, method, {**arguments, "y": y_part, "X": X_part})
            for content, y_part, X_part in parts
        ]
        results, contents = zip(*spread(partitions.change_partition, jobs), strict=True)
        self._contents = list(contents)
        return list(results)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return the parameters of sktime's tests."""
        from skconvattn.architectures.conv_attention import ConvAttentionForecaster
        from skconvattn.architectures.pretrained import PretrainedForecaster

        small: dict[str, Any] = {
            "epochs": 0,
            "panel": "local",
            "seasonal_period": 2,
            "window_length": 3,
        }
        return [
            {"forecaster": PretrainedForecaster(seasonal_period=2), "n_partitions": 2},
            {"forecaster": ConvAttentionForecaster(members=("smoothing",), **small)},
        ]


def _check(spread_forecaster: DaskForecaster) -> None:
    """Refuse what cannot be spread over workers."""
    forecaster, n_partitions = spread_forecaster.forecaster, spread_forecaster.n_partitions
    check_installed("DaskForecaster")
    if not isinstance(forecaster, PanelForecaster):
        raise TypeError(
            f"forecaster is a {type(forecaster).__name__}, and DaskForecaster sends forecasters of "
            "skconvattn as data; for others use sktime's set_config(**{'backend:parallel': "
            "'dask'})."
        )
    if getattr(forecaster, "panel", "local") != "local":
        raise ValueError(
            f"forecaster has panel={forecaster.panel!r}, one model of all series, which no "
            "partition has together; use panel='local', or fit the forecaster itself within "
            "skconvattn.distributed.spread_members()."
        )
    check_n_partitions(n_partitions)
