"""Classifiers of aeon, for ``classification.py --peers``.

aeon asks for other versions than this package, so it runs in an environment of its own:

    python -m venv peers && peers/bin/pip install aeon torch
    python benchmarks/classification.py --data DIR --peers peers/bin/python

Without torch MiniRocket alone is run. Reads the path of an archive with ``X``, ``y``, ``X_test``
and ``y_test`` and the number of seeds from the command line, and writes accuracies in percent and
seconds to standard output as JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np


def main() -> None:
    """Fit every classifier with every seed."""
    from aeon.classification.convolution_based import (
        MiniRocketClassifier,
        MultiRocketHydraClassifier,
    )
    from aeon.classification.interval_based import QUANTClassifier

    warnings.simplefilter("ignore")
    data = np.load(sys.argv[1])
    found = {}
    for name, cls in (
        ("MiniRocket", MiniRocketClassifier),
        ("MultiRocket-Hydra", MultiRocketHydraClassifier),
        ("QUANT", QUANTClassifier),
    ):
        try:
            cls()
        except ModuleNotFoundError as error:  # of what aeon asks for beside itself
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        accuracies, fits, predictions = [], [], []
        for seed in range(int(sys.argv[2])):
            started = time.perf_counter()
            classifier = cls(random_state=seed).fit(data["X"], data["y"])
            fitted = time.perf_counter()
            correct = classifier.predict(data["X_test"]) == data["y_test"]
            predictions.append(time.perf_counter() - fitted)
            fits.append(fitted - started)
            accuracies.append(100 * float(correct.mean()))
        found[name] = {
            "accuracy": accuracies,
            "fit_seconds": fits,
            "predict_seconds": predictions,
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
