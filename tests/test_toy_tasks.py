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
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *arguments, "--output", folder / "picture.png"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"},
        timeout=500,
        check=True,
    )
    assert "Warning" not in done.stderr
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    return done.stdout


@pytest.mark.slow
def test_self_attention_evens_out_pulses_that_convolutions_do_not(tmp_path):
    printed = _printed("plot_pulses.py", "--animation", tmp_path / "map.gif", folder=tmp_path)
    losses = [float(loss) for loss in re.findall(r"validation loss +([\d.]+)", printed)]
    assert len(losses) == 2
    assert losses[1] <= losses[0] / 3
    assert (tmp_path / "map.gif").read_bytes().startswith(b"GIF8")


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
    printed = _printed("plot_ucr.py", tmp_path, "--seeds", "1", folder=tmp_path)
    scores = [float(score) for score in re.findall(r" (\d+\.\d) +0\.0 ", printed)]
    assert len(scores) == 5
    assert min(scores) > 80  # of 40 series, of four classes by chance a quarter
