"""Partitions of a panel, the work on one of them, and the workers of Dask that do it."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skconvattn.forecasting.backtest_result import BacktestResult
from skconvattn.persistence.reading import read

# Partitions per thread of the workers, so that none waits long for the last one, and series per
# partition at most: what a lost worker has to fit again, and what is sent in one message.
_PER_THREAD, _MOST_SERIES = 4, 100


@dataclass(frozen=True, eq=False)
class Partitions:
    """Which series of a panel are fitted together.

    Attributes
    ----------
    keys : pandas.Index of length n_series, or None
        Series by the levels of the index above time; None for a single series.
    ends : ndarray of shape (n_partitions,)
        Number of series up to the end of each partition.
    """

    keys: pd.Index | None
    ends: np.ndarray

    @classmethod
    def of(cls, y: pd.DataFrame, n_partitions: int | None) -> Partitions:
        """Divide the series of a panel evenly.

        Parameters
        ----------
        y : pandas.DataFrame
            One series, or a panel or hierarchy in sktime's format.
        n_partitions : int or None
            Partitions, at most one per series; None for several per thread of the workers.
        """
        if not isinstance(y.index, pd.MultiIndex):
            return cls(None, np.ones(1, dtype=int))
        keys = series_of(y).unique()
        n_series = len(keys)
        n_partitions = n_partitions_of(n_series, n_partitions)
        return cls(keys, np.arange(1, n_partitions + 1) * n_series // n_partitions)

    def split(self, data: pd.DataFrame | None) -> list[pd.DataFrame | None]:
        """Return the rows of each partition.

        Parameters
        ----------
        data : pandas.DataFrame or None
            Rows of the series; None is the same for all partitions.

        Raises
        ------
        ValueError
            If there are rows of a series that was not in the fit.
        """
        if data is None or self.keys is None:
            return [data] * len(self.ends)
        own = series_of(data)
        numbers = self.keys.get_indexer(own)
        if (numbers < 0).any():
            raise ValueError(
                f"There are rows of the series {own[int(numbers.argmin())]!r}, which was not in "
                "the fit; leave them out, or fit again with all series."
            )
        places = np.searchsorted(self.ends, numbers, side="right")
        parts = [data.iloc[np.flatnonzero(places == i)] for i in range(len(self.ends))]
        return [_without_others(part) for part in parts]

    def check_complete(self, y: pd.DataFrame) -> None:
        """Refuse further values of some series only.

        Raises
        ------
        ValueError
            If a series of the fit has none.
        """
        if self.keys is None:
            return
        missing = self.keys.difference(series_of(y))
        if len(missing):
            raise ValueError(
                f"y has no rows of the series {missing[0]!r}, which was in the fit; give values of "
                "all series, missing ones as NaN."
            )


def n_partitions_of(n_series: int, asked: int | None) -> int:
    """Return the number of partitions: as many as asked for, or several per thread of workers."""
    if asked is None:
        asked = max(_PER_THREAD * n_threads(), -(-n_series // _MOST_SERIES))
    return min(asked, n_series)


def check_n_partitions(n_partitions: Any) -> None:
    """Refuse what is no number of partitions.

    Raises
    ------
    ValueError
        If it is neither a positive integer nor None.
    """
    whole = isinstance(n_partitions, Integral) and not isinstance(n_partitions, bool | np.bool_)
    if n_partitions is not None and not (whole and n_partitions >= 1):
        raise ValueError(
            f"n_partitions={n_partitions!r} is no number of partitions; use an integer from 1, or "
            "None for several per worker."
        )


def check_installed(name: str) -> None:
    """Refuse to go on without Dask.

    Raises
    ------
    ImportError
        If the package that runs workers is not there.
    """
    try:
        # Importing it would set up logging.
        found = importlib.util.find_spec("distributed")
    except ImportError:
        found = None
    if found is None:
        raise ImportError(
            f"{name} spreads series with Dask, which is not installed; run pip install dask "
            "distributed."
        )


def series_of(data: pd.DataFrame) -> pd.Index:
    """Return the series of each row of a panel, by the levels above time."""
    index: Any = data.index
    return index.droplevel(-1)


def _without_others(data: pd.DataFrame) -> pd.DataFrame:
    """Return rows of a panel without the names of series that have none here."""
    index: Any = data.index
    return data.set_axis(index.remove_unused_levels())


def current_client() -> Any:
    """Return the current client of Dask; None where there is none, as within a task."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        distributed.get_worker()
    except ValueError:
        # Not within a task, which would wait for a thread that it occupies.
        try:
            return distributed.Client.current(allow_global=True)
        except ValueError:
            return None
    return None


def n_threads() -> int:
    """Return how many threads the workers of the current client have together; 1 without any."""
    client = current_client()
    return 1 if client is None else max(sum(client.nthreads().values()), 1)


def spread(function: Callable[..., Any], jobs: Iterable[Sequence[Any]]) -> list[Any]:
    """Call a function once per job on the workers of the current client, or else in this process.

    Tasks hold their own arguments: what a worker was doing when it died is done by another one.

    Parameters
    ----------
    function : callable
        A function that can be pickled.
    jobs : iterable of sequence
        Arguments of each call.

    Returns
    -------
    list of length n_jobs
        Results in the order of the jobs.
    """
    client = current_client()
    if client is None:
        return [function(*job) for job in jobs]
    futures = [client.submit(function, *job, pure=False) for job in jobs]
    try:
        return client.gather(futures)
    except BaseException:
        client.cancel(futures)
        raise


def fit_partition(forecaster: Any, y: Any, X: Any, fh: Any) -> bytes:
    """Fit a clone of a forecaster to the series of a partition: the content of its file."""
    return _content(forecaster.clone().fit(y=y, X=X, fh=fh))


def ask_partition(forecaster: Any, content: bytes, method: str, arguments: dict[str, Any]) -> Any:
    """Return what a method gives, of the forecaster in a file."""
    return getattr(loaded(forecaster, content), method)(**arguments)


def change_partition(
    forecaster: Any, content: bytes, method: str, arguments: dict[str, Any]
) -> tuple[Any, bytes]:
    """Return what a method gives, and the file of the forecaster after it."""
    fitted = loaded(forecaster, content)
    result = getattr(fitted, method)(**arguments)
    return None if result is fitted else result, _content(fitted)


def apply_to_partition(
    forecaster: Any, content: bytes, function: Callable[..., Any], *arguments: Any
) -> Any:
    """Call a function with the forecaster in a file and further arguments."""
    return function(loaded(forecaster, content), *arguments)


def backtest_partition(
    forecaster: Any, y: Any, X: Any, fh: Any, options: dict[str, Any]
) -> BacktestResult:
    """Return the backtest of a clone of a forecaster on the series of a partition."""
    return forecaster.clone().backtest(y, X, fh, **options)


def loaded(forecaster: Any, content: bytes) -> Any:
    """Return the fitted forecaster in a file, whose class and network are those of another one."""
    cls, network = type(forecaster), getattr(forecaster, "network", None)
    name = getattr(network, "__name__", None)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "forecaster.zip")
        with open(path, "wb") as file:
            file.write(content)
        return read(path, {cls.__name__: cls}, {} if name is None else {name: network})


def _content(forecaster: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Callbacks serve fits alone, and this one is over.
        warnings.filterwarnings("ignore", "callbacks are left out of the file")
        path = os.path.join(folder, "forecaster.zip")
        forecaster.save(path)
        with open(path, "rb") as file:
            return file.read()
