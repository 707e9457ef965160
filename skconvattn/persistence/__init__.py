"""Files of estimators: data only, checked before anything is built."""

from __future__ import annotations

from skconvattn.persistence.archive import SaveFileError

__all__ = ["SaveFileError"]
