"""Files of the archive with other contents and right sums, as an attacker writes them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skconvattn.persistence.archive import read_archive, write_archive
from tests.persistence.written import FOLDER


class File:
    """The contents of a file of the archive, to be changed and written with right sums."""

    def __init__(self, name: str) -> None:
        self.members: dict[str, Any] = dict(read_archive(FOLDER / f"{name}.zip"))
        self.manifest = json.loads(self.members["manifest.json"])

    def at(self, *place: Any) -> Any:
        """Return a value within the manifest."""
        inner = self.manifest
        for key in place:
            inner = inner[key]
        return inner

    def parameter(self, value: Any) -> File:
        """Give the estimator an optimizer that is a dict with this value."""
        self.manifest["parameters"]["optimizer"] = {"dict": [["a", value]]}
        return self

    def array(self, value: np.ndarray, number: int | None = None) -> dict[str, int]:
        """Add an array, or put it in place of another, and return what stands for it."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, value, version=(1, 0))
        content = buffer.getvalue()
        if number is None:
            number = sum(name.endswith(".npy") for name in self.members)
        self.members[f"arrays/{number}.npy"] = content
        self.manifest["members"][f"arrays/{number}.npy"] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "dtype": value.dtype.str,
            "shape": list(value.shape),
        }
        return {"array": number}

    def write(self, path: Path, text: Callable[[str], str] = lambda text: text) -> Path:
        """Write the file, the text of its manifest changed at last."""
        manifest = text(json.dumps(self.manifest)).encode()
        write_archive(path, {**self.members, "manifest.json": manifest})
        return path
