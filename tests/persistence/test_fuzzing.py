"""Five hundred changed files are loaded or refused, in time, without effect, and then predict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.persistence import fuzzing

ROOT = Path(__file__).parents[2]


def test_500_changed_files_break_no_promise():
    command = [sys.executable, "-W", "ignore", "-m", "tests.persistence.fuzzing", "--files", "500"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=900)
    report = json.loads(run.stdout)
    assert report["broken"] == []
    assert run.returncode == 0
    counts = report["counts"]
    assert sum(counts.values()) == 500
    # Changes reach every level, and are not all refused: what is loaded has predicted.
    assert counts["bytes refused"] == 125
    assert counts["members refused"] > 50
    assert counts["values refused"] > 100
    assert counts["members loaded"] + counts["values loaded"] > 20


@pytest.mark.parametrize(
    ("code", "noted"),
    [
        ("exec('1')", "exec"),
        ("open('made', 'w').close()", "open"),
        ("import socket; socket.socket().close()", "socket"),
        ("import pickle; pickle.loads(b'cos\\ngetcwd\\n.')", "pickle.find_class"),
        ("import os; os.remove('made') if os.path.exists('made') else None", ""),
    ],
)
def test_the_audit_notes_what_loading_never_does(code: str, noted: str, tmp_path: Path):
    script = (
        "import json\nfrom tests.persistence.fuzzing import Audit\nimport os, sys, tempfile\n"
        "os.chdir(tempfile.mkdtemp())\nimport pickle, socket\naudit = Audit()\naudit.start()\n"
        f"{code}\nfound = audit.stop()\nsys.stdout.write(json.dumps(found))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300)
    found = json.loads(run.stdout)
    assert any(event.startswith(noted) for event in found) if noted else found == []


def test_an_answer_is_one_sentence():
    assert fuzzing._not_one_sentence(ValueError("two\nlines")) != []
    assert fuzzing._not_one_sentence(ValueError("one line")) == []
