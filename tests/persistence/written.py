"""Files as version 0.1 writes them, which every later version has to load.

``python -m tests.persistence.written`` writes ``files/0.1`` anew, with the predictions that each
estimator made. Do so as long as 0.1 is not released, where its files change, and never afterwards:
a later version gets a folder of its own beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import skconvattn
from skconvattn import load

FOLDER = Path(__file__).parent / "files" / "0.1"
SMALL: dict[str, Any] = {"epochs": 1, "random_state": 0}
NETWORK: dict[str, Any] = {"members": ("network",)}
# The smallest network of each architecture.
SIZES: dict[str, dict[str, Any]] = {
    "Attention": {"recurrent_units": 2, "units": 2},
    "ConvAttention": {"filters": 2, "units": 2},
    "SelfAttention": {"filters": 2, "units": 2, "num_heads": 1, "n_convolutions": 1},
    "RNNAttention": {"units": 2, "num_heads": 1, "key_dim": 2},
}
SERIES = np.sin(np.arange(40 * 8) ** 1.5).reshape(40, 8)
LABELS = np.array(["down", "up"])[(SERIES[:, 0] > 0).astype(int)]
MONTHS = pd.period_range("2000-01", periods=40, freq="M")
Y = pd.Series(np.arange(40.0) + 3 * np.sin(np.arange(40.0) ** 1.5), index=MONTHS, name="sales")


def dense(inputs: Any, units: int = 2) -> Any:
    """Return features of a network of one's own."""
    import keras

    return keras.layers.Dense(units)(keras.layers.Flatten()(inputs))


def panel() -> pd.DataFrame:
    """Return two series of 20 months."""
    index = pd.MultiIndex.from_product([["a", "b"], MONTHS[:20]], names=["shop", "month"])
    return pd.DataFrame({"sales": Y.to_numpy()}, index=index)


def covariates() -> pd.DataFrame:
    """Return a number, a category and a column with a gap, for 42 months."""
    index = pd.period_range("2000-01", periods=42, freq="M")
    price = np.cos(np.arange(42.0))
    price[3] = np.nan
    return pd.DataFrame({"price": price, "sale": list("no" * 21)}, index=index)


def _estimators() -> dict[str, Callable[[], Any]]:
    """Return what makes each fitted estimator, by the name of its file."""
    kinds: dict[str, Callable[[], Any]] = {}
    for name, sizes in SIZES.items():
        forecaster, regressor, classifier = (
            getattr(skconvattn, name + kind) for kind in ("Forecaster", "Regressor", "Classifier")
        )
        given = {**SMALL, **sizes}
        alone = {**given, **NETWORK}
        kinds[f"{name}Forecaster"] = lambda c=forecaster, g=given: c(**g).fit(Y, fh=[1, 2])
        kinds[f"{name}Regressor"] = lambda c=regressor, g=alone: c(**g).fit(SERIES, SERIES[:, 0])
        kinds[f"{name}Classifier"] = lambda c=classifier, g=alone: c(**g).fit(SERIES, LABELS)
    given = {**SMALL, **SIZES["ConvAttention"]}
    forecaster, regressor = skconvattn.ConvAttentionForecaster, skconvattn.ConvAttentionRegressor
    days = pd.bdate_range("2024-01-01", periods=40, tz="Europe/Berlin")
    kinds |= {
        "zero_shot": lambda: skconvattn.PretrainedForecaster().fit(Y, fh=[1, 2]),
        "panel": lambda: forecaster(**given).fit(panel(), fh=[1, 2]),
        "one_per_series": lambda: forecaster(panel="local", **given).fit(panel(), fh=[1, 2]),
        "pretrained": lambda: forecaster(**given).pretrain(panel(), fh=[1, 2]).fit(Y, fh=[1, 2]),
        "covariates": lambda: forecaster(**given).fit(Y, X=covariates()[:40], fh=[1, 2]),
        "business_days": lambda: forecaster(**given).fit(Y.set_axis(days), fh=[1, 2]),
        "forecaster_of_quantiles": lambda: forecaster(quantiles=(0.1, 0.5, 0.9), **given).fit(
            Y.to_frame().assign(other=-Y), fh=[1, 2]
        ),
        "sequences": lambda: regressor(sequence=True, quantiles=(0.1, 0.9), **given).fit(
            SERIES, SERIES
        ),
        "unequal_lengths": lambda: regressor(**given, **NETWORK).fit(
            [row[: 5 + i % 4] for i, row in enumerate(SERIES)], SERIES[:, :2]
        ),
        "members_of_values": lambda: regressor(**given, pattern_dilations=1).fit(
            SERIES, SERIES[:, 0]
        ),
        "members_of_classes": lambda: skconvattn.ConvAttentionClassifier(
            **given, pattern_dilations=1, members=("patterns", "intervals", "network")
        ).fit(SERIES, LABELS),
        "own_network": lambda: skconvattn.NeuralClassifier(network=dense, **SMALL, **NETWORK).fit(
            pd.DataFrame(SERIES, columns=list("abcdefgh")), SERIES[:, 0] > 0
        ),
        "objects_of_keras": _with_objects_of_keras,
    }
    return kinds


def _with_objects_of_keras() -> Any:
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(0.01, 100)
    return skconvattn.ConvAttentionRegressor(
        optimizer=keras.optimizers.AdamW(schedule, clipnorm=1.0),
        loss=keras.losses.Huber(delta=0.3),
        activation=keras.activations.gelu,
        **SMALL,
        **NETWORK,
        **SIZES["ConvAttention"],
    ).fit(SERIES, SERIES[:, 0])


def predictions(name: str, estimator: Any) -> list[float]:
    """Return what an estimator of these files predicts, as one list."""
    if type(estimator).__name__.endswith("Forecaster"):
        found = estimator.predict(X=covariates()[40:] if name == "covariates" else None)
    else:
        X = pd.DataFrame(SERIES, columns=list("abcdefgh")) if name == "own_network" else SERIES
        found = getattr(estimator, "predict_proba", estimator.predict)(X)
    return np.asarray(found, dtype=float).ravel().tolist()


def loaded(path: Path) -> Any:
    """Load a file, with the network of one's own that one of them needs."""
    return load(path, networks={"dense": dense})


def main() -> None:
    """Write all files, and the predictions of the estimators in them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, fitted in _estimators().items():
        estimator = fitted()
        estimator.save(FOLDER / f"{name}.zip")
        expected[name] = predictions(name, estimator)
    (FOLDER / "predictions.json").write_text(json.dumps(expected, indent=0) + "\n")


if __name__ == "__main__":
    main()
