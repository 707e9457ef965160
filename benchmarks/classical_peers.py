"""Classical forecasts of statsforecast, for ``forecasting.py --peers``.

statsforecast asks for an older pandas than this package, so it runs in an environment of its own:

    python -m venv peers && peers/bin/pip install statsforecast
    python benchmarks/forecasting.py --only m1 --data DIR --peers peers/bin/python

Reads season, horizon and series as JSON from standard input, and writes for every model the median,
the limits of the 90 % interval and the seconds a series to standard output.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np

MODELS = ("SeasonalNaive", "AutoETS", "AutoTheta", "DynamicOptimizedTheta")


def main() -> None:
    """Forecast all series with all models, or with those asked for."""
    from statsforecast import models

    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    series = [np.array(y) for y in asked["series"]]
    found = {}
    for name in asked.get("models", MODELS):
        model = getattr(models, name)(season_length=asked["period"])
        model.forecast(y=series[0], h=asked["horizon"])  # compiled once
        started = time.perf_counter()
        forecasts = [model.forecast(y=y, h=asked["horizon"], level=[90]) for y in series]
        found[name] = {
            "seconds": (time.perf_counter() - started) / len(series),
            "forecasts": [
                [np.asarray(each[key]).tolist() for key in ("mean", "lo-90", "hi-90")]
                for each in forecasts
            ],
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
