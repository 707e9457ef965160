"""The README's code runs as printed and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
# What "about" allows: another processor trains to other weights, and errors move by as much as they
# do between seeds.
LEEWAY = 0.25
TITLES = ["forecast"]


def test_there_is_a_block_for_each_use():
    assert len(BLOCKS) == len(TITLES)


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=title) for title, block in zip(TITLES, BLOCKS, strict=True)],
)
def test_a_block_prints_what_its_comments_say(block, capsys, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    request.addfinalizer(lambda: plt.close("all"))
    promised = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
    assert len(promised) == len(re.findall(r"^ *print\(", block, flags=re.MULTILINE)) > 0

    exec(compile(block, "README.md", "exec"), {})

    printed = capsys.readouterr().out.splitlines()
    for line, promise in zip(printed, promised, strict=True):
        if promise.startswith("about "):
            assert float(line) == pytest.approx(float(promise.removeprefix("about ")), rel=LEEWAY)
        else:
            assert line == promise


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).is_file(), target
