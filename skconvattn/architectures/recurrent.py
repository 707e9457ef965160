"""Recurrent encoders that architectures put in front of their attention."""

from __future__ import annotations

from typing import Any


def recurrent_layer(
    kind: str, units: int, *, dropout: float = 0.0, bidirectional: bool = False
) -> Any:
    """Return a layer that encodes every time step of a series.

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
        from skconvattn.layers.fused_lstm import make_lstm

        layer = make_lstm(units, return_sequences=True, dropout=dropout)
    return keras.layers.Bidirectional(layer) if bidirectional else layer
