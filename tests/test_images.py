"""The pictures that `make docs-images` draws are not older than the code."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sktime.datasets import load_airline, load_shampoo_sales

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
# Another processor trains to other weights: of the range of what is drawn in one axes.
LEEWAY = 0.03


def _numbers(path):
    with Image.open(path) as image:
        return json.loads(image.text["skconvattn numbers"])


def _assert_same(kept, drawn):
    assert [axes["title"] for axes in kept] == [axes["title"] for axes in drawn]
    assert [axes["labels"] for axes in kept] == [axes["labels"] for axes in drawn]
    for before, now in zip(kept, drawn, strict=True):
        for kind in ("lines", "bands"):
            assert len(before[kind]) == len(now[kind])
        rows = [
            *zip(before["lines"], now["lines"], strict=True),
            *zip(before["bands"], now["bands"], strict=True),
            (before["bars"], now["bars"]),
        ]
        span = np.ptp(np.concatenate([row for pair in rows for row in pair]))
        for one, other in rows:
            np.testing.assert_allclose(one, other, rtol=0, atol=LEEWAY * span)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    example = runpy.run_path(str(ROOT / "examples" / "forecast_airline.py"), run_name="example")
    series = {"AirPassengers": load_airline(), "ShampooSales": load_shampoo_sales()}
    seed = example["N_SEEDS"] - 1
    models = {
        name: example["_model"](example["OURS"], seed).fit(y[:-12], fh=range(1, 13))
        for name, y in series.items()
    }
    path = tmp_path_factory.mktemp("images") / "forecast_airline.png"
    example["draw"](models, series, path)
    return _numbers(path)


def test_the_picture_of_the_readme_shows_what_the_code_draws(drawn):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/images/forecast_airline.png" in readme
    _assert_same(_numbers(IMAGES / "forecast_airline.png"), drawn)


@pytest.mark.parametrize(
    "change",
    [
        lambda axes: axes["lines"][2].__setitem__(-1, 1.05 * axes["lines"][2][-1]),
        lambda axes: axes["lines"].pop(),
        lambda axes: axes.__setitem__("title", "another"),
        lambda axes: axes["labels"].reverse(),
    ],
    ids=["a value", "a line", "the title", "the legend"],
)
def test_a_picture_that_differs_is_noticed(drawn, change):
    other = json.loads(json.dumps(drawn))
    change(other[0])
    with pytest.raises(AssertionError):
        _assert_same(other, drawn)


def test_the_drawing_of_the_inside_is_what_its_script_draws():
    script = runpy.run_path(str(IMAGES / "draw_inside.py"), run_name="script")
    assert (IMAGES / "inside.svg").read_text(encoding="utf-8") == script["svg"]()


def test_every_kept_picture_is_drawn_by_docs_images():
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    target = re.search(r"^docs-images:.*?\n\n", rules, flags=re.MULTILINE | re.DOTALL)[0]
    for path in [*IMAGES.glob("*.png"), *IMAGES.glob("*.svg")]:
        assert path.name in target or f"draw_{path.stem}.py" in target, path.name
