"""Changed copies of training series: noise, another amplitude, and time that runs unevenly."""

from __future__ import annotations

import numpy as np

from skconvattn.data import Rows

# Standard deviations of the noise of standardised values, and of the amplitude.
_NOISE, _AMPLITUDE = 0.05, 0.1
# Where a window begins and how long it is, as shares of a series, and how it is stretched.
_START, _LENGTH, _STRETCHED = (0.1, 0.6), (0.1, 0.3), (0.7, 1.3)
# No window is stretched beyond this share of a series.
_LAST = 0.95


def with_copies(source: Rows, n_copies: int, n_channels: int, rng: np.random.Generator) -> Rows:
    """Append changed copies of all samples.

    Parameters
    ----------
    source : Rows
        Samples.
    n_copies : int
        Copies of each.
    n_channels : int
        Channels with values, the first ones; the others say where values are missing.
    rng : numpy.random.Generator
        Source of the changes.

    Returns
    -------
    Rows
        The samples, then a copy of each, then the next copies.
    """
    if not n_copies:
        return source
    copies = [changed(source.inputs, source.mask, n_channels, rng) for _ in range(n_copies)]
    others = (np.concatenate([array] * (1 + n_copies)) for array in source.arrays[1:])
    return Rows(np.concatenate([source.inputs, *copies]), *others)


def copies_too(rows: np.ndarray, n_samples: int, n_copies: int) -> np.ndarray:
    """Return the indices of samples and of their copies.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        Indices of samples.
    n_samples : int
        Number of samples, without copies.
    n_copies : int
        Copies of each.

    Returns
    -------
    ndarray of shape (n_rows * (1 + n_copies),)
        Indices.
    """
    return np.concatenate([rows + n_samples * number for number in range(1 + n_copies)])


def changed(
    series: np.ndarray, mask: np.ndarray | None, n_channels: int, rng: np.random.Generator
) -> np.ndarray:
    r"""Return changed series.

    .. math:: \tilde x(t) = a\, x(\tau(t)) + \varepsilon(t)

    with an amplitude :math:`a` about one, noise, and a piecewise linear :math:`\tau` that keeps
    both ends and stretches or compresses one window; window warping after Le Guennec, Malinowski
    and Tavenard (2016), "Data Augmentation for Time Series Classification using Convolutional
    Neural Networks".

    Parameters
    ----------
    series : ndarray of shape (n_samples, n_timepoints, n_channels_in_all)
        Scaled series, float32.
    mask : boolean ndarray of shape (n_samples, n_timepoints) or None
        True where a time step is valid.
    n_channels : int
        Channels with values, the first ones; the others are warped alone.
    rng : numpy.random.Generator
        Source of the changes.

    Returns
    -------
    ndarray of shape (n_samples, n_timepoints, n_channels_in_all)
        Float32; zero where a time step is not valid.
    """
    n_samples, n_timepoints, _ = series.shape
    lengths = np.full(n_samples, n_timepoints) if mask is None else mask.sum(axis=1)
    # Where the window begins and how far it extends, as shares of a series, and its stretching.
    lowest, highest = np.array([_START, _LENGTH, _STRETCHED]).T
    start, extent, stretched = rng.uniform(lowest, highest, (n_samples, 3)).T
    end = start + extent
    warped_end = np.minimum(start + extent * stretched, _LAST)
    found = np.zeros_like(series)
    for row, (one, length) in enumerate(zip(series, lengths.tolist(), strict=True)):
        time = np.linspace(0, 1, length)
        knots = [0, start[row], warped_end[row], 1], [0, start[row], end[row], 1]
        positions = np.interp(time, *knots)
        for channel in range(series.shape[2]):
            found[row, :length, channel] = np.interp(positions, time, one[:length, channel])
    values = found[..., :n_channels]
    values *= rng.normal(1, _AMPLITUDE, (n_samples, 1, 1)).astype(np.float32)
    noise = (_NOISE * rng.normal(size=values.shape)).astype(np.float32)
    values += noise if mask is None else noise * mask[..., None]
    return found
