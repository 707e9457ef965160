"""Refuse an environment in which another backend of Keras is installed than the one named.

python tools/alone.py BACKEND
"""

from __future__ import annotations

import importlib.util
import sys

BACKENDS = {"jax", "tensorflow", "torch"}


def main() -> None:
    """Look for the backends in the environment of this Python."""
    installed = {name for name in BACKENDS if importlib.util.find_spec(name)}
    if installed != {sys.argv[1]}:
        raise SystemExit(f"Only {sys.argv[1]} was to be installed, and found were {installed}.")


if __name__ == "__main__":
    main()
