"""Members that are worked out in parts are what they are together."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skconvattn import ConvAttentionForecaster
from skconvattn.datasets import simulate_series
from skconvattn.members.spreading import Spreader, in_parts, parts_of, spreading


class _Elsewhere:
    """Does the work on copies, as another process would, and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def __call__(self, function: Any, jobs: Any) -> list[Any]:
        self.calls.append((function.__name__, len(jobs)))
        work, jobs = pickle.loads(pickle.dumps((function, list(jobs))))
        return [work(*job) for job in jobs]


def _panel(n_series: int = 12) -> pd.DataFrame:
    wide = simulate_series(n_series, 72, 12, random_state=3).to_numpy()
    months = pd.period_range("2015-01", periods=72, freq="M")
    frames = {i: pd.DataFrame({"y": one}, index=months) for i, one in enumerate(wide.T)}
    # Series of different lengths end together.
    frames[1] = frames[1][20:]
    return pd.concat(frames, names=["series", "month"])


def test_without_others_there_is_one_part():
    assert [part.tolist() for part in parts_of(3)] == [[0, 1, 2]]
    assert in_parts(len, [([1, 2],)]) == [2]


def test_a_few_series_stay_together_and_the_block_ends():
    elsewhere = _Elsewhere()
    with spreading(Spreader(elsewhere, lambda n: 3)):
        assert len(parts_of(7)) == 1
        assert [len(part) for part in parts_of(11)] == [4, 4, 3]
        assert in_parts(len, [("ab",), ("c",)]) == [2, 1]
    assert elsewhere.calls == [("len", 2)]
    assert len(parts_of(11)) == 1


@pytest.mark.parametrize("members", ["all", ("smoothing", "linear"), ("pretrained",)])
def test_forecasts_in_parts_are_those_of_the_whole(members):
    panel, elsewhere = _panel(), _Elsewhere()
    later = panel.groupby(level="series").tail(1)
    first = panel.drop(later.index)
    settings: dict[str, Any] = {"members": members, "epochs": 0, "random_state": 0}

    def forecasts() -> list[np.ndarray]:
        forecaster = ConvAttentionForecaster(**settings).fit(first, fh=range(1, 7))
        found = [forecaster.predict(), forecaster.predict_interval(coverage=0.9)]
        found.append(forecaster.update(later, update_params=False).predict())
        return [each.to_numpy() for each in (*found, forecaster.weights_)]

    alone = forecasts()
    with spreading(Spreader(elsewhere, lambda n: 4)):
        together = forecasts()

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    names = {name for name, n_jobs in elsewhere.calls if n_jobs == 4}
    assert {"_past_forecasts", "_forecasts_at"} <= names
