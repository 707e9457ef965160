"""Loading the backend quietly, and only when it is needed."""

from __future__ import annotations

import os
import sys
import threading

_LOCK = threading.Lock()


def load_backend() -> None:
    """Import Keras and its backend without TensorFlow's start-up messages.

    TensorFlow reads the level of its native log once, while it is loaded; the environment is then
    as it was. A level that the user has set is respected.
    """
    if "keras" in sys.modules:
        return
    with _LOCK:
        name = "TF_CPP_MIN_LOG_LEVEL"
        chosen = os.environ.get(name)
        os.environ.setdefault(name, "3")
        try:
            import keras
        finally:
            if chosen is None:
                del os.environ[name]
        del keras
