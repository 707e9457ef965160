"""What is released says one thing: version, date, files and links."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import skconvattn

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def _module(name):
    spec = importlib.util.spec_from_file_location(f"{Path(name).stem}_of_release", ROOT / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _page():
    return _module("setup.py").page()


def _core():
    """Return the project of the distribution without a backend."""
    return tomllib.loads(_module("tools/core.py").core(_read("pyproject.toml")))["project"]


def _pythons(project):
    named = re.findall(
        r"Programming Language :: Python :: (3\.\d+)", "\n".join(project["classifiers"])
    )
    assert named == sorted(set(named), key=lambda version: int(version.removeprefix("3.")))
    return named


def test_version_and_date_are_the_same_everywhere():
    version = PROJECT["version"]
    heading = re.search(r"^## \[(\d[\d.]*)\] - (\d{4}-\d\d-\d\d)$", _read("CHANGELOG.md"), re.M)
    assert heading.group(1) == version == skconvattn.__version__
    citation = _read("CITATION.cff")
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{heading.group(2)}"\n' in citation


def test_the_changelog_begins_with_what_is_not_released():
    assert re.findall(r"^## \[(.+?)\]", _read("CHANGELOG.md"), re.M)[0] == "Unreleased"


def test_links_of_the_page_are_absolute_and_lead_to_files():
    repository = PROJECT["urls"]["Repository"]
    targets = re.findall(r"\]\(([^)]+)\)", _page())
    assert [target for target in targets if not target.startswith("https://")] == []
    files = [t.removeprefix(repository) for t in targets if t.startswith(repository)]
    assert any(name.startswith("/raw/main/") and name.endswith(".png") for name in files)
    for name in files:
        assert (ROOT / re.sub(r"^/(raw|blob)/main/", "", name)).is_file(), name


def test_the_page_is_the_readme_but_for_its_links():
    without_targets = [
        re.sub(r"\]\([^)]+\)", "]()", text) for text in (_page(), _read("README.md"))
    ]
    assert without_targets[0] == without_targets[1]


def test_the_python_that_runs_the_tests_is_one_that_is_promised():
    # TensorFlow may have no wheels for it.
    alone = importlib.util.find_spec("tensorflow") is None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert version in _pythons(_core() if alone else PROJECT)


def test_the_pages_name_the_pythons_that_are_promised():
    pythons, further = _pythons(PROJECT), _module("tools/core.py").PYTHONS
    page = " ".join(_read("docs/install.md").split())
    sentence = page.split("The tests pass on Python ")[1].split("(")[0]
    assert re.findall(r"3\.\d+", sentence) == [*pythons, *further]
    for name in ("README.md", "CONTRIBUTING.md", "docs/install.md", "Makefile"):
        oldest = re.findall(r"Python (\d\.\d+) or newer", _read(name))
        assert set(oldest) == {pythons[0]}, name


def test_the_distribution_without_a_backend_differs_in_name_tensorflow_and_pythons_alone():
    core = _core()
    assert core["name"] == "skconvattn-core"
    without = [r for r in PROJECT["dependencies"] if not r.startswith("tensorflow")]
    assert core["dependencies"] == without
    assert len(without) == len(PROJECT["dependencies"]) - 1
    assert core["version"] == PROJECT["version"]
    # And in the Pythons that TensorFlow has no wheels for.
    assert _pythons(core) == [*_pythons(PROJECT), *_module("tools/core.py").PYTHONS]
    assert core["classifiers"][0] == PROJECT["classifiers"][0]
