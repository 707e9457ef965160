"""The README as a package index shows it, where no link can be relative to a repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
# Targets of Markdown links and pictures that are no addresses and no headings of the page itself.
_RELATIVE = re.compile(r"(!?)(\[[^\]]*\]\()(?!https?:|#|mailto:)([^)]+)\)")


def page() -> str:
    """Return the README with absolute links into the repository of ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]

    def absolute(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        view = "raw" if picture else "blob"
        return f"{picture}{text}{repository}/{view}/main/{target})"

    return _RELATIVE.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    setup(long_description=page(), long_description_content_type="text/markdown")
