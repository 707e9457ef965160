"""Walking over large arrays in pieces, so that no second copy of them is made on the way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Tensors of a backend can lie in memory that starts at a multiple of this, in bytes.
ALIGNMENT = 64

# Values of a block: in float64 with its temporary copies, a few megabytes.
BLOCK_VALUES = 1 << 17


def row_blocks(array: np.ndarray, n_rows: int | None = None) -> Iterator[slice]:
    """Cut rows into blocks of bounded size.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        Whose rows are walked over.
    n_rows : int, optional
        How many rows; those of the array by default.

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
        Of the array.

    Returns
    -------
    ndarray of that shape
        It starts at a multiple of :data:`ALIGNMENT` bytes.
    """
    n_bytes = 4 * int(np.prod(shape, dtype=np.int64))
    memory = np.zeros(n_bytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes].view(np.float32).reshape(shape)
