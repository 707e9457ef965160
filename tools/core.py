"""Turn an unpacked source distribution into that of skconvattn-core, which brings no backend.

    python tools/core.py FOLDER

The code is the same; only the name and the dependency on TensorFlow differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def main() -> None:
    """Rewrite ``pyproject.toml`` in the folder that is given."""
    path = Path(sys.argv[1]) / "pyproject.toml"
    path.write_text(core(path.read_text(encoding="utf-8")), encoding="utf-8")


def core(text: str) -> str:
    """Return the text of ``pyproject.toml`` for the distribution without a backend."""
    text, n_names = re.subn(r'^name = "skconvattn"$', 'name = "skconvattn-core"', text, flags=re.M)
    text, n_required = re.subn(r'^    "tensorflow>=.*",\n', "", text, flags=re.M)
    if (n_names, n_required) != (1, 1):
        raise SystemExit("pyproject.toml has another name, or TensorFlow is no dependency in it.")
    return text.replace('"skconvattn[', '"skconvattn-core[')


if __name__ == "__main__":
    main()
