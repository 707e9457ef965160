"""The code of the documentation runs from top to bottom of its page and prints what it says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import skconvattn

DOCS = Path(__file__).parents[1] / "docs"
# What "about" allows: another processor trains to other weights, and errors move by as much as they
# do between seeds.
LEEWAY = 0.25
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
PAGES = {
    path.relative_to(DOCS).as_posix(): "\n".join(BLOCK.findall(path.read_text(encoding="utf-8")))
    for path in sorted(DOCS.rglob("*.md"))
}
WITH_CODE = [name for name, code in PAGES.items() if code]
# `make test` runs what a newcomer reads first, `make test-all` every page.
FIRST = ("index.md", "install.md", "tour.md")


def test_the_pages_of_every_task_have_code():
    tasks = {name for name in PAGES if name.startswith("guide/")} - {"guide/index.md"}
    assert len(tasks) >= 10
    assert tasks | {*FIRST, "migration.md", "reproducibility.md"} <= set(WITH_CODE)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page in FIRST else pytest.mark.exhaustive)
        for page in WITH_CODE
    ],
)
def test_a_page_prints_what_its_comments_say(page, capsys, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    request.addfinalizer(lambda: plt.close("all"))
    code = PAGES[page]
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", code, flags=re.MULTILINE)
    assert len(promised) == len(re.findall(r"^ *print\(", code, flags=re.MULTILINE))

    exec(compile(code, page, "exec"), {"__name__": "__main__"})

    printed = capsys.readouterr().out.splitlines()
    for line, promise in zip(printed, promised, strict=True):
        if promise.startswith("about "):
            assert float(line) == pytest.approx(float(promise.removeprefix("about ")), rel=LEEWAY)
        else:
            assert line == promise


def test_every_public_name_has_a_page_in_the_reference():
    listed = set(
        re.findall(r"^   (\w+)$", (DOCS / "api/index.rst").read_text(), flags=re.MULTILINE)
    )
    modules = ("adapters", "datasets", "distributed", "extend", "inspection", "layers", "tuning")
    names = {name for module in modules for name in getattr(skconvattn, module).__all__}
    assert listed == (names | set(skconvattn.__all__)) - set(modules)


def test_pictures_of_the_gallery_are_those_of_an_example():
    examples = {path.stem for path in (DOCS.parent / "examples").glob("plot_*.py")}
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"sphx_glr_(\w+)_\d{3}\.png", (DOCS / page).read_text("utf-8"))
    }
    assert len(shown) >= 8
    assert shown <= examples - {"plot_ucr", "plot_imdb"}


def test_the_notebook_of_the_tour_has_the_code_of_the_page_and_its_text_without_links():
    written = runpy.run_path(str(DOCS.parent / "tools" / "notebook.py"))["notebook"]
    made = written((DOCS / "tour.md").read_text(encoding="utf-8"))

    cells = {kind: [] for kind in ("code", "markdown")}
    for cell in made["cells"]:
        cells[cell["cell_type"]].append("".join(cell["source"]))
    # So the test that runs the page runs the notebook.
    assert "\n".join(code + "\n" for code in cells["code"]) == PAGES["tour.md"]
    text = "\n".join(cells["markdown"])
    assert "# A five-minute tour" in text
    assert "five-minute tour" in cells["markdown"][0]
    assert not re.search(r"```|\]\((?!http)|\{download\}", text)
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])


def test_links_between_pages_lead_to_files():
    for name in PAGES:
        text = (DOCS / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[\w-]+)?\)", text):
            # The gallery is made by the build.
            if not target.startswith(("gallery/", "../gallery/")):
                assert (DOCS / name).parent.joinpath(target).is_file(), f"{name}: {target}"
