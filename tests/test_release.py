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


def _page():
    spec = importlib.util.spec_from_file_location("setup_of_skconvattn", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


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
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_the_distribution_without_a_backend_differs_in_its_name_and_that_alone():
    spec = importlib.util.spec_from_file_location("core", ROOT / "tools" / "core.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    core = tomllib.loads(module.core(_read("pyproject.toml")))["project"]
    assert core["name"] == "skconvattn-core"
    without = [r for r in PROJECT["dependencies"] if not r.startswith("tensorflow")]
    assert core["dependencies"] == without
    assert len(without) == len(PROJECT["dependencies"]) - 1
    assert core["version"] == PROJECT["version"]
