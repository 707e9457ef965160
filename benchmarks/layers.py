"""Time and peak memory of the attention layers against the obvious ways to compute them.

Every row compares two programs of one process, forward and backward, taking turns; the figures
are medians and their ratio. Peak memory is that of a process of its own, beyond what it held
before the first step. `python benchmarks/layers.py` takes some minutes and up to 16 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from skconvattn.layers import (
    LinearSelfAttention,
    LinearSelfAttentionCell,
    MultiHeadSelfAttention,
    RNNAttention,
    RNNAttentionCell,
    SeqSelfAttention,
)
from skconvattn.layers.ops.masks import LOWEST
from skconvattn.layers.ops.scans import quotient

Step = Callable[[], Any]
BATCH, CHANNELS, WIDTH = 8, 32, 15


class Comparison(NamedTuple):
    """Two programs, and what is asked of the first.

    Attributes
    ----------
    what, against : str
        Names of the two.
    ours, theirs : callable
        ``ours()`` builds a program, which then runs once a call.
    faster : float
        How many times faster ours should be.
    smaller : float or None
        How many times less memory ours should take; None where it is not measured.
    """

    what: str
    against: str
    ours: Callable[[], Step]
    theirs: Callable[[], Step]
    faster: float
    smaller: float | None = None


def comparisons() -> dict[str, Comparison]:
    """Return the rows of the table by their short names."""
    return {
        "additive-local": Comparison(
            "additive, width 15, T=2048",
            "masked square",
            lambda: self_attention("additive", 2048, WIDTH),
            lambda: square_self_attention("additive", 2048, WIDTH),
            50,
            20,
        ),
        "multiplicative-local": Comparison(
            "multiplicative, width 15, T=2048",
            "masked square",
            lambda: self_attention("multiplicative", 2048, WIDTH),
            lambda: square_self_attention("multiplicative", 2048, WIDTH),
            15,
            1,
        ),
        "additive-full": Comparison(
            "additive, full, T=1024",
            "T x T x units",
            lambda: self_attention("additive", 1024, None),
            lambda: square_self_attention("additive", 1024, None),
            1,
            8,
        ),
        "rnn-steps": Comparison(
            "RNNAttention, T=4096",
            "log-step scan",
            lambda: rnn_attention(4096),
            lambda: scanned_rnn_attention(4096, log_step_scan),
            8,
        ),
        "rnn-tree": Comparison(
            "RNNAttention, T=4096",
            "ops.associative_scan",
            lambda: rnn_attention(4096),
            lambda: scanned_rnn_attention(4096, tree_scan),
            1,
        ),
        "rnn-cell": Comparison(
            "RNNAttention, T=4096",
            "recurrent cell",
            lambda: rnn_attention(4096),
            lambda: recurrent_rnn_attention(4096),
            30,
        ),
        "multi-head": Comparison(
            "MultiHeadSelfAttention, T=512",
            "keras MultiHeadAttention",
            lambda: multi_head_attention(512),
            lambda: keras_multi_head_attention(512),
            1,
        ),
    }


# Layer -> builder of a program for a number of time steps, for the rows on growth.
GROWTH: dict[str, Callable[[int], Step]] = {
    "additive, width 15": lambda t: self_attention("additive", t, WIDTH, batch=2),
    "multiplicative, width 15": lambda t: self_attention("multiplicative", t, WIDTH, batch=2),
    "multi-head, width 15": lambda t: multi_head_attention(t, WIDTH, batch=2),
    "RNNAttention": lambda t: rnn_attention(t, batch=2),
    "LinearSelfAttention": lambda t: program(
        LinearSelfAttention(num_heads=4, key_dim=16), series(t, batch=2)
    ),
}


def main() -> None:
    """Print the table, or one peak if the process was started for that."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peak", nargs=2, metavar=("ROW", "SIDE"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", nargs="*", help="short names of the rows to run; all if none")
    arguments = parser.parse_args()
    if arguments.peak:
        row, side = arguments.peak
        print(measured_peak(getattr(comparisons()[row], side)()))
        return
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {os.cpu_count()} cores,")
    print(f"batch {BATCH}, {CHANNELS} channels, forward and backward; batch 2 for growth\n")
    for name, row in comparisons().items():
        if not arguments.rows or name in arguments.rows:
            print_comparison(name, row)
    for name, build in GROWTH.items():
        if not arguments.rows or "growth" in arguments.rows:
            print_growth(name, build)
    for cell in (RNNAttentionCell, LinearSelfAttentionCell):
        if not arguments.rows or "stream" in arguments.rows:
            print_stream(cell)


def print_comparison(name: str, row: Comparison) -> None:
    """Measure and print one row."""
    ours, theirs = medians(row.ours(), row.theirs())
    line = f"{row.what:36s} vs {row.against:26s} {1e3 * ours:9.1f} ms {1e3 * theirs:9.1f} ms"
    print(f"{line}   {verdict(theirs / ours, row.faster)}", flush=True)
    if row.smaller is not None:
        peaks = [peak_in_a_process(name, side) for side in ("ours", "theirs")]
        line = f"{'':36s}    {'peak memory':26s} {peaks[0]:9.0f} MB {peaks[1]:9.0f} MB"
        print(f"{line}   {verdict(peaks[1] / peaks[0], row.smaller)}", flush=True)


def print_growth(name: str, build: Callable[[int], Step]) -> None:
    """Measure and print what four times as many steps cost."""
    short, long = medians(build(4096), build(16384))
    line = f"{name:36s}    {'T=4096 -> T=16384':26s} {1e3 * short:9.1f} ms {1e3 * long:9.1f} ms"
    print(f"{line}   {long / short:6.1f}x ({'<=' if long <= 4.5 * short else 'over'} 4.5x)")


def print_stream(cell: type) -> None:
    """Measure and print one streamed step, early and late."""
    early, late = streamed_steps(cell(num_heads=4, key_dim=16))
    line = f"{cell.__name__:36s}    {'step after 10 -> 10,000':26s}"
    print(f"{line} {1e6 * early:9.0f} us {1e6 * late:9.0f} us   {late / early:6.2f}x")


def verdict(ratio: float, target: float) -> str:
    """Say how the ratio stands to its target."""
    return f"{ratio:6.1f}x ({'>=' if ratio >= target else 'under'} {target:g}x)"


def medians(one: Step, other: Step, least: int = 3, seconds: float = 15.0) -> tuple[float, float]:
    """Return the median seconds of two programs that take turns."""
    one(), other()
    times: tuple[list[float], list[float]] = ([], [])
    start = time.perf_counter()
    while len(times[0]) < least or (len(times[0]) < 50 and time.perf_counter() - start < seconds):
        for step, taken in zip((one, other), times, strict=True):
            begin = time.perf_counter()
            step()
            taken.append(time.perf_counter() - begin)
    return float(np.median(times[0])), float(np.median(times[1]))


def peak_in_a_process(row: str, side: str) -> float:
    """Return the peak memory of a program in MB, measured in a process of its own."""
    command = [sys.executable, __file__, "--peak", row, side]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(finished.stdout.split()[-1])


def measured_peak(step: Step) -> float:
    """Return by how many MB the process grows at most while it runs the program twice."""
    before = memory("VmRSS")
    # Linux resets the peak on this write.
    Path("/proc/self/clear_refs").write_text("5")
    step(), step()
    return memory("VmHWM") - before


def memory(field: str) -> float:
    """Read a figure of this process from Linux, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(x.split()[1]) / 1024 for x in lines if x.startswith(field))


def series(n_timepoints: int, batch: int = BATCH) -> tf.Tensor:
    """Return random series of shape (batch, n_timepoints, CHANNELS)."""
    rng = np.random.default_rng(0)
    return tf.constant(rng.normal(size=(batch, n_timepoints, CHANNELS)).astype("float32"))


def program(layer: Any, x: tf.Tensor, compute: Callable[..., Any] | None = None) -> Step:
    """Compile the gradients of a layer, or of a function of it, by its input and weights."""
    layer.build(x.shape)
    compute = compute or layer

    @tf.function
    def step(x: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.square(compute(x)))
        return tape.gradient(loss, [x, *(w.value for w in layer.trainable_variables)])

    return lambda: step(x)[0].numpy()


def self_attention(kind: str, n_timepoints: int, width: int | None, batch: int = BATCH) -> Step:
    """Return our self-attention."""
    layer = SeqSelfAttention(32, attention_width=width, attention_type=kind)
    return program(layer, series(n_timepoints, batch))


def square_self_attention(kind: str, n_timepoints: int, width: int | None) -> Step:
    """Return the same with all pairs of steps, and units if additive, at once."""
    layer = SeqSelfAttention(32, attention_width=width, attention_type=kind)
    steps = ops.arange(n_timepoints)
    distance = steps[None] - steps[:, None]

    def compute(x: Any) -> Any:
        if kind == "additive":
            queries = ops.expand_dims(ops.matmul(x, layer.query_kernel), 2)
            keys = ops.expand_dims(ops.matmul(x, layer.key_kernel), 1)
            hidden = ops.tanh(queries + keys + layer.additive_bias)
            scores = ops.squeeze(ops.matmul(hidden, layer.score_kernel), -1)
        else:
            scores = ops.matmul(ops.matmul(x, layer.score_kernel), ops.swapaxes(x, 1, 2))
        scores = scores + layer.attention_bias
        if width is not None:
            inside = ops.logical_and(distance >= -(width // 2), distance < width - width // 2)
            scores = scores - 10000.0 * (1.0 - ops.cast(inside, "float32"))
        return ops.matmul(ops.softmax(scores), x)

    return program(layer, series(n_timepoints), compute)


def rnn_attention(n_timepoints: int, batch: int = BATCH) -> Step:
    """Return our causal attention with 4 heads of 16."""
    return program(RNNAttention(num_heads=4, key_dim=16), series(n_timepoints, batch))


def scanned_rnn_attention(n_timepoints: int, scan: Callable[[list[Any]], list[Any]]) -> Step:
    """Return the same by an associative scan over maximum, numerator and denominator."""
    layer = RNNAttention(num_heads=4, key_dim=16)

    def compute(x: Any) -> Any:
        scores, values = layer._project(x)
        scores = ops.expand_dims(scores, -1)  # (batch, time, heads, 1)
        values = ops.reshape(values, (*scores.shape[:3], -1))
        _, numerators, denominators = scan([scores, values, ops.ones_like(scores)])
        return ops.reshape(quotient(numerators, denominators), (BATCH, n_timepoints, -1))

    return program(layer, series(n_timepoints), compute)


def merge(one: list[Any], other: list[Any]) -> list[Any]:
    """Add two sums that are relative to their own maxima."""
    largest = ops.maximum(one[0], other[0])
    shares = ops.exp(one[0] - largest), ops.exp(other[0] - largest)
    return [
        largest,
        *(a * shares[0] + b * shares[1] for a, b in zip(one[1:], other[1:], strict=True)),
    ]


def log_step_scan(elements: list[Any]) -> list[Any]:
    """Scan in log2(time) steps, each over all of the series (Hillis and Steele)."""
    n_timepoints, shift = elements[0].shape[1], 1
    while shift < n_timepoints:
        widths = [[0, 0], [shift, 0], [0, 0], [0, 0]]
        earlier = [
            ops.pad(x[:, :-shift], widths, constant_values=fill)
            for x, fill in zip(elements, (LOWEST, 0.0, 0.0), strict=True)
        ]
        elements = merge(earlier, elements)
        shift *= 2
    return elements


def tree_scan(elements: list[Any]) -> list[Any]:
    """Scan by pairs of pairs, as Keras and TensorFlow Probability do."""
    return ops.associative_scan(merge, elements, axis=1)


def recurrent_rnn_attention(n_timepoints: int) -> Step:
    """Return the same by the cell, step after step."""
    cell = RNNAttentionCell(num_heads=4, key_dim=16)
    return program(keras.layers.RNN(cell, return_sequences=True), series(n_timepoints))


def multi_head_attention(n_timepoints: int, width: int | None = None, batch: int = BATCH) -> Step:
    """Return our multi-head attention with 4 heads of 16."""
    layer = MultiHeadSelfAttention(num_heads=4, key_dim=16, attention_width=width)
    return program(layer, series(n_timepoints, batch))


def keras_multi_head_attention(n_timepoints: int) -> Step:
    """Return Keras's multi-head attention with 4 heads of 16."""
    layer = keras.layers.MultiHeadAttention(num_heads=4, key_dim=16)
    x = series(n_timepoints)
    layer(x, x)
    layer.build = lambda shape: None
    return program(layer, x, lambda x: layer(x, x))


def streamed_steps(cell: Any) -> tuple[float, float]:
    """Return the median seconds of a streamed step after 10 and after 10,000 of them."""
    x = tf.ones((1, CHANNELS))
    cell.build(x.shape)
    step = tf.function(lambda x, state: cell(x, state))
    state, times = cell.get_initial_state(1), []
    for _ in range(10_500):
        begin = time.perf_counter()
        outputs, state = step(x, state)
        outputs.numpy()
        times.append(time.perf_counter() - begin)
    return float(np.median(times[10:510])), float(np.median(times[10_000:]))


if __name__ == "__main__":
    main()
