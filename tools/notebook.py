"""Turn a page of the documentation into a notebook: its code as cells, its text between them.

python tools/notebook.py docs/tour.md tour.ipynb
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

# A block of code or of a directive, fences included.
BLOCK = re.compile(r"^```(\{?\w+\}?).*?\n(.*?)^```$\n?", flags=re.MULTILINE | re.DOTALL)
# A link to another page, which is not beside the notebook.
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
# A file that is downloaded from the page.
DOWNLOAD = re.compile(r"^.*\{download\}.*$\n?", flags=re.MULTILINE)


def notebook(page: str) -> dict[str, Any]:
    """Return a notebook in Jupyter's format 4.5.

    Parameters
    ----------
    page : str
        Markdown with directives of MyST. Pictures are left out, and links to other pages.

    Returns
    -------
    dict
        What a file of the notebook holds as JSON.
    """
    cells, end = [], 0
    for block in BLOCK.finditer(page):
        cells.append(_text(page[end : block.start()]))
        if block[1] == "python":
            cells.append(_cell("code", block[2]) | {"execution_count": None, "outputs": []})
        end = block.end()
    cells.append(_text(page[end:]))
    kept = [cell for cell in cells if cell["source"]]
    return {
        "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(kept)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write(page: Path, path: Path) -> None:
    """Write the notebook of a page, unless it is there already."""
    text = json.dumps(notebook(page.read_text(encoding="utf-8")), indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _text(markdown: str) -> dict[str, Any]:
    return _cell("markdown", LINK.sub(r"\1", DOWNLOAD.sub("", markdown)))


def _cell(kind: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": kind,
        "metadata": {},
        "source": source.strip("\n").splitlines(keepends=True),
    }


def main() -> None:
    """Write a notebook."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path, help="a page in Markdown")
    parser.add_argument("notebook", type=Path, help="the file to write")
    arguments = parser.parse_args()
    write(arguments.page, arguments.notebook)


if __name__ == "__main__":
    main()
