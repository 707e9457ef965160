"""Convolutions over time whose alignment does not depend on the length of the sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from skconvattn.layers.ops.windows import pad_time

PADDINGS = ("same", "causal", "valid")


def aligned_conv(
    filters: int, kernel_size: int, strides: int, padding: str, **kwargs: Any
) -> keras.layers.Conv1D:
    """Create a convolution to be applied with :func:`convolve`.

    Parameters
    ----------
    filters : int
        Channels of the output.
    kernel_size : int
        Time steps of the kernel.
    strides : int
        Time steps from one output to the next.
    padding : {"same", "causal", "valid"}
        Where the sequence is continued with zeros.
    **kwargs
        Arguments of :class:`keras.layers.Conv1D`.

    Returns
    -------
    keras.layers.Conv1D
        A layer, not built yet.

    Raises
    ------
    ValueError
        If ``padding`` is none of the above.
    """
    if padding not in PADDINGS:
        raise ValueError(f"padding={padding!r} is not known; use one of {', '.join(PADDINGS)}.")
    # Keras aligns a strided "same" convolution by the length, so that a masked tail would shift
    # it: there the padding is done in convolve.
    own_padding = padding if strides == 1 else "valid"
    return keras.layers.Conv1D(filters, kernel_size, strides, padding=own_padding, **kwargs)


def convolve(conv: keras.layers.Conv1D, x: Any, padding: str) -> Any:
    """Apply a layer made by :func:`aligned_conv`.

    Output ``i`` is centred at input step ``i * strides`` ("same"), ends there ("causal") or
    starts there ("valid").

    Parameters
    ----------
    conv : keras.layers.Conv1D
        The convolution.
    x : tensor of shape (batch, time, channels)
        A sequence, zero where it is masked.
    padding : {"same", "causal", "valid"}
        As given to :func:`aligned_conv`.

    Returns
    -------
    tensor of shape (batch, ceil(time / strides), filters), shorter for "valid"
        The convolved sequence.
    """
    if conv.padding != padding:
        reach = (conv.kernel_size[0] - 1) * conv.dilation_rate[0]
        before = reach // 2 if padding == "same" else reach
        x = pad_time(x, before, reach - before)
    return conv(x)


def convolved_mask(mask: Any, conv: keras.layers.Conv1D, padding: str) -> Any:
    """Return where the convolution of a masked sequence is valid.

    Parameters
    ----------
    mask : boolean tensor of shape (batch, time) or None
        True where a step is valid.
    conv : keras.layers.Conv1D
        The convolution.
    padding : {"same", "causal", "valid"}
        As given to :func:`aligned_conv`.

    Returns
    -------
    boolean tensor of shape (batch, convolved time) or None
        True where the centre of the kernel ("same"), its end ("causal") or all of it ("valid")
        lies on valid steps.
    """
    if mask is None:
        return None
    mask = ops.cast(mask, "bool")
    if padding == "valid":
        reach = (conv.kernel_size[0] - 1) * conv.dilation_rate[0]
        taps = [
            mask[:, shift : shift - reach or None]
            for shift in range(0, reach + 1, conv.dilation_rate[0])
        ]
        mask = ops.all(ops.stack(taps, axis=0), axis=0)
    return mask[:, :: conv.strides[0]]


def convolved_length(n_timepoints: int | None, conv: keras.layers.Conv1D, padding: str) -> Any:
    """Return the time steps of the convolved sequence; None where the input's are unknown."""
    if n_timepoints is None:
        return None
    reach = (conv.kernel_size[0] - 1) * conv.dilation_rate[0] if padding == "valid" else 0
    return max(0, -((reach - n_timepoints) // conv.strides[0]))
