"""The README's code runs as printed and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
TITLES = ["forecast", "pipeline", "classify"]


def test_there_is_a_block_for_each_use():
    assert len(BLOCKS) == len(TITLES)


@pytest.mark.parametrize("block", BLOCKS, ids=TITLES)
def test_a_block_prints_what_its_comments_say(block, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    promised = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
    assert promised

    exec(compile(block, "README.md", "exec"), {})

    assert capsys.readouterr().out.splitlines() == promised


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).is_file(), target
