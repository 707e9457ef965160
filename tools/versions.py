"""Write the README's table of versions from the oldest versions that the tests have passed with.

python tools/versions.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START, END = "<!-- versions: made by tools/versions.py -->\n", "<!-- end of versions -->"
# Packages of the tests alone stand in a paragraph of their own.
TESTS_ALONE = "# Of the tests alone."


def main() -> None:
    """Replace the table in the README."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    README.write_text(f"{before}{START}{table()}{END}{after}", encoding="utf-8")


def table() -> str:
    """Return the table as Markdown."""
    rows = [f"| {name} | {version} |" for name, version in oldest_versions().items()]
    pythons = python_versions()
    head = ["| package | oldest version tested |", "|---|---|"]
    return "\n".join([*head, f"| Python | {pythons[0]} (newest: {pythons[-1]}) |", *rows, ""])


def oldest_versions(*, of_tests: bool = False) -> dict[str, str]:
    """Return the versions of ``constraints-oldest.txt`` by package.

    Parameters
    ----------
    of_tests : bool
        Whether to include packages of the tests alone.
    """
    text = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8")
    if not of_tests:
        text = text.split(TESTS_ALONE)[0]
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", text, flags=re.MULTILINE))


def python_versions() -> list[str]:
    """Return the versions of Python that ``pyproject.toml`` names, oldest first."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r"Python :: (3\.\d+)\"", text)


if __name__ == "__main__":
    main()
