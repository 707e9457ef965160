"""Past forecasts with which members are compared are averages of what each said at the origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skconvattn.datasets import simulate_series
from skconvattn.forecasting.combining import UnivariateTargets
from skconvattn.forecasting.series.history import Panel
from skconvattn.members import univariate
from skconvattn.members.pretrained import Pretrained


def test_origins_at_which_attention_was_not_weighed_are_forecast_for_the_comparison(monkeypatch):
    monkeypatch.setattr(univariate, "_MOST_COMPARED", 1)
    wide = simulate_series(3, 84, 12, random_state=4).to_numpy()
    months = pd.period_range("2015-01", periods=84, freq="M")
    frames = {i: pd.DataFrame({"y": one}, index=months) for i, one in enumerate(wide.T)}
    panel = Panel.of(pd.concat(frames, names=["series", "month"]), None, 12, scaled=True)
    targets = UnivariateTargets.choose(panel, (12,), 6, mixed=False, pretrained=Pretrained((12,)))
    number, origins = np.repeat([0, 2], 8), np.tile(np.arange(60, 68), 2)
    assert not set(range(60, 68)) <= set(targets.attended[0].origins)

    found = targets.honest(number, origins, 6)

    for row, (i, origin) in enumerate(zip(number, origins, strict=True)):
        share = targets.univariate.shares[i]
        at = np.array([origin])
        attended = Pretrained((12,)).forecasts_at([targets.series[i]], [at], 6)[0][0]
        mixed = (1 - share) * targets.smoothed[i].at(at)[0] + share * attended
        np.testing.assert_allclose(found[row], targets.scaled(int(i), mixed), rtol=1e-5, atol=1e-6)
