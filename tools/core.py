"""Turn an unpacked source distribution into that of skconvattn-core, which brings no backend.

    python tools/core.py FOLDER

The code is the same; the name, the dependency on TensorFlow, and the Pythons that TensorFlow has no
wheels for differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Pythons that TensorFlow has no wheels for, and that tests of networks, layers, files and
# forecasters passed on with JAX.
PYTHONS = ("3.14",)
_CLASSIFIER = '    "Programming Language :: Python :: {}",\n'


def main() -> None:
    """Rewrite ``pyproject.toml`` in the folder that is given."""
    path = Path(sys.argv[1]) / "pyproject.toml"
    path.write_text(core(path.read_text(encoding="utf-8")), encoding="utf-8")


def core(text: str) -> str:
    """Return the text of ``pyproject.toml`` for the distribution without a backend."""
    text, n_names = re.subn(r'^name = "skconvattn"$', 'name = "skconvattn-core"', text, flags=re.M)
    text, n_required = re.subn(r'^    "tensorflow>=.*",\n', "", text, flags=re.M)
    further = "".join(map(_CLASSIFIER.format, PYTHONS))
    last = re.escape(_CLASSIFIER).replace(r"\{\}", r"3\.\d+")
    text, n_classified = re.subn(rf"((?:{last})+)", rf"\g<1>{further}", text)
    if (n_names, n_required, n_classified) != (1, 1, 1):
        raise SystemExit("pyproject.toml is not what tools/core.py expects.")
    return text.replace('"skconvattn[', '"skconvattn-core[')


if __name__ == "__main__":
    main()
