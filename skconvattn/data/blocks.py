"""Blocks of the rows of large arrays, so that no second copy of an array is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Tensors of a backend can share memory that starts at a multiple of this, in bytes.
ALIGNMENT = 64

# Values of a block: in float64 with its temporary copies, a few megabytes.
BLOCK_VALUES = 1 << 17


def row_blocks(array: np.ndarray, n_rows: int | None = None) -> Iterator[slice]:
    """Cut rows into blocks of bounded size.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        An array, of which only the shape matters.
    n_rows : int, optional
        Number of rows; those of the array by default.

    Yields
    ------
    slice
        The next rows.
    """
    n_rows = len(array) if n_rows is None else n_rows
    size = max(1, BLOCK_VALUES // max(1, int(np.prod(array.shape[1:], dtype=np.int64))))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def aligned_zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros, float32, in memory that a tensor can share.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.

    Returns
    -------
    ndarray of that shape
        An array that starts at a multiple of :data:`ALIGNMENT` bytes.
    """
    n_bytes = 4 * int(np.prod(shape, dtype=np.int64))
    memory = np.zeros(n_bytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes].view(np.float32).reshape(shape)
