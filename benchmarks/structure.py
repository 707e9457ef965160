"""Count the files of the package that one fit enters, and how often it goes from one to another.

A forecaster is fitted to AirPassengers twice, and the calls of the second fit are counted: every
file that a call enters, and every call whose file differs from that of the call before. Beside them
stand the number of classes in the forecaster's method resolution order, and the bars for all three.

    python benchmarks/structure.py
    python benchmarks/structure.py --package ../other-checkout --details 20
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# At most.
BARS = {"files": 30, "changes of file": 350, "classes": 16}


def main() -> None:
    """Count, and print each number beside its bar."""
    arguments = _parser().parse_args()
    if arguments.package is not None:
        sys.path.insert(0, str(arguments.package.resolve()))
    warnings.simplefilter("ignore")
    from sktime.datasets import load_airline

    import skconvattn

    cls = getattr(skconvattn, arguments.forecaster)
    series = load_airline()

    def fit() -> None:
        cls(random_state=0).fit(series, fh=range(1, 13))

    fit()
    files, changes = count(fit, str(Path(skconvattn.__file__).parent))
    found = {
        "files": len(files),
        "changes of file": sum(changes.values()),
        "classes": len(cls.__mro__),
    }
    for name, number in found.items():
        sys.stdout.write(f"{name:16s} {number:4d}  (at most {BARS[name]})\n")
    for name, number in files.most_common(arguments.details):
        sys.stdout.write(f"{number:6d} calls in {name}\n")
    for (one, other), number in changes.most_common(arguments.details):
        sys.stdout.write(f"{number:6d} times from {one} to {other}\n")


def count(run: Any, root: str) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Count calls in the files of a package.

    Parameters
    ----------
    run : callable
        Called without arguments.
    root : str
        Directory of the package.

    Returns
    -------
    files : Counter of str
        Calls by file.
    changes : Counter of (str, str)
        Calls that follow one in another file, by both files.
    """
    files: Counter[str] = Counter()
    changes: Counter[tuple[str, str]] = Counter()
    last = "the outside"

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal last
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(root + os.sep):
            return
        name = os.path.relpath(file, root)
        files[name] += 1
        if name != last:
            changes[last, name] += 1
        last = name

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return files, changes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forecaster", default="ConvAttentionForecaster", help="its class")
    parser.add_argument("--package", type=Path, help="folder of the package, if not the installed")
    parser.add_argument("--details", type=int, default=0, help="files and changes to name")
    return parser


if __name__ == "__main__":
    main()
