"""The versions that are promised are those that are tested."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from skconvattn._sktime import remembers_data

ROOT = Path(__file__).resolve().parents[1]
_SPEC = importlib.util.spec_from_file_location("versions", ROOT / "tools" / "versions.py")
versions = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(versions)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What users may install, beside the backends other than the default.
EXTRAS = ("plots", "holidays", "probabilistic", "dask")
REQUIRED = [*PROJECT["dependencies"], *(r for e in EXTRAS for r in PROJECT[
    "optional-dependencies"][e])]  # fmt: skip


def _numbers(version):
    numbers = [int(number) for number in version.split(".")]
    while numbers[-1] == 0:
        numbers.pop()
    return numbers


@pytest.mark.parametrize("requirement", REQUIRED)
def test_a_lower_bound_is_the_oldest_version_tested(requirement):
    name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
    oldest = versions.oldest_versions()[name.replace("_", "-")]
    assert _numbers(bound) == _numbers(oldest)


def test_the_constraints_name_nothing_else():
    named = {re.split(r">=", requirement)[0].replace("_", "-") for requirement in REQUIRED}
    assert versions.oldest_versions().keys() == named


def test_no_test_dependency_asks_for_more_than_the_oldest_environment_has():
    oldest = versions.oldest_versions(of_tests=True)
    for requirement in PROJECT["optional-dependencies"]["test"]:
        name, bound = requirement.split(">=")
        if name in oldest:
            assert _numbers(bound) <= _numbers(oldest[name]), requirement


def test_the_table_in_the_readme_is_current():
    text = versions.README.read_text(encoding="utf-8")
    assert text.split(versions.START)[1].split(versions.END)[0] == versions.table()


def test_python_starts_where_the_package_does():
    assert PROJECT["requires-python"] == f">={versions.python_versions()[0]}"


@pytest.mark.parametrize(("version", "remembers"), [("1.1.0", True), ("1.2.0", False)])
def test_sktime_keeps_a_copy_of_the_data_where_it_takes_one_for_granted(
    version, remembers, monkeypatch
):
    monkeypatch.setattr("importlib.metadata.version", lambda package: version)

    assert remembers_data() is remembers
