"""Our layers beside the packages they replace: the same weights, outputs compared, both timed.

keras-self-attention 0.51 and attention 5.0 need Keras 2, so they run in an environment of their
own (TensorFlow 2.15, Python 3.11 or older), which this script makes on first use:

    python benchmarks/layers_originals.py --environment ~/.cache/skconvattn-originals

Both sides run in turn in two processes; times are medians of forward and backward passes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

PACKAGES = ["tensorflow==2.15.*", "keras-self-attention==0.51.0", "attention==5.0.0"]
BATCH, CHANNELS = 8, 32

# Name -> (layer, arguments, time steps, our weights in the order in which the original has them).
CASES: dict[str, tuple[str, dict[str, Any], int, list[str]]] = {
    "Attention, luong": ("Attention", {"score": "luong"}, 512, ["score_kernel", "output_kernel"]),
    "Attention, bahdanau": (
        "Attention",
        {"score": "bahdanau"},
        512,
        ["score_vector", "query_kernel", "key_kernel", "output_kernel"],
    ),
    **{
        f"SeqSelfAttention, additive, {label}": (
            "SeqSelfAttention",
            {"attention_type": "additive", **config},
            n_timepoints,
            ["query_kernel", "key_kernel", "additive_bias", "score_kernel", "attention_bias"],
        )
        for label, config, n_timepoints in (
            ("full", {}, 1024),
            ("history only", {"history_only": True}, 512),
            ("width 15", {"attention_width": 15}, 1024),
            ("width 15 ", {"attention_width": 15}, 2048),
        )
    },
    "SeqSelfAttention, multiplicative, full": (
        "SeqSelfAttention",
        {"attention_type": "multiplicative"},
        1024,
        ["score_kernel", "attention_bias"],
    ),
    "SeqSelfAttention, multiplicative, width 15": (
        "SeqSelfAttention",
        {"attention_type": "multiplicative", "attention_width": 15},
        2048,
        ["score_kernel", "attention_bias"],
    ),
    "SeqWeightedAttention": ("SeqWeightedAttention", {}, 2048, ["kernel", "bias"]),
}


def main() -> None:
    """Print the table, or serve one side if the process was started for that."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(tempfile.gettempdir()) / "skconvattn-originals"
    parser.add_argument("--environment", type=Path, default=default, help="folder of the venv")
    parser.add_argument("--python", default=sys.executable, help="Python 3.11 or older to make it")
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "CASE", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        side, case, file = arguments.side
        print(json.dumps(run_side(side, case, Path(file))))
        return
    original = make_environment(arguments.environment, arguments.python)
    print(f"batch {BATCH}, {CHANNELS} channels, forward and backward, medians")
    print(f"{'':46s} {'T':>5s} {'original':>10s} {'ours':>10s} {'ratio':>7s} {'difference':>11s}")
    for name, case in CASES.items():
        compare(name, case[2], original)


def compare(name: str, n_timepoints: int, original: Path) -> None:
    """Run both sides of one case and print its row."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.npz"
        theirs = run_process(original, "original", name, file)
        ours = run_process(Path(sys.executable), "ours", name, file)
    ratio = theirs["seconds"] / ours["seconds"]
    times = f"{1e3 * theirs['seconds']:7.1f} ms {1e3 * ours['seconds']:7.1f} ms {ratio:6.1f}x"
    equal = "equal" if ours["difference"] <= 1e-5 else "NOT EQUAL"
    print(f"{name:46s} {n_timepoints:5d} {times} {ours['difference']:11.1e} {equal}", flush=True)


def make_environment(folder: Path, python: str) -> Path:
    """Install the originals unless they are there, and return that environment's Python."""
    interpreter = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"Installing {', '.join(PACKAGES)} into {folder} ...", flush=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        (folder / "installed").touch()
    return interpreter


def run_process(python: Path, side: str, name: str, file: Path) -> dict[str, float]:
    """Run one side in a process of the given environment."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    if side == "ours":
        root = str(Path(__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    command = [str(python), __file__, "--side", side, name, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} side of {name!r} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_side(side: str, name: str, file: Path) -> dict[str, float]:
    """Compute one side; the original writes its weights and outputs, ours reads them."""
    kind, config, n_timepoints, order = CASES[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, n_timepoints, CHANNELS)).astype("float32")
    if side == "original":
        layer = original_layer(kind, config)
        layer(x)
        weights = [rng.normal(scale=0.3, size=w.shape) for w in layer.get_weights()]
        layer.set_weights(weights)
        outputs = np.asarray(layer(x))
        np.savez(file, *weights, outputs=outputs)
        return {"seconds": median_seconds(layer, x)}
    from skconvattn import layers

    layer = getattr(layers, kind)(**config)
    layer.build(x.shape)
    saved = np.load(file)
    for i, weight in enumerate(order):
        getattr(layer, weight).assign(saved[f"arr_{i}"])
    difference = float(np.abs(np.asarray(layer(x)) - saved["outputs"]).max())
    return {"seconds": median_seconds(layer, x), "difference": difference}


def original_layer(kind: str, config: dict[str, Any]) -> Any:
    """Create a layer of the packages that ours replace."""
    if kind == "Attention":
        from attention import Attention

        return Attention(**config)
    import keras_self_attention

    return getattr(keras_self_attention, kind)(**config)


def median_seconds(layer: Callable[[Any], Any], x: np.ndarray) -> float:
    """Return the median seconds of a forward and backward pass, by input and weights."""
    import tensorflow as tf

    @tf.function
    def step(x: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.square(layer(x)))
        # Keras 3 wraps the variables that TensorFlow differentiates by.
        weights = [w if isinstance(w, tf.Variable) else w.value for w in layer.trainable_variables]
        return tape.gradient(loss, [x, *weights])

    tensor, times = tf.constant(x), []
    step(tensor)
    start = time.perf_counter()
    # Steps of a millisecond need many repetitions: thirty of them differed by a factor of two.
    while len(times) < 3 or (len(times) < 500 and time.perf_counter() - start < 5):
        begin = time.perf_counter()
        step(tensor)[0].numpy()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


if __name__ == "__main__":
    main()
