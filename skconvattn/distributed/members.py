"""Members of one model of many series, each from its own past, on the workers of Dask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skconvattn.distributed.partitions import (
    check_installed,
    check_n_partitions,
    n_partitions_of,
    spread,
)
from skconvattn.members.spreading import Spreader, spreading


@contextmanager
def spread_members(n_partitions: int | None = None) -> Iterator[None]:
    """Let the workers of a Dask cluster forecast each series of a panel from its own past.

    Within the block, exponential smoothing and pretrained attention of forecasters with
    ``panel="global"`` are weighed and forecast by partition on the workers of the current Dask
    client: in ``fit``, ``predict``, ``update`` and ``backtest``. The linear map and the network,
    which learn from all series together, stay in this process, and so does the forecaster, which is
    what it would be without the block. Without a client all is done in this process.

    Parameters
    ----------
    n_partitions : int, optional
        Partitions of the panel. By default four per thread of the workers, and more where
        partitions would have more than 100 series.

    Yields
    ------
    None
        The block.

    Raises
    ------
    ImportError
        If Dask is not installed.
    ValueError
        If the number of partitions is not positive.

    Examples
    --------
    On a machine of your own, ``with Client(n_workers=2, threads_per_worker=1):`` from
    ``dask.distributed`` around these lines starts two workers:

    >>> from sktime.utils._testing.hierarchical import _make_hierarchical
    >>> from skconvattn import ConvAttentionForecaster
    >>> from skconvattn.distributed import spread_members
    >>> y = _make_hierarchical((8,), min_timepoints=40, max_timepoints=40, random_state=0)
    >>> with spread_members():
    ...     forecaster = ConvAttentionForecaster(epochs=0).fit(y, fh=[1, 2, 3])
    ...     forecaster.predict().shape
    (24, 1)
    """
    check_installed("spread_members")
    check_n_partitions(n_partitions)
    with spreading(Spreader(spread, lambda n_series: n_partitions_of(n_series, n_partitions))):
        yield
