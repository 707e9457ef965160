"""What reading a file may cost: memory and work in proportion to the size of the file."""

from __future__ import annotations

from skconvattn.persistence.archive import SaveFileError

# What a file may have of each, whatever its size, and one more per so many of its bytes. Files of
# many short series, the densest that save writes, have half as much. Together they keep a file of
# 16 MB below 2 s and 256 MB.
_LIMITS = {
    "bytes when decoded": (64 << 20, 0.5),
    "values in its manifest": (50_000, 8),
    "lists and dicts in its manifest": (20_000, 36),
    "indices, series and frames": (500, 500),
    "time stamps on a calendar": (50_000, 400),
    "estimators": (100, 1500),
    "objects of Keras": (50, float("inf")),
    "weights and states in its networks": (700, 1 << 16),
}


class Budget:
    """What is left of the memory and the work that a file is worth.

    Parameters
    ----------
    n_bytes : int
        Size of the file.
    """

    def __init__(self, n_bytes: int) -> None:
        self._limits = {
            name: int(free + n_bytes / bytes_each) for name, (free, bytes_each) in _LIMITS.items()
        }
        self._left = dict(self._limits)

    def take(self, name: str, amount: float = 1) -> None:
        """Take an amount of something.

        Parameters
        ----------
        name : str
            One of the names of what is limited.
        amount : float
            How much of it.

        Raises
        ------
        SaveFileError
            If no more is left.
        """
        self._left[name] -= int(amount)
        if self._left[name] < 0:
            raise SaveFileError(
                f"it has more than {self._limits[name]} {name}, which is beyond what a file of its "
                "size may have."
            )

    def take_text(self, manifest: bytes) -> None:
        """Take what the text of a manifest describes, counted without reading it.

        Raises
        ------
        SaveFileError
            If it describes too much.
        """
        n_containers = manifest.count(b"[") + manifest.count(b"{")
        self.take("lists and dicts in its manifest", n_containers)
        self.take("values in its manifest", n_containers + manifest.count(b","))
