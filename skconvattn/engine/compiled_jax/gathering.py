"""Data on JAX's device, padded to few sizes, and batches gathered there."""

from __future__ import annotations

from typing import Any

import numpy as np

from skconvattn.data import Rows, Windows

# The fewest rows that an array is padded to.
_FEWEST_ROWS = 64


def padded_size(n_rows: int) -> int:
    """Return the number of rows that an array is padded to: four sizes per doubling, from 64.

    A program is traced anew for every shape. With padded arrays, fits whose numbers of samples
    differ little, as those of cross-validation, share a trace.

    Parameters
    ----------
    n_rows : int
        Rows of the array.

    Returns
    -------
    int
        Not fewer, and at most a quarter more above 64.
    """
    if n_rows <= _FEWEST_ROWS:
        return _FEWEST_ROWS
    step = 1 << ((n_rows - 1).bit_length() - 3)
    return -(-n_rows // step) * step


def on_device(source: Rows | Windows) -> list[Any]:
    """Return the arrays of a source as JAX arrays, zeros behind their rows.

    Parameters
    ----------
    source : Rows or Windows
        The data.

    Returns
    -------
    list of jax.Array
        One per array of the source.
    """
    import jax

    return [jax.device_put(_padded(array)) for array in source.arrays]


def _padded(array: np.ndarray) -> np.ndarray:
    n_rows = padded_size(len(array))
    if len(array) == n_rows:
        return array
    padded = np.zeros((n_rows, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded


def gatherer(source: Rows | Windows) -> Any:
    """Return the function that gathers a batch from a source's arrays.

    Parameters
    ----------
    source : Rows or Windows
        Only its kind and window sizes are read, not its data.

    Returns
    -------
    callable
        ``gather(arrays, indices) -> inputs, targets, weights``, shapes as ``source.batch`` gives.
    """
    if isinstance(source, Windows):
        return _window_gatherer(source)
    return _gather_rows


def _gather_rows(arrays: Any, indices: Any) -> Any:
    inputs, targets, weights, *mask = (array[indices] for array in arrays)
    return [inputs, *mask], targets, weights


def _window_gatherer(source: Windows) -> Any:
    import jax.numpy as jnp

    # Read here: the function that is compiled shall not keep the data.
    length, n_known = source.window_length, source.n_known
    separate, whole = source.separate_targets, source.window_length + source.horizon

    def gather(arrays: Any, indices: Any) -> Any:
        series, starts = arrays
        values = series[starts[indices][:, None] + jnp.arange(whole)]
        window, future = values[:, :length], values[:, length:]  # (batch, time, channels) each
        targets = future[..., -1:] if separate else future[..., :1]
        if separate:
            window, future = window[..., :-1], future[..., :-1]
        present = jnp.isfinite(targets)
        inputs = [window, future[..., -n_known:]] if n_known else [window]
        return inputs, jnp.where(present, targets, 0.0), present[..., 0].astype(jnp.float32)

    return gather
