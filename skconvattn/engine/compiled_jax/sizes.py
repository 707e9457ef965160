"""Sizes of batches, which a JAX program is traced for, and samples in arrays of few sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skconvattn.engine.compiled_jax.gathering import padded_size

# The most samples of a validation batch: the loss is the same for any, larger is quicker.
_VALIDATION_BATCH = 256
_FEWEST_VALIDATED = 16


class Batches(NamedTuple):
    """How samples are cut into batches; the program of one such cut is traced once.

    Attributes
    ----------
    size : int
        Samples of a batch.
    last : int
        Samples of the last batch, where it is smaller and computed in its own shape; 0 where it is
        padded to the size of the others, or where there is none.
    """

    size: int
    last: int


def cut(n_samples: int, size: int, *, padded: bool) -> Batches:
    """Cut samples into batches.

    Parameters
    ----------
    n_samples : int
        Samples.
    size : int
        Samples of a batch.
    padded : bool
        Whether the last batch may be padded.

    Returns
    -------
    Batches
        The cut.
    """
    return Batches(size, 0 if padded else n_samples % size)


def validation_cut(n_samples: int, *, padded: bool) -> Batches:
    """Cut validation samples into batches: one of a power of two, or several of 256."""
    size = _VALIDATION_BATCH
    if padded and n_samples <= size:
        size = max(_FEWEST_VALIDATED, 1 << (n_samples - 1).bit_length())
    return cut(n_samples, size, padded=padded)


def in_whole_batches(indices: np.ndarray, size: int) -> np.ndarray:
    """Return indices with the first of them repeated behind, up to one of few lengths.

    Parameters
    ----------
    indices : ndarray of shape (n_samples,)
        Samples, int32.
    size : int
        Samples of a batch.

    Returns
    -------
    ndarray of shape (n_batches * size,)
        What is gathered for a padded batch are samples that exist.
    """
    n_padded = -(-padded_size(len(indices)) // size) * size
    padded = np.full(n_padded, indices[0] if len(indices) else 0, np.int32)
    padded[: len(indices)] = indices
    return padded
