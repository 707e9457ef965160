"""Forked processes say that they cannot train or predict, instead of waiting for ever.

A fork copies the memory of a process and not its threads. A backend that has computed has threads
that hold locks, and everything that the child computes with it waits for them.
"""

from __future__ import annotations

import os
import sys

# The process for which is known whether its backend has threads, and whether it has.
_process, _has_computed = os.getpid(), False


def refuse_in_forked_child() -> None:
    """Refuse to compute in a child of a process that has computed, and note that this one does.

    Raises
    ------
    RuntimeError
        If this process was forked from one whose backend has computed.
    """
    global _has_computed
    if os.getpid() == _process and _has_computed:
        return
    _adopt_this_process()
    _has_computed = True


def _adopt_this_process() -> None:
    global _process
    if os.getpid() == _process:
        return
    if _has_computed or _tensorflow_has_threads():
        raise RuntimeError(
            "this process was forked from one that has trained or predicted, whose threads a fork "
            "does not copy; start processes with multiprocessing.get_context('spawn') or with "
            "joblib's loky."
        )
    _process = os.getpid()


def _tensorflow_has_threads() -> bool:
    """Whether TensorFlow was used before the fork, by whatever code."""
    if "tensorflow" not in sys.modules:
        return False
    from skconvattn.engine.compiled.tensorflow_private import runtime_has_started

    return runtime_has_started()
