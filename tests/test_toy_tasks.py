"""Attention solves the tasks that its originals were shown on, as the examples print it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def _printed(script, *arguments, folder):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | {"MPLBACKEND": "agg"},
        timeout=500,
        check=True,
    )
    # The backend that draws nothing says so when it is asked to show a figure.
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert all("FigureCanvasAgg is non-interactive" in line for line in warnings), warnings
    return done.stdout


def _drawn(script, *arguments, folder):
    printed = _printed(script, *arguments, "--output", folder / "picture.png", folder=folder)
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    return printed


@pytest.mark.slow
def test_self_attention_evens_out_pulses_that_convolutions_do_not(tmp_path):
    printed = _printed("plot_pulses.py", folder=tmp_path)
    losses = [float(loss) for loss in re.findall(r"validation loss +([\d.]+)", printed)]
    assert len(losses) == 2
    assert losses[1] <= losses[0] / 3


@pytest.mark.slow
def test_attention_peaks_where_the_answer_is(tmp_path):
    printed = _printed("plot_adding_and_maximum.py", folder=tmp_path)
    shares = dict(re.findall(r"^(\w+) .* ([\d.]+) %", printed, re.MULTILINE))
    assert shares.keys() == {"adding", "maximum"}
    assert min(map(float, shares.values())) >= 95


@pytest.mark.slow
def test_the_archive_s_files_are_read(tmp_path):
    rng = np.random.default_rng(0)
    for name, n_classes in (("ECG200", 2), ("Trace", 4)):
        (tmp_path / name).mkdir()
        for part in ("TRAIN", "TEST"):
            y = np.arange(40) % n_classes
            table = np.c_[y, rng.normal(size=(40, 16)) + 3 * y[:, None]]
            np.savetxt(tmp_path / name / f"{name}_{part}.tsv", table, delimiter="\t")
    printed = _drawn("plot_ucr.py", "--data", tmp_path, "--seeds", "1", folder=tmp_path)
    scores = [float(score) for score in re.findall(r" (\d+\.\d) +0\.0 ", printed)]
    assert len(scores) == 6
    assert min(scores) > 80  # of 40 series, of four classes by chance a quarter


@pytest.mark.slow
def test_reviews_are_read_and_told_apart(tmp_path):
    """A made-up file in the form of Keras's: one word, somewhere, says which kind it is."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "test"):
        y = np.arange(400) % 2
        reviews = [rng.integers(10, 30, size=rng.integers(8, 20)).tolist() for _ in y]
        for review, label in zip(reviews, y, strict=True):
            review[rng.integers(len(review))] = 1 + label
        arrays[f"x_{part}"] = np.array([*reviews, None], dtype=object)[:-1]
        arrays[f"y_{part}"] = y
    np.savez(tmp_path / "imdb.npz", **arrays)
    (tmp_path / "words.json").write_text('{"bad": 1, "good": 2}')
    printed = _drawn(
        "plot_imdb.py", "--data", tmp_path / "imdb.npz", "--words", tmp_path / "words.json",
        "--vocabulary", "40", "--length", "20", "--epochs", "20", "--runs", "1", folder=tmp_path,
    )  # fmt: skip
    rows = re.findall(r"^(none|attention) +([\d,]+) +([\d.]+) ", printed, flags=re.MULTILINE)
    assert [name for name, *_ in rows] == ["none", "attention"]
    sizes = [int(size.replace(",", "")) for _, size, _ in rows]
    assert abs(sizes[0] - sizes[1]) < 1000
    assert float(rows[1][2]) > 90
