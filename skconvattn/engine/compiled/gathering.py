"""Batches gathered within the compiled graph: windows are never materialised as a matrix."""

from __future__ import annotations

from typing import Any

from skconvattn.data import Rows, Windows


def input_signature(source: Rows | Windows) -> list[Any]:
    """Return TensorFlow specifications of a source's arrays, with any number of rows."""
    import tensorflow as tf

    return [
        tf.TensorSpec((None, *_free_time(source, i, array.shape[1:])), array.dtype)
        for i, array in enumerate(source.arrays)
    ]


def gatherer(source: Rows | Windows) -> Any:
    """Return the function that gathers a batch from a source's tensors.

    Parameters
    ----------
    source : Rows or Windows
        Only its kind and window sizes are read, not its data.

    Returns
    -------
    callable
        ``gather(tensors, indices) -> inputs, targets, weights``, shapes as ``source.batch`` gives.
    """
    if isinstance(source, Windows):
        return _window_gatherer(source)
    return _gather_rows


def _gather_rows(tensors: Any, indices: Any) -> Any:
    import tensorflow as tf

    inputs, targets, weights, *mask = (tf.gather(tensor, indices) for tensor in tensors)
    return [inputs, *mask], targets, weights


def _window_gatherer(source: Windows) -> Any:
    import tensorflow as tf

    # Read here: the function that is compiled shall not keep the data.
    length, n_known = source.window_length, source.n_known
    separate, whole = source.separate_targets, source.window_length + source.horizon

    def gather(tensors: Any, indices: Any) -> Any:
        series, starts = tensors
        rows = tf.gather(starts, indices)[:, None] + tf.range(whole)
        values = tf.gather(series, rows)  # (batch, window_length + horizon, channels)
        window, future = values[:, :length], values[:, length:]
        targets = future[..., -1:] if separate else future[..., :1]
        if separate:
            window, future = window[..., :-1], future[..., :-1]
        present = tf.math.is_finite(targets)
        targets = tf.where(present, targets, 0.0)
        inputs = [window, future[..., -n_known:]] if n_known else [window]
        return inputs, targets, tf.cast(present[..., 0], tf.float32)

    return gather


def _free_time(source: Rows | Windows, position: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Let the time axis of series and mask be of any length: one trace for all."""
    if isinstance(source, Rows) and position in (0, 3):
        return (None, *shape[1:])
    return shape
