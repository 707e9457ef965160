"""Compare the fused LSTM with `keras.layers.LSTM`: time of Keras divided by time of the fused one.

Both layers run in turn in one process, on the same weights and inputs, inside a `tf.function`:
"training" is a forward and a backward pass by inputs and weights, "prediction" a forward pass.
Medians over repeats. The rule that chooses at run time is switched off for the measurement, and
the column "used" says what it would choose.

    python benchmarks/fused_lstm.py
    python benchmarks/fused_lstm.py --units 32 --timepoints 24 96 --batches 32 64 --json ratios.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

from skconvattn.layers.parts import fused_lstm

RULE = fused_lstm.fused_lstm_is_faster


def main() -> None:
    """Measure the grid and print it, line by line."""
    arguments = _parser().parse_args()
    fused_lstm.fused_lstm_is_faster = lambda *args, **kwargs: True
    rows = []
    sys.stdout.write(_HEADER)
    for units in arguments.units:
        for n_timepoints in arguments.timepoints:
            for batch_size in arguments.batches:
                for training in (True, False):
                    shape = (batch_size, n_timepoints, arguments.channels)
                    rows.append(measure(units, shape, training, arguments.seconds))
                    sys.stdout.write(_LINE.format(**rows[-1]))
                    sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def measure(
    units: int, shape: tuple[int, int, int], training: bool, seconds: float
) -> dict[str, Any]:
    """Return times and their ratios at one size.

    Parameters
    ----------
    units : int
        Size of the hidden state.
    shape : tuple of int
        (batch, time, channels).
    training : bool
        Whether gradients are taken.
    seconds : float
        How long to go on; at least five repeats.

    Returns
    -------
    dict
        Sizes, median times in milliseconds and their ratios, time of the first call in seconds.
    """
    layers = keras.layers.LSTM(units), fused_lstm.FusedLSTM(units)
    for layer in layers:
        layer.build(shape)
        layer.set_weights(layers[0].get_weights())
    sequences = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    programs = [_program(layer, training) for layer in layers]
    first = [_seconds(program, sequences) for program in programs]
    times: list[list[float]] = [[], []]
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times[0]) < 5:
        for program, measured in zip(programs, times, strict=True):
            measured.append(_seconds(program, sequences))
    medians = [1e3 * statistics.median(measured) for measured in times]
    return {
        "units": units,
        "n_timepoints": shape[1],
        "batch_size": shape[0],
        "n_channels": shape[2],
        "mode": "training" if training else "prediction",
        "keras_ms": medians[0],
        "fused_ms": medians[1],
        "ratio": medians[0] / medians[1],
        "ratio_of_first_calls": first[0] / first[1],
        "used": RULE(units, training=training),
    }


def _program(layer: Any, training: bool) -> Callable[[Any], Any]:
    if not training:
        return tf.function(layer)

    @tf.function
    def step(sequences: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            loss = tf.reduce_sum(tf.square(layer(sequences, training=True)))
        return tape.gradient(loss, [sequences, *(v.value for v in layer.trainable_weights)])

    return step


def _seconds(program: Callable[[Any], Any], sequences: Any) -> float:
    start = time.perf_counter()
    program(sequences)
    return time.perf_counter() - start


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--timepoints", type=int, nargs="+", default=[24, 96])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32, 64, 512])
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each size and mode")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    return parser


_HEADER = "units  time  batch  mode        keras ms  fused ms  ratio  first call  used\n"
_LINE = (
    "{units:5d}  {n_timepoints:4d}  {batch_size:5d}  {mode:10s}  {keras_ms:8.2f}  {fused_ms:8.2f}"
    "  {ratio:5.2f}  {ratio_of_first_calls:10.1f}  {used}\n"
)


if __name__ == "__main__":
    main()
