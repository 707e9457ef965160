"""Recurrent encoders, the patches that they read, and the context of attention beside them."""

from __future__ import annotations

from typing import Any

# Longer series are read in patches, as many as stated.
_LONGEST_UNPATCHED = 100
_MOST_PATCHES = 50


def settled_patch_size(patch_size: int | str, n_timepoints: int | None) -> int:
    """Return how many time steps a recurrent encoder reads at once.

    Parameters
    ----------
    patch_size : int or "auto"
        The hyperparameter.
    n_timepoints : int or None
        Time steps of the series; None if the model takes any number.

    Returns
    -------
    int
        The number, 1 for no patches.
    """
    if not isinstance(patch_size, str):
        return int(patch_size)
    if n_timepoints is None or n_timepoints <= _LONGEST_UNPATCHED:
        return 1
    return -(-n_timepoints // _MOST_PATCHES)


def patches(inputs: Any, mask: Any, patch_size: int, channels: int) -> tuple[Any, Any]:
    """Convolve series to one position per patch.

    Parameters
    ----------
    inputs : KerasTensor of shape (batch, n_timepoints, n_channels)
        Scaled series.
    mask : KerasTensor of shape (batch, n_timepoints) or None
        True where a time step is valid.
    patch_size : int
        Time steps per position; with 1, series are returned as they are.
    channels : int
        Channels of the result.

    Returns
    -------
    hidden : KerasTensor of shape (batch, ceil(n_timepoints / patch_size), channels)
        Patches. The kernel reaches one patch to either side, so that they overlap.
    mask : KerasTensor of shape (batch, ceil(n_timepoints / patch_size)) or None
        True where the first time step of a patch is valid.
    """
    if patch_size == 1:
        return inputs, mask
    from skconvattn.layers import ResidualConv1D

    layer = ResidualConv1D(
        channels, 2 * patch_size + 1, strides=patch_size, activation="gelu", name="patches"
    )
    return layer(inputs, mask=mask), layer.convolved_mask(mask)


def recurrent_layer(
    kind: str, units: int, *, dropout: float = 0.0, bidirectional: bool = False
) -> Any:
    """Return a recurrent layer that encodes each time step of a series.

    Parameters
    ----------
    kind : {"lstm", "gru"}
        Cell.
    units : int
        Size of the hidden state; twice as many channels come out if ``bidirectional``.
    dropout : float
        Share of the inputs dropped in training.
    bidirectional : bool
        Whether a second cell reads backwards.

    Returns
    -------
    keras.layers.Layer
        From (batch, time, channels) to (batch, time, units).
    """
    import keras

    if kind == "gru":
        layer = keras.layers.GRU(units, return_sequences=True, dropout=dropout)
    else:
        from skconvattn.layers.parts.fused_lstm import make_lstm

        layer = make_lstm(units, return_sequences=True, dropout=dropout)
    return keras.layers.Bidirectional(layer) if bidirectional else layer


def with_context(sequence: Any, context: Any) -> Any:
    """Concatenate the result of attention over a series to each position of a sequence.

    Parameters
    ----------
    sequence : KerasTensor of shape (batch, n_positions, channels)
        Encoded series.
    context : KerasTensor of shape (batch, n_features)
        Result of the attention.

    Returns
    -------
    KerasTensor of shape (batch, n_positions, channels + n_features)
        The encoded series, and at each position the result of the attention.
    """
    from keras import ops

    repeated = ops.expand_dims(context, 1) + ops.zeros_like(sequence[..., :1])
    return ops.concatenate([sequence, repeated], axis=-1)
