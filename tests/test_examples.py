"""Examples run as a newcomer runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_demo_beats_the_seasonal_naive_forecast_and_draws_its_picture(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / "forecast_airline.py", "--output", tmp_path / "demo.png"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
        check=True,
    )

    rows = re.findall(
        r"^(\w+) +(seasonal naive|ConvAttention) +([\d.]+)", done.stdout, re.MULTILINE
    )
    errors = {(series, model): float(mase) for series, model, mase in rows}
    assert len(errors) == 4
    for series in ("AirPassengers", "ShampooSales"):
        assert errors[series, "ConvAttention"] < errors[series, "seasonal naive"]
    assert "NOT" not in done.stdout
    assert "Warning" not in done.stderr
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["demo.png"]
