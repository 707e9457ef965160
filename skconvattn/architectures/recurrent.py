"""Recurrent encoders before many-to-one attention, and its context beside a sequence."""

from __future__ import annotations

from typing import Any


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
