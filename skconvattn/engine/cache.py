"""A bounded, thread-safe cache of compiled programs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Program = TypeVar("Program")


class ProgramCache(Generic[Program]):
    """Least recently used programs are dropped first.

    Parameters
    ----------
    max_size : int
        Number of programs kept.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, build: Callable[[], Program]) -> Program:
        """Return the program of a key, building it where it is not there.

        Parameters
        ----------
        key : hashable
            Everything that determines the program.
        build : callable
            Called without arguments, under the cache's lock.

        Returns
        -------
        object
            The program.
        """
        try:
            hash(key)
        except TypeError:
            # An object of the user's that cannot be compared: a program for this fit alone.
            return build()
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
            program = self._programs[key] = build()
            while len(self._programs) > self.max_size:
                self._programs.popitem(last=False)
            return program

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._programs.clear()

    def __len__(self) -> int:
        """Return the number of programs kept."""
        return len(self._programs)
