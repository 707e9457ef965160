"""What no estimator can use is refused in one sentence that names it, and changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bad_inputs import SERIES, Call, Y, cases_of, fitted
from tests.estimator_params import every

# CPU time in s that a refusal may take; where a busy machine slows one down, the fastest of some
# tries counts.
SECONDS, TRIES = 1.0, 5
SMALL: dict[str, Any] = {"epochs": 1, "random_state": 0}


def _predictions(estimator: Any) -> bytes:
    if type(estimator).__name__.endswith("Forecaster"):
        return np.asarray(estimator.predict()).tobytes()
    return np.asarray(getattr(estimator, "predict_proba", estimator.predict)(SERIES)).tobytes()


def _refusal(estimator: Any, call: Call) -> tuple[BaseException | None, float]:
    """Return the error of a call, if there is one, and its CPU time in s."""
    started = time.process_time()
    try:
        call(estimator)
    except Exception as error:  # noqa: BLE001 (its type is what is checked)
        return error, time.process_time() - started
    return None, 0.0


def _complaints(error: BaseException | None, argument: str) -> list[str]:
    """Return what is wrong with an error."""
    if error is None:
        return ["nothing was raised"]
    text, complaints = str(error), []
    if not isinstance(error, ValueError | TypeError | OSError):
        complaints.append("is of another type")
    if "\n" in text or len(text) > 600:
        complaints.append("is not one sentence")
    if not re.search(rf"(?<![A-Za-z_])({argument})", text):
        complaints.append(f"does not name {argument}")
    return [f"{complaint}: {type(error).__name__}: {text[:200]}" for complaint in complaints]


def _small(cls: type) -> Any:
    """Return an estimator that is fitted in moments."""
    make: Callable[..., Any] = cls
    small = {} if cls.__name__.startswith("Pretrained") else SMALL
    if not cls.__name__.endswith("Forecaster"):
        small = {**small, "members": ("network",)}
    return make(**small)


@pytest.mark.filterwarnings("ignore::Warning")
@every(quick="ConvAttention", others=True)
def test_what_cannot_be_used_is_refused_by_name_and_changes_nothing(
    cls: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    estimator = _small(cls)
    fitted(estimator)
    before, cases, complaints = _predictions(estimator), cases_of(cls), []
    assert len(cases) >= 60
    for name, (argument, call) in cases.items():
        error, seconds = _refusal(estimator, call)
        for _ in range(TRIES - 1):
            if seconds > SECONDS:
                error, again = _refusal(estimator, call)
                seconds = min(seconds, again)
        found = _complaints(error, argument)
        if seconds > SECONDS:
            found.append(f"took {seconds:.1f} s of CPU time")
        if _predictions(estimator) != before:
            found.append("predictions are others afterwards")
        complaints += [f"{name}: {complaint}" for complaint in found]
    assert complaints == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("factor", [1e300, 1e-300])
@every(quick="ConvAttention", others=True)
def test_data_in_huge_and_tiny_units_give_finite_predictions(cls: type, factor: float):
    estimator = _small(cls)
    if cls.__name__.endswith("Forecaster"):
        fitted(estimator, y=Y * factor)
        found = np.asarray(estimator.predict())
    else:
        fitted(estimator, X=SERIES * factor)
        found = getattr(estimator, "predict_proba", estimator.predict)(SERIES * factor)
    assert np.isfinite(found).all()
